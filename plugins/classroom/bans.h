/* The bans of a class in a form that is quick to ask: sets made from the class's document. No I/O. */
#pragma once

#include <json-glib/json-glib.h>
#include <stdbool.h>

/* Token families that one ban names, and that are remembered of one user id: the newest. */
#define MAX_FAMILIES 8u
#define MAX_BANNED 1000u

typedef struct
{
  GHashTable *users;     /* set of user ids */
  GHashTable *families;  /* set */
  GHashTable *addresses; /* set of "session_id address": one counts within its session */
} Bans;

/* @banned: of the class's document; NULL: none. */
void bans_init (Bans *bans, JsonArray *banned);
void bans_clear (Bans *bans);
/* Each may be NULL. @session_id: of the run in which the address would count. */
bool bans_have (const Bans *bans, const char *user_id, const char *family, const char *session_id, const char *address);

/* What has come (@added) and gone between @before and @after, first all that came. */
typedef void (*BanVisitor) (const char *text, bool added, void *data);
void bans_compare (const Bans *before, const Bans *after, BanVisitor user, BanVisitor family, void *data);
