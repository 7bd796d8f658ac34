/* The STUN and TURN servers of [whep-egress] ice_servers=: told to players (RFC 9725 §4.6) and used by the webrtcbin engine.
 *
 * Immutable once made; any thread. Holds secrets: nothing of it may be logged.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AIR_ICE_MAX_SERVERS 8

typedef struct _AirIceServers AirIceServers;

/* @list: "stun:HOST[:PORT]" and "turn:USER:SECRET@HOST[:PORT][?transport=udp|tcp]", also stuns: and turns:, separated by commas
 * or blanks; USER and SECRET percent-encoded where they have to be. @turn_secret: (nullable) the secret that is shared with
 * TURN servers, which then stand without USER:SECRET@; each viewer gets credentials of its own out of it that are good for
 * @lifetime_s.
 * Returns: (transfer full), or NULL with AIR_ERROR_INVALID, which names the entry without its secrets. */
AirIceServers *air_ice_servers_new (const char *list, const char *turn_secret, int64_t lifetime_s, GError **error);
void air_ice_servers_free (AirIceServers *servers);

/* @viewer: whom time-limited credentials are for; NULL: only what needs no credentials.
 * Returns: (transfer full) (nullable) the value of a Link header. */
char *air_ice_servers_link (const AirIceServers *servers, const char *viewer, int64_t now_s);
/* For libnice, which knows neither TLS nor more than one STUN server.
 * Returns: (transfer full) (nullable) "stun://HOST:PORT". */
char *air_ice_servers_get_stun (const AirIceServers *servers);
/* Returns: (transfer full) "turn://USER:SECRET@HOST:PORT?transport=udp" each. */
GStrv air_ice_servers_list_turn (const AirIceServers *servers, const char *viewer, int64_t now_s);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirIceServers, air_ice_servers_free)

G_END_DECLS
