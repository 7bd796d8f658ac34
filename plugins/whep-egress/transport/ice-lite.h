/* The server's side of ICE-lite (RFC 8445 §2.5, §7.3): one AirIce a viewer. It only answers checks, so it has no timers.
 *
 * Threads: an AirIce belongs to one thread at a time (the one that receives). Times are g_get_monotonic_time(), µs,
 * given by the caller.
 *
 * Use: take the local ufrag of a check (air_ice_check_ufrag), find the viewer (AirDemux), air_ice_handle(), send the
 * reply back on the same path, put a newly validated remote address into AirDemux, send media to the selected path.
 */
#pragma once

#include "stun.h"

/* RFC 7675 §5.1 allows 30 s; a viewer that vanished is to be freed in 15, and a browser asks every 5 s at most. */
#define AIR_ICE_CONSENT_US (12 * G_USEC_PER_SEC)

/* A selected path of which the peer was heard so recently is nobody else's: one authentic check with the sender's address of
 * another viewer is easily forged where networks let such packets through. A browser reports each second and checks each 2.5; whom
 * a NAT gives the port of one who is gone asks again for longer than this. */
#define AIR_ICE_HOLD_US (3 * G_USEC_PER_SEC)

typedef struct _AirIce AirIce;

typedef enum
{
  AIR_ICE_REPLY = 1 << 0,     /* there is an answer to send back on the path of the check */
  AIR_ICE_VALIDATED = 1 << 1, /* the check is authentic: its remote address belongs to this viewer */
  AIR_ICE_SELECTED = 1 << 2,  /* the selected path changed: media goes there from now on */
  AIR_ICE_RESTARTED = 1 << 3, /* first authentic check of a restart: air_ice_get_previous_ufrag is dead from now on */
} AirIceResult;

/* Makes unguessable credentials (RFC 8445 §5.3: 48 bits of ufrag, 144 of password).
 * @remote_ufrag: (nullable) the offer's a=ice-ufrag; when given, USERNAME must name it. */
AirIce *air_ice_new (const char *remote_ufrag);
/* NULL is taken. */
void air_ice_free (AirIce *ice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirIce, air_ice_free)

const char *air_ice_get_ufrag (const AirIce *ice);
const char *air_ice_get_pwd (const AirIce *ice);

/* RFC 8445 §9: new credentials at once; the old ones and the selected path stay good until a check with the new ones
 * arrives, so that a failed restart keeps the session. A restart still under way is replaced: take its ufrag out of
 * AirDemux before. */
void air_ice_restart (AirIce *ice, const char *remote_ufrag);
/* Whether no check with the newest credentials came yet. */
bool air_ice_is_restarting (const AirIce *ice);
/* The ufrag that the newest restart retires (or has retired, after AIR_ICE_RESTARTED); NULL: there was no restart. */
const char *air_ice_get_previous_ufrag (const AirIce *ice);

/* The part of USERNAME before ':', which is ours. Returns: false unless @message is a Binding request with a
 * well-formed USERNAME; *ret_ufrag points into the datagram and is not terminated. */
bool air_ice_check_ufrag (const AirStunMessage *message, const char **ret_ufrag, size_t *ret_size);

/* Whether @message is a check with valid credentials: what air_ice_handle() would take. Changes nothing. */
bool air_ice_is_authentic (const AirIce *ice, const AirStunMessage *message);
/* What a check that is not authentic is answered with; an AirIceResult. */
unsigned air_ice_refuse_stranger (const AirStunMessage *message, AirStunBuilder *reply);

/* Handles a Binding request or indication. Wrong credentials, roles, unknown attributes are answered as RFC 8489 §9.1.3 and
 * RFC 8445 §7.3 say. Nomination: the first authentic check selects its path until one with USE-CANDIDATE is seen; a
 * later USE-CANDIDATE on another path moves it, unless that path has a lower priority and the selected one was nominated
 * within the last second (peers that nominate every pair at once, RFC 5245 §8.1.1.2).
 * Returns: AirIceResult flags; *reply is written when AIR_ICE_REPLY is among them (reply->data, reply->size). */
unsigned air_ice_handle (AirIce *ice, const AirStunMessage *message, const AirPath *path, int64_t now_us,
                         AirStunBuilder *reply);

/* The path for media; NULL before the first authentic check. Valid until the next handle. */
const AirPath *air_ice_get_selected (const AirIce *ice);
bool air_ice_is_nominated (const AirIce *ice);

/* @path leads nowhere any more (its TCP connection ended): when it was the selected one, none is until the next check. */
void air_ice_lose (AirIce *ice, const AirPath *path);

/* The path is about to be asked for: brings it into the cache. */
void air_ice_prefetch (const AirIce *ice);

/* Other proof of life: an SRTCP packet that authenticated and came by @path. Some peers send no further checks (libnice:
 * indications only). */
void air_ice_heard (AirIce *ice, const AirPath *path, int64_t now_us);
/* Whether @path is the selected one, and the peer was heard there within AIR_ICE_HOLD_US. */
bool air_ice_holds (const AirIce *ice, const AirPath *path, int64_t now_us);
/* When the peer last proved to be there; 0: never. */
int64_t air_ice_get_last_heard_us (const AirIce *ice);
/* RFC 7675: whether the peer proved to be there within AIR_ICE_CONSENT_US; false: send nothing more and free it. */
bool air_ice_has_consent (const AirIce *ice, int64_t now_us);
