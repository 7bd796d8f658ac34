/* Making namespaces and TUN devices, by the ioctl()s of netdevice(7): no program of iproute2 is needed. */
#include "link-side.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEVICE "link0"
#define NETMASK 0xffff0000u
/* What the server sends in one turn must fit, or it is lost before the link sees it. */
#define DEVICE_QUEUE_PACKETS 4000

static bool
fail (GError **error, const char *what)
{
  int code = errno;
  g_set_error (error, G_IO_ERROR, (int)g_io_error_from_errno (code), "%s: %s", what, g_strerror (code));
  return false;
}

static struct ifreq
request_for (const char *device)
{
  struct ifreq request = { 0 };
  g_strlcpy (request.ifr_name, device, sizeof request.ifr_name);
  return request;
}

static bool
bring_up (LinkSide *side, const char *device, GError **error)
{
  struct ifreq request = request_for (device);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ioctl (side->control, SIOCSIFFLAGS, &request) == 0 || fail (error, "bringing a device up");
}

static bool
open_device (LinkSide *side, GError **error)
{
  struct ifreq request = request_for (DEVICE);
  side->tun = open ("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (side->tun < 0)
    return fail (error, "/dev/net/tun");
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl (side->tun, TUNSETIFF, &request) < 0)
    return fail (error, "TUNSETIFF");
  request = request_for (DEVICE);
  request.ifr_mtu = LINK_MTU;
  if (ioctl (side->control, SIOCSIFMTU, &request) < 0)
    return fail (error, "SIOCSIFMTU");
  request = request_for (DEVICE);
  request.ifr_qlen = DEVICE_QUEUE_PACKETS;
  return ioctl (side->control, SIOCSIFTXQLEN, &request) == 0 || fail (error, "SIOCSIFTXQLEN");
}

static void
put_address (struct sockaddr *ret_address, struct in_addr address)
{
  struct sockaddr_in made = { .sin_family = AF_INET, .sin_addr = address };
  memcpy (ret_address, &made, sizeof made);
}

/* Browsers find their own address by asking which one leads to the world. */
static bool
add_default_route (LinkSide *side, GError **error)
{
  struct rtentry route = { .rt_flags = RTF_UP, .rt_dev = (char *)DEVICE };
  put_address (&route.rt_dst, (struct in_addr){ 0 });
  put_address (&route.rt_genmask, (struct in_addr){ 0 });
  return ioctl (side->control, SIOCADDRT, &route) == 0 || errno == EEXIST || fail (error, "SIOCADDRT");
}

bool
link_side_set_address (LinkSide *side, const char *address, GError **error)
{
  struct ifreq request = request_for (DEVICE);
  struct in_addr parsed;
  if (inet_pton (AF_INET, address, &parsed) != 1)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "not an IPv4 address: \"%s\"", address);
      return false;
    }
  put_address (&request.ifr_addr, parsed);
  if (ioctl (side->control, SIOCSIFADDR, &request) < 0)
    return fail (error, "SIOCSIFADDR");
  put_address (&request.ifr_netmask, (struct in_addr){ htonl (NETMASK) });
  if (ioctl (side->control, SIOCSIFNETMASK, &request) < 0)
    return fail (error, "SIOCSIFNETMASK");
  side->address = parsed;
  return bring_up (side, DEVICE, error) && add_default_route (side, error);
}

/* In the new namespace. */
static bool
furnish (LinkSide *side, const char *address, GError **error)
{
  side->namespace = open ("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  side->control = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (side->namespace < 0 || side->control < 0)
    return fail (error, "entering a network namespace");
  return bring_up (side, "lo", error) && open_device (side, error) && link_side_set_address (side, address, error);
}

bool
link_side_open (LinkSide *side, const char *address, GError **error)
{
  *side = (LinkSide){ .namespace = -1, .control = -1, .tun = -1 };
  int home = open ("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0)
    return fail (error, "/proc/thread-self/ns/net");
  bool made = unshare (CLONE_NEWNET) == 0 || fail (error, "making a network namespace");
  made = made && furnish (side, address, error);
  if (setns (home, CLONE_NEWNET) < 0 && made)
    made = fail (error, "coming back from a network namespace");
  close (home);
  if (!made)
    link_side_close (side);
  return made;
}

void
link_side_close (LinkSide *side)
{
  int *descriptors[] = { &side->tun, &side->control, &side->namespace };
  for (unsigned i = 0; i < G_N_ELEMENTS (descriptors); i++)
    {
      if (*descriptors[i] >= 0)
        close (*descriptors[i]);
      *descriptors[i] = -1;
    }
}
