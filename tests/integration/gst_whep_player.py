#!/usr/bin/python3
"""A WHEP player made of GStreamer's webrtcbin: a client with another ICE, DTLS and SRTP than browsers have.

usage: gst_whep_player.py URL TOKEN [--bundle POLICY] [--video CAPS] [--audio CAPS] [--relay] [--frames N] [--buffers N]
Exits when so many frames and buffers of sound were decoded and prints {"frames", "buffers", "width", "height", "offer", "answer"};
a refusal is printed as {"status", "problem"} and is exit code 3, the deadline 4. One main loop; GStreamer's threads only count.
"""

import argparse
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

VIDEO = "application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000,packetization-mode=(string)1,profile-level-id=(string)42e01f"
AUDIO = "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2"
DECODERS = {
    "H264": "rtph264depay ! h264parse ! avdec_h264 max-threads=1 ! fakesink name=sink signal-handoffs=true sync=false",
    "OPUS": "rtpopusdepay ! opusdec ! fakesink name=sink signal-handoffs=true sync=false",
}


class Player:
    def __init__(self, arguments):
        self.arguments = arguments
        self.loop = GLib.MainLoop()
        self.code, self.result = 4, {"frames": 0, "buffers": 0}
        self.pipeline = Gst.Pipeline()
        self.peer = Gst.ElementFactory.make("webrtcbin")
        self.peer.set_property("bundle-policy", arguments.bundle)
        if arguments.relay:
            self.peer.set_property("ice-transport-policy", GstWebRTC.WebRTCICETransportPolicy.RELAY)
            for server in self.ask_for_turn():
                self.peer.emit("add-turn-server", server)
        self.pipeline.add(self.peer)
        for caps in (arguments.audio, arguments.video):  # sound first, as pages do
            if caps:
                self.peer.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps))
        self.peer.connect("pad-added", self.on_pad)
        self.peer.connect("notify::ice-gathering-state", lambda *_: GLib.idle_add(self.on_gathered))
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)
        self.posted = False

    def ask_for_turn(self):
        """turn:host with username and credential, as the endpoint's Link headers have it, to turn://username:credential@host."""
        headers = {"Authorization": f"Bearer {self.arguments.token}"}
        with urllib.request.urlopen(urllib.request.Request(self.arguments.url, headers=headers, method="OPTIONS"), timeout=10) as answer:
            link = answer.headers["Link"]
        for host, user, secret in re.findall(r'<turn:([^>]*)>[^<]*username="([^"]*)"; credential="([^"]*)"', link):
            yield f"turn://{urllib.parse.quote(user, '')}:{urllib.parse.quote(secret, '')}@{host}"

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        self.peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.on_offer))
        GLib.timeout_add_seconds(self.arguments.deadline, self.end, 4)
        self.loop.run()
        print(json.dumps(self.result), flush=True)
        os._exit(self.code)  # taking the pipeline down may wait for ever in webrtcbin 1.22

    def end(self, code):
        self.code = code
        self.loop.quit()
        return False

    def on_error(self, _bus, message):
        self.result["error"] = message.parse_error()[0].message
        self.end(5)

    def on_offer(self, promise):
        self.promise, self.reply = promise, promise.get_reply()  # own the offer
        self.offer = self.reply.get_value("offer")
        self.peer.emit("set-local-description", self.offer, Gst.Promise.new())

    def on_gathered(self):
        if self.posted or self.peer.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            return
        self.posted = True
        offer = self.peer.get_property("local-description").sdp.as_text()
        self.result["offer"] = offer
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {self.arguments.token}"}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.arguments.url, offer.encode(), headers), timeout=10) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            self.result = {"status": error.code, "problem": json.load(error)}
            self.end(3)
            return
        self.result["answer"] = text
        _, sdp = GstSdp.SDPMessage.new_from_text(text)
        self.description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self.peer.emit("set-remote-description", self.description, Gst.Promise.new())

    def on_pad(self, _peer, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        codec = pad.get_current_caps().get_structure(0).get_string("encoding-name")
        chain = Gst.parse_bin_from_description("queue ! " + DECODERS[codec], True)
        name = "frames" if codec == "H264" else "buffers"
        chain.get_by_name("sink").connect("handoff", self.on_handoff, name)
        self.pipeline.add(chain)
        chain.sync_state_with_parent()
        pad.link(chain.get_static_pad("sink"))

    def on_handoff(self, _sink, _buffer, pad, name):
        self.result[name] += 1
        if name == "frames":
            structure = pad.get_current_caps().get_structure(0)
            self.result["width"], self.result["height"] = structure.get_value("width"), structure.get_value("height")
        if self.result["frames"] >= self.arguments.frames and self.result["buffers"] >= self.arguments.buffers:
            GLib.idle_add(self.end, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("--bundle", default="max-bundle", choices=("none", "balanced", "max-compat", "max-bundle"))
    parser.add_argument("--video", default=VIDEO)
    parser.add_argument("--audio", default=AUDIO)
    parser.add_argument("--relay", action="store_true", help="use TURN servers only, those of the endpoint")
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--buffers", type=int, default=50)
    parser.add_argument("--deadline", type=int, default=25, help="seconds")
    Gst.init(None)
    Player(parser.parse_args()).run()


if __name__ == "__main__":
    main()
