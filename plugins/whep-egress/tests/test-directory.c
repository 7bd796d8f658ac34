/* The directory: claims, forwarding, expiry, removal and restart while loops compete. */
#include "fanout-directory.h"

/* The directory never looks into a loop. */
static char loop_places[3];
#define LOOP(i) ((AirFanoutLoop *)&loop_places[i])

static AirFanoutListing
make_listing (int64_t created_us)
{
  return (AirFanoutListing){ .ice = air_ice_new ("peer"), .viewer = "a viewer", .created_us = created_us };
}

/* A check with the credentials that @ice has now; @pwd: another password. */
static AirFanoutFound
check (AirFanoutDirectory *directory, const AirIce *ice, const char *pwd, AirFanoutLoop *loop,
       AirFanoutListing **ret_listing, AirFanoutLoop **ret_owner)
{
  g_autofree char *username = g_strconcat (air_ice_get_ufrag (ice), ":peer", NULL);
  AirStunBuilder request;
  AirStunMessage message;
  const char *ufrag;
  size_t ufrag_bytes;
  air_stun_begin (&request, AIR_STUN_REQUEST, AIR_STUN_BINDING, (const uint8_t *)"transaction!");
  air_stun_add_username (&request, username);
  air_stun_add_integrity (&request, pwd ? pwd : air_ice_get_pwd (ice));
  g_assert_cmpuint (air_stun_finish (&request), >, 0);
  g_assert_true (air_stun_parse (request.data, request.size, &message));
  g_assert_true (air_ice_check_ufrag (&message, &ufrag, &ufrag_bytes));
  return air_fanout_directory_find (directory, &message, ufrag, ufrag_bytes, loop, ret_listing, ret_owner);
}

static void
test_claim (void)
{
  g_autoptr (AirFanoutDirectory) directory = air_fanout_directory_new (4);
  AirFanoutListing viewer = make_listing (0), *found = NULL;
  AirFanoutLoop *owner = NULL;
  g_autoptr (AirIce) stranger = air_ice_new ("peer");
  AirAddress address;
  g_assert_true (air_address_parse ("192.0.2.1", 5000, &address));

  g_assert_true (air_fanout_directory_add (directory, &viewer));
  g_assert_cmpint (check (directory, stranger, NULL, LOOP (0), &found, &owner), ==, AIR_FANOUT_UNKNOWN);
  g_assert_cmpint (check (directory, viewer.ice, "wrong", LOOP (0), &found, &owner), ==, AIR_FANOUT_STRANGER);
  g_assert_cmpint (check (directory, viewer.ice, NULL, LOOP (1), &found, &owner), ==, AIR_FANOUT_CLAIMED);
  g_assert_true (found == &viewer);
  /* Whatever arrives elsewhere, authentic or not, is the owner's to judge. */
  g_assert_cmpint (check (directory, viewer.ice, NULL, LOOP (2), &found, &owner), ==, AIR_FANOUT_OWNED);
  g_assert_true (owner == LOOP (1));
  g_assert_cmpint (check (directory, viewer.ice, "wrong", LOOP (2), &found, &owner), ==, AIR_FANOUT_OWNED);

  g_assert_null (air_fanout_directory_find_address (directory, &address));
  air_fanout_directory_add_address (directory, &address, &viewer);
  g_assert_true (air_fanout_directory_find_address (directory, &address) == LOOP (1));

  /* Only the owner ends it, and then nothing is left. */
  g_assert_true (air_fanout_directory_withdraw (directory, &viewer) == LOOP (1));
  g_assert_null (air_fanout_directory_expire (directory, G_MAXINT64));
  air_fanout_directory_remove (directory, &viewer);
  g_assert_true (air_fanout_directory_withdraw (directory, &viewer) == LOOP (1));
  g_assert_null (air_fanout_directory_find_address (directory, &address));
  g_assert_cmpint (check (directory, viewer.ice, NULL, LOOP (1), &found, &owner), ==, AIR_FANOUT_UNKNOWN);
  air_ice_free (viewer.ice);
}

static void
test_unclaimed (void)
{
  g_autoptr (AirFanoutDirectory) directory = air_fanout_directory_new (2);
  AirFanoutListing old = make_listing (100), young = make_listing (200), third = make_listing (300), *found;
  AirFanoutLoop *owner;
  g_assert_true (air_fanout_directory_add (directory, &old));
  g_assert_true (air_fanout_directory_add (directory, &young));
  g_assert_null (air_fanout_directory_expire (directory, 100));
  g_assert_true (air_fanout_directory_expire (directory, 150) == old.viewer);
  g_assert_null (air_fanout_directory_expire (directory, 150));
  g_assert_cmpint (check (directory, old.ice, NULL, LOOP (0), &found, &owner), ==, AIR_FANOUT_UNKNOWN);

  g_assert_null (air_fanout_directory_withdraw (directory, &young));
  g_assert_null (air_fanout_directory_withdraw (directory, &young));
  g_assert_cmpint (check (directory, young.ice, NULL, LOOP (0), &found, &owner), ==, AIR_FANOUT_UNKNOWN);
  g_assert_null (air_fanout_directory_expire (directory, G_MAXINT64));

  /* Room for two, who have two names each in a restart. */
  g_assert_true (air_fanout_directory_add (directory, &third));
  air_ice_free (old.ice);
  air_ice_free (young.ice);
  air_ice_free (third.ice);
}

static void
test_restart (void)
{
  g_autoptr (AirFanoutDirectory) directory = air_fanout_directory_new (4);
  AirFanoutListing viewer = make_listing (0), *found;
  AirFanoutLoop *owner;
  g_assert_true (air_fanout_directory_add (directory, &viewer));
  g_autofree char *first = g_strdup (air_ice_get_ufrag (viewer.ice));
  for (unsigned i = 0; i < 5; i++)
    g_assert_null (air_fanout_directory_restart (directory, &viewer, NULL, "peer"));
  g_assert_cmpstr (air_ice_get_ufrag (viewer.ice), !=, first);
  g_assert_cmpstr (air_ice_get_previous_ufrag (viewer.ice), ==, first);
  g_assert_cmpint (check (directory, viewer.ice, NULL, LOOP (0), &found, &owner), ==, AIR_FANOUT_CLAIMED);
  /* From now on only by its owner. */
  g_assert_true (air_fanout_directory_restart (directory, &viewer, NULL, "peer") == LOOP (0));
  g_assert_null (air_fanout_directory_restart (directory, &viewer, LOOP (0), "peer"));
  g_assert_cmpint (check (directory, viewer.ice, NULL, LOOP (1), &found, &owner), ==, AIR_FANOUT_OWNED);
  air_fanout_directory_retire (directory, first, &viewer);
  air_fanout_directory_remove (directory, &viewer);
  g_assert_cmpint (check (directory, viewer.ice, NULL, LOOP (1), &found, &owner), ==, AIR_FANOUT_UNKNOWN);
  air_ice_free (viewer.ice);
}

/* ---- Three loops see the same checks while the main thread withdraws every other viewer. */

enum { VIEWERS = 400 };

typedef struct
{
  AirFanoutDirectory *directory;
  AirFanoutListing viewers[VIEWERS];
  unsigned claims[VIEWERS]; /* atomic */
} Race;

typedef struct
{
  Race *race;
  AirFanoutLoop *loop;
} Racer;

static void *
claim_all (void *data)
{
  Racer *racer = data;
  for (unsigned i = 0; i < VIEWERS; i++)
    {
      AirFanoutListing *found;
      AirFanoutLoop *owner;
      if (check (racer->race->directory, racer->race->viewers[i].ice, NULL, racer->loop, &found, &owner)
          == AIR_FANOUT_CLAIMED)
        __atomic_fetch_add (&racer->race->claims[found - racer->race->viewers], 1, __ATOMIC_RELAXED);
    }
  return NULL;
}

static void
test_race (void)
{
  g_autofree Race *race = g_new0 (Race, 1);
  GThread *threads[3];
  Racer racers[3];
  race->directory = air_fanout_directory_new (VIEWERS);
  for (unsigned i = 0; i < VIEWERS; i++)
    {
      race->viewers[i] = make_listing (0);
      g_assert_true (air_fanout_directory_add (race->directory, &race->viewers[i]));
    }
  for (unsigned i = 0; i < 3; i++)
    {
      racers[i] = (Racer){ race, LOOP (i) };
      threads[i] = g_thread_new ("loop", claim_all, &racers[i]);
    }
  bool withdrawn[VIEWERS] = { false };
  for (unsigned i = VIEWERS; i > 0; i -= 2)
    withdrawn[i - 1] = !air_fanout_directory_withdraw (race->directory, &race->viewers[i - 1]);
  for (unsigned i = 0; i < 3; i++)
    g_thread_join (threads[i]);
  for (unsigned i = 0; i < VIEWERS; i++)
    {
      g_assert_cmpuint (race->claims[i] + withdrawn[i], ==, 1);
      air_ice_free (race->viewers[i].ice);
    }
  air_fanout_directory_free (race->directory);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/whep/directory/claim", test_claim);
  g_test_add_func ("/whep/directory/unclaimed", test_unclaimed);
  g_test_add_func ("/whep/directory/restart", test_restart);
  g_test_add_func ("/whep/directory/race", test_race);
  return g_test_run ();
}
