"""The size that a compressed frame declares of itself, before a decoder allocates memory for it.

The DICOM header and the stream inside it are two statements of the same thing. Where they differ, decoders fill,
cut or scramble, each in its own way; here the film is refused.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from pneumoscope.core import UnreadableFilm
from pneumoscope.imaging.containers import jpeg_ends

_SOF3: Final = 0xC3
_DHT: Final = 0xC4
_SOS: Final = 0xDA
_DRI: Final = 0xDD
# Entropy-coded bytes up to the end marker; without and with restart markers.
_IN_SCAN: Final = tuple(
    re.compile(rb"(?:[^\xff]|\xff+%s)*+\xff+\xd9" % b, re.DOTALL) for b in (rb"\0", rb"[\0\xd0-\xd7]")
)
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
    for marker, at, _ in _segments(frame):
        if marker in _FRAME_HEADERS:
            precision, height, width, samples = struct.unpack_from(">BHHB", frame, at)
            return Stream(height, width, precision, samples, jpeg_ends(frame))
    raise _not_a("JPEG")


def essential_lossless_jpeg(frame: bytes) -> bytes:
    """A lossless JPEG stream with nothing in it but what its one scan needs (ITU-T T.81 annexes B and H).

    Its decoder, GDCM, ends the whole process on headers that contradict themselves, and even on an odd JFIF version.
    So anything that a sound stream does not have is refused before GDCM sees it, and comments and application data,
    which say nothing about lossless samples, are left out.
    """
    kept, seen, at = [b"\xff\xd8"], list[int](), 0
    for marker, start, size in _segments(frame):
        at = start + size
        if marker not in _LOSSLESS_CHECKS:
            continue
        if not _LOSSLESS_CHECKS[marker](frame[start:at]):
            raise UnreadableFilm(f"a segment (0x{marker:02X}) of the lossless JPEG is not sound; export it again")
        seen.append(marker)
        kept.append(frame[start - 4 : at])
    if seen.count(_SOF3) != 1 or seen[-1] != _SOS or _DHT not in seen:
        raise _not_a("sound lossless JPEG")
    end = _IN_SCAN[_DRI in seen].match(frame, at)
    if end is None:
        raise UnreadableFilm("the scan of the lossless JPEG does not end where it should: damaged; export it again")
    return b"".join((*kept, frame[at : end.end()]))


def _segments(frame: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, and place and size of the content, up to and with the first scan header."""
    if not frame.startswith(b"\xff\xd8"):
        raise _not_a("JPEG")
    at = 2
    while at + 4 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        at += 1 if marker == 0xFF else 2
        if marker in _WITHOUT_LENGTH:
            continue
        size = int.from_bytes(frame[at : at + 2], "big")
        if size < 2 or at + size > len(frame):
            return
        yield marker, at + 2, size - 2
        if marker == _SOS:
            return
        at += size


def _sound_frame_header(content: bytes) -> bool:
    """Precision, and one entry of three bytes a component; no subsampling, which no lossless film has."""
    if len(content) < 6 or not 2 <= content[0] <= 16:
        return False
    components = content[6:]
    return len(components) == 3 * content[5] and all(factor == 0x11 for factor in components[1::3])


def _sound_tables(content: bytes) -> bool:
    """Huffman tables whose symbols fit into the codes of each length."""
    at = 0
    while at + 17 <= len(content):
        counts = content[at + 1 : at + 17]
        room = sum(count / 2**length for length, count in enumerate(counts, 1))
        if content[at] & 0xEF > 3 or room > 1 or not 0 < sum(counts) <= 256:
            return False
        at += 17 + sum(counts)
    return at == len(content) > 0


def _sound_scan_header(content: bytes) -> bool:
    """All components in one scan, a predictor from 1 to 7, no spectral selection, a point transform below 16."""
    if not content or len(content) != 4 + 2 * content[0]:
        return False
    predictor, end, transform = content[-3:]
    tables = content[2:-3:2]
    return 1 <= predictor <= 7 and end == 0 and transform < 16 and all(table in (0, 16, 32, 48) for table in tables)


_LOSSLESS_CHECKS: Final[dict[int, Callable[[bytes], bool]]] = {
    _SOF3: _sound_frame_header,
    _DHT: _sound_tables,
    _DRI: lambda content: len(content) == 2,
    _SOS: _sound_scan_header,
}


def jpeg2000_stream(frame: bytes) -> Stream:
    """The SIZ segment of a JPEG 2000 codestream (ITU-T T.800 section A.5.1)."""
    start = frame.find(b"\xff\x4f\xff\x51", 0, 4096)  # some writers put the codestream into a JP2 file
    if start < 0 or start + 44 > len(frame):
        raise _not_a("JPEG 2000")
    x, y, x0, y0 = struct.unpack_from(">4I", frame, start + 8)
    samples, depth = struct.unpack_from(">HB", frame, start + 40)
    ends = frame.rstrip(b"\0").endswith(b"\xff\xd9")
    return Stream(y - y0, x - x0, (depth & 0x7F) + 1, samples, ends)


def may_be_halved(frame: bytes) -> bool:
    """Whether the frame is a bare JPEG 2000 codestream, of unsigned samples, that begins at the origin of its grid."""
    return frame.startswith(b"\xff\x4f\xff\x51") and frame[16:24] == bytes(8) and not frame[42] & 0x80


def run_length_sizes(frame: bytes) -> list[int]:
    """How many bytes each segment of a run-length coded frame will unfold to (PS3.5 annex G), without unfolding it.

    The frame does not say its size otherwise, and 2 bytes may unfold to 128.
    """
    if len(frame) < 64:
        raise _not_a("run-length coded")
    count, *offsets = struct.unpack_from("<16L", frame)
    ends = [*offsets[1:count], len(frame)]
    if not 1 <= count <= 15 or any(start > end for start, end in zip(offsets[:count], ends, strict=True)):
        raise _not_a("run-length coded")
    return [_unfolded_size(frame[start:end]) for start, end in zip(offsets[:count], ends, strict=True)]


def _unfolded_size(segment: bytes) -> int:
    size, at, last = 0, 0, len(segment)
    while at < last:
        head = segment[at]
        if head < 128:  # as many literal bytes, and one
            size += min(head + 1, last - at - 1)
            at += head + 2
        else:  # one byte repeated; 128 itself does nothing
            if head > 128 and at + 1 < last:
                size += 257 - head
            at += 2 if head > 128 else 1
    return size


def _not_a(kind: str) -> UnreadableFilm:
    return UnreadableFilm(f"expected a {kind} stream in the DICOM pixel data, found none: damaged; export it again")
