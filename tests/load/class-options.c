/* The command line of class-load. */
#include <gio/gio.h>
#include <string.h>

#include "class-load.h"

#define MAX_PEOPLE 10000
#define MAX_MESSAGES 200
/* A student may write 30 messages a minute. */
#define MAX_MESSAGES_OF_ONE 25

static bool
check_ranges (const ClassOptions *options, GError **error)
{
  const char *problem = NULL;

  if (options->students < 1 || options->listeners < 0 || options->students > MAX_PEOPLE
      || options->listeners > MAX_PEOPLE - options->students)
    problem = "--students is at least 1, and no more than 10000 with --listeners";
  else if (options->messages < 0 || options->messages > MAX_MESSAGES)
    problem = "--messages is 0 to 200";
  else if (options->messages > MAX_MESSAGES_OF_ONE * options->students)
    problem = "--messages is 25 a student at most: who writes more is stopped";
  else if (!(options->join_s >= 0 && options->join_s <= 600 && options->answer_s >= 0 && options->answer_s <= 600))
    problem = "--join-seconds and --answer-seconds are 0 to 600";
  else if (!(options->chat_interval_s >= 0 && options->chat_interval_s <= 60))
    problem = "--chat-interval is 0 to 60 seconds";
  else if (!(options->patience_s > 0 && options->patience_s <= 600))
    problem = "--patience is more than 0 and up to 600 seconds";
  else if (!options->url && !options->state_dir)
    problem = "say where: a URL such as http://127.0.0.1:8000/, or --state-dir=DIR";
  if (problem)
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, problem);
  return !problem;
}

static bool
read_answers (ClassOptions *options, const char *name, GError **error)
{
  options->answers_by_socket = g_strcmp0 (name, "socket") == 0;
  if (!name || options->answers_by_socket || strcmp (name, "http") == 0)
    return true;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--answers is http or socket, not '%s'", name);
  return false;
}

static bool
find_key (ClassOptions *options, GError **error)
{
  if (!options->key && options->state_dir)
    {
      g_autofree char *path = g_build_filename (options->state_dir, "auth", "teacher-key", NULL);

      if (!g_file_get_contents (path, &options->key, NULL, error))
        return false;
      g_strstrip (options->key);
    }
  if (options->key && *options->key && !strpbrk (options->key, "\r\n"))
    return true;
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "a class is made with the teacher's key: --key=KEY");
  return false;
}

static bool
find_server (ClassOptions *options, LoadUrl *ret_server, GError **error)
{
  g_autofree char *http = NULL, *rtmp = NULL;
  pid_t pid = 0;

  if (options->state_dir && !load_run_file_read (options->state_dir, &pid, &http, &rtmp, error))
    return false;
  if (options->pid == 0)
    options->pid = pid;
  if (!options->url)
    options->url = g_steal_pointer (&http);
  if (!options->url)
    {
      g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "the server has no plain HTTP port");
      return false;
    }
  return load_url_parse (options->url, ret_server, error) && find_key (options, error);
}

bool
class_options_parse (ClassOptions *options, LoadUrl *ret_server, int *argc, char ***argv, GError **error)
{
  g_autofree char *answers = NULL;
  const GOptionEntry entries[] = {
    { "students", 'n', 0, G_OPTION_ARG_INT, &options->students, "How many answer (450)", "N" },
    { "listeners", 'l', 0, G_OPTION_ARG_INT, &options->listeners, "How many more come for the chat, with a page each (0)", "K" },
    { "messages", 'm', 0, G_OPTION_ARG_INT, &options->messages, "Chat messages, written by the students in turn (20)", "M" },
    { "join-seconds", 0, 0, G_OPTION_ARG_DOUBLE, &options->join_s, "All come within so long; so do the listeners (10)", "S" },
    { "answer-seconds", 0, 0, G_OPTION_ARG_DOUBLE, &options->answer_s, "All answer within so long (1)", "S" },
    { "answers", 0, 0, G_OPTION_ARG_STRING, &answers, "How: by POST on kept connections, or over the WebSocket (http)", "http|socket" },
    { "chat-interval", 0, 0, G_OPTION_ARG_DOUBLE, &options->chat_interval_s, "Between two messages, seconds (0.2)", "S" },
    { "patience", 0, 0, G_OPTION_ARG_DOUBLE, &options->patience_s, "How long what does not come is waited for, seconds (20)", "S" },
    { "key", 0, 0, G_OPTION_ARG_STRING, &options->key, "The teacher's key", "KEY" },
    { "state-dir", 's', 0, G_OPTION_ARG_FILENAME, &options->state_dir,
      "The server's state folder: tells address, key and process", "DIR" },
    { "pid", 'p', 0, G_OPTION_ARG_INT, &options->pid, "The server's process", "PID" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Print one JSON object", NULL },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("[URL] – a class at work");

  *options = (ClassOptions){ .students = 450, .messages = 20, .join_s = 10, .answer_s = 1, .chat_interval_s = 0.2, .patience_s = 20 };
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (context,
                                "Makes a class of N students with a page (WebSocket) each, publishes a question, lets all answer at once, lets\n"
                                "people chat, and tells how soon everything arrived. Fails when something was lost, doubled or wrong.");
  if (!g_option_context_parse (context, argc, argv, error))
    return false;
  options->url = g_strdup (*argc > 1 ? (*argv)[1] : NULL);
  return check_ranges (options, error) && read_answers (options, answers, error) && find_server (options, ret_server, error);
}

void
class_options_clear (ClassOptions *options)
{
  g_free (options->url);
  g_free (options->state_dir);
  g_free (options->key);
}
