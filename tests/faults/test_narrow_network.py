"""A student's browser behind a line that carries less than the class sends: a smaller picture that moves, sound alone, and all
again when the line is as it was."""

from browser import browser, publish_recording, recording  # noqa: F401
from conftest import both_engines, wait_until
from network import link  # noqa: F401

TRIES = 4
WINDOW_S = 6
DEADLINE_S = 60


def level_of(server):
    viewers = server.get("/api/streams/live/stream/viewers", token=server.token("teacher")).json["viewers"]
    return viewers[0]["level"] if viewers else None


@both_engines
def test_less_on_a_narrow_line_and_all_again(link, airclassd, publish_recording, browser):  # noqa: F811
    with link.at_server():
        server = airclassd(link.server_options())
        publish_recording(server)
        with link.at_client():
            watching = browser(link.url_of(server))
        assert watching.wait_playing()["width"] == 1280

        link.change("down", rate_kbps=900)
        wait_until(lambda: level_of(server) == "low", "the low level", DEADLINE_S)
        wait_until(lambda: watching.stats()["width"] == 640, "the smaller picture", DEADLINE_S)
        # A busy machine freezes pictures, too: one good window says that the line carries it.
        assert any(seen.fps > 25 and seen.frozen <= 0.01 and seen.silent <= 0.01
                   for seen in (watching.watch(WINDOW_S) for _ in range(TRIES)))

        link.change("down", rate_kbps=200)
        wait_until(lambda: level_of(server) == "audio", "the sound alone", DEADLINE_S)
        assert any(seen.silent <= 0.01 and seen.audio["totalAudioEnergy"] > 0 for seen in (watching.watch(WINDOW_S) for _ in range(TRIES)))

        link.heal()
        wait_until(lambda: watching.stats()["width"] == 640, "the smaller picture again", DEADLINE_S)
        wait_until(lambda: watching.stats()["width"] == 1280, "the whole picture again", 2 * DEADLINE_S)
        assert watching.stats()["sessions"] == 1
