"""Whatever happens to a file on its way, it becomes a valid film or a FilmError: nothing else, and never a hang."""

from __future__ import annotations

import io
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLSLossless,
    RLELossless,
)

from pneumoscope.core import FilmError, Radiograph
from pneumoscope.imaging import read

FILM = (np.indices((36, 40)).sum(axis=0) * 3 + np.random.default_rng(0).integers(0, 20, (36, 40))).astype(np.uint8)
PICTURES = {
    "jpeg": ("JPEG", {"quality": 90}),
    "jpeg progressive": ("JPEG", {"quality": 90, "progressive": True}),
    "png": ("PNG", {}),
    "tiff": ("TIFF", {}),
    "tiff lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "bmp": ("BMP", {}),
    "webp": ("WEBP", {"lossless": True}),
}
SYNTAXES = {
    uid.name: uid
    for uid in (
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGBaseline8Bit,
        JPEGLossless,
        JPEGLSLossless,
        JPEG2000Lossless,
    )
}
LARGE = np.kron(FILM.astype(np.uint16) * 16, np.ones((4, 4), np.uint16))
"""144 x 160 pixels of 12 bits: reduced to a quarter, and in JPEG 2000 halved on the way, where 16 x 16 are needed."""
HALVED = "JPEG 2000, halved"
NEEDED = (16, 16)
LIES = [bytes(2), bytes(4), b"\x80", b"\xff" * 2, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\xff\xda"]
BOUNDED = settings(
    max_examples=40,
    deadline=timedelta(seconds=5),
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="session", params=[*PICTURES, *SYNTAXES, HALVED])
def sound(request, make_dicom) -> bytes:
    """A sound file of each kind."""
    if request.param in SYNTAXES:
        return make_dicom(FILM, syntax=SYNTAXES[request.param], WindowCenter=128, WindowWidth=256)
    if request.param == HALVED:
        return make_dicom(LARGE, bits=12, syntax=JPEG2000Lossless, WindowCenter=2048, WindowWidth=4096)
    kind, options = PICTURES[request.param]
    image = Image.fromarray(FILM)
    file = io.BytesIO()
    (image.convert("RGB") if kind == "WEBP" else image).save(file, kind, **options)
    return file.getvalue()


def read_or_refuse(data: bytes) -> Radiograph | None:
    """The film, or None when it is refused as it should be. Radiograph checks its own contract."""
    try:
        return read(data, min_size=NEEDED)
    except FilmError:
        return None


@BOUNDED
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_is_never_read_as_another_picture(sound, share):
    film = read_or_refuse(sound[: int(share * len(sound))])
    if film is not None:  # only what follows the picture was lost
        np.testing.assert_array_equal(film.pixels, read(sound, min_size=NEEDED).pixels)


@BOUNDED
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1, max_size=8))
def test_flipped_bits(sound, flips):
    data = bytearray(sound)
    for share, bit in flips:
        data[int(share * len(data))] ^= 1 << bit
    read_or_refuse(bytes(data))


@BOUNDED
@given(place=st.floats(0, 1, exclude_max=True), field=st.sampled_from(LIES))
def test_lying_fields(sound, place, field):
    at = int(place * min(len(sound), 1024))
    read_or_refuse(sound[:at] + field + sound[at + len(field) :])


@BOUNDED
@given(start=st.floats(0, 1, exclude_max=True), size=st.integers(1, 64), noise=st.binary(max_size=64))
def test_lost_and_foreign_bytes(sound, start, size, noise):
    at = int(start * len(sound))
    read_or_refuse(sound[:at] + noise + sound[at + size :])


@settings(BOUNDED, max_examples=200)
@given(
    head=st.sampled_from(
        [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"BM", b"RIFF\x40\0\0\0WEBP",
         bytes(128) + b"DICM", b"\x08\0\x16\0", b"\0\x08\0\x16"]
    ),
    noise=st.binary(max_size=300),
)  # fmt: skip
def test_noise_after_a_known_beginning(head, noise):
    assert read_or_refuse(head + noise) is None
