"""What a file is, and whether all of it came: answers from the bytes alone, before a decoder sees them.

Decoders are kind: most fill what is missing with grey and say nothing. A film that was cut short in transfer must not
be read as if it were whole.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Final

from pneumoscope.core import UnreadableFilm
from pneumoscope.imaging.names import has_preamble

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_STARTS: Final = {
    b"\xff\xd8\xff": "jpeg",
    _PNG_SIGNATURE: "png",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"MM\0+": "tiff",
    b"BM": "bmp",
    b"\x02\0": "dicom",  # without a preamble: the first group, little endian
    b"\x08\0": "dicom",
    b"\0\x08": "dicom",  # big endian
}
_FOREIGN: Final = {
    b"%PDF": "a PDF",
    b"GIF8": "a GIF",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"<": "a text file (HTML, XML or SVG)",
    b"{": "a text file (JSON)",
    b"\0\0\0\x0cjP": "a bare JPEG 2000 picture",
    b"\xff\x4f\xff\x51": "a bare JPEG 2000 codestream",
    b"NRRD": "an NRRD volume",
    b"\x93NUMPY": "a NumPy array",
}
EXPECTED: Final = "expected a JPEG, PNG, TIFF, BMP, WebP or DICOM file"


def sniff(data: bytes) -> str:
    """Name the container by its first bytes: ``"jpeg"``, ``"png"``, ``"tiff"``, ``"bmp"``, ``"webp"`` or ``"dicom"``.

    Raises :class:`UnreadableFilm` for anything else, with what came instead.
    """
    if has_preamble(data):  # first: the preamble may itself look like a TIFF (PS3.10 section 7.1)
        return "dicom"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    for start, container in _STARTS.items():
        if data.startswith(start):
            return container
    raise UnreadableFilm(f"{EXPECTED}, got {describe(data)}; export the film in one of these formats")


def describe(data: bytes) -> str:
    """What unknown bytes seem to be, in words."""
    if not data:
        return "an empty file"
    for start, name in _FOREIGN.items():
        if data.startswith(start):
            return name
    if data.count(0, 0, 4096) == min(len(data), 4096):
        return "a file of zeros"
    return f"something else (first bytes {data[:8].hex()})"


def check_whole(container: str, data: bytes) -> None:
    """Raise :class:`UnreadableFilm` when the container's own bookkeeping says that bytes are missing or altered."""
    check = _CHECKS.get(container)
    if check is not None:
        check(data)


def cut_short(what: str) -> UnreadableFilm:
    """The error for a file that ends too early."""
    return UnreadableFilm(f"{what}: the file is cut short; copy or export it again")


def jpeg_ends(data: bytes) -> bool:
    """Whether the last scan of a JPEG or JPEG-LS stream is followed by an end marker (ITU-T T.81 section B.2.1)."""
    return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")


def _check_jpeg(data: bytes) -> None:
    if not jpeg_ends(data):
        raise cut_short("expected a JPEG's end marker after its last scan, found none")


def _check_png(data: bytes) -> None:
    """Walk the chunks (PNG specification section 5.3); the CRCs of critical chunks must hold."""
    at, view = len(_PNG_SIGNATURE), memoryview(data)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            break
        critical = not kind[0] & 0x20
        if critical and zlib.crc32(view[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise UnreadableFilm(f"the checksum of a PNG chunk {kind!r} is wrong: damaged; copy or export it again")
        if kind == b"IEND":
            return
        at = end + 4
    raise cut_short("expected a PNG's IEND chunk, found none")


def _check_webp(data: bytes) -> None:
    declared = int.from_bytes(data[4:8], "little") + 8
    if declared > len(data):
        raise cut_short(f"the WebP header declares {declared} bytes, {len(data)} came")


_CHECKS: Final[dict[str, Callable[[bytes], None]]] = {
    "jpeg": _check_jpeg,
    "png": _check_png,
    "webp": _check_webp,
}


def exif_orientation(exif: bytes | None) -> int:
    """The Orientation tag (0x0112) of an EXIF block: 1 to 8; 1 when absent or damaged (Exif 2.32 section 4.6.4).

    Pillow's own EXIF reader warns on damaged blocks, and warnings cannot be silenced for one thread alone.
    """
    exif = (exif or b"").removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (ifd,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, ifd)
        for entry in range(ifd + 2, ifd + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, entry)
            if tag == 0x0112 and kind == 3:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
