/* Classification of packets and the two tables (ufrag → viewer, address → viewer).
 *
 * One thread. Nodes of both tables come from arrays of fixed size and are chained by index, so that nothing is allocated
 * after air_demux_new() and a slot number stays good until it is released. */
#include "demux.h"

#include <openssl/rand.h>
#include <string.h>

#include "siphash.h"

typedef struct
{
  uint32_t next; /* slot + 1 in the chain or in the free list; 0: end */
  uint32_t bucket;
  AirDemuxEntry *entry;
  uint8_t key_bytes;
  uint8_t key[AIR_DEMUX_MAX_UFRAG_BYTES]; /* a ufrag, or an AirAddress */
} Node;

G_STATIC_ASSERT (sizeof (AirAddress) <= AIR_DEMUX_MAX_UFRAG_BYTES);

typedef struct
{
  Node *nodes;
  uint32_t *buckets; /* slot + 1; 0: empty */
  uint32_t mask;
  uint32_t free;
  uint32_t untouched, count; /* nodes that were never used are not yet in memory */
} Table;

struct _AirDemux
{
  uint64_t hash_key[2];
  Table ufrags, addresses;
};

AirPacketKind
air_packet_classify (const uint8_t *data, size_t size)
{
  if (size < 2)
    return AIR_PACKET_UNKNOWN;
  if (data[0] <= 3)
    return size >= 20 ? AIR_PACKET_STUN : AIR_PACKET_UNKNOWN;
  if (data[0] >= 20 && data[0] <= 63)
    return size >= 13 ? AIR_PACKET_DTLS : AIR_PACKET_UNKNOWN;
  if (data[0] < 128 || data[0] > 191)
    return AIR_PACKET_UNKNOWN;
  if (data[1] >= 192 && data[1] <= 223)
    return size >= 8 ? AIR_PACKET_RTCP : AIR_PACKET_UNKNOWN;
  return size >= 12 ? AIR_PACKET_RTP : AIR_PACKET_UNKNOWN;
}

static void
table_init (Table *table, uint32_t n_nodes)
{
  uint32_t n_buckets = 16;

  while (n_buckets < n_nodes)
    n_buckets *= 2;
  table->nodes = g_new0 (Node, n_nodes);
  table->buckets = g_new0 (uint32_t, n_buckets);
  table->mask = n_buckets - 1;
  table->count = n_nodes;
}

static void
table_clear (Table *table)
{
  g_free (table->nodes);
  g_free (table->buckets);
}

static uint32_t
table_bucket (const AirDemux *demux, const Table *table, const void *key, size_t size)
{
  return (uint32_t)air_siphash (demux->hash_key, key, size) & table->mask;
}

/* Returns: slot + 1; 0: not there. */
static uint32_t
table_find (const AirDemux *demux, const Table *table, const void *key, size_t size)
{
  uint32_t slot = table->buckets[table_bucket (demux, table, key, size)];

  for (; slot != 0; slot = table->nodes[slot - 1].next)
    if (table->nodes[slot - 1].key_bytes == size && memcmp (table->nodes[slot - 1].key, key, size) == 0)
      break;
  return slot;
}

/* Returns: slot + 1; 0: no room. */
static uint32_t
table_insert (const AirDemux *demux, Table *table, const void *key, size_t size, AirDemuxEntry *entry)
{
  uint32_t slot = table->free;
  Node *node;

  if (slot == 0 && table->untouched == table->count)
    return 0;
  if (slot == 0)
    slot = ++table->untouched;
  node = &table->nodes[slot - 1];
  if (slot == table->free)
    table->free = node->next;
  node->entry = entry;
  node->key_bytes = (uint8_t)size;
  memcpy (node->key, key, size);
  node->bucket = table_bucket (demux, table, key, size);
  node->next = table->buckets[node->bucket];
  table->buckets[node->bucket] = slot;
  return slot;
}

static void
table_release (Table *table, uint32_t slot)
{
  Node *node = &table->nodes[slot - 1];
  uint32_t *link = &table->buckets[node->bucket];

  while (*link != slot)
    link = &table->nodes[*link - 1].next;
  *link = node->next;
  node->entry = NULL;
  node->next = table->free;
  table->free = slot;
}

AirDemux *
air_demux_new (unsigned max_viewers)
{
  AirDemux *demux = g_new0 (AirDemux, 1);

  if (RAND_bytes ((unsigned char *)demux->hash_key, sizeof demux->hash_key) != 1)
    g_error ("no randomness for a hash key");
  table_init (&demux->ufrags, MAX (max_viewers, 1) * G_N_ELEMENTS (((AirDemuxEntry *)NULL)->ufrags));
  table_init (&demux->addresses, MAX (max_viewers, 1) * AIR_DEMUX_ADDRESSES_PER_VIEWER);
  return demux;
}

void
air_demux_free (AirDemux *demux)
{
  if (demux == NULL)
    return;
  table_clear (&demux->ufrags);
  table_clear (&demux->addresses);
  g_free (demux);
}

bool
air_demux_add_ufrag (AirDemux *demux, const char *ufrag, AirDemuxEntry *entry)
{
  size_t size = strlen (ufrag);
  uint32_t *place = entry->ufrags[0] == 0 ? &entry->ufrags[0] : &entry->ufrags[1];

  if (*place != 0 || size == 0 || size > AIR_DEMUX_MAX_UFRAG_BYTES
      || table_find (demux, &demux->ufrags, ufrag, size) != 0)
    return false;
  *place = table_insert (demux, &demux->ufrags, ufrag, size, entry);
  return *place != 0;
}

static void
release_from (Table *table, uint32_t *places, unsigned n_places, uint32_t slot)
{
  for (unsigned i = 0; i < n_places; i++)
    if (places[i] == slot)
      {
        table_release (table, slot);
        places[i] = 0;
        return;
      }
}

void
air_demux_remove_ufrag (AirDemux *demux, const char *ufrag, AirDemuxEntry *entry)
{
  uint32_t slot = table_find (demux, &demux->ufrags, ufrag, strlen (ufrag));

  if (slot != 0)
    release_from (&demux->ufrags, entry->ufrags, G_N_ELEMENTS (entry->ufrags), slot);
}

/* The place of the oldest address of a viewer that has as many as it may have; not of the one @in_use. */
static uint32_t *
next_place (const AirDemux *demux, AirDemuxEntry *entry, const AirAddress *in_use)
{
  uint32_t kept = in_use != NULL ? table_find (demux, &demux->addresses, in_use, sizeof *in_use) : 0;
  uint32_t *place;

  do
    {
      place = &entry->addresses[entry->next];
      entry->next = (uint8_t)((entry->next + 1) % AIR_DEMUX_ADDRESSES_PER_VIEWER);
    }
  while (*place == kept);
  return place;
}

void
air_demux_add_address (AirDemux *demux, const AirAddress *remote, AirDemuxEntry *entry, const AirAddress *in_use)
{
  uint32_t slot = table_find (demux, &demux->addresses, remote, sizeof *remote);
  uint32_t *place = NULL;

  if (slot != 0)
    {
      AirDemuxEntry *owner = demux->addresses.nodes[slot - 1].entry;
      if (owner == entry)
        return;
      release_from (&demux->addresses, owner->addresses, AIR_DEMUX_ADDRESSES_PER_VIEWER, slot);
    }
  for (unsigned i = 0; i < AIR_DEMUX_ADDRESSES_PER_VIEWER && place == NULL; i++)
    if (entry->addresses[i] == 0)
      place = &entry->addresses[i];
  if (place == NULL)
    {
      place = next_place (demux, entry, in_use);
      table_release (&demux->addresses, *place);
    }
  *place = table_insert (demux, &demux->addresses, remote, sizeof *remote, entry);
}

void
air_demux_remove (AirDemux *demux, AirDemuxEntry *entry)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (entry->ufrags); i++)
    if (entry->ufrags[i] != 0)
      table_release (&demux->ufrags, entry->ufrags[i]);
  for (unsigned i = 0; i < AIR_DEMUX_ADDRESSES_PER_VIEWER; i++)
    if (entry->addresses[i] != 0)
      table_release (&demux->addresses, entry->addresses[i]);
  *entry = (AirDemuxEntry){ 0 };
}

AirDemuxEntry *
air_demux_find_ufrag (AirDemux *demux, const char *ufrag, size_t size)
{
  uint32_t slot = size <= AIR_DEMUX_MAX_UFRAG_BYTES ? table_find (demux, &demux->ufrags, ufrag, size) : 0;

  return slot != 0 ? demux->ufrags.nodes[slot - 1].entry : NULL;
}

AirDemuxEntry *
air_demux_find_address (AirDemux *demux, const AirAddress *remote)
{
  uint32_t slot = table_find (demux, &demux->addresses, remote, sizeof *remote);

  return slot != 0 ? demux->addresses.nodes[slot - 1].entry : NULL;
}
