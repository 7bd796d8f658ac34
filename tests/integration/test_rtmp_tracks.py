"""Publishers of several tracks of one kind: one is taken, that with the lowest number, and nothing of the others is mixed into it."""

import pytest

from rtmp_client import AUDIO, VIDEO, Closed, RtmpClient, enhanced_avc, is_header, make_flv

ONE, MANY, MANY_CODECS = 0, 1, 2
MULTITRACK = {VIDEO: 6, AUDIO: 5}
FOURCC = {VIDEO: b"avc1", AUDIO: b"mp4a"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The tags of the main track and of another one: 60 pictures, one keyframe, no end of the sequence."""
    folder = tmp_path_factory.mktemp("media")
    made = [make_flv(folder / f"{size}.flv", seconds=2, size=size, keyframe_frames=300) for size in ("320x240", "160x120")]
    made = [[tag for tag in tags if tag[2][1] in (0, 1)] for tags in made]
    # Sound of the other track: not decoded here, so that it need not be any.
    return made[0], [tag if tag[0] == VIDEO or is_header(tag) else (tag[0], tag[1], tag[2][:2] + tag[2][:1:-1]) for tag in made[1]]


@pytest.fixture
def server(airclassd):
    return airclassd(plugins=["rtmp-ingest"])


@pytest.fixture
def publisher(server):
    with RtmpClient(server.endpoint("rtmp")) as client:
        yield client.start_publishing()


def of_kind(tags, kind):
    return [tag for tag in tags if tag[0] == kind]


def data_of(tag):
    """The access unit of a plain tag, or what follows the header's fields."""
    return tag[2][5:] if tag[0] == VIDEO else tag[2][2:]


def frames(tags, kind):
    return [data_of(tag) for tag in of_kind(tags, kind) if not is_header(tag)]


def numbered(tags, fourcc=None, form=MANY):
    """One message of @tags, {number: plain tag}, in that order."""
    kind, timestamp, first = next(iter(tags.values()))
    name, packet = fourcc or FOURCC[kind], first[1]
    head = 0x80 | first[0] & 0x70 if kind == VIDEO else 0x90
    body = bytes([head | MULTITRACK[kind], form << 4 | packet]) + (name if form != MANY_CODECS else b"")
    for number, tag in tags.items():
        data = tag[2][2:] if kind == VIDEO and packet == 1 else data_of(tag)
        size = b"" if form == ONE else len(data).to_bytes(3, "big")
        body += (name if form == MANY_CODECS else b"") + bytes([number]) + size + data
    return kind, timestamp, body


def alone(tag, number, fourcc=None):
    return numbered({number: tag}, fourcc, ONE)


def in_turn(*tracks):
    """Headers first, then by time."""
    return sorted((tag for track in tracks for tag in track), key=lambda tag: tag[1])


def play(server):
    player = RtmpClient(server.endpoint("rtmp"))
    player.handshake()
    player.connect()
    player.command("play", None, "stream", stream_id=player.create_stream())
    return player


def receive(player, kind, last):
    """The access units that the player gets up to @last."""
    is_frame = lambda message: message.kind == kind and message.payload[1] == 1  # noqa: E731
    skip = 5 if kind == VIDEO else 2
    player.wait(lambda message: is_frame(message) and message.payload[skip:] == last)
    return [message.payload[skip:] for message in player.messages if is_frame(message)]


def plain(tags):
    return tags


def enhanced(tags):
    return [enhanced_avc(tag) for tag in tags]


def zero(tags):
    return [alone(tag, 0) for tag in tags]


@pytest.mark.parametrize("form", [plain, enhanced, zero])
@pytest.mark.parametrize("late", [False, True], ids=["main-header-first", "other-header-first"])
def test_pictures_of_two_tracks(server, publisher, files, form, late):
    """OBS gives a number to all but the first. Of no importance is whose header comes first."""
    main, other = (of_kind(tags, VIDEO) for tags in files)
    tracks = [form(main), [alone(tag, 1) for tag in other]]
    for tag in in_turn(*reversed(tracks)) if late else in_turn(*tracks):
        publisher.send_tag(tag)
    server.wait_state("live")
    with play(server) as player:
        assert receive(player, VIDEO, frames(main, VIDEO)[-1]) == frames(main, VIDEO)
    assert [track["width"] for track in server.stream()["tracks"]] == [320]


def test_sound_of_two_tracks(server, publisher, files):
    """OBS's VOD track."""
    main, other = (of_kind(tags, AUDIO) for tags in files)
    for tag in in_turn(main, [alone(tag, 1) for tag in other]):
        publisher.send_tag(tag)
    server.wait_state("live")
    with play(server) as player:
        received = receive(player, AUDIO, data_of(main[-1]))
    assert len(received) > 20 and received == frames(main, AUDIO)[-len(received) :]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_tracks_in_one_message(server, publisher, files, order):
    """Whatever their order in each message."""
    main, other = (of_kind(tags, VIDEO) for tags in files)
    for number, tags in enumerate(zip(main, other, strict=True)):
        ids = order if number else (0, 1)
        publisher.send_tag(numbered({track: tags[track] for track in ids}))
    server.wait_state("live")
    with play(server) as player:
        assert receive(player, VIDEO, frames(main, VIDEO)[-1]) == frames(main, VIDEO)
    assert server.metric("airclass_rtmp_dropped_messages_total") in (None, 0)


def test_no_track_0(server, publisher, files):
    """Then it is the lowest that there is."""
    main, other = (of_kind(tags, VIDEO) for tags in files)
    for a, b in zip(main, other, strict=True):
        publisher.send_tag(alone(a, 3))
        publisher.send_tag(alone(b, 2))
    server.wait_state("live")
    with play(server) as player:
        assert receive(player, VIDEO, frames(other, VIDEO)[-1]) == frames(other, VIDEO)
    assert [track["width"] for track in server.stream()["tracks"]] == [160]


def test_track_0_comes_late(server, publisher, files):
    """It takes over with its header, and is shown from its keyframe on."""
    main, other = (of_kind(tags, VIDEO) for tags in files)
    half = [alone(tag, 1) for tag in other[:30]]
    for tag in half:
        publisher.send_tag(tag)
    server.wait_state("live")
    with play(server) as player:
        receive(player, VIDEO, data_of(other[29]))
        publisher.send_tag(main[0])
        for tag in [*main[10:20], *main[1:]]:  # a group of pictures whose beginning nobody has seen, then a whole one
            publisher.send_tag(tag, offset=2000)
        assert receive(player, VIDEO, data_of(main[-1])) == frames(other[:30], VIDEO) + frames(main, VIDEO)
        headers = [message.payload[5:] for message in player.messages if message.kind == VIDEO and message.payload[1] == 0]
    assert headers == [data_of(other[0]), data_of(main[0])]


def test_another_track_in_a_codec_that_is_not_taken(server, publisher, files):
    """It does not matter beside one that is; alone it is refused by name."""
    main = of_kind(files[0], VIDEO)
    for tag in main:
        publisher.send_tag(tag)
        publisher.send_tag(alone(tag, 1, b"vp09"))
    server.wait_state("live")
    with play(server) as player:
        assert receive(player, VIDEO, frames(main, VIDEO)[-1]) == frames(main, VIDEO)
    with RtmpClient(server.endpoint("rtmp")) as client:
        client.start_publishing(name="other")
        client.send_tag(numbered({1: main[0], 2: main[0]}, b"vp09", MANY_CODECS))
        status = client.wait_status()
        assert status["code"] == "NetStream.Publish.Rejected" and "vp09" in status["description"]
        with pytest.raises(Closed):
            client.read_message()
