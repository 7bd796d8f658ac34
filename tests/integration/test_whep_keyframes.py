"""A viewer that lost a reference asks for a keyframe, and has the kept one: the publisher sends none for half a minute."""

import time

from conftest import both_engines, wait_until
from narrow_peer import check_one_timeline, narrow, sps_of  # noqa: F401

AGAIN_S = 0.6  # a little more than the server lets pass between two answers


def keyframes(peer):
    return [packet for packet in peer.video() if sps_of(packet)]


@both_engines
def test_a_request_is_answered_from_the_cache(airclassd, publish, narrow):  # noqa: F811
    server = airclassd()
    publish(server, zerolatency=True, keyframe_frames=900)
    peer = narrow(server)
    wait_until(lambda: len({packet.timestamp for packet in peer.video()}) > 60, "the class to be watched for a while")

    def see_answer(what, ask):
        seen, asked_s = len(keyframes(peer)), time.monotonic()
        ask()
        wait_until(lambda: len(keyframes(peer)) > seen, f"the answer to {what}")
        first = keyframes(peer)[seen]
        print(f"{what}: answered after {1000 * (first.came_s - asked_s):.1f} ms")
        wait_until(lambda: time.monotonic() - first.came_s > AGAIN_S, "the next to be answered")
        assert len(keyframes(peer)) == seen + 1, "one answer"

    assert len(keyframes(peer)) == 1
    see_answer("a PLI", peer.ask_for_keyframe)
    see_answer("a FIR", lambda: peer.command_keyframe(7))
    # The same command once more is none (RFC 5104 §4.3.1.1).
    seen = len(keyframes(peer))
    peer.command_keyframe(7)
    see_answer("another FIR", lambda: peer.command_keyframe(8))
    assert len(keyframes(peer)) == seen + 1
    wait_until(lambda: server.metric("airclass_whep_replays_total") == 3, "three answers to be counted")
    pictures = len({packet.timestamp for packet in peer.video()})
    wait_until(lambda: len({packet.timestamp for packet in peer.video()}) > pictures + 30, "the present to go on")
    check_one_timeline(peer.video())
