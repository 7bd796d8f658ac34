/* `spool` has the lines, `spool.position` how many bytes of them are done. When all are, the file is emptied first and the position
 * removed after; a position behind the end of the file, which a crash in between leaves, means that all was done. */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct _Spool
{
  int fd;
  char *position_path;
  uint64_t done, size, max_bytes; /* bytes of the file */
};

static bool
fail (GError **error, const char *what)
{
  g_set_error (error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "spool: %s: %s", what, g_strerror (errno));
  return false;
}

/* The bytes up to and with the last newline. */
static uint64_t
find_end (int fd, uint64_t size)
{
  char block[4096];
  while (size > 0)
    {
      uint64_t start = size > sizeof block ? size - sizeof block : 0;
      ssize_t count = pread (fd, block, size - start, (off_t)start);
      if (count <= 0)
        return 0;
      const char *newline = memrchr (block, '\n', (size_t)count);
      if (newline != NULL)
        return start + (uint64_t)(newline - block) + 1;
      size = start;
    }
  return 0;
}

static bool
sync_folder (const char *folder)
{
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool synced = fd >= 0 && fsync (fd) == 0;
  if (fd >= 0)
    close (fd);
  return synced;
}

static bool
recover (Spool *spool, GError **error)
{
  struct stat info;
  g_autofree char *text = NULL;
  if (fstat (spool->fd, &info) != 0)
    return fail (error, "cannot be looked at");
  spool->size = find_end (spool->fd, (uint64_t)info.st_size);
  if (ftruncate (spool->fd, (off_t)spool->size) != 0 || fsync (spool->fd) != 0)
    return fail (error, "cannot be cut");
  if (g_file_get_contents (spool->position_path, &text, NULL, NULL))
    spool->done = g_ascii_strtoull (text, NULL, 10);
  if (spool->done <= spool->size)
    return true;
  spool->done = 0;
  return unlink (spool->position_path) == 0 || fail (error, "its position cannot be removed");
}

Spool *
spool_new (const char *folder, uint64_t max_bytes, GError **error)
{
  Spool *spool = g_new0 (Spool, 1);
  g_autofree char *path = g_build_filename (folder, "spool", NULL);
  spool->position_path = g_build_filename (folder, "spool.position", NULL);
  spool->max_bytes = max_bytes;
  spool->fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  bool opened = spool->fd >= 0 && sync_folder (folder) ? recover (spool, error) : fail (error, "cannot be opened");
  if (opened)
    return spool;
  spool_free (spool);
  return NULL;
}

void
spool_free (Spool *spool)
{
  if (spool == NULL)
    return;
  if (spool->fd >= 0)
    close (spool->fd);
  g_free (spool->position_path);
  g_free (spool);
}

bool
spool_is_empty (const Spool *spool)
{
  return spool->done == spool->size;
}

uint64_t
spool_get_size (const Spool *spool)
{
  return spool->size - spool->done;
}

bool
spool_append (Spool *spool, GPtrArray *lines, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (unsigned i = 0; i < lines->len; i++)
    g_string_append_printf (text, "%s\n", (const char *)g_ptr_array_index (lines, i));
  if (spool->size + text->len > spool->max_bytes)
    {
      g_set_error_literal (error, AIR_ERROR, AIR_ERROR_LIMIT, "the database is away, and the spool is full");
      return false;
    }
  for (size_t written = 0; written < text->len;)
    {
      ssize_t count = pwrite (spool->fd, text->str + written, text->len - written, (off_t)(spool->size + written));
      if (count < 0 && errno == EINTR)
        continue;
      if (count <= 0)
        {
          fail (error, "cannot be written");
          return ftruncate (spool->fd, (off_t)spool->size) == 0 && false;
        }
      written += (size_t)count;
    }
  if (fdatasync (spool->fd) != 0)
    {
      fail (error, "cannot be written");
      return ftruncate (spool->fd, (off_t)spool->size) == 0 && false;
    }
  spool->size += text->len;
  return true;
}

GPtrArray *
spool_peek (Spool *spool, unsigned count, uint64_t *ret_next, GError **error)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) line = g_string_new (NULL);
  char block[16384];
  uint64_t at = spool->done;
  *ret_next = at;
  while (lines->len < count && at < spool->size)
    {
      ssize_t got = pread (spool->fd, block, MIN (sizeof block, spool->size - at), (off_t)at);
      if (got <= 0)
        {
          fail (error, "cannot be read");
          return NULL;
        }
      const char *newline = memchr (block, '\n', (size_t)got);
      size_t taken = newline != NULL ? (size_t)(newline - block) + 1 : (size_t)got;
      g_string_append_len (line, block, (gssize)(taken - (newline != NULL)));
      at += taken;
      if (newline == NULL)
        continue;
      g_ptr_array_add (lines, g_strdup (line->str));
      g_string_truncate (line, 0);
      *ret_next = at;
    }
  return g_steal_pointer (&lines);
}

bool
spool_done (Spool *spool, uint64_t next, GError **error)
{
  if (next < spool->size)
    {
      g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT "\n", next);
      spool->done = next;
      return g_file_set_contents_full (spool->position_path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                       error);
    }
  if (ftruncate (spool->fd, 0) != 0 || fsync (spool->fd) != 0)
    return fail (error, "cannot be emptied");
  spool->done = spool->size = 0;
  return unlink (spool->position_path) == 0 || errno == ENOENT || fail (error, "its position cannot be removed");
}
