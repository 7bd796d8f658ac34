/* The offer that a viewer makes, and what it takes from the answer. Plain values; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "address.h"

#define LOAD_ICE_TEXT_BYTES 128

typedef struct
{
  char ice_ufrag[LOAD_ICE_TEXT_BYTES];
  char ice_pwd[LOAD_ICE_TEXT_BYTES];
  char fingerprint[256]; /* "sha-256 AB:CD…" */
  AirAddress target;     /* the candidate to talk to */
  uint8_t video_payload, rtx_payload, audio_payload; /* 0: none */
  uint8_t transport_id; /* identifier of the transport-wide sequence; 0: not negotiated */
  bool nack;
} LoadAnswer;

typedef struct
{
  const char *ice_ufrag, *ice_pwd, *fingerprint;
  bool nack, rtx, transport_cc;
} LoadOffer;

/* As a browser makes it: H.264 with RTX, Opus, BUNDLE, header extensions, trickle. (transfer full) */
char *load_offer_write (const LoadOffer *offer);
/* @server: where the answer came from; a candidate with its address is preferred. Returns: NULL, or what is missing (static). */
const char *load_answer_read (const char *sdp, const AirAddress *server, LoadAnswer *ret_answer);
