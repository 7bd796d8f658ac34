/* The command line of whep-load. */
#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "whep-load.h"

#define MAX_VIEWERS 20000
#define MAX_THREADS 16
#define HTTP_TIMEOUT_MS 10000

static bool
check_ranges (const LoadOptions *options, GError **error)
{
  const char *problem = NULL;

  if (options->viewers < 1 || options->viewers > MAX_VIEWERS)
    problem = "--viewers is 1 to 20000";
  else if (options->threads < 1 || options->threads > MAX_THREADS)
    problem = "--threads is 1 to 16";
  else if (options->join_rate <= 0)
    problem = "--join-rate is more than 0 a second";
  else if (options->duration_s <= 0 || options->settle_s < 0)
    problem = "--duration is more than 0 seconds, --settle at least 0";
  else if (options->plan.loss < 0 || options->plan.loss >= 100 || options->plan.vanish < 0
           || options->plan.vanish > 100)
    problem = "--loss and --vanish are percentages";
  else if (!options->url && !options->state_dir)
    problem = "say where: a URL such as http://127.0.0.1:8080/live/stream/whep, or --state-dir=DIR";
  if (problem)
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, problem);
  return !problem;
}

static bool
read_stop (LoadPlan *plan, const char *name, GError **error)
{
  static const struct
  {
    const char *name;
    LoadState after;
  } stations[] = { { "post", LOAD_POSTING }, { "checks", LOAD_CHECKING }, { "dtls", LOAD_SHAKING_HANDS } };

  for (size_t i = 0; name && i < G_N_ELEMENTS (stations); i++)
    if (strcmp (name, stations[i].name) == 0)
      {
        plan->stop_at = stations[i].after;
        return true;
      }
  if (!name)
    return true;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--stop-at is post, checks or dtls, not '%s'", name);
  return false;
}

/* As a student's page does it. */
static bool
fetch_token (LoadOptions *options, GError **error)
{
  g_autofree char *answer = NULL, *class_id = NULL;
  const char *target = options->plan.url.target;
  LoadRequest request = { .method = "POST", .target = "/api/token", .content_type = "application/json" };
  g_auto (GStrv) parts = g_strsplit (target, "/", -1);

  class_id = g_strdup (g_strv_length (parts) >= 4 ? parts[g_strv_length (parts) - 2] : "stream");
  g_autofree char *body = g_strdup_printf (
      "{\"user_type\":\"student\",\"user_id\":\"whep-load\",\"action\":\"read\",\"class_id\":\"%s\"}", class_id);
  request.body = body;
  unsigned status = load_http_run (&options->plan.url, &request, HTTP_TIMEOUT_MS, &answer);
  g_autoptr (JsonNode) root = status == 200 ? json_from_string (answer, NULL) : NULL;
  if (root && JSON_NODE_HOLDS_OBJECT (root))
    options->token = g_strdup (
        json_object_get_string_member_with_default (json_node_get_object (root), "token", NULL));
  if (options->token)
    return true;
  if (status == 0)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_HOST_UNREACHABLE, "no answer from %s", options->plan.url.host);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                 "POST /api/token was answered %u: give --token or --key", status);
  return false;
}

static bool
find_server (LoadOptions *options, GError **error)
{
  g_autofree char *http = NULL, *rtmp = NULL;
  pid_t pid = 0;

  if (options->state_dir)
    {
      if (!load_run_file_read (options->state_dir, &pid, &http, &rtmp, error))
        return false;
      if (options->pid == 0)
        options->pid = pid;
    }
  if (!options->url && !http)
    {
      g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "the server has no plain HTTP port");
      return false;
    }
  if (!options->url)
    options->url = g_strconcat (http, "/live/stream/whep", NULL);
  if (!load_url_parse (options->url, &options->plan.url, error))
    return false;
  if (options->key && !options->token)
    options->token = g_strdup (options->key);
  if (!options->token && !fetch_token (options, error))
    return false;
  options->plan.token = options->token;
  return true;
}

bool
load_options_parse (LoadOptions *options, int *argc, char ***argv, GError **error)
{
  LoadPlan *plan = &options->plan;
  gboolean offload = FALSE, wakes = FALSE, gives_way = FALSE;
  g_autofree char *stop_at = NULL;
  const GOptionEntry entries[] = {
    { "viewers", 'n', 0, G_OPTION_ARG_INT, &options->viewers, "How many (100)", "N" },
    { "join-rate", 'r', 0, G_OPTION_ARG_DOUBLE, &options->join_rate, "Joins a second (50)", "R" },
    { "duration", 'd', 0, G_OPTION_ARG_DOUBLE, &options->duration_s,
      "How long to measure once all are there, seconds (10)", "S" },
    { "settle", 0, 0, G_OPTION_ARG_DOUBLE, &options->settle_s, "How long to wait before, seconds (2)", "S" },
    { "threads", 't', 0, G_OPTION_ARG_INT, &options->threads, "Threads that receive (1)", "N" },
    { "token", 0, 0, G_OPTION_ARG_STRING, &options->token,
      "The viewers' token; without it and --key one is asked for as a student does", "TOKEN" },
    { "key", 0, 0, G_OPTION_ARG_STRING, &options->key, "The teacher's key", "KEY" },
    { "state-dir", 's', 0, G_OPTION_ARG_FILENAME, &options->state_dir,
      "The server's state folder: tells address and process", "DIR" },
    { "pid", 'p', 0, G_OPTION_ARG_INT, &options->pid, "The server's process", "PID" },
    { "no-nack", 0, 0, G_OPTION_ARG_NONE, &options->no_nack, "Do not ask for lost packets", NULL },
    { "no-rtx", 0, 0, G_OPTION_ARG_NONE, &options->no_rtx, "Do not offer RTX (RFC 4588)", NULL },
    { "no-transport-cc", 0, 0, G_OPTION_ARG_NONE, &options->no_transport_cc, "Send no transport-wide feedback", NULL },
    { "loss", 0, 0, G_OPTION_ARG_DOUBLE, &plan->loss, "Drop so many per cent of what arrives", "P" },
    { "stay", 0, 0, G_OPTION_ARG_DOUBLE, &plan->stay_s,
      "Churn: each stays about so long, then another comes, seconds", "S" },
    { "vanish", 0, 0, G_OPTION_ARG_DOUBLE, &plan->vanish, "So many per cent leave without a word", "P" },
    { "stop-at", 0, 0, G_OPTION_ARG_STRING, &stop_at,
      "Bad clients: none says anything more after the POST, the ICE checks (checks) or DTLS's first message (dtls)",
      "post|checks|dtls" },
    { "receive-offload", 0, 0, G_OPTION_ARG_NONE, &offload,
      "Take runs of packets as the sender made them (UDP_GRO): less work for this machine than browsers make", NULL },
    { "wake", 0, 0, G_OPTION_ARG_NONE, &wakes,
      "Be woken by each arrival instead of looking each 2 ms: the server pays for it when both run on one machine", NULL },
    { "give-way", 0, 0, G_OPTION_ARG_NONE, &gives_way,
      "While nobody waits for an answer take only processor time that nothing else on this machine wants (needs CAP_SYS_NICE)", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Print one JSON object", NULL },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("[URL] – many viewers of one WHEP endpoint");

  *options = (LoadOptions){ .viewers = 100, .threads = 1, .join_rate = 50, .duration_s = 10, .settle_s = 2 };
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (
      context, "Joins N viewers as browsers do (POST, ICE, DTLS, SRTP), receives and checks all that comes, and tells\n"
               "what was lost, how soon pictures came, and what the server used for it.");
  if (!g_option_context_parse (context, argc, argv, error))
    return false;
  options->url = g_strdup (*argc > 1 ? (*argv)[1] : NULL);
  if (!check_ranges (options, error) || !read_stop (plan, stop_at, error) || !find_server (options, error))
    return false;
  plan->nack = !options->no_nack;
  plan->rtx = !options->no_rtx && plan->nack;
  plan->transport_cc = !options->no_transport_cc;
  plan->receive_offload = offload;
  plan->wakes = wakes;
  plan->gives_way = gives_way;
  plan->loss /= 100;
  plan->vanish /= 100;
  plan->socket_bytes = 4 * 1024 * 1024;
  return (plan->identity = air_dtls_identity_new (error)) != NULL;
}

void
load_options_clear (LoadOptions *options)
{
  load_url_clear (&options->plan.url);
  g_clear_pointer (&options->plan.identity, air_dtls_identity_unref);
  g_free (options->url);
  g_free (options->state_dir);
  g_free (options->token);
  g_free (options->key);
}
