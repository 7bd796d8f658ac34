"""A plugin that holds the main loop is named while it does so (FAULTS 29)."""

import subprocess
import threading

import pytest

from conftest import BUILD, TOP, wait_until

PLUGIN = r"""
#include <airclass/airclass.h>

/* Holds the main loop until the file named by release= is there. */
static void
hold (AirRequest *request, void *self)
{
  const char *release = air_context_get_string (self, "release");
  int64_t end_us = g_get_monotonic_time () + 60 * G_USEC_PER_SEC;
  while (!g_file_test (release, G_FILE_TEST_EXISTS) && g_get_monotonic_time () < end_us)
    g_usleep (10000);
  air_request_reply_empty (request, 204);
}

static void *
create (AirContext *context, GError **error)
{
  static const AirRoute route = { .method = "POST", .template = "/holder/hold", .summary = "Holds the main loop",
                                  .body = AIR_BODY_NONE, .handler = hold };
  air_context_add_route (context, &route);
  return context;
}

static void
destroy (void *self)
{
}

static const AirOption options[] = {
  { .key = "release", .type = AIR_OPTION_STRING, .default_value = "", .help = "The file that ends it." },
  { .key = NULL },
};

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin), .api_version = AIR_API_VERSION, .name = "holder", .version = "1",
  .summary = "Holds the main loop", .options = options, .create = create, .destroy = destroy,
};
"""


@pytest.fixture
def plugin_dir(tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    source = folder / "holder.c"
    source.write_text(PLUGIN)
    packages = ["glib-2.0", "gio-2.0", "gstreamer-1.0", "json-glib-1.0"]
    flags = subprocess.run(["pkg-config", "--cflags", *packages], check=True, capture_output=True, text=True).stdout.split()
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "holder.so", source, f"-I{TOP}/core/include", f"-I{BUILD}/core/include", *flags],
                   check=True, timeout=120)
    return folder


def test_the_holder_is_named_while_it_holds(airclassd, plugin_dir, tmp_path):
    release = tmp_path / "release"
    server = airclassd({"core": {"plugin_dir": plugin_dir}, "holder": {"release": release}}, plugins=["holder"],
                       environment={"AIRCLASS_CORE_PLUGIN_DIR": str(plugin_dir)})
    answers = []
    request = threading.Thread(target=lambda: answers.append(server.post("/holder/hold", timeout=60)))
    request.start()
    try:
        wait_until(lambda: '"holder" holds the main loop' in server.log_text(), "the watchdog to name the plugin")
    finally:
        release.touch()
        request.join(60)
    assert answers[0].status == 204
    exposition = server.get("/metrics").text
    assert 'airclass_main_loop_blocked_total{plugin="holder"} 1\n' in exposition
    wait_until(lambda: '"holder" held the main loop for about' in server.log_text(), "the end to be told")
