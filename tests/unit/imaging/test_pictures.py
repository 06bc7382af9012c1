"""JPEG, PNG, TIFF, BMP and WebP: what is done to each, and what is refused."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from pneumoscope.core import UnreadableFilm, UnsupportedFilm
from pneumoscope.imaging import colour, read
from pneumoscope.imaging.preprocess import Preprocessing, resize

RAMP = np.tile(np.arange(0, 160, 4, dtype=np.uint8), (32, 1))  # (32, 40)
EXPECTED = (RAMP / 255).astype(np.float32)


def encoded(image: Image.Image | np.ndarray, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(file, kind, **options)
    return file.getvalue()


def with_orientation(kind: str, orientation: int, **options) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(RAMP, kind, exif=exif, **options)


@pytest.mark.parametrize(
    ("kind", "container"), [("PNG", "png"), ("TIFF", "tiff"), ("BMP", "bmp"), ("JPEG", "jpeg"), ("WEBP", "webp")]
)
def test_a_grey_picture_is_itself(kind, container):
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100}}.get(kind, {})
    image = Image.fromarray(RAMP).convert("RGB") if kind == "WEBP" else RAMP
    film = read(encoded(image, kind, **options))
    assert film.container == container
    assert film.full_size == film.pixels.shape == (32, 40)
    assert np.abs(film.pixels - EXPECTED).max() <= (2 / 255 if kind == "JPEG" else 0)
    assert (film.modality, film.view, film.body_part, film.spacing, film.chroma) == (None, None, None, None, 0.0)


def test_a_plain_grey_picture_needs_no_notes():
    assert read(encoded(RAMP, "PNG")).notes == ()


def test_one_bit_is_black_and_white():
    bits = np.indices((20, 24)).sum(axis=0) % 2 == 0
    np.testing.assert_array_equal(read(encoded(bits, "PNG")).pixels, bits.astype(np.float32))
    np.testing.assert_array_equal(read(encoded(bits, "TIFF")).pixels, bits.astype(np.float32))


def test_interlaced_png_is_read():
    """Adam7 by hand for a flat picture, as Pillow does not write it."""
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    passes = [(2, 2), (2, 2), (4, 2), (4, 4), (8, 4), (8, 8), (16, 8)]  # width, height of each pass of 16 x 16
    rows = b"".join((b"\0" + b"\x66" * width) * height for width, height in passes)
    header = struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 1)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(read(data).pixels, np.full((16, 16), 0x66 / 255, np.float32))


def test_alpha_is_laid_over_black():
    rgba = np.dstack([np.full((20, 20), 200, np.uint8)] * 3 + [np.full((20, 20), 255, np.uint8)])
    rgba[:10, :, 3] = 0
    film = read(encoded(rgba, "PNG"))
    assert (film.pixels[:10] == 0).all()
    assert (film.pixels[10:] == np.float32(200 / 255)).all()
    assert "transparent areas laid over black" in film.notes


def test_a_transparent_grey_level_is_black():
    film = read(encoded(RAMP, "PNG", transparency=40))
    assert (film.pixels[RAMP == 40] == 0).all()
    assert (film.pixels[RAMP == 44] == np.float32(44 / 255)).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_by_their_full_range_never_by_a_guess(kind):
    values = np.linspace(0, 4095, 640).astype(np.uint16).reshape(20, 32)
    film = read(encoded(values, kind))
    np.testing.assert_allclose(film.pixels, values / 65535, atol=1e-7)
    assert film.notes == ("16-bit values scaled by their full range 65535; the largest one is 4095",)


def test_sixteen_bit_white_is_zero_is_inverted():
    values = np.linspace(0, 65535, 640).astype(np.uint16).reshape(20, 32)
    data = bytearray(encoded(values, "TIFF"))
    entry = data.find(struct.pack("<HHI", 262, 3, 1))
    struct.pack_into("<H", data, entry + 8, 0)
    film = read(bytes(data))
    np.testing.assert_allclose(film.pixels, 1 - values / 65535, atol=1e-6)
    assert "WhiteIsZero inverted" in film.notes


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_that_of_pillow(kind, orientation):
    """ImageOps.exif_transpose is the reference."""
    from PIL import ImageOps

    options = {"quality": 100} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    data = with_orientation(kind, orientation, **options)
    with Image.open(io.BytesIO(data)) as image:
        upright = np.asarray(ImageOps.exif_transpose(image).convert("L"))
    film = read(data)
    assert film.full_size == film.pixels.shape == upright.shape
    assert np.abs(film.pixels * 255 - upright).max() <= 1.001
    assert any("upright" in note for note in film.notes) == (orientation != 1)


def test_a_damaged_orientation_is_no_orientation():
    from pneumoscope.imaging.containers import exif_orientation

    good = b"Exif\0\0II*\0" + struct.pack("<IHHHIHH", 8, 1, 0x0112, 3, 1, 6, 0)
    assert exif_orientation(good) == 6
    assert exif_orientation(good[:-6]) == 1
    assert exif_orientation(good.replace(b"\x06\0\0\0", b"\x63\0\0\0")) == 1
    assert exif_orientation(None) == 1


def test_grey_in_colour_channels_is_noted():
    film = read(encoded(Image.fromarray(RAMP).convert("RGB"), "JPEG", quality=95))
    assert film.notes == ("grey stored in colour channels: converted to ITU-R 601 luma",)
    assert film.chroma == 0
    assert np.abs(film.pixels - EXPECTED).max() * 255 <= 3


def coloured(share: float, side: int = 100) -> np.ndarray:
    """Grey, with a red band over this share of the rows."""
    rgb = np.full((side, side, 3), 120, np.uint8)
    rgb[: round(side * share)] = 220, 30, 30
    return rgb


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_a_coloured_stamp_is_measured_and_read(kind):
    film = read(encoded(coloured(0.07), kind))
    assert film.chroma == pytest.approx(0.07)
    assert film.pixels[0, 0] == pytest.approx((0.299 * 220 + 0.587 * 30 + 0.114 * 30) / 255, abs=1e-6)
    assert film.pixels[-1, 0] == np.float32(120 / 255)


def test_chroma_of_a_jpeg_is_measured_without_rgb():
    film = read(encoded(coloured(0.08), "JPEG", quality=95, subsampling=0))
    assert film.chroma == pytest.approx(0.08, abs=0.02)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
def test_a_colour_picture_is_refused(kind):
    with pytest.raises(UnsupportedFilm, match="a colour picture"):
        read(encoded(coloured(0.6), kind))


def test_a_coloured_palette_is_refused():
    image = Image.fromarray(coloured(0.6)).quantize(8)
    with pytest.raises(UnsupportedFilm, match="a colour picture"):
        read(encoded(image, "PNG"))


def test_both_ways_to_measure_chroma_agree():
    rng = np.random.default_rng(0)
    rgb = rng.integers(60, 190, (80, 80, 3)).astype(np.uint8)  # far from the ends, where YCbCr would clip
    ycc = np.asarray(Image.fromarray(rgb).convert("YCbCr"))
    assert colour.chroma_of_ycc(ycc) == pytest.approx(colour.chroma_of_rgb(rgb), abs=0.02)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_numbers_without_a_full_range_are_refused(mode):
    with pytest.raises(UnsupportedFilm, match="have a full range"):
        read(encoded(Image.new(mode, (32, 32), 7), "TIFF"))


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "PNG"])
def test_several_pages_or_frames_are_refused(kind):
    pages = [Image.new("RGB", (32, 32), (v, v, v)) for v in (10, 120, 240)]
    with pytest.raises(UnsupportedFilm, match="several pages or frames"):
        read(encoded(pages[0], kind, save_all=True, append_images=pages[1:]))


def test_a_tiny_picture_is_refused():
    with pytest.raises(UnsupportedFilm, match="at least 16 pixels"):
        read(encoded(np.zeros((15, 300), np.uint8), "PNG"))


def test_sixteen_pixels_are_enough():
    assert read(encoded(np.zeros((16, 16), np.uint8), "PNG")).pixels.shape == (16, 16)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
def test_a_declared_size_beyond_reason_is_refused_before_decoding(kind):
    import zlib

    data = bytearray(encoded(Image.new("RGB" if kind == "WEBP" else "L", (32, 32)), kind))
    if kind == "JPEG":
        at = data.find(b"\xff\xc0") + 5
        struct.pack_into(">HH", data, at, 60000, 60000)
    elif kind == "PNG":
        struct.pack_into(">II", data, 16, 60000, 60000)
        struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    elif kind == "BMP":
        struct.pack_into("<ii", data, 18, 60000, 60000)
    elif kind == "TIFF":
        for tag in (256, 257):
            entry = data.find(struct.pack("<H", tag), struct.unpack_from("<I", data, 4)[0])
            struct.pack_into("<HII", data, entry + 2, 4, 1, 60000)
    else:
        vp8 = data.find(b"\x9d\x01\x2a") + 3  # 14 bits a side: at most 268 megapixels
        struct.pack_into("<HH", data, vp8, 16383, 16383)
    with pytest.raises(UnsupportedFilm, match=r"megapixels|reasonable size"):
        read(bytes(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
def test_a_picture_cut_short_is_refused_wherever_it_is_cut(kind):
    noise = np.random.default_rng(0).integers(0, 255, (48, 48), dtype=np.uint8)
    data = encoded(Image.fromarray(noise).convert("RGB") if kind == "WEBP" else noise, kind)
    for left in (len(data) // 3, len(data) // 2, len(data) - 40, len(data) - 1):
        with pytest.raises(UnreadableFilm, match=r"cut short|damaged"):
            read(data[:left])


def test_a_jpeg_with_a_whole_thumbnail_is_still_cut_short():
    thumbnail = encoded(np.zeros((16, 16), np.uint8), "JPEG")
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail
    data = encoded(np.random.default_rng(1).integers(0, 255, (64, 64), dtype=np.uint8), "JPEG", exif=exif)
    assert read(data).pixels.shape == (64, 64)
    with pytest.raises(UnreadableFilm, match="cut short"):
        read(data[:-2])


def test_a_png_with_a_wrong_checksum_is_refused():
    data = bytearray(encoded(RAMP, "PNG"))
    data[data.find(b"IDAT") + 12] ^= 1
    with pytest.raises(UnreadableFilm, match="checksum"):
        read(bytes(data))


def test_a_large_jpeg_is_decoded_at_a_reduced_scale_on_request():
    smooth = (120 + 100 * np.sin(np.arange(1024) / 90)[:, None] * np.cos(np.arange(1280) / 70)).astype(np.uint8)
    data = encoded(smooth, "JPEG", quality=95)
    film = read(data, min_size=(224, 224))
    assert film.full_size == (1024, 1280)
    assert film.pixels.shape == (512, 640)
    assert "decoded at 1/2 scale: 640 x 512 of 1280 x 1024 pixels" in film.notes
    assert read(data).pixels.shape == (1024, 1280)
    assert read(data, min_size=(300, 224)).pixels.shape == (1024, 1280)  # half of it would be less than 2 x 300


def test_a_reduced_scale_may_leave_part_of_a_pixel_over():
    film = read(encoded(np.zeros((1025, 1283), np.uint8), "JPEG"), min_size=(64, 64))
    assert film.full_size == (1025, 1283)
    assert film.pixels.shape == (129, 161)
    assert film.extent == (1025 / 8, 1283 / 8)
    assert "decoded at 1/8 scale: 161 x 129 of 1283 x 1025 pixels" in film.notes


@pytest.mark.parametrize("size", [(1024, 1280), (1025, 1281), (1031, 1279)])
@pytest.mark.parametrize("aspect", ["squash", "pad", "crop"])
def test_what_is_left_over_shifts_nothing(size, aspect):
    """Ramps down and across of 250 greys: a shift by the 7 pixels that 8 leave over would be 1.4 of them."""
    spec = Preprocessing(size=(64, 64), aspect=aspect)
    for ramp in (np.linspace(0, 250, size[0])[:, np.newaxis], np.linspace(0, 250, size[1])):
        data = encoded(np.broadcast_to(ramp, size).astype(np.uint8), "JPEG", quality=97)
        full, reduced = read(data), read(data, min_size=(64, 64))
        assert reduced.pixels.size < full.pixels.size / 50
        assert np.abs(resize(full, spec) - resize(reduced, spec)).max() * 255 < 0.9


def turned(size: tuple[int, int]) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(np.zeros(size, np.uint8), "JPEG", exif=exif)


def test_a_turned_jpeg_is_reduced_by_its_upright_size():
    film = read(turned((512, 1024)), min_size=(256, 128))
    assert film.full_size == (1024, 512)
    assert film.pixels.shape == (512, 256)


@pytest.mark.parametrize(("size", "scale"), [((1024, 1025), 1), ((1024, 1026), 2), ((1024, 1028), 4)])
def test_of_a_turned_jpeg_nothing_is_left_over(size, scale):
    """What is left over would lie at its beginning once it is upright."""
    film = read(turned(size), min_size=(64, 64))
    assert film.pixels.shape == (size[1] // scale, size[0] // scale)
    assert film.extent == film.pixels.shape


def test_other_formats_take_the_hint_lightly():
    assert read(encoded(RAMP, "PNG"), min_size=(16, 16)).pixels.shape == (32, 40)


@pytest.mark.data
def test_reduced_and_full_decoding_give_nearly_the_same_network_input(data_folder):
    """The largest differences sit on the edges of burnt-in letters."""
    compared, spec = 0, Preprocessing(size=(224, 224))
    for path in sorted((data_folder / "kermany_original").rglob("*.jpeg")):
        full, reduced = read(path), read(path, min_size=(224, 224))
        if reduced.pixels.shape == full.pixels.shape:
            continue
        difference = np.abs(resize(full, spec) - resize(reduced, spec)) * 255
        assert difference.mean() <= 0.25, path.name
        assert np.percentile(difference, 99.9) <= 5, path.name
        assert difference.max() <= 12, path.name
        compared += 1
    assert compared >= 35


@pytest.mark.data
def test_films_have_no_chroma_and_photographs_have(data_folder):
    films = sorted((data_folder / "kermany_original").rglob("*.jpeg"))
    assert {read(path).chroma for path in films} == {0.0}
    refused = 0
    photographs = sorted((data_folder / "not_frontal_chest" / "natural_photo").iterdir())
    for path in photographs:
        try:
            read(path)
        except UnsupportedFilm:
            refused += 1
    assert refused >= 0.9 * len(photographs)  # the others are grey, or nearly so
