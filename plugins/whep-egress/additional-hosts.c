/* Answers carry addresses, for not every client resolves names. */
#include "additional-hosts.h"

#include "address.h"

struct _AirAdditionalHosts
{
  GStrv addresses;
};

typedef struct
{
  AirAdditionalHosts *self;
  GStrv names;
  GStrvBuilder *addresses;
} Lookup;

static void
look_up (void *data)
{
  Lookup *lookup = data;
  g_autoptr (GResolver) resolver = g_resolver_get_default ();
  for (char **name = lookup->names; *name; name++)
    {
      AirAddress address;
      g_autoptr (GError) error = NULL;
      if (air_address_parse (*name, 0, &address))
        {
          g_strv_builder_add (lookup->addresses, *name);
          continue;
        }
      GList *found = g_resolver_lookup_by_name (resolver, *name, NULL, &error);
      if (error)
        g_warning ("additional_hosts: \"%s\": %s", *name, error->message);
      for (GList *at = found; at; at = at->next)
        {
          g_autofree char *text = g_inet_address_to_string (at->data);
          g_strv_builder_add (lookup->addresses, text);
        }
      g_resolver_free_addresses (found);
    }
}

static void
on_looked_up (void *data)
{
  Lookup *lookup = data;
  g_strfreev (lookup->self->addresses);
  lookup->self->addresses = g_strv_builder_end (lookup->addresses);
}

static void
free_lookup (void *data)
{
  Lookup *lookup = data;
  g_strfreev (lookup->names);
  g_strv_builder_unref (lookup->addresses);
  g_free (lookup);
}

AirAdditionalHosts *
air_additional_hosts_new (AirContext *context)
{
  AirAdditionalHosts *self = g_new0 (AirAdditionalHosts, 1);
  const char *const *names = air_context_get_list (context, "additional_hosts");
  g_autoptr (GStrvBuilder) literal = g_strv_builder_new ();
  for (unsigned i = 0; names[i]; i++)
    {
      AirAddress address;
      if (air_address_parse (names[i], 0, &address))
        g_strv_builder_add (literal, names[i]);
    }
  self->addresses = g_strv_builder_end (literal);
  if (g_strv_length (self->addresses) == g_strv_length ((GStrv)names))
    return self;
  Lookup *lookup = g_new (Lookup, 1);
  *lookup = (Lookup){ self, g_strdupv ((GStrv)names), g_strv_builder_new () };
  air_context_run_in_pool (context, look_up, on_looked_up, lookup, free_lookup);
  return self;
}

void
air_additional_hosts_free (AirAdditionalHosts *hosts)
{
  if (!hosts)
    return;
  g_strfreev (hosts->addresses);
  g_free (hosts);
}

const char *const *
air_additional_hosts_get (AirAdditionalHosts *hosts)
{
  return (const char *const *)hosts->addresses;
}
