/* One datagram to the socket that NOTIFY_SOCKET names: a path, or an abstract name after '@'. */
#define G_LOG_DOMAIN "air-core"

#include "host/notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
air_notify (const char *state)
{
  const char *name = g_getenv ("NOTIFY_SOCKET");
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  size_t length = name != NULL ? strlen (name) : 0;
  int fd;

  if (length < 2 || length >= sizeof address.sun_path)
    return;
  memcpy (address.sun_path, name, length);
  if (name[0] == '@')
    address.sun_path[0] = '\0';
  fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0
      || sendto (fd, state, strlen (state), MSG_NOSIGNAL, (struct sockaddr *) &address,
                 offsetof (struct sockaddr_un, sun_path) + length)
             < 0)
    g_warning ("cannot tell systemd '%s': %s", state, g_strerror (errno));
  if (fd >= 0)
    close (fd);
}
