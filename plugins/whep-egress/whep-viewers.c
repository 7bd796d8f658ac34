/* What is told of viewers: to the teacher the list of all, to each viewer how it is with itself. Main thread, but for the
 * list, which is sorted and written in the worker pool. */
#include "viewer-list.h"
#include "whep-private.h"

/* ---- The teacher's list */

typedef struct
{
  AirWhep *whep;
  AirRequest *request; /* of the main thread, where a job may no longer be freed once the plugin has stopped */
  GPtrArray *rows;
  AirViewerSort sort;
  unsigned first, limit;
  char *text;
} ListJob;

static void
free_list_job (void *data)
{
  ListJob *job = data;
  g_clear_pointer (&job->rows, g_ptr_array_unref);
  g_free (job->text);
  g_free (job);
}

static void
write_list (void *data)
{
  ListJob *job = data;
  job->text = air_viewer_list_write (job->rows, &job->sort, job->first, job->limit);
  g_clear_pointer (&job->rows, g_ptr_array_unref); /* thousands, freed here and not on the main loop */
}

static void
send_list (void *data)
{
  ListJob *job = data;
  air_request_reply_text (job->request, 200, "application/json", job->text);
  air_request_unref (job->request);
  g_ptr_array_remove_fast (job->whep->lists, job);
}

void
air_whep_stop_lists (AirWhep *whep)
{
  for (guint i = 0; i < whep->lists->len; i++)
    {
      ListJob *job = whep->lists->pdata[i];
      air_request_reply_problem (job->request, 503, "unavailable", "The server stops.");
      air_request_unref (job->request);
    }
  g_ptr_array_set_size (whep->lists, 0);
}

static bool
read_number (AirRequest *request, const char *name, unsigned least, unsigned most, unsigned *value)
{
  const char *text = air_request_get_query (request, name);
  guint64 number;
  if (!text)
    return true;
  if (!g_ascii_string_to_unsigned (text, 10, least, most, &number, NULL))
    {
      g_autofree char *detail = g_strdup_printf ("%s is a number from %u to %u.", name, least, most);
      air_request_reply_problem (request, 400, "invalid", detail);
      return false;
    }
  *value = (unsigned)number;
  return true;
}

static bool
read_query (AirRequest *request, ListJob *job, bool *ret_with_staff)
{
  const char *sort = air_request_get_query (request, "sort"), *staff = air_request_get_query (request, "staff");
  *ret_with_staff = !staff || g_str_equal (staff, "true");
  if (sort && !air_viewer_sort_parse (sort, &job->sort))
    {
      air_request_reply_problem (request, 400, "invalid", "sort is the name of a column, with - before it for descending.");
      return false;
    }
  if (!*ret_with_staff && !g_str_equal (staff, "false"))
    {
      air_request_reply_problem (request, 400, "invalid", "staff is true or false.");
      return false;
    }
  return read_number (request, "limit", 1, AIR_VIEWER_LIST_MAX_LIMIT, &job->limit)
         && read_number (request, "cursor", 0, G_MAXINT, &job->first);
}

static GPtrArray *
list_rows (AirWhep *whep, const char *path, bool with_staff)
{
  g_autoptr (GPtrArray) infos = whep->engine->class->list_viewers (whep->engine, path);
  GPtrArray *rows = g_ptr_array_new_full (infos->len, (GDestroyNotify)air_viewer_row_free);
  g_ptr_array_set_free_func (infos, NULL);
  for (guint i = 0; i < infos->len; i++)
    {
      AirViewerInfo *info = infos->pdata[i];
      const AirWhepSession *session = air_whep_sessions_find_viewer (whep->sessions, info->viewer_id);
      AirRole role = session ? air_identity_get_role (session->identity) : AIR_ROLE_NONE;
      if (!with_staff && role >= AIR_ROLE_TEACHER)
        {
          air_viewer_info_free (info);
          continue;
        }
      AirViewerRow *row = g_new (AirViewerRow, 1);
      *row = (AirViewerRow){ info, session ? g_strdup (session->user_id) : NULL, role };
      g_ptr_array_add (rows, row);
    }
  return rows;
}

static void
handle_viewers (AirRequest *request, void *self)
{
  AirWhep *whep = self;
  const char *path = air_request_get_variable (request, "path");
  if (!air_stream_path_is_valid (path))
    {
      air_request_reply_problem (request, 400, "path-invalid", "That is no path of a stream.");
      return;
    }
  AirIdentity *identity = air_request_get_identity (request);
  if (!identity || !air_identity_may (identity, AIR_ACTION_READ, path))
    {
      air_request_reply_problem (request, 403, "forbidden", "That is another class.");
      return;
    }
  ListJob *job = g_new0 (ListJob, 1);
  bool with_staff;
  job->whep = whep;
  job->limit = AIR_VIEWER_LIST_DEFAULT_LIMIT;
  if (!read_query (request, job, &with_staff))
    {
      free_list_job (job);
      return;
    }
  job->request = air_request_ref (request);
  job->rows = list_rows (whep, path, with_staff);
  g_ptr_array_add (whep->lists, job);
  air_context_run_in_pool (whep->context, write_list, send_list, job, free_list_job);
}

/* ---- A viewer's own status */

static void
handle_status (AirRequest *request, void *self)
{
  AirWhep *whep = self;
  AirWhepSession *session = air_whep_find_session (whep, request);
  if (!session)
    return;
  AirViewerInfo *info = whep->engine->class->get_viewer (whep->engine, session->viewer_id);
  if (info)
    air_request_reply_json (request, 200, air_viewer_status (info));
  else
    air_request_reply_problem (request, 404, "session-not-found", "The session has just ended.");
  air_viewer_info_free (info);
}

void
air_whep_add_viewers (AirContext *context)
{
  static const AirRoute routes[] = {
    { .method = "GET",
      .template = "/api/streams/{path}/viewers",
      .summary = "Who watches by WHEP, and how well",
      .role = AIR_ROLE_TEACHER,
      .handler = handle_viewers },
    { .method = "GET",
      .template = "/{path}/whep/{session_id}/status",
      .summary = "What a viewer gets, and why",
      .handler = handle_status },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (routes); i++)
    air_context_add_route (context, &routes[i]);
}
