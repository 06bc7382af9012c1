"""The size that a compressed frame declares of itself, before a decoder allocates memory for it.

The DICOM header and the stream inside it are two statements of the same thing. Where they differ, decoders fill,
cut or scramble, each in its own way; here the film is refused.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from pneumoscope.core import UnreadableFilm
from pneumoscope.imaging.containers import jpeg_ends

# SOF0 to SOF15 without DHT, JPG and DAC (ITU-T T.81 table B.1), and SOF55 of JPEG-LS (T.87).
_FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC} | {0xF7}
_WITHOUT_LENGTH = {0x01, 0xFF, *range(0xD0, 0xD9)}


class Stream(NamedTuple):
    """What a stream declares: size in pixels, bits a sample, samples a pixel; and whether its end marker is there."""

    height: int
    width: int
    precision: int
    samples: int
    ends: bool


def jpeg_stream(frame: bytes) -> Stream:
    """The frame header of a JPEG or JPEG-LS stream (ITU-T T.81 section B.2.2, T.87 annex C)."""
    if not frame.startswith(b"\xff\xd8"):
        raise _not_a("JPEG")
    at = 2
    while at + 10 <= len(frame):
        if frame[at] != 0xFF:
            break
        marker = frame[at + 1]
        if marker in _FRAME_HEADERS:
            precision, height, width, samples = struct.unpack_from(">BHHB", frame, at + 4)
            return Stream(height, width, precision, samples, jpeg_ends(frame))
        at += 1 if marker == 0xFF else 2
        if marker not in _WITHOUT_LENGTH:
            at += int.from_bytes(frame[at : at + 2], "big")
    raise _not_a("JPEG")


def jpeg2000_stream(frame: bytes) -> Stream:
    """The SIZ segment of a JPEG 2000 codestream (ITU-T T.800 section A.5.1)."""
    start = frame.find(b"\xff\x4f\xff\x51", 0, 4096)  # some writers put the codestream into a JP2 file
    if start < 0 or start + 44 > len(frame):
        raise _not_a("JPEG 2000")
    x, y, x0, y0 = struct.unpack_from(">4I", frame, start + 8)
    samples, depth = struct.unpack_from(">HB", frame, start + 40)
    ends = frame.rstrip(b"\0").endswith(b"\xff\xd9")
    return Stream(y - y0, x - x0, (depth & 0x7F) + 1, samples, ends)


def _not_a(kind: str) -> UnreadableFilm:
    return UnreadableFilm(f"expected a {kind} stream in the DICOM pixel data, found none: damaged; export it again")
