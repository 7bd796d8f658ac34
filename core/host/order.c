/* Ordering by provides, needs and wants. The numbers are small: everything is a walk over the list. */
#define G_LOG_DOMAIN "air-core"

#include "host/order.h"

#include <string.h>

static const char *const no_names[] = { NULL };

static const char *const *
names (const char *const *list)
{
  return list != NULL ? list : no_names;
}

static AirModule *
find_any_provider (GPtrArray *modules, const char *service, bool usable)
{
  for (unsigned i = 0; i < modules->len; i++)
    {
      AirModule *module = g_ptr_array_index (modules, i);

      if (air_module_is_usable (module) == usable && g_strv_contains (names (module->plugin.provides), service))
        return module;
    }
  return NULL;
}

AirModule *
air_order_find_provider (GPtrArray *modules, const char *service)
{
  return find_any_provider (modules, service, true);
}

bool
air_order_skip_if_needs_fail (GPtrArray *modules, AirModule *module)
{
  for (const char *const *need = names (module->plugin.needs); *need != NULL; need++)
    {
      AirModule *failed;

      if (air_order_find_provider (modules, *need) != NULL)
        continue;
      failed = find_any_provider (modules, *need, false);
      if (failed != NULL)
        air_module_skip (module, "needs the service '%s' of '%s', which is not running (%s)", *need, failed->name,
                         failed->reason);
      else
        air_module_skip (module, "needs the service '%s', which no enabled plugin provides", *need);
      return true;
    }
  return false;
}

/* A service has one provider: the first in the list keeps it. */
static void
skip_second_providers (GPtrArray *modules)
{
  for (unsigned i = 0; i < modules->len; i++)
    {
      AirModule *module = g_ptr_array_index (modules, i);

      for (const char *const *service = names (module->plugin.provides); *service != NULL; service++)
        {
          AirModule *first = air_order_find_provider (modules, *service);

          if (air_module_is_usable (module) && first != module)
            air_module_skip (module, "the service '%s' is already provided by '%s'", *service, first->name);
        }
    }
}

static void
skip_unmet (GPtrArray *modules)
{
  bool again = true;

  while (again)
    {
      again = false;
      for (unsigned i = 0; i < modules->len; i++)
        {
          AirModule *module = g_ptr_array_index (modules, i);

          if (air_module_is_usable (module) && air_order_skip_if_needs_fail (modules, module))
            again = true;
        }
    }
}

/* Follows needs from the end of @trail; true when one leads back to its beginning, with the whole circle in @trail. */
static bool
find_circle (GPtrArray *modules, GPtrArray *trail)
{
  AirModule *last = g_ptr_array_index (trail, trail->len - 1);

  for (const char *const *need = names (last->plugin.needs); *need != NULL; need++)
    {
      AirModule *provider = air_order_find_provider (modules, *need);

      if (provider == g_ptr_array_index (trail, 0))
        return true;
      if (provider == NULL || g_ptr_array_find (trail, provider, NULL))
        continue;
      g_ptr_array_add (trail, provider);
      if (find_circle (modules, trail))
        return true;
      g_ptr_array_set_size (trail, trail->len - 1);
    }
  return false;
}

static void
skip_circle (GPtrArray *trail)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (unsigned i = 0; i < trail->len; i++)
    g_string_append_printf (text, "%s → ", ((AirModule *) g_ptr_array_index (trail, i))->name);
  g_string_append (text, ((AirModule *) g_ptr_array_index (trail, 0))->name);
  for (unsigned i = 0; i < trail->len; i++)
    air_module_skip (g_ptr_array_index (trail, i), "the plugins need each other in a circle: %s", text->str);
}

static void
skip_circles (GPtrArray *modules)
{
  for (unsigned i = 0; i < modules->len; i++)
    {
      g_autoptr (GPtrArray) trail = g_ptr_array_new ();

      if (!air_module_is_usable (g_ptr_array_index (modules, i)))
        continue;
      g_ptr_array_add (trail, g_ptr_array_index (modules, i));
      if (find_circle (modules, trail))
        skip_circle (trail);
    }
}

/* Whether all usable providers of @services stand in @sorted already. */
static bool
all_sorted (GPtrArray *modules, GPtrArray *sorted, AirModule *module, const char *const *services)
{
  for (; *services != NULL; services++)
    {
      AirModule *provider = air_order_find_provider (modules, *services);

      if (provider != NULL && provider != module && !g_ptr_array_find (sorted, provider, NULL))
        return false;
    }
  return true;
}

/* The next to start: first one whose needs and wants are met, else (wants in a circle) one whose needs are. */
static AirModule *
pick_next (GPtrArray *modules, GPtrArray *sorted)
{
  for (unsigned with_wants = 2; with_wants-- > 0;)
    for (unsigned i = 0; i < modules->len; i++)
      {
        AirModule *module = g_ptr_array_index (modules, i);

        if (g_ptr_array_find (sorted, module, NULL))
          continue;
        if (module->component || !air_module_is_usable (module)
            || (all_sorted (modules, sorted, module, names (module->plugin.needs))
                && (!with_wants || all_sorted (modules, sorted, module, names (module->plugin.wants)))))
          return module;
      }
  g_assert_not_reached ();
}

void
air_order_modules (GPtrArray *modules)
{
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();

  skip_second_providers (modules);
  skip_unmet (modules);
  skip_circles (modules);
  skip_unmet (modules);
  while (sorted->len < modules->len)
    g_ptr_array_add (sorted, pick_next (modules, sorted));
  memcpy (modules->pdata, sorted->pdata, modules->len * sizeof *modules->pdata);
}
