"""User and password by the challenge of Flash Media Server (authmod=adobe), as OBS, ffmpeg and GStreamer speak it."""

import base64
import hashlib
import subprocess

import pytest

from conftest import ffmpeg_source, wait_until
from test_rtmp import client, tags, wait_tracks  # noqa: F401 (fixtures)

FFMPEG_PICTURE = dict(video="testsrc=size=320x240:rate=30", zerolatency=True)


@pytest.fixture
def server(airclassd):
    """Nobody is trusted, and who brings nothing is asked."""
    return airclassd({"rtmp-ingest": {"trusted": "", "challenge": "true"}}, plugins=["rtmp-ingest"])


@pytest.fixture
def quiet(airclassd):
    """Nobody is trusted, and nobody is asked."""
    return airclassd({"rtmp-ingest": {"trusted": ""}}, plugins=["rtmp-ingest"])


def with_user(server, user, password, path="live/stream"):
    return server.rtmp_url(path).replace("rtmp://", f"rtmp://{user}:{password}@")


def md5(*parts):
    return base64.b64encode(hashlib.md5("".join(parts).encode()).digest()).decode()


def ask(client, server, app="live", user="teacher"):
    """The second step. Returns the parameters of the question."""
    asking = client(server)
    asking.handshake()
    answer = asking.connect(f"{app}?authmod=adobe&user={user}")
    assert answer[0] == "_error" and answer[3]["code"] == "NetConnection.Connect.Rejected"
    asking.wait_closed()
    description = answer[3]["description"]
    assert "authmod=adobe" in description and "code=403" not in description
    return dict(part.split("=", 1) for part in description.split("?reason=needauth&")[1].split("&"))


def answer_query(question, password, mine="QUJDRA=="):
    response = md5(md5(question["user"], question["salt"], password), question["opaque"], mine)
    return f"authmod=adobe&user={question['user']}&challenge={mine}&response={response}&opaque={question['opaque']}"


def connect(client, server, query, app="live"):
    made = client(server)
    made.handshake()
    return made, made.connect(f"{app}?{query}")


def test_ffmpeg_with_user_and_password(server, run):
    run(ffmpeg_source(**FFMPEG_PICTURE) + ["-f", "flv", with_user(server, "teacher", server.stream_key)])
    wait_tracks(server)
    assert 'publishing as "teacher" by rtmp' in server.log_text()
    url = with_user(server, "monitor", server.teacher_key)
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-i", url, "-t", "0.5", "-c", "copy", "-f", "null", "-"], check=True,
                   timeout=60)
    assert 'playing as "monitor"' in server.log_text()
    assert server.stream_key not in server.log_text() and server.teacher_key not in server.log_text()


@pytest.mark.parametrize("form", ["location", "properties"])
def test_gstreamer_with_user_and_password(server, run, form):
    url, more = server.rtmp_url(), []
    if form == "location":
        url = with_user(server, "teacher", server.stream_key)
    else:
        more = ["authmod=adobe", "username=teacher", f"password={server.stream_key}"]
    run(["gst-launch-1.0", *"videotestsrc is-live=true ! x264enc tune=zerolatency ! h264parse ! flvmux streamable=true !".split(),
         "rtmp2sink", f"location={url}", *more])
    wait_tracks(server, kinds=["video"])


def test_wrong_password(server, run):
    publisher = run(ffmpeg_source(**FFMPEG_PICTURE) + ["-f", "flv", with_user(server, "kim", "not-the-key-of-this")])
    assert publisher.wait(30) != 0
    assert "not valid" in publisher.log_path.read_text()
    assert 'publisher as "kim" refused' in server.log_text()
    assert server.metric("airclass_rtmp_refused_total") == 1


def test_no_password(server, run):
    publisher = run(ffmpeg_source(**FFMPEG_PICTURE) + ["-f", "flv", server.rtmp_url()])
    assert publisher.wait(30) != 0
    assert "authmod=adobe" in publisher.log_path.read_text() or "No credentials" in publisher.log_path.read_text()


def test_obs_like(server, client, tags):
    """As librtmp does it: the same app grows by one step after the other, and the name comes back from the server."""
    obs = client(server)
    obs.handshake()
    obs.set_chunk_size(4096)
    first = obs.connect("live")
    assert first[0] == "_error" and first[3]["code"] == "NetConnection.Connect.Rejected"
    assert "authmod=adobe" in first[3]["description"] and "code=403 need auth" in first[3]["description"]
    obs.wait_closed()
    question = ask(client, server)
    obs, answer = connect(client, server, answer_query(question, server.stream_key))
    assert answer[0] == "_result"
    assert obs.publish("stream", obs.create_stream())["code"] == "NetStream.Publish.Start"
    for tag in tags:
        obs.send_tag(tag)
    wait_tracks(server)
    # It may stop and start again on its connection.
    obs.command("deleteStream", None, 1)
    assert obs.wait_status()["code"] == "NetStream.Unpublish.Success"
    assert obs.publish("stream", 1)["code"] == "NetStream.Publish.Start"


def test_password_is_for_its_path(server, client):
    def publish(name, password):
        made, answer = connect(client, server, answer_query(ask(client, server), password))
        assert answer[0] == "_result"
        status = made.publish(name, made.create_stream())
        made.close()
        return status["code"]

    assert publish("algebra", server.stream_key) == "NetStream.Publish.Unauthorized"
    assert publish("algebra", server.teacher_key) == "NetStream.Publish.Start"


def test_replay(server, client):
    query = answer_query(ask(client, server), server.stream_key)
    eager, answer = connect(client, server, query)  # the same answer, brought before it is used
    assert answer[0] == "_result"
    first, answer = connect(client, server, query)
    assert answer[0] == "_result"
    assert first.publish("stream", first.create_stream())["code"] == "NetStream.Publish.Start"
    first.close()
    wait_until(lambda: server.metric("airclass_rtmp_publishers") == 0, "the publisher to be gone")
    status = eager.publish("stream", eager.create_stream())
    assert status["code"] == "NetStream.Publish.Unauthorized" and "used before" in status["description"]
    late, answer = connect(client, server, query)
    assert answer[0] == "_error" and "?reason=authfailed" in answer[3]["description"]
    late.wait_closed()
    # A question that nobody asked.
    forged = answer_query({"user": "kim", "salt": "0" * 16, "opaque": "0" * 48}, server.stream_key)
    assert "?reason=authfailed" in connect(client, server, forged)[1][3]["description"]
    assert server.stream_key not in server.log_text()


def test_guessing_is_slowed_down(server, client):
    def guess(password):
        made, answer = connect(client, server, answer_query(ask(client, server), password))
        assert answer[0] == "_result"
        status = made.publish("stream", made.create_stream())
        made.wait_closed()
        return status

    texts = [guess(f"guess-{i}")["description"] for i in range(7)]
    assert "not valid" in texts[0] and "too many" in texts[-1]
    # Held back, the right one is not looked at either.
    assert guess(server.stream_key)["code"] == "NetStream.Publish.Unauthorized"


def test_the_key_goes_first(server, client, run):
    """Whoever brings a key, token or user with connect is not asked."""
    made, answer = connect(client, server, f"key={server.stream_key}")
    assert answer[0] == "_result"
    assert made.publish("stream", made.create_stream())["code"] == "NetStream.Publish.Start"


def test_without_challenge(quiet, client, run, tags):
    """A key behind the stream's name works, and who starts with a name is asked all the same."""
    publisher = client(quiet)
    publisher.handshake()
    assert publisher.connect()[0] == "_result"
    assert publisher.publish(f"stream?key={quiet.stream_key}", publisher.create_stream())["code"] == "NetStream.Publish.Start"
    publisher.close()
    wait_until(lambda: quiet.metric("airclass_rtmp_publishers") == 0, "the publisher to be gone")
    made, answer = connect(client, quiet, answer_query(ask(client, quiet), quiet.stream_key))
    assert answer[0] == "_result"
    assert made.publish("stream", made.create_stream())["code"] == "NetStream.Publish.Start"


def test_trusted_networks_are_not_asked(airclassd, client):
    home = airclassd({"rtmp-ingest": {"challenge": "true"}}, plugins=["rtmp-ingest"])
    client(home).start_publishing()


def test_bad_names(server, client):
    for user in ("", "u" * 101):
        asking = client(server)
        asking.handshake()
        answer = asking.connect(f"live?authmod=adobe&user={user}")
        assert answer[0] == "_error" and "?reason=nosuchuser" in answer[3]["description"]
        asking.wait_closed()
