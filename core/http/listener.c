/* Accepts connections within caps, in all and per address, and drives their deadlines from one timer.
 *
 * An IPv6 host owns a /64 at least, so the cap counts by that prefix. */
#include "http/listener.h"

#include <airclass/error.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS 250
#define ACCEPTS_A_ROUND 64
/* So many clients over the cap are still told why; more are closed without a word. */
#define MAX_REFUSED_AT_ONCE 64

typedef struct
{
  AirPollItem item; /* first */
  AirListener *listener;
  GSocket *socket;
  bool is_tls;
} Port;

typedef struct
{
  guint8 bytes[9]; /* family, then IPv4 or the first half of IPv6 */
} AddressKey;

struct _AirListener
{
  const AirListenerLimits *limits;
  const AirListenerOwner *owner;
  void *user_data;
  AirPoller *poller;
  GPtrArray *ports;
  GHashTable *connections; /* set of AirConnection; owns a reference */
  GHashTable *per_address; /* AddressKey → count */
  size_t total_body_bytes;
  unsigned refused_at_once;
  unsigned timer;
  bool is_exhausted; /* out of descriptors: accepting rests until the next tick */
};

static guint
hash_key (gconstpointer key)
{
  guint hash = 5381;
  const AddressKey *address = key;
  for (size_t i = 0; i < sizeof address->bytes; i++)
    hash = hash * 33 + address->bytes[i];
  return hash;
}

static gboolean
equal_keys (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, sizeof (AddressKey)) == 0;
}

static GInetAddress *
get_peer (AirConnection *connection)
{
  return g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (air_connection_get_remote_address (connection)));
}

static AddressKey
make_key (GInetAddress *address)
{
  AddressKey key = { { 0 } };
  const guint8 *bytes = g_inet_address_to_bytes (address);
  bool is_ipv4 = g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV4;
  key.bytes[0] = is_ipv4 ? 4 : 6;
  memcpy (key.bytes + 1, bytes, is_ipv4 ? 4 : 8);
  return key;
}

static unsigned
count_address (AirListener *listener, GInetAddress *address, int change)
{
  AddressKey key = make_key (address);
  unsigned count = GPOINTER_TO_UINT (g_hash_table_lookup (listener->per_address, &key)) + (unsigned)change;
  if (count == 0)
    g_hash_table_remove (listener->per_address, &key);
  else
    g_hash_table_insert (listener->per_address, g_memdup2 (&key, sizeof key), GUINT_TO_POINTER (count));
  return count;
}

static bool
on_head_received (AirConnection *connection, const AirHead *head, size_t *ret_limit, unsigned *ret_status,
                  const char **ret_slug, void *user_data)
{
  AirListener *listener = user_data;
  return listener->owner->head_received (connection, head, ret_limit, ret_status, ret_slug, listener->user_data);
}

static void
on_request (AirConnection *connection, AirHead *head, GBytes *body, void *user_data)
{
  AirListener *listener = user_data;
  listener->owner->request (connection, head, body, listener->user_data);
}

static void
on_refused (AirConnection *connection, unsigned status, const char *reason, void *user_data)
{
  AirListener *listener = user_data;
  listener->owner->refused (connection, status, reason, listener->user_data);
}

static void
on_closed (AirConnection *connection, void *user_data)
{
  AirListener *listener = user_data;
  g_autoptr (AirConnection) guard = air_connection_ref (connection);
  count_address (listener, get_peer (connection), -1);
  g_hash_table_remove (listener->connections, connection);
  listener->owner->count_changed (g_hash_table_size (listener->connections), listener->user_data);
}

static const AirConnectionOwner connection_owner = {
  .head_received = on_head_received,
  .request = on_request,
  .refused = on_refused,
  .closed = on_closed,
};

static gboolean
tick (gpointer data)
{
  AirListener *listener = data;
  int64_t now_us = g_get_monotonic_time ();
  unsigned count = 0;
  g_autofree gpointer *all = g_hash_table_get_keys_as_array (listener->connections, &count);
  for (unsigned i = 0; i < count; i++)
    air_connection_ref (all[i]);
  for (unsigned i = 0; i < count; i++)
    {
      air_connection_tick (all[i], now_us);
      air_connection_unref (all[i]);
    }
  listener->refused_at_once = 0;
  if (listener->is_exhausted)
    {
      listener->is_exhausted = false;
      for (unsigned i = 0; i < listener->ports->len; i++)
        air_poller_set (listener->poller, listener->ports->pdata[i], EPOLLIN);
    }
  return G_SOURCE_CONTINUE;
}

static void
adopt (Port *port, int fd, GSocketAddress *remote, GSocketAddress *local)
{
  AirListener *listener = port->listener;
  GInetAddress *peer = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (remote));
  bool is_full = g_hash_table_size (listener->connections) >= listener->limits->max_connections;
  unsigned of_address = count_address (listener, peer, 1);
  bool is_over = !is_full && of_address > listener->limits->max_connections_per_address
                 && !listener->owner->is_exempt (peer, listener->user_data);
  const char *reason = is_full ? "too-many-connections" : "too-many-connections-of-address";
  SSL_CTX *tls = port->is_tls ? listener->owner->get_tls (listener->user_data) : NULL;

  bool is_silent = (is_full || is_over) && (port->is_tls || listener->refused_at_once >= MAX_REFUSED_AT_ONCE);
  if (is_silent || (port->is_tls && tls == NULL))
    {
      count_address (listener, peer, -1);
      listener->owner->refused (NULL, 0, is_silent ? reason : "no-certificate", listener->user_data);
      close (fd);
      return;
    }
  AirConnection *connection = air_connection_new (fd, tls, listener->poller, &listener->limits->connection,
                                                  &listener->total_body_bytes, &connection_owner, listener);
  air_connection_set_addresses (connection, remote, local);
  g_hash_table_add (listener->connections, connection);
  listener->owner->count_changed (g_hash_table_size (listener->connections), listener->user_data);
  air_connection_ref (connection);
  air_connection_start (connection);
  if (is_full || is_over)
    {
      listener->refused_at_once++;
      air_connection_refuse (connection, 503, reason, "too many connections; try again soon");
    }
  air_connection_unref (connection);
}

/* An IPv4 client of a dual-stack socket is known by its IPv4 address everywhere. */
static GSocketAddress *
normalize (struct sockaddr_storage *address, socklen_t length)
{
  g_autoptr (GSocketAddress) native = g_socket_address_new_from_native (address, length);
  if (!G_IS_INET_SOCKET_ADDRESS (native))
    return NULL;
  GInetSocketAddress *inet = G_INET_SOCKET_ADDRESS (native);
  const guint8 *bytes = g_inet_address_to_bytes (g_inet_socket_address_get_address (inet));
  static const guint8 mapped[12] = { [10] = 0xff, [11] = 0xff };
  if (g_socket_address_get_family (native) != G_SOCKET_FAMILY_IPV6 || memcmp (bytes, mapped, sizeof mapped) != 0)
    return g_steal_pointer (&native);
  g_autoptr (GInetAddress) ipv4 = g_inet_address_new_from_bytes (bytes + 12, G_SOCKET_FAMILY_IPV4);
  return g_inet_socket_address_new (ipv4, g_inet_socket_address_get_port (inet));
}

static void
port_ready (AirPollItem *item, uint32_t events)
{
  Port *port = (Port *)item;
  for (int i = 0; i < ACCEPTS_A_ROUND; i++)
    {
      struct sockaddr_storage remote_native = { 0 }, local_native = { 0 };
      socklen_t remote_length = sizeof remote_native, local_length = sizeof local_native;
      int fd = accept4 (item->fd, (struct sockaddr *)&remote_native, &remote_length, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0)
        {
          if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            {
              port->listener->owner->refused (NULL, 0, "out-of-descriptors", port->listener->user_data);
              port->listener->is_exhausted = true;
              air_poller_set (port->listener->poller, item, 0);
            }
          return;
        }
      int on = 1;
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      getsockname (fd, (struct sockaddr *)&local_native, &local_length);
      g_autoptr (GSocketAddress) remote = normalize (&remote_native, remote_length);
      g_autoptr (GSocketAddress) local = normalize (&local_native, local_length);
      if (remote == NULL || local == NULL)
        close (fd);
      else
        adopt (port, fd, remote, local);
    }
}

static void
port_free (Port *port)
{
  air_poller_remove (port->listener->poller, &port->item);
  g_socket_close (port->socket, NULL);
  g_object_unref (port->socket);
  g_free (port);
}

AirListener *
air_listener_new (const AirListenerLimits *limits, const AirListenerOwner *owner, void *user_data, GError **error)
{
  AirPoller *poller = air_poller_new (error);
  if (poller == NULL)
    return NULL;
  AirListener *listener = g_new0 (AirListener, 1);
  listener->limits = limits;
  listener->owner = owner;
  listener->user_data = user_data;
  listener->poller = poller;
  listener->ports = g_ptr_array_new_with_free_func ((GDestroyNotify)port_free);
  listener->connections = g_hash_table_new_full (NULL, NULL, (GDestroyNotify)air_connection_unref, NULL);
  listener->per_address = g_hash_table_new_full (hash_key, equal_keys, g_free, NULL);
  listener->timer = g_timeout_add (TICK_MS, tick, listener);
  return listener;
}

void
air_listener_free (AirListener *listener)
{
  if (listener == NULL)
    return;
  air_listener_close (listener);
  air_listener_kill_all (listener);
  g_source_remove (listener->timer);
  g_ptr_array_unref (listener->ports);
  g_hash_table_unref (listener->connections);
  g_hash_table_unref (listener->per_address);
  air_poller_free (listener->poller);
  g_free (listener);
}

void
air_listener_add (AirListener *listener, GSocket *socket, bool is_tls)
{
  Port *port = g_new0 (Port, 1);
  port->item = (AirPollItem){ .fd = g_socket_get_fd (socket), .events = EPOLLIN, .ready = port_ready };
  port->listener = listener;
  port->socket = socket;
  port->is_tls = is_tls;
  g_ptr_array_add (listener->ports, port);
  air_poller_add (listener->poller, &port->item);
}

void
air_listener_close (AirListener *listener)
{
  g_ptr_array_set_size (listener->ports, 0);
}

void
air_listener_kill_all (AirListener *listener)
{
  unsigned count = 0;
  g_autofree gpointer *all = g_hash_table_get_keys_as_array (listener->connections, &count);
  for (unsigned i = 0; i < count; i++)
    air_connection_ref (all[i]);
  for (unsigned i = 0; i < count; i++)
    {
      air_connection_kill (all[i]);
      air_connection_unref (all[i]);
    }
}

unsigned
air_listener_count (AirListener *listener)
{
  return g_hash_table_size (listener->connections);
}
