/* Which loop a viewer belongs to. The kernel spreads remote addresses over the loops' sockets, so nobody knows beforehand
 * where a viewer's first check will arrive: the loop that sees it claims the viewer. Later datagrams of that viewer that
 * arrive elsewhere (another candidate pair, a new address) are forwarded to the loop that owns it.
 *
 * Any thread; one lock, held for a lookup or an HMAC. Only what the loops do not find in their own tables is looked up
 * here: media never. The ICE state of a viewer that nobody owns is used under the lock; after that it is its loop's.
 */
#pragma once

#include "demux.h"
#include "ice-lite.h"

G_BEGIN_DECLS

typedef struct _AirFanoutDirectory AirFanoutDirectory;
typedef struct _AirFanoutLoop AirFanoutLoop;

/* Stands in the viewer; its fields belong to the directory, but for the first three, which the viewer sets. */
typedef struct
{
  AirIce *ice;
  void *viewer;
  int64_t created_us;
  AirDemuxEntry entry;
  AirFanoutLoop *owner; /* NULL: unclaimed; once set it stays */
  bool listed;
  GList link; /* among the unclaimed */
} AirFanoutListing;

typedef enum
{
  AIR_FANOUT_UNKNOWN,  /* nobody's check */
  AIR_FANOUT_STRANGER, /* an unclaimed viewer's name, but not authentic */
  AIR_FANOUT_CLAIMED,  /* from now on the viewer is the asking loop's; it is told only once */
  AIR_FANOUT_OWNED,    /* by *ret_owner */
} AirFanoutFound;

AirFanoutDirectory *air_fanout_directory_new (unsigned max_viewers);
/* NULL is taken. */
void air_fanout_directory_free (AirFanoutDirectory *directory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AirFanoutDirectory, air_fanout_directory_free)

/* Found by the ufrag of its ICE from now on. Returns: false when there is no room. */
bool air_fanout_directory_add (AirFanoutDirectory *directory, AirFanoutListing *listing);
/* Takes a viewer out that nobody owns. Returns: NULL when it is out; else its owner, which alone may end it. */
AirFanoutLoop *air_fanout_directory_withdraw (AirFanoutDirectory *directory, AirFanoutListing *listing);
/* Takes one out that nobody claimed and that was made before @before_us. Returns: its viewer; NULL: no more. */
void *air_fanout_directory_expire (AirFanoutDirectory *directory, int64_t before_us);
/* New credentials (RFC 8445 §9), when @caller (NULL: nobody) owns the viewer. Returns: NULL when it is done, else the owner, to
 * be asked. */
AirFanoutLoop *air_fanout_directory_restart (AirFanoutDirectory *directory, AirFanoutListing *listing,
                                             AirFanoutLoop *caller, const char *remote_ufrag);

/* ---- For loops */

/* A check that names @ufrag arrived at @loop. CLAIMED gives *ret_listing, OWNED *ret_owner. */
AirFanoutFound air_fanout_directory_find (AirFanoutDirectory *directory, const AirStunMessage *check, const char *ufrag,
                                          size_t ufrag_bytes, AirFanoutLoop *loop, AirFanoutListing **ret_listing,
                                          AirFanoutLoop **ret_owner);
/* Returns: (nullable) whose datagrams from @remote are. */
AirFanoutLoop *air_fanout_directory_find_address (AirFanoutDirectory *directory, const AirAddress *remote);
/* By the owner: a validated address whose datagrams arrive at another loop. */
void air_fanout_directory_add_address (AirFanoutDirectory *directory, const AirAddress *remote, AirFanoutListing *listing);
/* By the owner: a name that a restart has retired. */
void air_fanout_directory_retire (AirFanoutDirectory *directory, const char *ufrag, AirFanoutListing *listing);
/* By the owner: the viewer has ended. */
void air_fanout_directory_remove (AirFanoutDirectory *directory, AirFanoutListing *listing);

G_END_DECLS
