/* The dashboard's own WebSocket, and its part of the teachers' snapshot: see dashboard.h. */
#include "dashboard.h"

#define SNAPSHOT_ALERTS 50u

void
dashboard_send (Dashboard *dashboard, const char *session_id, JsonNode *message)
{
  g_autoptr (JsonNode) at = air_json_new ("%t", g_get_real_time ());
  GHashTableIter iter;
  void *socket = NULL, *of = NULL;
  json_object_set_member (json_node_get_object (message), "at", json_node_copy (at));
  g_hash_table_iter_init (&iter, dashboard->sockets);
  while (g_hash_table_iter_next (&iter, &socket, &of))
    if (g_str_equal (of, session_id))
      air_socket_send_json (socket, json_node_copy (message));
  json_node_unref (message);
}

/* ---- The socket */

static void
answer_snapshot (Report *report)
{
  Dashboard *dashboard = report->dashboard;
  if (!g_hash_table_contains (dashboard->sockets, report->socket))
    return; /* closed meanwhile */
  AlertRail *rail = dashboard_rail (dashboard, report->session_id);
  int64_t now_us = g_get_real_time ();
  air_socket_send_json (report->socket,
                        air_json_new ("{type: 'snapshot', at: %t, overview: %n, alerts: %n}", now_us, dashboard_overview (report),
                                      rail != NULL ? alert_rail_to_json (rail, SNAPSHOT_ALERTS, now_us) : air_json_new ("[]")));
  g_hash_table_replace (dashboard->sockets, air_socket_ref (report->socket), g_strdup (report->session_id));
}

static void
socket_opened (AirSocket *socket, void *self)
{
  Dashboard *dashboard = self;
  AirRequest *request = air_socket_get_request (socket);
  if (dashboard->store == NULL)
    {
      air_socket_close (socket, 1012, "the server restarts");
      return;
    }
  g_hash_table_replace (dashboard->sockets, air_socket_ref (socket), g_strdup (""));
  report_on_session (dashboard, request, socket, air_request_get_variable (request, "session_id"), dashboard_plan_overview,
                     answer_snapshot);
}

/* Only `ping` is understood; who is in the class speaks over the class's socket. */
static void
socket_message (AirSocket *socket, const char *text, size_t length, void *self)
{
  g_autoptr (JsonNode) message = air_json_parse (text, (gssize)length, NULL);
  if (g_strcmp0 (air_json_get_string (message, "type"), "ping") == 0)
    air_socket_send_json (socket, air_json_new ("{type: 'pong', at: %t}", g_get_real_time ()));
  else
    air_socket_send_json (socket, air_json_new ("{type: 'error', at: %t, problem: 'invalid', detail: 'Nothing but ping is taken here.'}",
                                                g_get_real_time ()));
}

static void
socket_closed (AirSocket *socket, void *self)
{
  g_hash_table_remove (((Dashboard *)self)->sockets, socket);
}

void
dashboard_add_socket (AirContext *context)
{
  static const AirSocketRoute route = {
    .template = "/api/dashboard/ws/session/{session_id}",
    .summary = "A session's figures and alerts as they change",
    .role = AIR_ROLE_TEACHER,
    .max_message_bytes = 1024,
    .opened = socket_opened,
    .message = socket_message,
    .closed = socket_closed,
  };
  air_context_add_socket (context, &route);
}

/* ---- What else its watchers see */

static void
on_quiz_answered (AirEvent *event, void *self)
{
  const char *session_id = air_event_quiz_answered_get_session_id (event);
  if (session_id != NULL)
    dashboard_send (self, session_id, air_json_new ("{type: 'quiz_progress', quiz_id: %s, answered: %l}",
                                                    air_event_quiz_answered_get_quiz_id (event), air_event_quiz_answered_get_answered (event)));
}

static void
on_quiz_published (AirEvent *event, void *self)
{
  const char *session_id = air_event_quiz_published_get_session_id (event);
  if (session_id != NULL)
    dashboard_send (self, session_id, air_json_new ("{type: 'quiz_published', quiz_id: %s, question: %s}",
                                                    air_event_quiz_published_get_quiz_id (event), air_event_quiz_published_get_question (event)));
}

static void
on_quiz_closed (AirEvent *event, void *self)
{
  const char *session_id = air_event_quiz_closed_get_session_id (event);
  if (session_id != NULL)
    dashboard_send (self, session_id, air_json_new ("{type: 'quiz_closed', quiz_id: %s}", air_event_quiz_closed_get_quiz_id (event)));
}

static void
on_member (Dashboard *dashboard, const char *session_id, const char *user_id, const char *name, bool joined)
{
  if (session_id != NULL)
    dashboard_send (dashboard, session_id, air_json_new ("{type: 'presence', event: %s, user_id: %s, name: %s}", joined ? "joined" : "left",
                                                         user_id, name));
}

static void
on_member_joined (AirEvent *event, void *self)
{
  if (air_event_member_joined_get_user_role (event) == AIR_EVENT_MEMBER_JOINED_USER_ROLE_STUDENT)
    on_member (self, air_event_member_joined_get_session_id (event), air_event_member_joined_get_user_id (event),
               air_event_member_joined_get_user_name (event), true);
}

static void
on_member_left (AirEvent *event, void *self)
{
  if (air_event_member_left_get_user_role (event) == AIR_EVENT_MEMBER_LEFT_USER_ROLE_STUDENT)
    on_member (self, air_event_member_left_get_session_id (event), air_event_member_left_get_user_id (event),
               air_event_member_left_get_user_name (event), false);
}

/* Rights end with the class: who watches one of its sessions is let go. */
static void
on_class_changed (AirEvent *event, void *self)
{
  Dashboard *dashboard = self;
  if (air_event_class_changed_get_change (event) != AIR_EVENT_CLASS_CHANGED_CHANGE_DELETED)
    return;
  g_autoptr (GPtrArray) gone = g_ptr_array_new_with_free_func ((GDestroyNotify)air_socket_unref);
  GHashTableIter iter;
  void *socket = NULL, *session_id = NULL;
  g_hash_table_iter_init (&iter, dashboard->sockets);
  while (g_hash_table_iter_next (&iter, &socket, &session_id))
    {
      AlertRail *rail = dashboard_rail (dashboard, session_id);
      const char *of = air_identity_get_class_id (air_request_get_identity (air_socket_get_request (socket)));
      if ((rail != NULL && g_str_equal (rail->class_id, air_event_class_changed_get_class_id (event)))
          || g_strcmp0 (of, air_event_class_changed_get_class_id (event)) == 0)
        g_ptr_array_add (gone, air_socket_ref (socket));
    }
  for (unsigned i = 0; i < gone->len; i++)
    air_socket_close (g_ptr_array_index (gone, i), 4404, "the class is gone");
}

static void
write_snapshot (const AirClassMember *member, JsonObject *snapshot, void *self)
{
  Dashboard *dashboard = self;
  const AirClassInfo *class
      = member->role >= AIR_ROLE_TEACHER ? air_classroom_get_class (dashboard->classroom, member->class_id) : NULL;
  if (class == NULL)
    return;
  AlertRail *rail = dashboard_rail (dashboard, class->session_id);
  json_object_set_member (snapshot, "alerts",
                          rail != NULL ? alert_rail_to_json (rail, SNAPSHOT_ALERTS, g_get_real_time ()) : air_json_new ("[]"));
}

void
dashboard_register_live (Dashboard *dashboard)
{
  air_classroom_add_snapshot (dashboard->classroom, write_snapshot, dashboard);
}

void
dashboard_register_live_events (Dashboard *dashboard)
{
  air_context_on_event (dashboard->context, "quiz-answered", on_quiz_answered);
  air_context_on_event (dashboard->context, "quiz-published", on_quiz_published);
  air_context_on_event (dashboard->context, "quiz-closed", on_quiz_closed);
  air_context_on_event (dashboard->context, "member-joined", on_member_joined);
  air_context_on_event (dashboard->context, "member-left", on_member_left);
  air_context_on_event (dashboard->context, "class-changed", on_class_changed);
}
