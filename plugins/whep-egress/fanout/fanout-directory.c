/* The directory: an AirDemux under a lock, and the queue of those whom nobody owns yet. */
#include "fanout-directory.h"

struct _AirFanoutDirectory
{
  GMutex lock;
  AirDemux *demux;
  GQueue unclaimed; /* the oldest first */
  bool elsewhere;   /* an address was put in; atomic: until then floods of strangers need no lock */
};

AirFanoutDirectory *
air_fanout_directory_new (unsigned max_viewers)
{
  AirFanoutDirectory *directory = g_new0 (AirFanoutDirectory, 1);
  g_mutex_init (&directory->lock);
  g_queue_init (&directory->unclaimed);
  directory->demux = air_demux_new (max_viewers);
  return directory;
}

void
air_fanout_directory_free (AirFanoutDirectory *directory)
{
  if (!directory)
    return;
  air_demux_free (directory->demux);
  g_mutex_clear (&directory->lock);
  g_free (directory);
}

static AirFanoutListing *
listing_of (AirDemuxEntry *entry)
{
  return (AirFanoutListing *)((char *)entry - G_STRUCT_OFFSET (AirFanoutListing, entry));
}

bool
air_fanout_directory_add (AirFanoutDirectory *directory, AirFanoutListing *listing)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&directory->lock);
  listing->listed = air_demux_add_ufrag (directory->demux, air_ice_get_ufrag (listing->ice), &listing->entry);
  listing->link.data = listing;
  if (listing->listed)
    g_queue_push_tail_link (&directory->unclaimed, &listing->link);
  return listing->listed;
}

static void
take_out (AirFanoutDirectory *directory, AirFanoutListing *listing)
{
  if (!listing->listed)
    return;
  listing->listed = false;
  air_demux_remove (directory->demux, &listing->entry);
  if (!listing->owner)
    g_queue_unlink (&directory->unclaimed, &listing->link);
}

AirFanoutLoop *
air_fanout_directory_withdraw (AirFanoutDirectory *directory, AirFanoutListing *listing)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&directory->lock);
  if (!listing->owner)
    take_out (directory, listing);
  return listing->owner;
}

void *
air_fanout_directory_expire (AirFanoutDirectory *directory, int64_t before_us)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&directory->lock);
  AirFanoutListing *oldest = g_queue_peek_head (&directory->unclaimed);
  if (!oldest || oldest->created_us >= before_us)
    return NULL;
  take_out (directory, oldest);
  return oldest->viewer;
}

AirFanoutLoop *
air_fanout_directory_restart (AirFanoutDirectory *directory, AirFanoutListing *listing, AirFanoutLoop *caller,
                              const char *remote_ufrag)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&directory->lock);
  if (listing->owner != caller)
    return listing->owner;
  /* A restart that nobody followed gives its name up; the one before keeps the session until the new one is used. */
  if (air_ice_is_restarting (listing->ice))
    air_demux_remove_ufrag (directory->demux, air_ice_get_ufrag (listing->ice), &listing->entry);
  air_ice_restart (listing->ice, remote_ufrag);
  if (listing->listed)
    air_demux_add_ufrag (directory->demux, air_ice_get_ufrag (listing->ice), &listing->entry);
  return NULL;
}

AirFanoutFound
air_fanout_directory_find (AirFanoutDirectory *directory, const AirStunMessage *check, const char *ufrag,
                           size_t ufrag_bytes, AirFanoutLoop *loop, AirFanoutListing **ret_listing,
                           AirFanoutLoop **ret_owner)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&directory->lock);
  AirDemuxEntry *entry = air_demux_find_ufrag (directory->demux, ufrag, ufrag_bytes);
  if (!entry)
    return AIR_FANOUT_UNKNOWN;
  AirFanoutListing *listing = listing_of (entry);
  *ret_listing = listing;
  *ret_owner = listing->owner;
  if (listing->owner)
    return AIR_FANOUT_OWNED;
  if (!air_ice_is_authentic (listing->ice, check))
    return AIR_FANOUT_STRANGER;
  g_queue_unlink (&directory->unclaimed, &listing->link);
  listing->owner = loop;
  return AIR_FANOUT_CLAIMED;
}

AirFanoutLoop *
air_fanout_directory_find_address (AirFanoutDirectory *directory, const AirAddress *remote)
{
  if (!__atomic_load_n (&directory->elsewhere, __ATOMIC_RELAXED))
    return NULL;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&directory->lock);
  AirDemuxEntry *entry = air_demux_find_address (directory->demux, remote);
  return entry ? listing_of (entry)->owner : NULL;
}

void
air_fanout_directory_add_address (AirFanoutDirectory *directory, const AirAddress *remote, AirFanoutListing *listing)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&directory->lock);
  if (!listing->listed)
    return;
  const AirPath *selected = air_ice_get_selected (listing->ice);
  air_demux_add_address (directory->demux, remote, &listing->entry, selected ? &selected->remote : NULL);
  __atomic_store_n (&directory->elsewhere, true, __ATOMIC_RELAXED);
}

void
air_fanout_directory_retire (AirFanoutDirectory *directory, const char *ufrag, AirFanoutListing *listing)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&directory->lock);
  air_demux_remove_ufrag (directory->demux, ufrag, &listing->entry);
}

void
air_fanout_directory_remove (AirFanoutDirectory *directory, AirFanoutListing *listing)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&directory->lock);
  take_out (directory, listing);
}
