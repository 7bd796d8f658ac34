/* What happens in the class, from the bus to the session's figures: see engagement.h. */
#include "engagement.h"

#include "intent.h"

#include <string.h>

static void
on_session_started (AirEvent *event, void *self)
{
  engagement_run_of_class (self, air_event_session_started_get_class_id (event));
}

static void
on_session_ended (AirEvent *event, void *self)
{
  EngagementRun *run = engagement_run_of_session (self, air_event_session_ended_get_session_id (event));
  if (run != NULL)
    engagement_run_end (run, run->session->started_us + air_event_session_ended_get_duration_ms (event) * 1000);
}

static void
on_class_changed (AirEvent *event, void *self)
{
  Engagement *engagement = self;
  const char *class_id = air_event_class_changed_get_class_id (event);
  GHashTableIter iter;
  void *value = NULL;
  g_hash_table_iter_init (&iter, engagement->runs);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      EngagementRun *run = value;
      if (!g_str_equal (run->session->class_id, class_id) || run->ended_us != 0)
        continue;
      if (air_event_class_changed_get_change (event) == AIR_EVENT_CLASS_CHANGED_CHANGE_DELETED)
        engagement_run_end (run, g_get_monotonic_time ());
      else
        engagement_run_refresh (run);
    }
}

static void
on_stream_state (AirEvent *event, void *self)
{
  const char *path = air_event_stream_state_get_path (event);
  EngagementRun *run = g_str_has_prefix (path, "live/") ? engagement_run_of_class (self, path + strlen ("live/")) : NULL;
  if (run != NULL)
    engagement_session_set_stream (run->session, air_event_stream_state_get_state (event) == AIR_EVENT_STREAM_STATE_STATE_LIVE,
                                   g_get_monotonic_time ());
}

static void
on_member_joined (AirEvent *event, void *self)
{
  EngagementRun *run = air_event_member_joined_get_user_role (event) == AIR_EVENT_MEMBER_JOINED_USER_ROLE_STUDENT
                           ? engagement_run_of_class (self, air_event_member_joined_get_class_id (event))
                           : NULL;
  if (run != NULL)
    engagement_session_joined (run->session, air_event_member_joined_get_user_id (event),
                               air_event_member_joined_get_user_name (event), g_get_monotonic_time ());
}

static void
on_member_left (AirEvent *event, void *self)
{
  EngagementRun *run = engagement_run_of_class (self, air_event_member_left_get_class_id (event));
  if (run != NULL)
    engagement_session_left (run->session, air_event_member_left_get_user_id (event), g_get_monotonic_time ());
}

/* Whether an alert begins by what a student did must not wait for the next look. */
static void
check_alert (EngagementRun *run, int64_t now_us)
{
  engagement_live_alert (run, engagement_session_check_alert (run->session, now_us));
}

static void
on_chat_message (AirEvent *event, void *self)
{
  Engagement *engagement = self;
  EngagementRun *run = air_event_chat_message_get_user_role (event) == AIR_EVENT_CHAT_MESSAGE_USER_ROLE_STUDENT
                           ? engagement_run_of_class (self, air_event_chat_message_get_class_id (event))
                           : NULL;
  if (run == NULL)
    return;
  int64_t now_us = g_get_monotonic_time ();
  engagement_session_chat (run->session, air_event_chat_message_get_user_id (event),
                           engagement_chat_intent (air_event_chat_message_get_text (event),
                                                   air_context_get_list (engagement->context, "confusion_words")),
                           now_us);
  check_alert (run, now_us);
}

static void
on_hand_changed (AirEvent *event, void *self)
{
  EngagementRun *run = air_event_hand_changed_get_up (event) ? engagement_run_of_class (self, air_event_hand_changed_get_class_id (event)) : NULL;
  if (run != NULL)
    engagement_session_signal (run->session, air_event_hand_changed_get_user_id (event), ENGAGEMENT_HAND, 1,
                               g_get_monotonic_time ());
}

static void
on_reaction_sent (AirEvent *event, void *self)
{
  EngagementRun *run = engagement_run_of_class (self, air_event_reaction_sent_get_class_id (event));
  if (run != NULL)
    engagement_session_signal (run->session, air_event_reaction_sent_get_user_id (event), ENGAGEMENT_REACTION, 1,
                               g_get_monotonic_time ());
}

static void
on_lost_changed (AirEvent *event, void *self)
{
  EngagementRun *run = engagement_run_of_class (self, air_event_lost_changed_get_class_id (event));
  if (run == NULL)
    return;
  int64_t now_us = g_get_monotonic_time ();
  engagement_session_lost (run->session, air_event_lost_changed_get_user_id (event), air_event_lost_changed_get_lost (event),
                           now_us);
  check_alert (run, now_us);
}

static void
on_quiz_published (AirEvent *event, void *self)
{
  EngagementRun *run = engagement_run_of_session (self, air_event_quiz_published_get_session_id (event));
  if (run != NULL)
    engagement_session_quiz_published (run->session, air_event_quiz_published_get_quiz_id (event),
                                       air_event_quiz_published_get_quiz_type (event) == AIR_EVENT_QUIZ_PUBLISHED_QUIZ_TYPE_POLL,
                                       air_event_quiz_published_get_anonymous (event));
}

static void
on_quiz_answered (AirEvent *event, void *self)
{
  EngagementRun *run = engagement_run_of_session (self, air_event_quiz_answered_get_session_id (event));
  if (run != NULL)
    engagement_session_quiz_answered (run->session, air_event_quiz_answered_get_quiz_id (event),
                                      air_event_quiz_answered_get_student_id (event), g_get_monotonic_time ());
}

static void
on_quiz_closed (AirEvent *event, void *self)
{
  EngagementRun *run = engagement_run_of_session (self, air_event_quiz_closed_get_session_id (event));
  if (run != NULL)
    engagement_session_quiz_closed (run->session, air_event_quiz_closed_get_quiz_id (event), air_event_quiz_closed_get_asked (event),
                                  air_event_quiz_closed_get_answered (event), g_get_monotonic_time ());
}

static void
on_quiz_revealed (AirEvent *event, void *self)
{
  EngagementRun *run = engagement_run_of_session (self, air_event_quiz_revealed_get_session_id (event));
  if (run == NULL)
    return;
  int64_t now_us = g_get_monotonic_time ();
  engagement_session_quiz_revealed (run->session, air_event_quiz_revealed_get_quiz_id (event),
                                    air_event_quiz_revealed_get_right (event), air_event_quiz_revealed_get_wrong (event), now_us);
  check_alert (run, now_us);
}

void
engagement_register_events (Engagement *engagement)
{
  static const struct
  {
    const char *name;
    AirEventHandler handler;
  } events[] = {
    { "session-started", on_session_started }, { "session-ended", on_session_ended },   { "class-changed", on_class_changed },
    { "stream-state", on_stream_state },       { "member-joined", on_member_joined },   { "member-left", on_member_left },
    { "chat-message", on_chat_message },       { "hand-changed", on_hand_changed },     { "reaction-sent", on_reaction_sent },
    { "lost-changed", on_lost_changed },       { "quiz-published", on_quiz_published }, { "quiz-answered", on_quiz_answered },
    { "quiz-closed", on_quiz_closed },         { "quiz-revealed", on_quiz_revealed },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (events); i++)
    air_context_on_event (engagement->context, events[i].name, events[i].handler);
}
