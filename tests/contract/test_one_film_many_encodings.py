"""One picture, written in every way that films come in, is read as the same pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from pneumoscope.imaging import read


def film(height=61, width=48) -> np.ndarray:
    """A smooth picture with an edge, every grey level, and odd sizes; 8 bit."""
    y, x = np.mgrid[0:height, 0:width]
    smooth = 120 + 90 * np.sin(y / 9) * np.cos(x / 7)
    smooth[:, width // 2 :] += 40
    smooth.flat[:256] = np.arange(256)
    return np.clip(smooth, 0, 255).astype(np.uint8)


FILM = film()
EXPECTED = (FILM / 255).astype(np.float32)


def picture(kind: str, mode: str = "L", **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(FILM).convert(mode).save(file, kind, **options)
    return file.getvalue()


def palette(kind: str) -> bytes:
    """A grey palette in a scrambled order."""
    order = np.random.default_rng(0).permutation(256).astype(np.uint8)
    image = Image.fromarray(np.argsort(order).astype(np.uint8)[FILM]).convert("P")
    image.putpalette(np.repeat(order, 3).tobytes())
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def sixteen(kind: str, order: str = "<") -> bytes:
    file = io.BytesIO()
    Image.fromarray((FILM.astype(np.uint16) * 257).astype(f"{order}u2")).save(file, kind)
    return file.getvalue()


EXACT = {
    "png": lambda: picture("PNG"),
    "png rgb": lambda: picture("PNG", "RGB"),
    "png rgba": lambda: picture("PNG", "RGBA"),
    "png grey with alpha": lambda: picture("PNG", "LA"),
    "png palette": lambda: palette("PNG"),
    "png 16 bit": lambda: sixteen("PNG"),
    "tiff": lambda: picture("TIFF"),
    "tiff rgb": lambda: picture("TIFF", "RGB"),
    "tiff lzw": lambda: picture("TIFF", compression="tiff_lzw"),
    "tiff deflate": lambda: picture("TIFF", compression="tiff_adobe_deflate"),
    "tiff 16 bit": lambda: sixteen("TIFF"),
    "tiff 16 bit big endian": lambda: sixteen("TIFF", ">"),
    "tiff white is zero": lambda: picture("TIFF", tiffinfo={262: 0}),  # Pillow inverts it when it writes
    "bmp": lambda: picture("BMP"),
    "bmp rgb": lambda: picture("BMP", "RGB"),
    "bmp palette": lambda: palette("BMP"),
    "webp lossless": lambda: picture("WEBP", "RGB", lossless=True),
}
LOSSY = {  # the largest difference, of 255
    "jpeg": (lambda: picture("JPEG", quality=97), 12),
    "jpeg rgb": (lambda: picture("JPEG", "RGB", quality=97, subsampling=0), 12),
    "jpeg rgb subsampled": (lambda: picture("JPEG", "RGB", quality=97), 12),
    "jpeg progressive": (lambda: picture("JPEG", quality=97, progressive=True), 12),
    "jpeg kept as rgb": (lambda: picture("JPEG", "RGB", quality=97, keep_rgb=True), 12),
    "webp": (lambda: picture("WEBP", "RGB", quality=99), 30),
}
SYNTAXES = {  # the largest difference in stored values
    ImplicitVRLittleEndian: 0,
    ExplicitVRLittleEndian: 0,
    ExplicitVRBigEndian: 0,
    DeflatedExplicitVRLittleEndian: 0,
    RLELossless: 0,
    JPEGLossless: 0,
    JPEGLosslessSV1: 0,
    JPEGLSLossless: 0,
    JPEGLSNearLossless: 1,
    JPEG2000Lossless: 0,
    JPEG2000: 12,
}


@pytest.mark.parametrize("encoding", EXACT)
def test_a_lossless_picture_is_exact(encoding):
    np.testing.assert_array_equal(read(EXACT[encoding]()).pixels, EXPECTED)


@pytest.mark.parametrize("encoding", LOSSY)
def test_a_lossy_picture_is_close(encoding):
    make, tolerance = LOSSY[encoding]
    difference = np.abs(read(make()).pixels - EXPECTED) * 255
    assert difference.max() <= tolerance
    assert difference.mean() < 1.5


def test_the_luma_of_a_grey_jpeg_does_not_depend_on_its_container():
    grey = read(picture("JPEG", quality=90)).pixels
    rgb = read(picture("JPEG", "RGB", quality=90)).pixels
    assert np.abs(grey - rgb).max() * 255 <= 1.001


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_every_transfer_syntax_gives_the_stored_values(make_dicom, syntax, bits):
    stored = FILM if bits == 8 else (FILM.astype(np.uint16) << (bits - 8))
    full = 2**bits - 1
    window = {"WindowCenter": full / 2, "WindowWidth": full, "VOILUTFunction": "LINEAR_EXACT"}
    got = read(make_dicom(stored, bits=bits, syntax=syntax, **window)).pixels
    tolerance = SYNTAXES[syntax] * (1 if syntax != JPEG2000 else 2 ** (bits - 8))
    assert np.abs(got.astype(np.float64) * full - stored).max() <= tolerance + 1e-2


def test_baseline_jpeg_in_dicom_is_the_same_as_the_jpeg(make_dicom):
    got = read(make_dicom(FILM, syntax=JPEGBaseline8Bit, WindowCenter=128, WindowWidth=256)).pixels
    assert np.abs(got - EXPECTED).max() * 255 <= 12


@pytest.mark.parametrize("syntax", [s for s in SYNTAXES if not SYNTAXES[s]], ids=lambda uid: uid.name)
def test_signed_values_survive_every_lossless_syntax(make_dicom, syntax):
    stored = FILM.astype(np.int16) - 128
    if syntax in (JPEGLossless, JPEGLosslessSV1):
        stored = stored * 16  # DCMTK compresses 16-bit signed values as they are
    low, high = int(stored.min()), int(stored.max())
    got = read(make_dicom(stored, syntax=syntax)).pixels
    np.testing.assert_allclose(got, (stored - low) / (high - low), atol=1e-6)


def test_a_dataset_is_read_as_its_file(make_dicom):
    from pydicom import dcmread

    data = make_dicom(FILM)
    from_dataset, from_bytes = read(dcmread(io.BytesIO(data))), read(data)
    np.testing.assert_array_equal(from_dataset.pixels, from_bytes.pixels)
    assert from_dataset.digest == from_bytes.digest


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_data_set_without_preamble_and_file_meta_is_read(make_dicom, syntax):
    from pydicom import dcmread

    data = make_dicom(FILM, syntax=syntax)
    start = dcmread(io.BytesIO(data), stop_before_pixels=True)["SOPClassUID"].file_tell - 8
    np.testing.assert_array_equal(read(data[start:]).pixels, EXPECTED)
