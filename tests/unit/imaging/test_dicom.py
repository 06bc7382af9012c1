"""DICOM films: each step of the display pipeline, what the header hands on, and what is refused."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLSLossless,
    RLELossless,
)

from pneumoscope.core import FilmError, UnreadableFilm, UnsupportedFilm
from pneumoscope.imaging import dicom_frame, limits, read
from pneumoscope.imaging.preprocess import Preprocessing, resize

RAMP = np.arange(1024, dtype=np.uint16).reshape(32, 32)
WINDOW = {"WindowCenter": 512, "WindowWidth": 1024, "VOILUTFunction": "LINEAR_EXACT"}


def edited(data: bytes, edit) -> bytes:
    """The file after ``edit(dataset)``."""
    dataset = dcmread(io.BytesIO(data))
    edit(dataset)
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def lut(descriptor: list[int], data: bytes, vr: str = "US") -> Dataset:
    item = Dataset()
    item.add_new(0x00283002, vr, descriptor)
    item.add_new(0x00283006, "OW", data)
    return item


def pixels(make_dicom, values=RAMP, **elements) -> np.ndarray:
    return read(make_dicom(values, **elements)).pixels


# The display pipeline, value by value.


def test_linear_window_is_the_formula_of_the_standard(make_dicom):
    """PS3.3 C.11.2.1.2.1, written out."""
    centre, width = 500.0, 400.0
    x = RAMP.astype(float)
    expected = ((x - (centre - 0.5)) / (width - 1) + 0.5).clip(0, 1)
    got = pixels(make_dicom, WindowCenter=centre, WindowWidth=width)
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_linear_window_of_width_one_is_a_threshold(make_dicom):
    got = pixels(make_dicom, WindowCenter=500, WindowWidth=1)
    np.testing.assert_array_equal(got, (RAMP > 499.5).astype(np.float32))


def test_linear_exact_window(make_dicom):
    expected = ((RAMP - 500.0) / 0.5 + 0.5).clip(0, 1)
    got = pixels(make_dicom, WindowCenter=500, WindowWidth="0.5", VOILUTFunction="LINEAR_EXACT")
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_sigmoid_window_does_not_overflow(make_dicom):
    got = pixels(make_dicom, WindowCenter=500, WindowWidth="0.001", VOILUTFunction="SIGMOID")
    assert got[0, 0] == 0
    assert got[-1, -1] == 1


def test_without_a_window_the_range_of_the_picture_is_shown(make_dicom):
    film = read(make_dicom(RAMP + 100))
    np.testing.assert_allclose(film.pixels, RAMP / 1023, atol=1e-6)
    assert film.notes == ("no window: stretched from the smallest to the largest value (100 to 1123)",)


def test_a_flat_film_is_black(make_dicom):
    assert not pixels(make_dicom, np.full((20, 20), 700, np.uint16)).any()


@pytest.mark.parametrize(("width", "function"), [(0, "LINEAR"), ("0.5", "LINEAR"), (-3, "SIGMOID")])
def test_a_window_without_width_is_ignored_and_noted(make_dicom, width, function):
    film = read(make_dicom(RAMP, WindowCenter=500, WindowWidth=width, VOILUTFunction=function))
    assert any("window ignored" in note for note in film.notes)
    assert any("stretched" in note for note in film.notes)


def test_the_first_window_of_several_is_taken_and_noted(make_dicom):
    film = read(make_dicom(RAMP, WindowCenter=[500, 9], WindowWidth=[400, 2]))
    assert film.notes == ("LINEAR window of centre 500 and width 400, the first of 2",)


def test_polarity_is_inverted_once(make_dicom):
    plain = pixels(make_dicom, **WINDOW)
    for elements in (
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
        {"PresentationLUTShape": "INVERSE"},
        {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "IDENTITY"},
    ):
        np.testing.assert_allclose(pixels(make_dicom, **WINDOW, **elements), 1 - plain, atol=1e-6)


def test_a_contradicting_polarity_is_noted(make_dicom):
    film = read(make_dicom(RAMP, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="IDENTITY"))
    assert any("contradicts itself" in note for note in film.notes)


def test_padding_counts_in_no_range_and_becomes_air(make_dicom):
    values = RAMP + 1000
    values[:4] = 65535
    values[4] = 0
    data = make_dicom(values, PhotometricInterpretation="MONOCHROME1")
    data = edited(data, lambda ds: (ds.add_new(0x00280120, "US", 65535), ds.add_new(0x00280121, "US", 60000)))
    film = read(data)
    assert (film.pixels[:4] == 0).all()
    assert film.pixels[4, 0] == 1  # the smallest value that is no padding, inverted
    assert film.notes[0] == "padding (60000 to 65535) set to air"


def test_a_film_of_padding_alone_is_air(make_dicom):
    data = edited(make_dicom(RAMP * 0), lambda ds: ds.add_new(0x00280120, "US", 0))
    assert not read(data).pixels.any()


def test_signed_padding(make_dicom):
    values = RAMP.astype(np.int16) - 500
    values[0] = -2000
    data = edited(make_dicom(values), lambda ds: ds.add_new(0x00280120, "SS", -2000))
    film = read(data)
    assert (film.pixels[0] == 0).all()
    assert film.pixels[1, 0] == 0
    assert film.pixels[-1, -1] == 1


def test_rescale_comes_before_the_window(make_dicom):
    got = pixels(make_dicom, RescaleSlope="2", RescaleIntercept="-1024", WindowCenter=0, WindowWidth=2048,
                 VOILUTFunction="LINEAR_EXACT")  # fmt: skip
    np.testing.assert_allclose(got, ((RAMP * 2.0 - 1024) / 2048 + 0.5).clip(0, 1), atol=1e-6)


def test_an_intercept_alone_is_applied(make_dicom):
    got = pixels(make_dicom, RescaleIntercept="100", WindowCenter=512, WindowWidth=1024, VOILUTFunction="LINEAR_EXACT")
    np.testing.assert_allclose(got, ((RAMP + 100.0 - 512) / 1024 + 0.5).clip(0, 1), atol=1e-6)


def test_a_slope_of_zero_is_a_damaged_header(make_dicom):
    with pytest.raises(UnreadableFilm, match="RescaleSlope of 0"):
        read(make_dicom(RAMP, RescaleSlope="0", RescaleIntercept="1"))


def test_an_eight_bit_lut_packed_in_words(make_dicom):
    """PS3.3 C.11.1.1: 8-bit entries may be packed two a word."""
    table = (255 - np.arange(256)).astype(np.uint8)
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    got = pixels(make_dicom, values, VOILUTSequence=[lut([256, 0, 8], table.tobytes())])
    np.testing.assert_allclose(got, table[values] / 255, atol=1e-6)


def test_a_lut_of_65536_entries_says_zero(make_dicom):
    table = np.arange(65536, dtype="<u2")[::-1]
    got = pixels(make_dicom, VOILUTSequence=[lut([0, 0, 16], table.tobytes())])
    np.testing.assert_allclose(got, 1 - RAMP / 65535, atol=1e-6)


def test_a_lut_in_an_implicit_big_or_undefined_length_file_is_the_same(make_dicom):
    table = (np.linspace(0, 1, 1024) ** 2 * 4095).astype(np.uint16)
    expected = table[RAMP] / 4095
    for syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian):
        order = "<u2" if syntax.is_little_endian else ">u2"
        data = make_dicom(RAMP, syntax=syntax, VOILUTSequence=[lut([1024, 0, 12], table.astype(order).tobytes())])
        np.testing.assert_allclose(read(data).pixels, expected, atol=1e-6)

    def undefine(dataset):
        dataset["VOILUTSequence"].is_undefined_length = True

    data = edited(make_dicom(RAMP, VOILUTSequence=[lut([1024, 0, 12], table.tobytes())]), undefine)
    np.testing.assert_allclose(read(data).pixels, expected, atol=1e-6)


@pytest.mark.parametrize("descriptor", [[1024, 0, 7], [1024, 0, 17], [2000, 0, 12]])
def test_a_lut_that_contradicts_itself_is_refused(make_dicom, descriptor):
    with pytest.raises(UnreadableFilm, match="lookup table"):
        read(make_dicom(RAMP, VOILUTSequence=[lut(descriptor, bytes(2048))]))


def test_thirty_two_bit_values_are_read(make_dicom):
    values = RAMP.astype(np.uint32) * 1_000_000
    np.testing.assert_allclose(pixels(make_dicom, values), RAMP / 1023, atol=1e-6)


def test_unused_high_bits_are_no_part_of_the_value(make_dicom):
    got = pixels(make_dicom, RAMP | 0xF000, bits=12, **WINDOW)
    np.testing.assert_allclose(got, RAMP / 1024, atol=1e-6)


@pytest.mark.parametrize(
    "syntax", [JPEGLossless, JPEGLSLossless, JPEG2000Lossless, JPEGBaseline8Bit], ids=lambda s: s.name
)
def test_an_eight_bit_stream_in_a_sixteen_bit_header_is_read(make_dicom, syntax):
    """Old archives write such headers; the stream knows better."""
    eight = make_dicom((RAMP // 4).astype(np.uint8), syntax=syntax, WindowCenter=128, WindowWidth=256)
    sixteen = edited(eight, lambda ds: setattr(ds, "BitsAllocated", 16))
    np.testing.assert_array_equal(read(sixteen).pixels, read(eight).pixels)


@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda s: s.name)
def test_a_stream_with_more_bits_than_allocated_is_refused(make_dicom, syntax):
    def narrow(dataset):
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7

    with pytest.raises(UnreadableFilm, match="allocates 8 bits"):
        read(edited(make_dicom(RAMP, syntax=syntax), narrow))


def test_an_odd_jpeg_header_does_not_end_the_process(make_dicom):
    """GDCM does, on an unknown JFIF version; it never sees it."""
    data = make_dicom((RAMP // 4).astype(np.uint8), syntax=JPEGLossless)
    at = data.index(b"JFIF\0") + 5
    assert read(data[:at] + b"\x09" + data[at + 1 :]).pixels.shape == (32, 32)


def test_excess_bytes_after_the_pixels_are_left_out(make_dicom):
    data = edited(make_dicom(RAMP, **WINDOW), lambda ds: setattr(ds, "PixelData", ds.PixelData + bytes(64)))
    np.testing.assert_array_equal(read(data).pixels, pixels(make_dicom, **WINDOW))


def test_raw_detector_values_are_noted(make_dicom):
    film = read(make_dicom(RAMP, PresentationIntentType="FOR PROCESSING"))
    assert any("FOR PROCESSING" in note for note in film.notes)


# Large films.


def large(dtype=np.uint16) -> np.ndarray:
    """(1000, 777) of 12 bits; signed, from -2048."""
    values = np.random.default_rng(0).integers(0, 4096, (1000, 777))
    return (values - (2048 if np.dtype(dtype).kind == "i" else 0)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_all_strips_of_a_large_film_are_looked_up(make_dicom, dtype):
    values = large(dtype)
    film = read(make_dicom(values, bits=12, WindowCenter=500, WindowWidth=3000, VOILUTFunction="LINEAR_EXACT"))
    np.testing.assert_allclose(film.pixels, ((values - 500.0) / 3000 + 0.5).clip(0, 1), atol=1e-6)
    assert film.full_size == film.pixels.shape == film.extent == (1000, 777)


def test_the_range_of_a_large_film_is_that_of_all_its_strips(make_dicom):
    values = np.clip(large(), 100, 4000)
    values[:10], values[-1, -1] = 0, 4001
    film = read(edited(make_dicom(values, bits=12), lambda ds: ds.add_new(0x00280120, "US", 0)))
    assert film.notes[-1] == "no window: stretched from the smallest to the largest value (100 to 4001)"
    np.testing.assert_allclose(film.pixels[10:], (values[10:] - 100.0) / 3901, atol=1e-6)


def test_a_large_film_is_reduced_on_request(make_dicom):
    """To 250 x 195 of 1000 x 777 pixels, as 2 * 120 rows are asked for; the last column is one pixel wide."""
    data = make_dicom(large(), bits=12, **WINDOW)
    full, film = read(data).pixels.astype(np.float64), read(data, min_size=(120, 60))
    expected = np.column_stack(
        [full[:, :776].reshape(250, 4, 194, 4).mean(axis=(1, 3)), full[:, 776].reshape(250, 4).mean(axis=1)]
    )
    np.testing.assert_allclose(film.pixels, expected, atol=1e-6)
    assert film.full_size == (1000, 777)
    assert film.extent == (250, 777 / 4)
    assert film.notes[-1] == "read at a reduced scale: 195 x 250 of 777 x 1000 pixels"
    assert read(data, min_size=(251, 60)).pixels.shape == (1000, 777)


def grained(side: int = 1000) -> np.ndarray:
    """Film-like: smooth, with an edge and the grain of a detector; 12 bits."""
    y, x = np.mgrid[0:side, 0 : side - 37]
    smooth = 2000 + 1200 * np.sin(y / 90) * np.cos(x / 70) + 300 * (x > side // 2)
    return np.clip(smooth + np.random.default_rng(0).normal(0, 8, smooth.shape), 0, 4095).astype(np.uint16)


def test_a_large_jpeg_2000_frame_is_halved_while_it_is_decoded(make_dicom, monkeypatch):
    """The finest wavelets are not even decoded; the network sees nearly the same."""
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    data = make_dicom(grained(), bits=12, syntax=JPEG2000Lossless, **window)
    spec = Preprocessing(size=(60, 60))
    full = read(data)
    monkeypatch.setattr(dicom_frame, "get_decoder", None)  # what decodes all of it
    film = read(data, min_size=spec.size)
    assert film.full_size == full.full_size == (1000, 963)
    assert film.pixels.shape == (125, 121)
    assert film.extent == (125, 963 / 8)
    difference = np.abs(resize(full, spec) - resize(film, spec)) * 255
    assert difference.mean() < 0.5  # half a pixel of a film whose neighbours differ by up to 0.8
    assert difference.max() < 5


@pytest.mark.parametrize(
    "elements",
    [
        {"WindowWidth": None},
        {"WindowCenter": None},
        {"WindowWidth": 0},
        {"PixelPaddingValue": 0},
        {"min_size": (130, 130)},
        {"bits": 13},
    ],
    ids=["no window", "no centre", "no width", "padding", "too small", "other precision"],
)
def test_what_could_change_by_halving_is_decoded_in_full(make_dicom, monkeypatch, elements):
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    options = {"min_size": (60, 60), "bits": 12} | window | elements
    min_size = options.pop("min_size")
    data = make_dicom(grained(), syntax=JPEG2000Lossless, **{k: v for k, v in options.items() if v is not None})
    if elements == {"bits": 13}:
        data = edited(data, lambda ds: (setattr(ds, "BitsStored", 12), setattr(ds, "HighBit", 11)))

    def halve(_: io.BytesIO) -> None:
        pytest.fail("the frame was halved")

    monkeypatch.setattr(dicom_frame, "Jpeg2KImageFile", halve)
    assert read(data, min_size=min_size).full_size == (1000, 963)


def test_a_jpeg_2000_frame_of_more_than_16_bits_is_decoded_in_full(make_dicom):
    """Pillow knows no more than 16."""
    values = grained().astype(np.uint32) * 256
    data = make_dicom(values, bits=20, syntax=JPEG2000Lossless, WindowCenter=2**19, WindowWidth=2**20)
    film, full = read(data, min_size=(60, 60)), read(data)
    assert film.pixels.shape == (125, 121)
    np.testing.assert_allclose(
        film.pixels[:, :120], full.pixels[:, :960].reshape(125, 8, 120, 8).mean((1, 3)), atol=1e-5
    )


def test_a_lookup_table_needs_no_window_to_be_halved(make_dicom, monkeypatch):
    """Nor is a window that it takes the place of looked at."""
    table = lut([4096, 0, 12], np.arange(4096, dtype=np.uint16).tobytes())
    data = make_dicom(grained(), bits=12, syntax=JPEG2000Lossless, VOILUTSequence=[table])
    data = edited(data, lambda ds: setattr(ds, "VOILUTFunction", "UNHEARD OF"))
    monkeypatch.setattr(dicom_frame, "get_decoder", None)
    assert read(data, min_size=(60, 60)).pixels.shape == (125, 121)


@pytest.mark.parametrize("size", [(1000, 777), (960, 770), (990, 976), (3000, 2500)])
def test_what_is_left_over_shifts_nothing(make_dicom, size):
    """A ramp down and across: a shift by the 8 to 14 pixels that are left over would be 1 to 1.8 of 255 greys.

    Of the largest, so many pixels could become one that what is left no longer tells how many they were.
    """
    down, across = (np.linspace(0, 2047, side) for side in size)
    data = make_dicom((down[:, np.newaxis] + across).astype(np.uint16), bits=12, WindowCenter=2048, WindowWidth=4096)
    spec = Preprocessing(size=(32, 32))
    full, reduced = resize(read(data), spec), resize(read(data, min_size=spec.size), spec)
    assert np.abs(full - reduced).max() * 255 < 0.5


# What the header hands on.


def test_the_header_is_handed_on_in_upper_case(make_dicom):
    film = read(make_dicom(RAMP, Modality="CR", BodyPartExamined="CHEST", ViewPosition="AP", PixelSpacing=[0.14, 0.15]))
    assert (film.container, film.modality, film.body_part, film.view) == ("dicom", "CR", "CHEST", "AP")
    assert film.spacing == (0.14, 0.15)


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    """An explicit little-endian element, whatever the value."""
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def test_odd_values_neither_warn_nor_fail(make_dicom):
    """A misspelt character set, a lower-case code string, a too long decimal: pydicom would warn of each."""
    data = make_dicom(RAMP, BodyPartExamined="XXXXX").replace(b"XXXXX", b"chest")
    start = data.index(element(0x00080016, b"UI", b"")[:6])
    odd = element(0x00080005, b"CS", b"ISO IR 9000 ") + element(0x00181164, b"DS", b"0.14000000000000001234\\0.15 ")
    film = read(data[:start] + odd + data[start:])
    assert film.body_part == "CHEST"
    assert film.spacing == (0.14, 0.15)


@pytest.mark.parametrize(("code", "view"), [("272479007", "PA"), ("R-10206", "AP"), ("399173006", "LL"), ("1", None)])
def test_the_view_may_be_a_code(make_dicom, code, view):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "SCT", "a view"
    assert read(make_dicom(RAMP, ViewCodeSequence=[item])).view == view


@pytest.mark.parametrize(("orientation", "view"), [(["A", "F"], "LATERAL"), (["L", "F"], None)])
def test_the_view_may_be_an_orientation(make_dicom, orientation, view):
    assert read(make_dicom(RAMP, PatientOrientation=orientation)).view == view


def test_impossible_spacing_is_no_spacing(make_dicom):
    assert read(make_dicom(RAMP, PixelSpacing=["0", "0.1"])).spacing is None


def test_damaged_spacing_is_no_spacing(make_dicom):
    data = make_dicom(RAMP, PixelSpacing=["0.125", "0.125"]).replace(b"0.125", b"0.1x5")
    assert read(data).spacing is None


def test_nothing_of_the_patient_is_kept(make_dicom):
    film = read(make_dicom(RAMP, PatientName="Doe^Jane", PatientID="ID-4711", PatientBirthDate="19700101"))
    assert not any(secret in repr(film) for secret in ("Doe", "4711", "1970"))


# Grey in colour.


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_grey_stored_in_colour_is_read(make_dicom, photometric):
    grey = (RAMP // 4).astype(np.uint8)
    rgb = np.dstack([grey] * 3)
    if photometric == "YBR_FULL":
        rgb[..., 1:] = 128
    film = read(make_dicom(rgb, PhotometricInterpretation=photometric, PlanarConfiguration=0))
    np.testing.assert_allclose(film.pixels, grey / 255, atol=1.01 / 255)
    assert film.chroma == 0
    assert "luma" in film.notes[0]


def test_real_colour_is_refused(make_dicom):
    rgb = np.zeros((32, 32, 3), np.uint8)
    rgb[..., 0] = 200
    with pytest.raises(UnsupportedFilm, match="a colour picture"):
        read(make_dicom(rgb, PhotometricInterpretation="RGB", PlanarConfiguration=0))


@pytest.mark.parametrize("grey", [True, False])
def test_a_palette_is_looked_up(make_dicom, grey):
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    table = (255 - np.arange(256)).astype("<u2") * 257
    elements = {"PhotometricInterpretation": "PALETTE COLOR"}

    def edit(dataset):
        for i in range(3):
            dataset.add_new(0x00281101 + i, "US", [256, 0, 16])
            dataset.add_new(0x00281201 + i, "OW", (table if grey or i == 0 else table * 0).tobytes())

    data = edited(make_dicom(values, **elements), edit)
    if grey:
        np.testing.assert_allclose(read(data).pixels, (255 - values) / 255, atol=1e-6)
    else:
        with pytest.raises(UnsupportedFilm, match="a colour picture"):
            read(data)


# What is refused.


def test_many_frames_are_refused(make_dicom):
    with pytest.raises(UnsupportedFilm, match="holds 3"):
        read(make_dicom(RAMP, NumberOfFrames=3))


def test_one_frame_may_be_said(make_dicom):
    assert read(make_dicom(RAMP, NumberOfFrames=1)).pixels.shape == (32, 32)


def test_no_pixels(make_dicom):
    with pytest.raises(UnsupportedFilm, match="no pixels"):
        read(edited(make_dicom(RAMP), lambda ds: ds.__delattr__("PixelData")))


def test_an_empty_compressed_frame_has_no_pixels(make_dicom):
    empty_items = b"\xfe\xff\x00\xe0\0\0\0\0" * 2
    data = edited(make_dicom(RAMP, syntax=RLELossless), lambda ds: setattr(ds, "PixelData", empty_items))
    with pytest.raises(UnsupportedFilm, match="frame is empty"):
        read(data)


def test_other_compressions_are_refused_with_a_remedy(make_dicom):
    data = make_dicom(RAMP, syntax=RLELossless)
    uid = data.index(b"1.2.840.10008.1.2.5\0")
    mpeg = data[:uid] + b"1.2.840.10008.1.2.9\0" + data[uid + 20 :]
    with pytest.raises(UnsupportedFilm, match=r"compression 1\.2\.840\.10008\.1\.2\.9 is not read here; decompress"):
        read(mpeg)


def test_twelve_bit_lossy_jpeg_is_refused_with_a_remedy(make_dicom):
    with pytest.raises(UnsupportedFilm, match="12-bit lossy JPEG cannot be decoded; decompress with dcmdjpeg"):
        read(make_dicom(RAMP, bits=12, syntax="1.2.840.10008.1.2.4.51"))


def test_an_unknown_photometric_interpretation_is_refused(make_dicom):
    with pytest.raises(UnsupportedFilm, match="'HSV'"):
        read(make_dicom(RAMP, PhotometricInterpretation="HSV"))


@pytest.mark.parametrize("keyword", ["Rows", "Columns", "BitsAllocated", "BitsStored"])
def test_a_missing_layout_is_named(make_dicom, keyword):
    with pytest.raises(UnreadableFilm, match=keyword):
        read(edited(make_dicom(RAMP), lambda ds: ds.__delattr__(keyword)))


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("Rows", 33), ("Columns", 64), ("BitsAllocated", 32), ("BitsAllocated", 12), ("BitsStored", 20), ("HighBit", 3),
     ("SamplesPerPixel", 3)],
)  # fmt: skip
def test_a_lying_header_is_refused(make_dicom, keyword, value):
    with pytest.raises(UnreadableFilm):
        read(edited(make_dicom(RAMP), lambda ds: setattr(ds, keyword, value)))


@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLSLossless, JPEG2000Lossless, RLELossless], ids=lambda s: s.name)
@pytest.mark.parametrize(("rows", "columns"), [(16, 64), (33, 32), (32, 16), (31, 32)])
def test_a_header_that_contradicts_its_stream_is_refused(make_dicom, syntax, rows, columns):
    if syntax == RLELossless and rows * columns == RAMP.size:
        pytest.skip("a run-length coded frame does not say its width")
    data = edited(
        make_dicom(RAMP, syntax=syntax), lambda ds: (setattr(ds, "Rows", rows), setattr(ds, "Columns", columns))
    )
    with pytest.raises(UnreadableFilm):
        read(data)


def test_runs_are_counted_as_pydicom_unfolds_them():
    from pydicom.pixels.decoders.rle import _rle_decode_segment

    from pneumoscope.imaging.codestream import _unfolded_size

    rng = np.random.default_rng(0)
    for length in range(200):
        segment = rng.integers(0, 256, length, dtype=np.uint8).tobytes()
        assert _unfolded_size(segment) == len(_rle_decode_segment(segment))


def test_a_size_beyond_reason_is_refused_before_decoding(make_dicom):
    data = edited(make_dicom(RAMP), lambda ds: (setattr(ds, "Rows", 60000), setattr(ds, "Columns", 60000)))
    with pytest.raises(UnsupportedFilm, match="megapixels"):
        read(data)


def test_a_tiny_film_is_refused(make_dicom):
    with pytest.raises(UnsupportedFilm, match="at least 16"):
        read(make_dicom(RAMP[:8]))


def test_an_unknown_window_function_is_refused(make_dicom):
    with pytest.raises(UnreadableFilm, match="VOI LUT function"):
        read(make_dicom(RAMP, WindowCenter=1, WindowWidth=2, VOILUTFunction="CUBIC"))


def test_a_number_that_is_none_is_refused(make_dicom):
    data = make_dicom(RAMP, WindowCenter="512.125", WindowWidth=10).replace(b"512.125", b"51x.125")
    with pytest.raises(UnreadableFilm, match=r"WindowCenter, got '51X\.125'"):
        read(data)


def test_a_deflated_bomb_is_bounded(make_dicom, monkeypatch):
    data = make_dicom(RAMP, syntax=DeflatedExplicitVRLittleEndian)
    start = dcmread(io.BytesIO(data)).file_meta.FileMetaInformationGroupLength + 144
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = data[:start] + deflater.compress(bytes(2_000_000)) + deflater.flush()
    monkeypatch.setattr("pneumoscope.imaging.dicom_header.MAX_BYTES", 1_000_000)
    monkeypatch.setattr(limits, "MAX_BYTES", 1_000_000)
    with pytest.raises(UnsupportedFilm, match="at most"):
        read(bomb)


@pytest.mark.parametrize(
    "syntax",
    ["1.2.840.10008.1.2.1", ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless, JPEGLossless,
     JPEGLSLossless, JPEG2000Lossless, JPEGBaseline8Bit],
)  # fmt: skip
def test_a_file_cut_short_is_refused_wherever_it_is_cut(make_dicom, syntax):
    data = make_dicom((RAMP // 4).astype(np.uint8), syntax=syntax)
    for left in (200, len(data) // 2, len(data) - 30, len(data) - 9):
        with pytest.raises(FilmError):
            read(data[:left])


@pytest.mark.data
def test_a_jpeg_2000_stream_without_end_is_noted(data_folder):
    """Encoders with a target size leave the marker out; such a film is read, and says so."""
    film = read(data_folder / "dicom_not_chest" / "nema_RG3_J2KI.dcm")
    assert "the JPEG 2000 frame has no end marker: decoded as far as it goes" in film.notes


@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLSLossless], ids=lambda s: s.name)
def test_a_jpeg_stream_without_end_is_refused(make_dicom, syntax):
    def cut(dataset):
        _, frame = generate_fragments(dataset.PixelData)
        dataset.PixelData = encapsulate([frame.rstrip(b"\0").removesuffix(b"\xff\xd9")], has_bot=False)

    with pytest.raises(UnreadableFilm, match="end marker"):
        read(edited(make_dicom(RAMP, syntax=syntax), cut))


def test_bytes_that_begin_like_dicom_are_not_dicom():
    with pytest.raises(UnreadableFilm):
        read(b"\x08\0\x05\0" + bytes(range(256)) * 4)


def test_a_dataset_without_a_transfer_syntax_is_refused(make_dicom):
    dataset = dcmread(io.BytesIO(make_dicom(RAMP)))
    bare = Dataset()
    bare.update(dataset)
    with pytest.raises(UnreadableFilm, match="TransferSyntaxUID"):
        read(bare)


def test_a_dataset_is_not_altered(make_dicom):
    dataset = dcmread(io.BytesIO(make_dicom(RAMP)))
    before = dataset.to_json()
    read(dataset)
    assert dataset.to_json() == before
