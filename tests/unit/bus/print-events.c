/* Prints the JSON form of each event, with and without its optional fields, one document a line: test-events.py holds them
 * against the schemas. Each is made anew from its JSON, and must be the same.
 *
 * --read: reads documents from the standard input, one a line, makes events of them, and prints the JSON form of each event, or
 * "refused: WHY". */
#include <airclass/error.h>
#include <airclass/events.h>
#include <airclass/json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "all-kinds.h"

/* (transfer full) */
static char *
to_text (AirEvent *event)
{
  g_autoptr (JsonNode) node = air_event_to_json (event);

  return json_to_string (node, FALSE);
}

static void
print (AirEvent *event)
{
  g_autoptr (AirEvent) owned = event;
  g_autofree char *text = to_text (owned);
  g_autoptr (JsonNode) parsed = air_json_parse (text, -1, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (AirEvent) again = air_event_from_json (parsed, &error);
  g_autofree char *text_again = NULL;

  g_assert_no_error (error);
  g_assert_true (G_OBJECT_TYPE (again) == G_OBJECT_TYPE (owned));
  g_assert_false (air_event_is_remote (again));
  text_again = to_text (again);
  g_assert_cmpstr (text_again, ==, text);
  g_print ("%s\n", text);
}

static void
read_one (const char *line)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = air_json_parse (line, -1, &error);
  g_autoptr (AirEvent) event = node != NULL ? air_event_from_json (node, &error) : NULL;
  g_autofree char *text = event != NULL ? to_text (event) : g_strdup_printf ("refused: %s", error->message);

  g_assert_true (event != NULL || error->domain == AIR_ERROR);
  g_print ("%s\n", text);
}

static int
read_all (void)
{
  char *line = NULL;
  size_t size = 0;

  while (getline (&line, &size, stdin) > 0)
    read_one (g_strchomp (line));
  free (line);
  return 0;
}

int
main (int argc, char **argv)
{
  air_events_register ();
  air_event_register (AIR_TYPE_EVENT_ALL_KINDS);
  if (argc > 1 && strcmp (argv[1], "--read") == 0)
    return read_all ();

  const char *const changed[] = { "http.listen", "log.level", NULL };
  const char *const none[] = { NULL };

  print (air_event_stream_state_new ("live/a", AIR_EVENT_STREAM_STATE_STATE_LIVE, AIR_EVENT_STREAM_STATE_PREVIOUS_IDLE, "rtmp",
                                     "192.0.2.1:5", "it \"came\"\n"));
  print (air_event_stream_state_new ("live/a", AIR_EVENT_STREAM_STATE_STATE_HELD, AIR_EVENT_STREAM_STATE_PREVIOUS_LIVE, NULL,
                                     NULL, "not UTF-8: \xff"));
  print (air_event_stream_tracks_new ("live/a", "h264", 1280, 720, "aac"));
  print (air_event_stream_tracks_new ("live/a", NULL, AIR_EVENT_ABSENT, AIR_EVENT_ABSENT, NULL));
  print (air_event_reader_count_new ("live/a", "whep", 0));
  print (air_event_viewer_joined_new ("live/a", "v1", "fanout", "192.0.2.1:5"));
  print (air_event_viewer_left_new ("live/a", "v1", "fanout", "192.0.2.1:5", NULL));
  print (air_event_class_health_new ("live/a", AIR_EVENT_CLASS_HEALTH_CAUSE_UPLINK, AIR_EVENT_CLASS_HEALTH_PREVIOUS_HEALTHY, "late", 2,
                                     30, "Your picture comes late."));
  print (air_event_class_health_new ("live/a", AIR_EVENT_CLASS_HEALTH_CAUSE_HEALTHY, AIR_EVENT_CLASS_HEALTH_PREVIOUS_UPLINK, NULL, 0,
                                     30, NULL));
  print (air_event_publisher_refused_new ("live/a", "rtmp", "192.0.2.1:5", "wrong key"));
  print (air_event_plugin_state_new ("example", AIR_EVENT_PLUGIN_STATE_STATE_FAILED, "no port"));
  print (air_event_config_reloaded_new (changed));
  print (air_event_config_reloaded_new (none));
  print (air_event_session_started_new ("a", "s1", "Algebra"));
  print (air_event_session_ended_new ("a", "s1", 3600000));
  print (air_event_class_changed_new ("a", AIR_EVENT_CLASS_CHANGED_CHANGE_CREATED));
  print (air_event_member_joined_new ("a", "s1", "u1", "Minji", AIR_EVENT_MEMBER_JOINED_USER_ROLE_STUDENT));
  print (air_event_member_left_new ("a", NULL, "u1", "Minji", AIR_EVENT_MEMBER_LEFT_USER_ROLE_TEACHER, 1000));
  print (air_event_chat_message_new ("a", NULL, "m1", "u1", "Minji", AIR_EVENT_CHAT_MESSAGE_USER_ROLE_STUDENT, "<b>hello</b>"));
  print (air_event_chat_deleted_new ("a", "s1", "m1", "t1"));
  print (air_event_member_moderated_new ("a", "s1", "u1", "Minji", AIR_EVENT_MEMBER_MODERATED_ACTION_MUTE, "t1"));
  print (air_event_hand_changed_new ("a", "s1", "u1", "Minji", true));
  print (air_event_reaction_sent_new ("a", "s1", "u1", "Minji", "clap"));
  print (air_event_lost_changed_new ("a", "s1", "u1", "Minji", false));
  print (air_event_quiz_published_new ("a", "s1", "q1", AIR_EVENT_QUIZ_PUBLISHED_QUIZ_TYPE_TRUE_FALSE, "Is it?", false, 30000, changed));
  print (air_event_quiz_published_new ("a", NULL, "q1", AIR_EVENT_QUIZ_PUBLISHED_QUIZ_TYPE_POLL, "Well?", true, AIR_EVENT_ABSENT, none));
  print (air_event_quiz_answered_new ("a", "s1", "q1", "u1", false, 1500, 1));
  print (air_event_quiz_closed_new ("a", "s1", "q1", AIR_EVENT_QUIZ_CLOSED_REASON_TIME, changed, changed));
  print (air_event_quiz_revealed_new ("a", "s1", "q1", none, changed));
  print (air_event_confusion_alert_new ("a", "s1", "a1", true, 4.5, 3, 12, 60000));
  print (air_event_engagement_changed_new ("a", "s1", NAN, none, 0.5));
  print (air_event_all_kinds_new ("text", 10, 0.5, true, AIR_EVENT_ALL_KINDS_STATE_HALF_ON, changed, NULL, AIR_EVENT_ABSENT,
                                  NAN, -1, 0, NULL));
  print (air_event_all_kinds_new ("text", 0, -1, false, AIR_EVENT_ALL_KINDS_STATE_ON, none, "more", 1, 2, true,
                                  AIR_EVENT_ALL_KINDS_MAYBE_STATE_OFF, none));
  return 0;
}
