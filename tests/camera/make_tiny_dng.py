#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the DNGs that the tests of raw files read:

    python3 make_tiny_dng.py tiny.dng tiny_mm.dng tiny_jpeg.dng

Little endian, big endian, and compressed by lossless JPEG. 64x48 samples of 10 bits; sample (x, y)
is (7 * x + 13 * y + x * y) % 960 + 64. Active area 60x44 at (2, 2), default crop 56x40 at (2, 2) of
it, GBRG at the active area's corner. Two gain maps: one for all sites (3x2 points, 1 to 1.5) and
one for the red ones (2x2 points).
"""
import struct
import sys

WIDTH, HEIGHT = 64, 48
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SRATIONAL, DOUBLE = 1, 2, 3, 4, 5, 7, 10, 12
FORMATS = {BYTE: "B", SHORT: "H", LONG: "I", DOUBLE: "d"}


def encode(order, kind, values):
    if kind in (ASCII, UNDEFINED):
        return values, len(values)
    if kind in (RATIONAL, SRATIONAL):
        pair = "ii" if kind == SRATIONAL else "II"
        data = b"".join(struct.pack(order + pair, round(v * 10000), 10000) for v in values)
        return data, len(values)
    return struct.pack("%s%d%s" % (order, len(values), FORMATS[kind]), *values), len(values)


def sample(x, y):
    return (7 * x + 13 * y + x * y) % 960 + 64


def samples():
    out = bytearray()
    for y in range(HEIGHT):
        bits = 0
        for x in range(WIDTH):
            bits = bits << 10 | sample(x, y)
        out += bits.to_bytes(WIDTH * 10 // 8, "big")
    return bytes(out)


def lossless_jpeg():
    """ITU-T T.81, annex H: predictor 1, and a code of five bits for each of 16 categories."""
    head = b"\xff\xd8"
    head += b"\xff\xc4" + struct.pack(">HB", 19 + 16, 0) + bytes([0] * 4 + [16] + [0] * 11)
    head += bytes(range(16))
    head += b"\xff\xc3" + struct.pack(">HBHHB3B", 11, 10, HEIGHT, WIDTH, 1, 1, 0x11, 0)
    head += b"\xff\xda" + struct.pack(">H6B", 8, 1, 1, 0, 1, 0, 0)
    bits = ""
    for y in range(HEIGHT):
        for x in range(WIDTH):
            before = sample(x - 1, y) if x else sample(x, y - 1) if y else 512
            difference = sample(x, y) - before
            size = abs(difference).bit_length()
            bits += format(size, "05b")
            if size:
                low = difference if difference > 0 else difference + (1 << size) - 1
                bits += format(low, "0%db" % size)
    bits += "1" * (-len(bits) % 8)
    data = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
    return head + data.replace(b"\xff", b"\xff\0") + b"\xff\xd9"


def gain_map(rect, pitch, points, gains):
    v, h = points
    data = struct.pack(">8I", *rect, 0, 1, pitch, pitch)
    data += struct.pack(">2I4dI", v, h, 1 / max(v - 1, 1), 1 / max(h - 1, 1), 0, 0, 1)
    data += struct.pack(">%df" % len(gains), *gains)
    return struct.pack(">4I", 9, 0x01030000, 0, len(data)) + data


def opcodes():
    every = gain_map((0, 0, 44, 60), 1, (2, 3), [1.5, 1.0, 1.5, 1.25, 1.0, 1.25])
    red = gain_map((1, 0, 44, 60), 2, (2, 2), [2.0, 1.0, 1.0, 1.0])
    return struct.pack(">I", 2) + every + red


def tags(compression, offset, strip):
    return [
        (254, LONG, [0]), (256, LONG, [WIDTH]), (257, LONG, [HEIGHT]), (258, SHORT, [10]),
        (259, SHORT, [compression]), (262, SHORT, [32803]), (271, ASCII, b"SoftISP\0"),
        (272, ASCII, b"Tiny camera\0"), (273, LONG, [offset]), (274, SHORT, [6]),
        (277, SHORT, [1]), (278, LONG, [HEIGHT]), (279, LONG, [len(strip)]),
        (305, ASCII, b"make_tiny_dng\0"), (306, ASCII, b"2024:05:06 07:08:09\0"),
        (33421, SHORT, [2, 2]), (33422, BYTE, [1, 2, 0, 1]), (33434, RATIONAL, [0.02]),
        (33437, RATIONAL, [2.8]), (34855, SHORT, [200]), (37386, RATIONAL, [3.6]),
        (50706, BYTE, [1, 4, 0, 0]), (50707, BYTE, [1, 3, 0, 0]),
        (50708, ASCII, b"SoftISP Tiny\0"), (50713, SHORT, [2, 2]),
        (50714, RATIONAL, [61.5, 62, 63, 64]), (50717, LONG, [1000]),
        (50719, RATIONAL, [2, 2]), (50720, RATIONAL, [56, 40]),
        (50721, SRATIONAL, [0.8, -0.2, -0.1, -0.4, 1.2, 0.2, -0.1, 0.2, 0.6]),
        (50722, SRATIONAL, [0.7, -0.1, -0.1, -0.5, 1.3, 0.2, -0.1, 0.3, 0.5]),
        (50727, RATIONAL, [1, 1, 1]), (50728, RATIONAL, [0.5, 1, 0.625]),
        (50730, SRATIONAL, [0.75]), (50778, SHORT, [21]), (50779, SHORT, [17]),
        (50829, LONG, [2, 2, 46, 62]),
        (50964, SRATIONAL, [0.6, 0.2, 0.1, 0.2, 0.8, 0.0, 0.0, 0.1, 0.7]),
        (50965, SRATIONAL, [0.5, 0.3, 0.1, 0.1, 0.9, 0.0, 0.0, 0.0, 0.8]),
        (51009, UNDEFINED, opcodes()), (51041, DOUBLE, [0.002, 0.00003]),
    ]


def write(path, order, compression):
    strip = lossless_jpeg() if compression == 7 else samples()
    entries = tags(compression, 8, strip)
    ifd = 8 + len(strip) + len(strip) % 2
    at = ifd + 2 + 12 * len(entries) + 4
    head, tail = struct.pack(order + "H", len(entries)), b""
    for tag, kind, values in entries:
        data, count = encode(order, kind, values)
        head += struct.pack(order + "HHI", tag, kind, count)
        if len(data) <= 4:
            head += data.ljust(4, b"\0")
        else:
            head += struct.pack(order + "I", at + len(tail))
            tail += data + b"\0" * (len(data) % 2)
    magic = b"II" if order == "<" else b"MM"
    with open(path, "wb") as file:
        file.write(magic + struct.pack(order + "HI", 42, ifd) + strip
                   + b"\0" * (len(strip) % 2) + head + b"\0\0\0\0" + tail)


if __name__ == "__main__":
    write(sys.argv[1], "<", 1)
    write(sys.argv[2], ">", 1)
    write(sys.argv[3], "<", 7)
