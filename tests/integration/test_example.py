"""The example plugin in a running server: route, WebSocket, metric, options, event handler, stream reader."""

import asyncio
import json

import pytest
import websockets

from conftest import wait_until

PLUGINS = ["rtmp-ingest", "example"]


def test_counts_of_a_stream(airclassd, publish):
    server = airclassd(plugins=PLUGINS)
    teacher = server.token("teacher")
    assert server.get("/api/example/live/stream", token=teacher).status == 404
    publisher = publish(server)
    counts = wait_until(
        lambda: (answer := server.get("/api/example/live/stream", token=teacher)).status == 200
        and answer.json["video_units"] > 60 and answer.json["audio_units"] > 0 and answer.json,
        "units to be counted",
    )
    assert counts["path"] == "live/stream"
    assert counts["bytes"] > 0
    assert server.metric("airclass_example_units_total") > 0
    publisher.terminate()
    publisher.wait(20)


def test_only_the_teacher(airclassd):
    server = airclassd(plugins=PLUGINS)
    assert server.get("/api/example/live/stream").status == 401
    assert server.get("/api/example/live/stream", token=server.token("student")).status == 403


def test_socket(airclassd, publish):
    server = airclassd({"example": {"greeting": "Good morning.", "interval": "100 ms"}}, plugins=PLUGINS)
    publish(server)

    async def talk():
        async with websockets.connect(f"{server.websocket_url}/ws/example?jwt={server.token('teacher')}") as socket:
            greeting = json.loads(await asyncio.wait_for(socket.recv(), 20))
            assert greeting == {"type": "greeting", "text": "Good morning."}
            counts = json.loads(await asyncio.wait_for(socket.recv(), 20))
            assert counts["path"] == "live/stream"
            await socket.send("live/nobody")
            while (frame := json.loads(await asyncio.wait_for(socket.recv(), 20))).get("type") != "error":
                assert frame["path"] == "live/stream"

    asyncio.run(talk())


def test_greeting_changes_live(airclassd):
    server = airclassd({"example": {"greeting": "old"}}, plugins=PLUGINS)
    server.options["example"]["greeting"] = "new"
    server.write_config(server.options)
    server.reload()
    wait_until(lambda: "reloaded: example.greeting changed" in server.log_text(), "the reload")

    async def greeting():
        async with websockets.connect(f"{server.websocket_url}/ws/example?jwt={server.token('teacher')}") as socket:
            return json.loads(await asyncio.wait_for(socket.recv(), 20))["text"]

    assert asyncio.run(greeting()) == "new"


def test_socket_is_closed_when_the_host_stops(airclassd):
    server = airclassd(plugins=PLUGINS)

    async def wait_for_end():
        async with websockets.connect(f"{server.websocket_url}/ws/example?jwt={server.token('teacher')}") as socket:
            await asyncio.wait_for(socket.recv(), 20)
            server.process.terminate()
            with pytest.raises(websockets.ConnectionClosed):
                while True:
                    await asyncio.wait_for(socket.recv(), 20)
            return socket.close_code

    assert asyncio.run(wait_for_end()) == 1001
