"""Time through the whole server, from a publisher's clock to what an RTMP player sees: FAULTS of clocks, headers and
late tracks, by the scripted client."""

import struct

import pytest

from test_rtmp import client, server, tags, track, wait_tracks  # noqa: F401 (fixtures)
from conftest import wait_until
from rtmp_client import AUDIO, VIDEO, is_header, make_flv


def play(client):
    player = client()
    player.handshake()
    player.connect()
    player.command("play", None, "stream", stream_id=player.create_stream())
    assert player.wait_status()["code"] == "NetStream.Play.Reset"
    return player


def is_frame(message, kind):
    return message.kind == kind and message.payload[1] == 1


def frames(player, kind):
    return [m for m in player.messages if is_frame(m, kind)]


def headers(player, kind):
    return [m for m in player.messages if m.kind == kind and m.payload[1] == 0]


def wait_frames(player, kind, count):
    while len(frames(player, kind)) < count:
        player.read_message()
    return frames(player, kind)[:count]


def count(tags, kind):
    return sum(1 for tag in tags if tag[0] == kind and tag[2][1] == 1)


def assert_even(messages, longest_ms):
    times = [m.timestamp for m in messages]
    steps = [after - before for before, after in zip(times, times[1:])]
    assert min(steps) > 0 and max(steps) <= longest_ms, steps


@pytest.mark.parametrize("repeat", [True, False], ids=["repeated", "not-repeated"])
@pytest.mark.parametrize("form", [0, None], ids=["absolute", "deltas"])
@pytest.mark.parametrize("edge", [0xFFFFFF, 1 << 31, 1 << 32], ids=["2^24", "2^31", "2^32"])
def test_no_gap_at_the_edges(server, client, tags, edge, form, repeat):
    """4 h 39 min, 24.8 days and 49.7 days after the encoder's start: the player's picture and sound go on evenly."""
    publisher = client().start_publishing()
    half = len(tags) // 2
    arguments = dict(offset=edge - tags[half][1], form=form, repeat_extended=repeat)
    for tag in tags[:half]:
        publisher.send_tag(tag, **arguments)
    wait_tracks(server)
    player = play(client)
    for tag in tags[half:]:
        publisher.send_tag(tag, **arguments)
    # It begins with the keyframe of the group of pictures that is under way: one second has 30 frames.
    pictures = wait_frames(player, VIDEO, count(tags[half:], VIDEO) + 1)
    assert_even(pictures, 34)
    assert_even(wait_frames(player, AUDIO, count(tags[half:], AUDIO) // 2), 24)
    assert server.metric("airclass_rtmp_dropped_messages_total") in (None, 0)
    assert server.stream()["state"] == "live"


@pytest.mark.parametrize("jump_ms", [3600_000, -3600_000], ids=["ahead", "back"])
def test_jumps_of_an_hour(server, client, tags, jump_ms):
    """There and back again: the timeline takes no notice."""
    publisher = client().start_publishing()
    start = 2 * 3600_000
    media = [tag for tag in tags if not is_header(tag)]
    for tag in tags:
        publisher.send_tag(tag, offset=start)
    wait_tracks(server)
    player = play(client)
    end = tags[-1][1] + 33
    for number, offset in enumerate((end + jump_ms, 2 * end), 1):
        for tag in media:
            publisher.send_tag(tag, offset=start + offset, form=0)
    pictures = wait_frames(player, VIDEO, 2 * count(tags, VIDEO))
    assert_even(pictures, 250)
    assert pictures[-1].timestamp < 60_000
    sound = [m.timestamp for m in frames(player, AUDIO)]
    assert sound == sorted(sound) and sound[-1] < 60_000
    assert len(headers(player, VIDEO)) == 1


def test_headers_every_second_reset_nothing(server, client, tags):
    publisher = client().start_publishing()
    configuration = [tag for tag in tags if is_header(tag)]
    for tag in tags[: len(tags) // 3]:
        publisher.send_tag(tag)
    wait_tracks(server)
    player = play(client)
    for number, tag in enumerate(tags[len(tags) // 3 :]):
        if number % 30 == 0:
            for kind, _, body in configuration:
                publisher.send_tag((kind, tag[1], body))
        publisher.send_tag(tag)
    assert_even(wait_frames(player, VIDEO, count(tags[len(tags) // 3 :], VIDEO)), 34)
    assert len(headers(player, VIDEO)) == 1 and len(headers(player, AUDIO)) == 1


def test_returns_with_another_size(server, client, tags, tmp_path):
    publisher = client().start_publishing()
    for tag in tags:
        publisher.send_tag(tag)
    wait_tracks(server)
    player = play(client)
    last = wait_frames(player, VIDEO, 1)[-1]
    publisher.close()
    server.wait_state("held")
    back = client().start_publishing()
    other = make_flv(tmp_path / "other.flv", seconds=1, size="640x360", sample_rate=48000)
    for tag in other:
        back.send_tag(tag)
    wanted = [next(tag[2] for tag in other if is_header(tag) and tag[0] == kind) for kind in (VIDEO, AUDIO)]
    player.wait(lambda m: all(any(old.payload == body for old in player.messages) for body in wanted))
    seen = [m for m in player.messages if m.payload in wanted]
    picture = player.wait(lambda m: is_frame(m, VIDEO) and m.payload[0] >> 4 == 1)
    assert picture.timestamp >= seen[0].timestamp > last.timestamp
    assert track(server.stream(), "video")["width"] == 640


def test_audio_that_starts_late(server, client, tags):
    publisher = client().start_publishing()
    late = 1500
    for tag in tags:
        if tag[0] == VIDEO and tag[1] < late:
            publisher.send_tag(tag)
    wait_tracks(server, kinds=["video"])
    player = play(client)
    wait_frames(player, VIDEO, 1)
    for tag in tags:
        if tag[1] >= late or tag[0] == AUDIO and is_header(tag):
            publisher.send_tag(tag if not is_header(tag) else (AUDIO, late, tag[2]))
    sound = wait_frames(player, AUDIO, 20)
    assert len(headers(player, VIDEO)) == 1 and len(headers(player, AUDIO)) == 1
    # Lip-sync: what was together in the file is together for the player.
    first = next(tag for tag in tags if tag[0] == AUDIO and tag[1] >= late)
    same = {m.payload: m.timestamp for m in frames(player, VIDEO)}
    near = next(tag for tag in tags if tag[0] == VIDEO and tag[2] in same and tag[1] >= late)
    assert abs((sound[0].timestamp - first[1]) - (same[near[2]] - near[1])) <= 2
    wait_tracks(server)


def with_filler(tag, size):
    """The same picture with a filler NAL unit behind it."""
    kind, timestamp, body = tag
    if kind != VIDEO or body[1] != 1:
        return tag
    return kind, timestamp, body + struct.pack(">I", size) + b"\x0c" + bytes([255]) * (size - 2) + b"\x80"


def test_a_large_cached_picture_arrives_whole(server, client, tags):
    """More than is sent in one turn, to a player whose socket takes all of it at once: it is not forgotten half-way."""
    publisher = client().start_publishing()
    publisher.set_chunk_size(65536)
    video = [with_filler(tag, 60_000) for tag in tags if tag[0] == VIDEO and tag[2][1] < 2]
    for tag in video:
        publisher.send_tag(tag)
    wait_until(lambda: server.stream()["keyframe_interval_ms"] == 1000, "every frame to arrive")
    player = play(client)
    player.wait(lambda m: m.payload == video[-1][2])
