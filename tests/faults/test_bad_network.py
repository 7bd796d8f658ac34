"""A student's browser behind a bad network: losses, jitter, both. What it sees is what counts; tests/load/bad-network prints the
figures.

A busy machine freezes pictures, too, so each condition may be tried several times: see try_until().
"""

import pytest

from browser import browser, make_recording, publish_recording, recording  # noqa: F401
from network import link  # noqa: F401

TRIES = 3  # that count
MOST_TRIES = 8
WINDOW_S = 12
CONTROL_S = 5

CONDITIONS = {
    "loss-1": {"loss": 1},
    "loss-3": {"loss": 3},
    "loss-5": {"loss": 5},
    "jitter-50": {"jitter_ms": 50},
    "jitter-50-reordered": {"jitter_ms": 50, "reorder": 1},
    "loss-3-rtt-60": {"loss": 3, "delay_ms": 30},
}


@pytest.fixture
def student(request, link, airclassd, publish_recording, browser, tmp_path):  # noqa: F811
    """(server, browser) that plays, over a good line so far; what is repaired here is the whole picture, not a smaller one. Its
    parameter: what make_recording() wants, for another class."""
    other = make_recording(tmp_path, **request.param) if hasattr(request, "param") else None
    with link.at_server():
        server = airclassd(link.server_options({"whep-egress": {"levels": "full"}}))
        publish_recording(server, file=other)
        with link.at_client():
            watching = browser(link.url_of(server))
        watching.wait_playing()
        yield server, watching


def try_until(link, watching, rules, holds):
    """Looks on under these rules until one window satisfies; returns all of them. After one that does not, a good line shows
    whether the machine has time for pictures at all: if not, the window says nothing."""
    seen, counted = [], 0
    for _ in range(MOST_TRIES):
        link.change("both", **rules)
        seen.append(watching.watch(WINDOW_S))
        if holds(seen[-1]):
            return seen
        link.heal()
        watching.watch(CONTROL_S)
        counted += goes_on(watching.watch(CONTROL_S))
        if counted == TRIES:
            pytest.fail("\n".join(map(str, seen)), pytrace=False)
    pytest.skip("this machine is too busy to show pictures even over a good line")


def goes_on(watched):
    return watched.frozen <= 0.01 and watched.fps > 20 and watched.concealed <= 0.03 and watched.silent <= 0.01


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_picture_goes_on(link, student, condition):  # noqa: F811
    _, watching = student
    seen = try_until(link, watching, CONDITIONS[condition], goes_on)
    assert seen[-1].sessions == 1, "the page joined anew"
    if "loss" in CONDITIONS[condition]:
        assert sum(watched.video["retransmittedPacketsReceived"] for watched in seen) > 0
        assert link.counts()["down"]["lost"] > 0


def test_sound_goes_on_at_one_in_ten(link, student):  # noqa: F811
    server, watching = student
    seen = try_until(link, watching, {"loss": 10}, lambda watched: watched.silent <= 0.01 and watched.concealed <= 0.03
                     and watched.audio["totalAudioEnergy"] > 0 and watched.video["framesDecoded"] > 0)
    assert seen[-1].sessions == 1
    # Nobody else's line is bad because of this one: what is sent again stays a share of what is sent.
    assert 0 < server.metric("airclass_whep_retransmitted_total") < 0.5 * server.metric("airclass_whep_packets_sent_total")


def test_jitter_of_100_ms_and_loss(link, student):  # noqa: F811
    """The worst that is named: the picture may stutter, but it goes on, and so does the sound."""
    _, watching = student
    seen = try_until(link, watching, {"loss": 10, "jitter_ms": 100}, lambda watched: watched.fps > 10 and watched.frozen < 0.3 and watched.silent <= 0.02)
    assert seen[-1].sessions == 1


@pytest.mark.parametrize("student", [{"seconds": 10, "keyframe_frames": 300, "video_kbps": 5000}], indirect=True)
def test_a_lost_reference_is_replaced_at_once(link, student):  # noqa: F811
    """All is lost for a while, more packets than Chromium asks for again (1000): it asks for a keyframe and gets the kept one, long
    before the publisher sends its next, 10 s after the last."""
    server, watching = student
    before, answered = watching.stats()["video"], server.metric("airclass_whep_replays_total") or 0
    link.change("down", loss=100)
    watching.watch(2.5)
    link.heal()
    watched = try_until(link, watching, {}, lambda watched: watched.fps > 20)[-1]
    assert watched.sessions == 1
    assert watched.after["video"]["keyFramesDecoded"] > before["keyFramesDecoded"]
    assert (server.metric("airclass_whep_replays_total") or 0) > answered
