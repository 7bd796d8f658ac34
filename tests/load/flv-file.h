/* An FLV file in memory, its messages cut into RTMP chunks once, for any number of publishers to send. Immutable; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct
{
  uint8_t type; /* of the RTMP message: 8 audio, 9 video, 18 data */
  bool once;    /* codec headers and metadata: not again when the file starts over */
  uint32_t time_ms;
  uint32_t bytes;    /* of the message */
  uint8_t *chunks;   /* its body with the headers of the chunks after the first */
  size_t chunks_bytes;
} LoadFlvMessage;

typedef struct
{
  GArray *messages; /* LoadFlvMessage, in the order of the file */
  uint32_t loop_ms; /* how long one round is */
  double bits_per_s;
} LoadFlv;

/* @chunk_bytes: the size of chunks; @chunk_stream: their stream id, 3 … 63. */
bool load_flv_read (const char *path, unsigned chunk_bytes, unsigned chunk_stream, LoadFlv *ret_flv, GError **error);
void load_flv_clear (LoadFlv *flv);
/* A message cut likewise. (transfer full) */
uint8_t *load_rtmp_cut (const uint8_t *body, size_t bytes, unsigned chunk_bytes, unsigned chunk_stream,
                        size_t *ret_bytes);
