/* All belongs to the writer thread.
 *
 * A batch is written with the default concern, and then synced: the journal and the oplog keep the order, so that what came before a
 * durable write is durable, as long as the same primary took all of it; that is looked at before and after. Until then nothing is
 * acknowledged. Where it is not known what became of a batch, it is done again: each write knows that it was done. */
#define G_LOG_DOMAIN "air-store-mongodb"

#include "writer.h"

#include <string.h>

/* What may be done again after a crash in the middle of the replay. */
#define REPLAY_BATCH WRITE_KEPT_OPERATIONS
#define RETRY_MS 500
/* How soon an outage is noticed while nobody writes. */
#define LOOK_MS 3000

struct _Writer
{
  WriterConfig config;
  AirStoreWriter *thread;
  mongoc_client_t *client; /* NULL before it is first looked for the database */
  char *node;              /* under which it syncs */
  int64_t look_at_us;      /* while it is away */
  bool is_there, has_indexes, was_told;
};

static void
report (Writer *writer, const GError *error)
{
  const WriterConfig *config = &writer->config;
  g_autofree char *detail
      = error != NULL ? g_strdup_printf ("%s; %" G_GUINT64_FORMAT " bytes spooled", error->message, spool_get_size (config->spool)) : NULL;
  if (writer->was_told && writer->is_there == (error == NULL))
    {
      if (error != NULL)
        g_debug ("still: %s", error->message);
      return;
    }
  writer->was_told = true;
  writer->is_there = error == NULL;
  if (error != NULL)
    g_warning ("%s; writes are spooled", error->message);
  else
    g_message ("the database answers");
  air_context_set_health (config->context, AIR_STORE_SERVICE, error == NULL, true, detail != NULL ? detail : "MongoDB");
}

/* ---- Batches */

/* Returns false with the error when the database is away; then nothing of @batch is acknowledged. */
static bool
do_batch (Writer *writer, GPtrArray *batch, GError **error)
{
  const Database *database = writer->config.database;
  g_autofree char *before = database_get_term (database, writer->client, error);
  if (before == NULL)
    return false;
  for (unsigned i = 0; i < batch->len; i++)
    {
      Write *write = g_ptr_array_index (batch, i);
      write_apply (write, database, writer->client);
      if (g_error_matches (write->base.error, AIR_ERROR, AIR_ERROR_UNAVAILABLE))
        {
          g_propagate_error (error, g_steal_pointer (&write->base.error));
          return false;
        }
    }
  if (!database_sync (database, writer->client, writer->node, error))
    return false;
  g_autofree char *after = database_get_term (database, writer->client, error);
  if (after == NULL)
    return false;
  if (strcmp (before, after) != 0)
    g_set_error_literal (error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "another server took over in between");
  bool done = strcmp (before, after) == 0;
  air_metric_add (writer->config.commits, 1, NULL);
  return done;
}

static void
spool_batch (Writer *writer, GPtrArray *batch, const GError *away)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  for (unsigned i = 0; i < batch->len; i++)
    {
      Write *write = g_ptr_array_index (batch, i);
      g_clear_error (&write->base.error);
      if (write->spoolable)
        g_ptr_array_add (lines, write->line);
      else
        write->base.error = g_error_copy (away);
    }
  bool spooled = lines->len == 0 || spool_append (writer->config.spool, lines, &error);
  for (unsigned i = 0; i < batch->len; i++)
    {
      Write *write = g_ptr_array_index (batch, i);
      if (write->spoolable && !spooled)
        write->base.error = g_error_copy (error);
      write->base.updated = (AirStoreUpdated){ .matched = 1, .modified = 1 };
    }
  air_metric_set (writer->config.spooled_bytes, (double)spool_get_size (writer->config.spool), NULL);
}

static GError *
away_error (void)
{
  return g_error_new (AIR_ERROR, AIR_ERROR_UNAVAILABLE, "the database is away");
}

/* ---- The way back */

/* (transfer full) the writes of @lines; a line that is none is told and left out. */
static GPtrArray *
read_lines (Writer *writer, GPtrArray *lines)
{
  GPtrArray *batch = g_ptr_array_new_with_free_func ((GDestroyNotify)write_free);
  for (unsigned i = 0; i < lines->len; i++)
    {
      g_autoptr (GError) error = NULL;
      Write *write = write_from_line (writer->config.store, g_ptr_array_index (lines, i), &error);
      if (write != NULL)
        g_ptr_array_add (batch, write);
      else
        g_warning ("a spooled write is left out: %s", error->message);
    }
  return batch;
}

static bool
replay_some (Writer *writer, GError **error)
{
  uint64_t next = 0;
  g_autoptr (GPtrArray) lines = spool_peek (writer->config.spool, REPLAY_BATCH, &next, error);
  if (lines == NULL)
    return false;
  g_autoptr (GPtrArray) batch = read_lines (writer, lines);
  if (!do_batch (writer, batch, error))
    return false;
  for (unsigned i = 0; i < batch->len; i++)
    {
      const Write *write = g_ptr_array_index (batch, i);
      if (write->base.error != NULL)
        g_warning ("a spooled write to %s could not be done: %s", air_store_collection_get_name (write->base.collection), write->base.error->message);
    }
  air_metric_add (writer->config.replayed, batch->len, NULL);
  bool done = spool_done (writer->config.spool, next, error);
  air_metric_set (writer->config.spooled_bytes, (double)spool_get_size (writer->config.spool), NULL);
  return done;
}

/* Looks for the database; when it is there, does what was spooled, and counts it as there only after that. */
static void
come_back (Writer *writer)
{
  g_autoptr (GError) error = NULL;
  bool back = database_ping (writer->config.database, writer->client, &error);
  if (back && !writer->has_indexes)
    writer->has_indexes = back = database_make_indexes (writer->config.database, writer->client,
                                                        air_store_get_collections (writer->config.store), &error);
  /* In turns, so that those who write meanwhile are answered. */
  if (back && !spool_is_empty (writer->config.spool))
    back = replay_some (writer, &error) && spool_is_empty (writer->config.spool);
  if (back || error != NULL)
    report (writer, error);
}

static void
look (Writer *writer)
{
  g_autoptr (GError) error = NULL;
  if (!database_ping (writer->config.database, writer->client, &error))
    report (writer, error);
}

/* ---- The thread */

/* How long a batch is waited for: until it is time to look for the database. */
static int
prepare (bool ending, void *data)
{
  Writer *writer = data;
  if (writer->client == NULL)
    writer->client = mongoc_client_pool_pop (writer->config.database->pool);
  if (!writer->is_there && !ending && g_get_monotonic_time () >= writer->look_at_us)
    {
      uint64_t before = spool_get_size (writer->config.spool);
      come_back (writer);
      writer->look_at_us
          = g_get_monotonic_time () + (spool_get_size (writer->config.spool) < before ? 0 : RETRY_MS * 1000);
    }
  return writer->is_there ? LOOK_MS : (int)CLAMP ((writer->look_at_us - g_get_monotonic_time ()) / 1000, 0, RETRY_MS);
}

static void
handle_batch (GPtrArray *batch, void *data)
{
  Writer *writer = data;
  g_autoptr (GError) error = NULL;
  if (batch->len == 0)
    {
      if (writer->is_there)
        look (writer);
      return;
    }
  if (!writer->is_there)
    error = away_error ();
  else if (!do_batch (writer, batch, &error))
    report (writer, error);
  if (error != NULL)
    spool_batch (writer, batch, error);
}

static void
free_write (AirStoreWrite *base)
{
  write_free ((Write *)base);
}

Writer *
writer_new (const WriterConfig *config)
{
  /* Each write is a round trip to the database. */
  static const AirStoreWriterClass class
      = { .max_batch = 500, .free_write = free_write, .do_batch = handle_batch, .prepare = prepare };
  Writer *writer = g_new0 (Writer, 1);
  writer->config = *config;
  writer->node = g_strdup (g_get_host_name ());
  air_metric_set (config->spooled_bytes, (double)spool_get_size (config->spool), NULL);
  writer->thread = air_store_writer_new (&class, writer);
  return writer;
}

void
writer_push (Writer *writer, Write *write)
{
  air_store_writer_push (writer->thread, &write->base);
}

void
writer_free (Writer *writer)
{
  if (writer == NULL)
    return;
  air_store_writer_free (writer->thread);
  mongoc_client_pool_push (writer->config.database->pool, writer->client);
  spool_free (writer->config.spool);
  g_free (writer->node);
  g_free (writer);
}
