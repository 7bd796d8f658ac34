/* Where and with which key a stream is published. Stateless. */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef struct
{
  const char *path; /* "live/stream" */
  const char *key;
  GPtrArray *hosts;                 /* (element-type utf8) best first */
  GArray *rtmp_ports, *rtmps_ports; /* (element-type unsigned) */
} AirIngest;

/* Host names and addresses by which a client reaches us, best for another device first, without repetition, at most
 * four: the one that the client used, unless it is this machine's own name for itself, then @public_hosts, then that
 * one. Returns: (transfer full) (element-type utf8) */
GPtrArray *air_ingest_list_hosts (const char *base_url, const char *const *public_hosts);
/* Returns: (transfer full) {path, rtmp_urls, rtmps_urls, stream_key, full_urls} as in schemas/openapi.yaml. */
JsonNode *air_ingest_describe (const AirIngest *ingest);

G_END_DECLS
