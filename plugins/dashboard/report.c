/* Answers that need several documents: see dashboard.h. What is known of a session goes with the rights in its class. */
#include "dashboard.h"

/* Documents of one answer, whatever was asked for. */
#define PAGE 1000u

typedef struct
{
  Report *report;
  unsigned slot, maximum;
  char *collection, *sort;
  JsonNode *filter;
  bool paged; /* the caller turns the pages */
} Read;

static void
free_report (Report *report)
{
  Dashboard *dashboard = report->dashboard;
  g_clear_pointer (&report->socket, air_socket_unref);
  air_request_unref (report->request);
  g_free (report->session_id);
  g_free (report->class_id);
  g_free (report->cursor);
  g_clear_pointer (&report->session, json_node_unref);
  g_clear_pointer (&report->class_ids, g_ptr_array_unref);
  for (unsigned i = 0; i < REPORT_SLOTS; i++)
    g_clear_pointer (&report->slots[i], json_node_unref);
  g_clear_error (&report->error);
  g_free (report);
  dashboard->pending--;
  dashboard_settled (dashboard);
  dashboard_unref (dashboard);
}

static Report *
new_report (Dashboard *dashboard, AirRequest *request, AirSocket *socket, ReportStep plan, ReportStep answer)
{
  Report *report = g_new0 (Report, 1);
  report->dashboard = dashboard_ref (dashboard);
  report->request = air_request_ref (request);
  report->socket = socket != NULL ? air_socket_ref (socket) : NULL;
  report->plan = plan;
  report->answer = answer;
  dashboard->pending++;
  return report;
}

static void
refuse (Report *report, const GError *error)
{
  if (report->socket == NULL)
    air_request_reply_error (report->request, error);
  else if (g_error_matches (error, AIR_ERROR, AIR_ERROR_NOT_FOUND))
    air_socket_close (report->socket, 4404, "no such session");
  else if (g_error_matches (error, AIR_ERROR, AIR_ERROR_FORBIDDEN))
    air_socket_close (report->socket, 4403, "not for this class");
  else
    air_socket_close (report->socket, 1011, "not available");
}

void
report_reply (Report *report, JsonNode *body)
{
  air_request_reply_json (report->request, 200, body);
}

/* One more thing is there; after the last one the answer is given. */
static void
arrived (Report *report)
{
  if (--report->waiting > 0)
    return;
  if (report->error == NULL && report->dashboard->store == NULL)
    g_set_error (&report->error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "the server stops");
  if (report->error != NULL)
    refuse (report, report->error);
  else
    report->answer (report);
  free_report (report);
}

static void
take_error (Report *report, GError *error)
{
  if (report->error == NULL)
    report->error = error;
  else
    g_error_free (error);
}

/* ---- The session, the classes */

static void
begin (Report *report)
{
  report->waiting = 1;
  if (report->plan != NULL)
    report->plan (report);
  arrived (report);
}

static void
on_session (GObject *source, GAsyncResult *result, void *data)
{
  Report *report = data;
  g_autoptr (GError) error = NULL;
  report->session = air_store_get_finish (AIR_STORE (source), result, &error);
  report->class_id = g_strdup (air_json_get_string (report->session, "class_id"));
  if (error == NULL && report->dashboard->store == NULL)
    g_set_error (&error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "the server stops");
  if (error != NULL
      || !air_classroom_check_document (report->dashboard->classroom, air_request_get_identity (report->request), report->session,
                                        AIR_ROLE_TEACHER, &error))
    {
      refuse (report, error);
      free_report (report);
      return;
    }
  begin (report);
}

void
report_on_session (Dashboard *dashboard, AirRequest *request, AirSocket *socket, const char *session_id, ReportStep plan,
                   ReportStep answer)
{
  Report *report = new_report (dashboard, request, socket, plan, answer);
  report->session_id = g_strdup (session_id);
  air_store_get (dashboard->store, "sessions", session_id, on_session, report);
}

static void
on_classes (GObject *source, GAsyncResult *result, void *data)
{
  Report *report = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (source), result, &error);
  if (error == NULL && report->dashboard->store == NULL)
    g_set_error (&error, AIR_ERROR, AIR_ERROR_UNAVAILABLE, "the server stops");
  if (error != NULL)
    {
      refuse (report, error);
      free_report (report);
      return;
    }
  for (unsigned i = 0; i < page->documents->len; i++)
    {
      JsonNode *class = g_ptr_array_index (page->documents, i);
      if (air_classroom_check_document (report->dashboard->classroom, air_request_get_identity (report->request), class,
                                        AIR_ROLE_TEACHER, NULL))
        g_ptr_array_add (report->class_ids, g_strdup (air_json_get_string (class, "class_id")));
    }
  begin (report);
}

void
report_on_classes (Dashboard *dashboard, AirRequest *request, ReportStep plan, ReportStep answer)
{
  Report *report = new_report (dashboard, request, NULL, plan, answer);
  AirIdentity *identity = air_request_get_identity (request);
  const char *class_id = air_request_get_query (request, "class_id");
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) wanted = NULL;
  report->class_ids = g_ptr_array_new_with_free_func (g_free);
  if (class_id == NULL)
    class_id = air_identity_get_class_id (identity);
  wanted = air_json_new ("{class_id: %s}", class_id);
  if (class_id == NULL)
    {
      AirStoreQuery query = { .sort = "-created_at", .limit = PAGE };
      air_store_find (dashboard->store, "classes", &query, on_classes, report);
    }
  else if (air_classroom_check_document (dashboard->classroom, identity, wanted, AIR_ROLE_TEACHER, &error))
    {
      g_ptr_array_add (report->class_ids, g_strdup (class_id));
      begin (report);
    }
  else
    {
      refuse (report, error);
      free_report (report);
    }
}

bool
dashboard_take_limit (AirRequest *request, unsigned maximum, unsigned *ret_limit)
{
  const char *text = air_request_get_query (request, "limit");
  guint64 limit = maximum;
  if (text != NULL && !g_ascii_string_to_unsigned (text, 10, 1, maximum, &limit, NULL))
    {
      g_autofree char *detail = g_strdup_printf ("limit must be 1 to %u.", maximum);
      air_request_reply_problem (request, 400, "invalid", detail);
      return false;
    }
  *ret_limit = (unsigned)limit;
  return true;
}

/* ---- Reading */

static Read *
new_read (Report *report, unsigned slot)
{
  Read *read = g_new0 (Read, 1);
  read->report = report;
  read->slot = slot;
  report->waiting++;
  return read;
}

static void
read_done (Read *read, GError *error)
{
  Report *report = read->report;
  g_clear_pointer (&read->filter, json_node_unref);
  g_free (read->collection);
  g_free (read->sort);
  g_free (read);
  if (error != NULL)
    take_error (report, error);
  arrived (report);
}

static void
on_document (GObject *source, GAsyncResult *result, void *data)
{
  Read *read = data;
  GError *error = NULL;
  read->report->slots[read->slot] = air_store_get_finish (AIR_STORE (source), result, &error);
  if (g_error_matches (error, AIR_ERROR, AIR_ERROR_NOT_FOUND))
    g_clear_error (&error);
  read_done (read, error);
}

void
report_get (Report *report, unsigned slot, const char *collection, const char *key)
{
  air_store_get (report->dashboard->store, collection, key, on_document, new_read (report, slot));
}

static void on_page (GObject *source, GAsyncResult *result, void *data);

static void
read_page (Read *read, const char *cursor)
{
  unsigned have = json_array_get_length (json_node_get_array (read->report->slots[read->slot]));
  AirStoreQuery query = { .filter = read->filter, .sort = read->sort, .limit = MIN (read->maximum - have, PAGE), .cursor = cursor };
  air_store_find (read->report->dashboard->store, read->collection, &query, on_page, read);
}

static void
on_page (GObject *source, GAsyncResult *result, void *data)
{
  Read *read = data;
  Report *report = read->report;
  GError *error = NULL;
  g_autoptr (AirStorePage) page = air_store_find_finish (AIR_STORE (source), result, &error);
  JsonArray *array = json_node_get_array (report->slots[read->slot]);
  for (unsigned i = 0; page != NULL && i < page->documents->len; i++)
    json_array_add_element (array, json_node_ref (g_ptr_array_index (page->documents, i)));
  if (page != NULL && read->paged)
    report->cursor = g_strdup (page->cursor);
  else if (page != NULL && page->cursor != NULL && json_array_get_length (array) < read->maximum && report->dashboard->store != NULL)
    {
      read_page (read, page->cursor);
      return;
    }
  read_done (read, error);
}

static void
find (Report *report, unsigned slot, const char *collection, JsonNode *filter, const char *sort, unsigned maximum, bool paged,
      const char *cursor)
{
  Read *read = new_read (report, slot);
  read->collection = g_strdup (collection);
  read->filter = filter;
  read->sort = g_strdup (sort);
  read->maximum = maximum;
  read->paged = paged;
  report->slots[slot] = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (report->slots[slot], json_array_new ());
  read_page (read, cursor);
}

void
report_find (Report *report, unsigned slot, const char *collection, JsonNode *filter, const char *sort, unsigned maximum)
{
  find (report, slot, collection, filter, sort, maximum, false, NULL);
}

void
report_find_page (Report *report, unsigned slot, const char *collection, JsonNode *filter, const char *sort, unsigned limit,
                  const char *cursor)
{
  find (report, slot, collection, filter, sort, limit, true, cursor);
}

static void
on_count (GObject *source, GAsyncResult *result, void *data)
{
  Read *read = data;
  GError *error = NULL;
  int64_t count = air_store_count_finish (AIR_STORE (source), result, &error);
  read->report->slots[read->slot] = air_json_new ("%l", MAX (count, 0));
  read_done (read, error);
}

void
report_count (Report *report, unsigned slot, const char *collection, JsonNode *filter)
{
  Read *read = new_read (report, slot);
  read->filter = filter;
  air_store_count (report->dashboard->store, collection, filter, on_count, read);
}

static void
on_groups (GObject *source, GAsyncResult *result, void *data)
{
  Read *read = data;
  GError *error = NULL;
  read->report->slots[read->slot] = air_store_aggregate_finish (AIR_STORE (source), result, &error);
  read_done (read, error);
}

void
report_aggregate (Report *report, unsigned slot, const char *collection, JsonNode *filter, JsonNode *group)
{
  Read *read = new_read (report, slot);
  read->filter = filter;
  air_store_aggregate (report->dashboard->store, collection, filter, group, on_groups, read);
  json_node_unref (group);
}

JsonNode *
report_array (Report *report, unsigned slot)
{
  return report->slots[slot] != NULL ? json_node_ref (report->slots[slot]) : air_json_new ("[]");
}

JsonNode *
report_of_classes (Report *report)
{
  JsonArray *ids = json_array_new ();
  for (unsigned i = 0; i < report->class_ids->len; i++)
    json_array_add_string_element (ids, g_ptr_array_index (report->class_ids, i));
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (node, ids);
  return air_json_new ("{class_id: {$in: %n}}", node);
}

JsonNode *
report_of_present_classes (Report *report)
{
  JsonNode *filter = report_of_classes (report);
  JsonNode *made = air_json_new ("[]");
  for (unsigned i = 0; i < report->class_ids->len; i++)
    {
      const AirClassInfo *class
          = air_classroom_get_class (report->dashboard->classroom, g_ptr_array_index (report->class_ids, i));
      if (class != NULL)
        json_array_add_string_element (json_node_get_array (made), class->created_at);
    }
  /* Of a class that is gone, which an admin asks for, there is all that it left. */
  if (json_array_get_length (json_node_get_array (made)) == report->class_ids->len)
    json_object_set_member (json_node_get_object (filter), "$or",
                            air_json_new ("[{class_created_at: {$in: %N}}, {class_created_at: {$exists: %b}}]", made, false));
  json_node_unref (made);
  return filter;
}
