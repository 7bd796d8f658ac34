/* The log writer.
 *
 * Called by GLib on whatever thread logs; the state below is process-wide and guarded by one mutex. A line is written
 * with one write(), and never waits for a reader: when the pipe is full the line is lost and counted, because a stalled
 * log collector must not stop the class.
 */
#include "ops/log.h"

#include <airclass/json.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ops/log-limiter.h"
#include "ops/log-scrub.h"
#include "ops/ops-config.h"

#ifdef AIR_OPS_HAVE_JOURNALD
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#endif

static struct
{
  GMutex mutex;
  AirLogFormat format;
  GLogLevelFlags lowest;
  GLogLevelFlags fatal; /* levels after which the process ends, besides G_LOG_LEVEL_ERROR */
  AirLogLimiter *limiter;
  uint64_t lost; /* lines that the reader of our standard error did not take */
  AirMetric *lines, *left_out;
} logger = { .format = AIR_LOG_TEXT, .lowest = G_LOG_LEVEL_INFO };

static const struct
{
  GLogLevelFlags level;
  const char *name;
  int priority; /* syslog(3) */
} levels[] = {
  { G_LOG_LEVEL_ERROR, "error", 3 },    { G_LOG_LEVEL_CRITICAL, "critical", 4 }, { G_LOG_LEVEL_WARNING, "warning", 4 },
  { G_LOG_LEVEL_MESSAGE, "notice", 5 }, { G_LOG_LEVEL_INFO, "info", 6 },         { G_LOG_LEVEL_DEBUG, "debug", 7 },
};

static size_t
level_index (GLogLevelFlags level)
{
  for (size_t i = 0; i < G_N_ELEMENTS (levels); i++)
    if (level & levels[i].level)
      return i;
  return G_N_ELEMENTS (levels) - 1;
}

void
air_log_add_secret (const char *secret)
{
  air_log_scrub_add_secret (secret);
}

/* ---- Formatting ---- */

static void
append_json_text (GString *line, const char *text)
{
  g_string_append_c (line, '"');
  for (const char *at = text; *at != '\0'; at++)
    {
      if (*at == '"' || *at == '\\')
        g_string_append_c (line, '\\');
      g_string_append_c (line, *at); /* scrubbed: no control characters */
    }
  g_string_append_c (line, '"');
}

/* @message is scrubbed. */
static char *
format_scrubbed (AirLogFormat format, GLogLevelFlags level, const char *domain, const char *message, int64_t at_us)
{
  g_autofree char *at = air_time_to_string (at_us);
  const char *name = levels[level_index (level)].name;
  if (format != AIR_LOG_JSON)
    return g_strdup_printf ("%s %-7s %s: %s\n", at, name, domain, message);

  GString *line = g_string_new ("{\"at\":\"");
  g_string_append_printf (line, "%s\",\"level\":\"%s\",\"domain\":", at, name);
  append_json_text (line, domain);
  g_string_append (line, ",\"message\":");
  append_json_text (line, message);
  g_string_append (line, "}\n");
  return g_string_free (line, FALSE);
}

char *
air_log_format_line (AirLogFormat format, GLogLevelFlags level, const char *domain, const char *message, int64_t at_us)
{
  g_autofree char *scrubbed = air_log_scrub (message, -1);
  g_autofree char *clean_domain = air_log_scrub (domain, -1);
  return format_scrubbed (format, level, clean_domain, scrubbed, at_us);
}

/* ---- Writing; with the mutex held ---- */

/* Whether all of it went out. */
static bool
write_line (const char *line)
{
  size_t length = strlen (line), written = 0;
  while (written < length)
    {
      struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
      /* A started line is finished, within reason. */
      if (poll (&ready, 1, written == 0 ? 0 : 100) != 1)
        return false;
      ssize_t n = write (STDERR_FILENO, line + written, length - written);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return false;
      written += (size_t)n;
    }
  return true;
}

#ifdef AIR_OPS_HAVE_JOURNALD
static bool
write_journal (GLogLevelFlags level, const char *domain, const char *message)
{
  char *fields[] = {
    g_strconcat ("MESSAGE=", message, NULL),
    g_strdup_printf ("PRIORITY=%d", levels[level_index (level)].priority),
    g_strconcat ("GLIB_DOMAIN=", domain, NULL),
    g_strdup ("SYSLOG_IDENTIFIER=airclassd"),
  };
  struct iovec parts[G_N_ELEMENTS (fields)];
  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++)
    parts[i] = (struct iovec){ .iov_base = fields[i], .iov_len = strlen (fields[i]) };
  bool sent = sd_journal_sendv (parts, G_N_ELEMENTS (parts)) == 0;
  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++)
    g_free (fields[i]);
  return sent;
}
#else
static bool
write_journal (GLogLevelFlags level, const char *domain, const char *message)
{
  return false;
}
#endif

/* @message and @domain are scrubbed. */
static void
write_entry (GLogLevelFlags level, const char *domain, const char *message)
{
  const char *label[] = { levels[level_index (level)].name, NULL };
  if (logger.lines != NULL)
    air_metric_add (logger.lines, 1, label);
  if (logger.format == AIR_LOG_JOURNALD && write_journal (level, domain, message))
    return;

  int64_t now_us = g_get_real_time ();
  if (logger.lost > 0)
    {
      g_autofree char *text
          = g_strdup_printf ("%" G_GUINT64_FORMAT " lines were lost because nobody read the log", logger.lost);
      g_autofree char *line = format_scrubbed (logger.format, G_LOG_LEVEL_WARNING, "air-log", text, now_us);
      if (write_line (line))
        logger.lost = 0;
    }
  g_autofree char *line = format_scrubbed (logger.format, level, domain, message, now_us);
  if (!write_line (line))
    {
      logger.lost++;
      if (logger.left_out != NULL)
        air_metric_add (logger.left_out, 1, NULL);
    }
}

static void
write_limited (GLogLevelFlags level, const char *domain, const char *message)
{
  uint64_t left_out = 0;
  if (!air_log_limiter_pass (logger.limiter, domain, message, g_get_monotonic_time (), &left_out))
    {
      if (logger.left_out != NULL)
        air_metric_add (logger.left_out, 1, NULL);
      return;
    }
  if (left_out == 0)
    {
      write_entry (level, domain, message);
      return;
    }
  g_autofree char *counted
      = g_strdup_printf ("%s (%" G_GUINT64_FORMAT " lines like this were left out)", message, left_out);
  write_entry (level, domain, counted);
}

void
air_log_report_left_out (void)
{
  g_mutex_lock (&logger.mutex);
  while (logger.limiter != NULL)
    {
      g_autofree char *domain = NULL;
      uint64_t left_out = 0;
      g_autofree char *sample
          = air_log_limiter_take_quiet (logger.limiter, g_get_monotonic_time (), &domain, &left_out);
      if (sample == NULL)
        break;
      g_autofree char *text
          = g_strdup_printf ("%" G_GUINT64_FORMAT " lines like this were left out: %s", left_out, sample);
      write_entry (G_LOG_LEVEL_WARNING, domain, text);
    }
  g_mutex_unlock (&logger.mutex);
}

void
air_log_set_metrics (AirMetric *lines, AirMetric *left_out)
{
  g_mutex_lock (&logger.mutex);
  logger.lines = lines;
  logger.left_out = left_out;
  g_mutex_unlock (&logger.mutex);
}

/* ---- GLib's side ---- */

static const char *
find_field (const GLogField *fields, gsize n_fields, const char *key, gssize *ret_length)
{
  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, key))
      {
        if (ret_length != NULL)
          *ret_length = fields[i].length;
        return fields[i].value;
      }
  return NULL;
}

static GLogWriterOutput
writer (GLogLevelFlags level, const GLogField *fields, gsize n_fields, void *data)
{
  /* GLib leaves ending the process to the writer, except for messages of the older functions. */
  bool fatal = (level & (G_LOG_LEVEL_ERROR | logger.fatal)) != 0
               && find_field (fields, n_fields, "GLIB_OLD_LOG_API", NULL) == NULL;
  if ((level & G_LOG_LEVEL_MASK) > logger.lowest && !fatal)
    return G_LOG_WRITER_HANDLED;

  gssize length = -1;
  const char *message = find_field (fields, n_fields, "MESSAGE", &length);
  const char *domain = find_field (fields, n_fields, "GLIB_DOMAIN", NULL);
  g_autofree char *scrubbed = air_log_scrub (message, length);
  g_autofree char *clean_domain = air_log_scrub (domain != NULL ? domain : "airclassd", -1);

  g_mutex_lock (&logger.mutex);
  /* Debugging is asked for; an error ends the process: neither is limited. */
  if (fatal || (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_DEBUG)))
    write_entry (level, clean_domain, scrubbed);
  else
    write_limited (level, clean_domain, scrubbed);
  g_mutex_unlock (&logger.mutex);

  if (fatal)
    abort ();
  return G_LOG_WRITER_HANDLED;
}

static bool
journal_is_there (void)
{
#ifdef AIR_OPS_HAVE_JOURNALD
  return access ("/run/systemd/journal/socket", W_OK) == 0;
#else
  return false;
#endif
}

void
air_log_setup (AirLogFormat format, GLogLevelFlags lowest)
{
  static bool installed; /* only the first caller's thread is there at that time */
  bool fall_back = format == AIR_LOG_JOURNALD && !journal_is_there ();

  g_mutex_lock (&logger.mutex);
  logger.format = fall_back ? AIR_LOG_TEXT : format;
  logger.lowest = lowest;
  if (logger.limiter == NULL)
    logger.limiter = air_log_limiter_new ();
  const char *debug = g_getenv ("G_DEBUG");
  if (debug != NULL && strstr (debug, "fatal-warnings") != NULL)
    logger.fatal = G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL;
  else if (debug != NULL && strstr (debug, "fatal-criticals") != NULL)
    logger.fatal = G_LOG_LEVEL_CRITICAL;
  g_mutex_unlock (&logger.mutex);

  if (!installed)
    {
      installed = true;
      g_log_set_writer_func (writer, NULL, NULL);
    }
  if (fall_back)
    g_log ("air-log", G_LOG_LEVEL_WARNING, "format=journald, but there is no journal here: the log is written as text");
}
