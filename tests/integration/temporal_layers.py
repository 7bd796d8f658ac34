"""Media with pictures that no other needs (nal_ref_idc 0) and no B-frames among them: what encoders of phones send as temporal
layers, and x264 cannot. Every second picture is one; all are real pictures, as x264 encoded them.

x264 makes two streams of the same film: the first pictures of each pair, with few keyframes, and the second ones, each an IDR
picture. Of these only the slice headers are written anew, as of an I picture that is no reference (ITU-T H.264 §7.3.3).
"""

import subprocess

from rtmp_client import AUDIO, VIDEO, flv_tags, is_header, is_keyframe

IDR, SLICE = 5, 1
FRAME_MS = 33


class Bits:
    """Reads bits, and keeps what is behind them."""

    def __init__(self, data):
        self.value, self.left = int.from_bytes(data, "big"), 8 * len(data)

    def read(self, count):
        self.left -= count
        return self.value >> self.left & (1 << count) - 1

    def read_ue(self):
        zeros = 0
        while not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)

    def rest(self):
        return f"{self.value & (1 << self.left) - 1:0{self.left}b}"


def ue(value):
    return f"{value + 1:b}".rjust(2 * (value + 1).bit_length() - 1, "0")


def unescape(nal):
    return nal.replace(b"\0\0\3", b"\0\0")


def escape(payload):
    """Emulation prevention (§7.4.1)."""
    out, zeros = bytearray(), 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = 0 if byte else zeros + 1
    return bytes(out)


def frame_num_bits(header):
    """Of the sequence parameter set in an AVC sequence header; it must be as this module takes it."""
    body = header[2]
    size = int.from_bytes(body[11:13], "big")
    sps = Bits(unescape(body[13 : 13 + size])[4:])  # behind profile and level
    assert body[14] == 66, "not baseline"
    sps.read_ue()  # identifier
    bits = sps.read_ue() + 4
    assert sps.read_ue() == 2, "pictures are numbered in another way"  # pic_order_cnt_type: the order of decoding
    return bits


def nals(body):
    at = 5
    while at < len(body):
        size = int.from_bytes(body[at : at + 4], "big")
        yield body[at + 4 : at + 4 + size]
        at += 4 + size


def make_disposable(idr, bits, frame_num, bits_out):
    """A picture of one IDR slice as one that nobody refers to; @frame_num: that of the reference before, plus 1."""
    read = Bits(unescape(idr[1:]))
    head = ue(read.read_ue()) + ue(read.read_ue()) + ue(read.read_ue())  # first macroblock, kind, picture parameters
    read.read(bits)
    read.read_ue()  # idr_pic_id
    read.read(2)  # dec_ref_pic_marking
    rest = read.rest().rstrip("0")[:-1]  # without the stop bit
    text = head + f"{frame_num % (1 << bits_out):0{bits_out}b}" + rest + "1"
    text += "0" * (-len(text) % 8)
    return bytes([SLICE]) + escape(int(text, 2).to_bytes(len(text) // 8, "big"))


def tag_of(timestamp, nal):
    return VIDEO, timestamp, b"\x27\x01\0\0\0" + len(nal).to_bytes(4, "big") + nal


def encode(path, film, seconds, select, keyframe_frames, kbps):
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-t", str(seconds), "-f", "lavfi", "-i", film]
    audio = ["-t", str(seconds), "-f", "lavfi", "-i", "sine=frequency=1000:sample_rate=44100", "-c:a", "aac"] if keyframe_frames > 1 else []
    command += audio[:6] + ["-vf", f"select={select}", "-fps_mode", "passthrough", "-c:v", "libx264", "-profile:v", "baseline", "-preset", "veryfast"]
    command += ["-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", str(keyframe_frames), "-b:v", f"{kbps}k", "-maxrate", f"{kbps}k", "-bufsize", f"{kbps // 2}k"]
    command += ["-x264-params", "scenecut=0:slices=1:sliced-threads=0:threads=1:stitchable=1"] + audio[6:] + ["-f", "flv", str(path)]
    subprocess.run(command, check=True, timeout=60)
    return flv_tags(path)


def make_layered_flv(folder, seconds=4, size="640x360", kbps=(900, 900), keyframe_frames=30):
    """[(kind, timestamp, body)] with headers first: 30 pictures a second, every second one not needed by others, with sound.
    @kbps: of those that are and those that are not."""
    film = f"testsrc2=size={size}:rate=30,noise=alls=14:allf=t"
    base = encode(folder / "base.flv", film, seconds, "'not(mod(n,2))'", keyframe_frames, kbps[0])
    extra = encode(folder / "extra.flv", film, seconds, "'mod(n,2)'", 1, kbps[1])
    bits_out, bits_in = (frame_num_bits(next(tag for tag in tags if tag[0] == VIDEO and is_header(tag))) for tags in (base, extra))
    idrs = [next(nal for nal in nals(tag[2]) if nal[0] & 31 == IDR) for tag in extra if is_keyframe(tag)]
    tags, number = [tag for tag in base if is_header(tag)], 0
    pictures = [tag for tag in base if tag[0] == VIDEO and tag[2][1] == 1]
    for tag, idr in zip(pictures, idrs):
        number = 0 if is_keyframe(tag) else number + 1
        tags += [tag, tag_of(tag[1] + FRAME_MS, make_disposable(idr, bits_in, number + 1, bits_out))]
    sound = [tag for tag in base if tag[0] == AUDIO and not is_header(tag)]
    headers = [tag for tag in tags if is_header(tag)]
    return headers + sorted((tag for tag in tags + sound if not is_header(tag)), key=lambda tag: tag[1])
