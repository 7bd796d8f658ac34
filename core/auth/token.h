/* What our tokens say: between the claims of a JWT and an identity. Stateless; any thread. */
#pragma once

#include <json-glib/json-glib.h>

#include "auth/identity.h"

G_BEGIN_DECLS

#define AIR_DEFAULT_CLASS "stream"
/* Where the streams of classes are: the path of one is this and its id. */
#define AIR_CLASS_FOLDER "live/"

/* [0-9A-Za-z_.~-]{1,64}, one segment of a path, neither "." nor "..". */
bool air_class_id_is_valid (const char *class_id);
/* Returns: (transfer full) "live/CLASS_ID" */
char *air_class_get_path (const char *class_id);
/* 1 to 128 bytes of UTF-8 without control characters; not "." and "..", which cannot stand in a path. */
bool air_user_id_is_valid (const char *user_id);

/* What a token of @role with the claim @action grants: a student and a monitor only ever read.
 * Sets may_read and may_publish of @spec. */
void air_token_grant (AirIdentitySpec *spec, AirAction action);

/* Reads checked claims. A class without a path means the class's path; a teacher's token without either is
 * good for every path, a student's or monitor's for none; an admin's or node's token is good for every path. Strings of @ret_spec are borrowed from @claims,
 * except path, which is in @ret_path.
 * Returns false when a claim is missing or malformed. */
bool air_token_read (JsonObject *claims, AirIdentitySpec *ret_spec, char **ret_path);

/* Returns: (transfer full) the claims of a new token of @spec. */
JsonObject *air_token_write (const AirIdentitySpec *spec, const char *issuer, const char *audience, int64_t now_s);

G_END_DECLS
