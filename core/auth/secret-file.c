/* Secrets kept as files. Stateless; any thread; may wait for the disk. */
#include "auth/secret-file.h"

#include <airclass/error.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/base64url.h"

#define MAX_BYTES 4096

static void
fill_random (uint8_t *bytes, size_t length)
{
  /* A server that cannot make secrets must not run with guessable ones. */
  if (RAND_bytes (bytes, (int)length) != 1)
    g_error ("the system gives no random numbers");
}

char *
air_secret_make_readable (unsigned length)
{
  static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
  G_STATIC_ASSERT (sizeof alphabet - 1 == 32);
  char *text = g_malloc0 (length + 1);
  fill_random ((uint8_t *)text, length);
  for (unsigned i = 0; i < length; i++)
    text[i] = alphabet[(uint8_t)text[i] & 31];
  return text;
}

char *
air_secret_make_key (void)
{
  uint8_t bytes[32];
  fill_random (bytes, sizeof bytes);
  return air_base64url_encode (bytes, sizeof bytes);
}

static void
set_system_error (GError **error, const char *doing, const char *path, int code)
{
  g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED, "%s \"%s\": %s", doing, path, g_strerror (code));
}

static char *
read_checked (int fd, const char *path, GError **error)
{
  struct stat status;
  if (fstat (fd, &status) != 0)
    {
      set_system_error (error, "cannot look at", path, errno);
      return NULL;
    }
  if (!S_ISREG (status.st_mode) || status.st_uid != geteuid () || (status.st_mode & 077) != 0)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED,
                   "\"%s\" holds a secret: it must be a plain file that belongs to the server's user, with mode 0600",
                   path);
      return NULL;
    }
  char text[MAX_BYTES + 1];
  ssize_t length = read (fd, text, sizeof text);
  if (length < 0)
    {
      set_system_error (error, "cannot read", path, errno);
      return NULL;
    }
  if (length > MAX_BYTES)
    length = 0;
  text[length] = '\0';
  g_strchomp (text);
  if (text[0] == '\0' || strpbrk (text, "\r\n") != NULL)
    {
      g_set_error (error, AIR_ERROR, AIR_ERROR_FAILED,
                   "\"%s\" must hold one line with a secret; remove it to have a new one made", path);
      return NULL;
    }
  return g_strdup (text);
}

/* link() does not replace what another process made meanwhile. */
static bool
create (const char *path, const char *text, GError **error)
{
  g_autofree char *temporary = g_strdup_printf ("%s.XXXXXX", path);
  int fd = g_mkstemp_full (temporary, O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0)
    {
      set_system_error (error, "cannot make", path, errno);
      return false;
    }
  g_autofree char *line = g_strconcat (text, "\n", NULL);
  size_t length = strlen (line);
  bool made = write (fd, line, length) == (ssize_t)length && fsync (fd) == 0
              && (link (temporary, path) == 0 || errno == EEXIST);
  int code = errno;
  close (fd);
  unlink (temporary);
  if (!made)
    set_system_error (error, "cannot make", path, code);
  return made;
}

char *
air_secret_file_ensure (const char *path, char *(*make) (void), GError **error)
{
  int fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT)
    {
      g_autofree char *text = make ();
      if (!create (path, text, error))
        return NULL;
      fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    }
  if (fd < 0)
    {
      set_system_error (error, "cannot open", path, errno);
      return NULL;
    }
  char *text = read_checked (fd, path, error);
  close (fd);
  return text;
}
