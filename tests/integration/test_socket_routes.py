"""A WebSocket of a plugin that has not all of the callbacks."""

import asyncio
import subprocess

import pytest
from conftest import BUILD, DEADLINE_S, TOP
from websockets.client import connect

PLUGIN = r"""
#include <airclass/airclass.h>

static void
on_message (AirSocket *socket, const char *text, size_t length, void *self)
{
  air_socket_send_text (socket, text);
}

static void *
create (AirContext *context, GError **error)
{
  static const AirSocketRoute echo = { .template = "/ws/echo", .summary = "Says it again", .message = on_message };
  static const AirSocketRoute members = { .template = "/ws/members", .summary = "The same", .role = AIR_ROLE_STUDENT, .message = on_message };
  static const AirSocketRoute deaf = { .template = "/ws/deaf", .summary = "Hears nothing" };
  air_context_add_socket (context, &echo);
  air_context_add_socket (context, &members);
  air_context_add_socket (context, &deaf);
  return context;
}

static void
destroy (void *self)
{
}

static const AirOption options[] = { { .key = NULL } };

AIR_PLUGIN_EXPORT = {
  .struct_size = sizeof (AirPlugin), .api_version = AIR_API_VERSION, .name = "echo", .version = "1",
  .summary = "Says it again", .options = options, .create = create, .destroy = destroy,
};
"""


@pytest.fixture
def server(airclassd, tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    source = folder / "echo.c"
    source.write_text(PLUGIN)
    packages = ["glib-2.0", "gio-2.0", "gstreamer-1.0", "json-glib-1.0"]
    flags = subprocess.run(["pkg-config", "--cflags", *packages], check=True, capture_output=True, text=True).stdout.split()
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "echo.so", source, f"-I{TOP}/core/include", f"-I{BUILD}/core/include", *flags],
                   check=True, timeout=120)
    return airclassd({"core": {"plugin_dir": folder}}, plugins=["echo"], environment={"AIRCLASS_CORE_PLUGIN_DIR": str(folder)})


def test_sockets_without_opened_and_closed(server):
    async def talk():
        token = server.token()
        for path in ("/ws/echo", f"/ws/members?jwt={token}"):
            async with connect(server.websocket_url + path) as socket:
                await socket.send("hello")
                assert await asyncio.wait_for(socket.recv(), DEADLINE_S) == "hello"
        async with connect(server.websocket_url + "/ws/members") as socket:
            await socket.send('{"type":"auth","token":"%s"}' % token)
            await socket.send("hello")
            assert await asyncio.wait_for(socket.recv(), DEADLINE_S) == "hello"
        async with connect(server.websocket_url + "/ws/deaf") as socket:
            await socket.send("hello")
            await asyncio.wait_for(await socket.ping(), DEADLINE_S)

    asyncio.run(talk())
    assert server.get("/healthz").status == 200
