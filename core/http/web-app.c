/* Reads the built web app once. It is small (some hundred KiB); a folder that is not is refused, since all of it is
 * kept in memory. Only regular files inside the folder count: no dot files, no links that lead out. */
#define G_LOG_DOMAIN "air-http"

#include "http/web-app.h"

#include <airclass/error.h>
#include <string.h>

#define MAX_TOTAL_BYTES (64 * 1024 * 1024)
#define MAX_FILES 2000
#define MAX_DEPTH 8

struct _AirWebApp
{
  AirContext *context;
  GHashTable *files; /* URL path → AirAsset */
  size_t total_bytes;
};

/* Addresses that the app answers itself, with whatever stands behind them. */
static const char *const pages[] = { "/join", "/student", "/teacher", "/monitor", "/questions", "/report" };

static const char *
get_content_type (const char *name)
{
  static const char *const types[][2] = {
    { ".html", "text/html; charset=utf-8" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
    { ".json", "application/json" },
    { ".map", "application/json" },
    { ".svg", "image/svg+xml" },
    { ".png", "image/png" },
    { ".jpg", "image/jpeg" },
    { ".webp", "image/webp" },
    { ".ico", "image/vnd.microsoft.icon" },
    { ".woff2", "font/woff2" },
    { ".txt", "text/plain; charset=utf-8" },
    { ".webmanifest", "application/manifest+json" },
    { ".wasm", "application/wasm" },
    { ".mp3", "audio/mpeg" },
    { ".mp4", "video/mp4" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (types); i++)
    if (g_str_has_suffix (name, types[i][0]))
      return types[i][1];
  return "application/octet-stream";
}

static bool
read_file (AirWebApp *app, const char *file, const char *url, GError **error)
{
  char *content = NULL;
  gsize size = 0;
  if (!g_file_get_contents (file, &content, &size, error))
    return false;
  app->total_bytes += size;
  if (app->total_bytes > MAX_TOTAL_BYTES || g_hash_table_size (app->files) >= MAX_FILES)
    {
      g_free (content);
      g_set_error (error, AIR_ERROR, AIR_ERROR_LIMIT, "the folder of '%s' is too large for a web app", file);
      return false;
    }
  /* The build puts a digest of the content into the names under assets/. */
  const char *cache = g_str_has_prefix (url, "/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
  g_hash_table_insert (app->files, g_strdup (url),
                       air_asset_new (app->context, get_content_type (url), cache, g_bytes_new_take (content, size)));
  return true;
}

static bool
read_folder (AirWebApp *app, const char *folder, const char *url, unsigned depth, GError **error)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, error);
  if (dir == NULL)
    return false;
  for (const char *name = g_dir_read_name (dir); name != NULL; name = g_dir_read_name (dir))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_autofree char *below = g_strdup_printf ("%s/%s", url, name);
      bool is_good = true;
      if (name[0] == '.' || g_file_test (path, G_FILE_TEST_IS_SYMLINK))
        continue;
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        is_good = depth >= MAX_DEPTH || read_folder (app, path, below, depth + 1, error);
      else if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
        is_good = read_file (app, path, below, error);
      if (!is_good)
        return false;
    }
  return true;
}

/* ---- */

AirWebApp *
air_web_app_new (AirContext *context, const char *folder, GError **error)
{
  AirWebApp *app = g_new0 (AirWebApp, 1);
  app->context = context;
  app->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)air_asset_unref);
  if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
    g_message ("there is no web app in '%s': its pages are not served", folder);
  else if (!read_folder (app, folder, "", 0, error))
    {
      air_web_app_free (app);
      return NULL;
    }
  return app;
}

void
air_web_app_free (AirWebApp *app)
{
  if (app == NULL)
    return;
  g_hash_table_unref (app->files);
  g_free (app);
}

AirAsset *
air_web_app_find (AirWebApp *app, const char *path)
{
  if (g_str_equal (path, "/"))
    return g_hash_table_lookup (app->files, "/index.html");
  for (size_t i = 0; i < G_N_ELEMENTS (pages); i++)
    if (g_str_has_prefix (path, pages[i]) && (path[strlen (pages[i])] == '\0' || path[strlen (pages[i])] == '/'))
      return g_hash_table_lookup (app->files, "/index.html");
  return g_hash_table_lookup (app->files, path);
}
