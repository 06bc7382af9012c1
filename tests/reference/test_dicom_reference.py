"""Our display values against two independent implementations: highdicom, and DCMTK's dcm2pnm.

Known differences, each left out below where it shows:

- Padding: neither knows that padding is no part of the picture; both send it through the window. Compared outside it.
- Without a window the standard leaves the display open. We stretch from the smallest to the largest value; highdicom
  leaves values as they are, so it is stretched here; dcm2pnm is asked for the same (``+Wm``).
- highdicom takes a slope into the window and keeps the 0.5 and the 1 of the LINEAR function as they are, although they
  count in rescaled units (PS3.3 C.11.2.1.2.1). DCMTK and we do not. Compared with LINEAR only where the slope is 1.
- highdicom reads lookup tables of 8 and of 16 bits only, and no big-endian files.
- dcm2pnm rounds rescaled values to whole numbers, and would burn overlays in if not told otherwise.
- A film that is falsely tagged MONOCHROME1 is read as its header says, by all three.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import (
    JPEG2000Lossless,
    JPEG2000TransferSyntaxes,
    JPEGLossless,
    JPEGLSLossless,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from pneumoscope.core import FilmError
from pneumoscope.imaging import read

ONE_LEVEL = 1 / 255


def stored_film(bits: int, signed: bool = False) -> np.ndarray:
    """A picture that holds the whole range of its bits, in a smooth scene."""
    y, x = np.mgrid[0:64, 0:80]
    scene = 0.5 + 0.4 * np.sin(y / 11) * np.cos(x / 9)
    values = (scene * (2**bits - 1)).astype(np.int64)
    values.flat[:2] = 0, 2**bits - 1
    if signed:
        return (values - 2 ** (bits - 1)).astype(np.int8 if bits == 8 else np.int16)
    return values.astype(np.uint8 if bits == 8 else np.uint16)


def lut_item(count: int, first: int, bits: int, curve: float, signed: bool = False) -> Dataset:
    item = Dataset()
    item.add_new(0x00283002, "SS" if signed else "US", [count, first, bits])
    entries = (np.linspace(0, 1, count) ** curve * (2**bits - 1)).astype("<u2")
    item.add_new(0x00283003, "LO", "a curve")
    item.add_new(0x00283006, "OW", entries.tobytes())
    return item


def modality_lut(item: Dataset) -> Dataset:
    item.add_new(0x00283004, "LO", "US")
    return item


LINEAR = {"WindowCenter": 1500, "WindowWidth": 1800}
EXACT = {**LINEAR, "VOILUTFunction": "LINEAR_EXACT"}
SIGMOID = {**LINEAR, "VOILUTFunction": "SIGMOID"}
RESCALE = {"RescaleSlope": "1.5", "RescaleIntercept": "-700", "RescaleType": "US"}

# name: bits, signed, elements
FILMS = {
    "no window": (12, False, dict),
    "no window, signed": (12, True, lambda: RESCALE),
    "linear": (12, False, lambda: LINEAR),
    "linear exact": (12, False, lambda: EXACT),
    "sigmoid": (12, False, lambda: SIGMOID),
    "narrow window": (12, False, lambda: {"WindowCenter": 2000, "WindowWidth": 2}),
    "fractional window": (12, False, lambda: {"WindowCenter": "2000.5", "WindowWidth": "333.25"}),
    "two windows": (12, False, lambda: {"WindowCenter": [1500, 90], "WindowWidth": [1800, 50]}),
    "8 bit linear": (8, False, lambda: {"WindowCenter": 127, "WindowWidth": 200}),
    "16 bit linear": (16, False, lambda: {"WindowCenter": 30000, "WindowWidth": 50000}),
    "signed": (12, True, lambda: {"WindowCenter": -100, "WindowWidth": 3000}),
    "signed 16 bit": (16, True, lambda: {"WindowCenter": -100, "WindowWidth": 30000}),
    "signed and rescaled": (12, True, lambda: {**RESCALE, "WindowCenter": -900, "WindowWidth": 4000}),
    "rescaled": (12, False, lambda: {**RESCALE, **LINEAR}),
    "rescaled sigmoid": (12, False, lambda: {**RESCALE, **SIGMOID}),
    "negative slope": (12, False, lambda: {**RESCALE, **LINEAR, "RescaleSlope": "-1", "RescaleIntercept": "4095"}),
    "voi lut": (12, False, lambda: {"VOILUTSequence": [lut_item(4096, 0, 16, 1.8)]}),
    "voi lut of 12 bits": (12, False, lambda: {"VOILUTSequence": [lut_item(4096, 0, 12, 0.6)]}),
    "short voi lut": (12, False, lambda: {"VOILUTSequence": [lut_item(900, 1200, 12, 1.2)]}),
    "voi lut before window": (12, False, lambda: {**LINEAR, "VOILUTSequence": [lut_item(4096, 0, 16, 1.8)]}),
    "signed voi lut": (12, True, lambda: {"VOILUTSequence": [lut_item(4096, -2048, 16, 1.8, signed=True)]}),
    "modality lut and window": (
        12, False, lambda: {**LINEAR, "ModalityLUTSequence": [modality_lut(lut_item(4096, 0, 12, 1.5))]},
    ),
    "modality lut and sigmoid": (
        12, False, lambda: {**SIGMOID, "ModalityLUTSequence": [modality_lut(lut_item(4096, 0, 16, 1.5))]},
    ),
    "short modality lut": (
        12, False, lambda: {**LINEAR, "ModalityLUTSequence": [modality_lut(lut_item(2000, 700, 12, 1.0))]},
    ),
}  # fmt: skip
TWELVE_BIT_TABLES = {"voi lut of 12 bits", "short voi lut", "modality lut and window", "short modality lut"}
POLARITIES = {
    "MONOCHROME2": {"PhotometricInterpretation": "MONOCHROME2", "PresentationLUTShape": "IDENTITY"},
    "MONOCHROME1": {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
    "MONOCHROME1 alone": {"PhotometricInterpretation": "MONOCHROME1"},
}


def film_bytes(make_dicom, name: str, polarity: str, **more) -> bytes:
    bits, signed, elements = FILMS[name]
    return make_dicom(stored_film(bits, signed), bits=bits, **elements(), **POLARITIES[polarity], **more)


def highdicom_display(data: bytes) -> np.ndarray:
    """(H, W) in [0, 1] by highdicom; stretched when the film says neither window nor VOI LUT."""
    import highdicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of headers that real films have
        dataset = dcmread(io.BytesIO(data))
        image = highdicom.Image.from_dataset(dataset, copy=False)
        has_voi = "WindowCenter" in dataset or "VOILUTSequence" in dataset
        frame = image.get_frame(
            1,
            dtype=np.float64,
            apply_modality_transform=None,  # if the film has one
            apply_voi_transform=has_voi,
            apply_presentation_lut=has_voi,
        )
    if has_voi:
        return frame
    stretched = (frame - frame.min()) / np.ptp(frame)
    return 1 - stretched if dataset.PhotometricInterpretation == "MONOCHROME1" else stretched


def dcmtk_display(data: bytes, folder: Path) -> np.ndarray:
    """(H, W) in [0, 1] by DCMTK, 16 bit. JPEG 2000, which it does not know, is decompressed by GDCM first."""
    dataset = dcmread(io.BytesIO(data))
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in JPEG2000TransferSyntaxes:
        dataset.decompress(decoding_plugin="gdcm")
    tool = (
        "dcmj2pnm" if syntax in JPEGTransferSyntaxes else "dcml2pnm" if syntax in JPEGLSTransferSyntaxes else "dcm2pnm"
    )
    if shutil.which(tool) is None:
        pytest.skip(f"DCMTK's {tool} is not on the path")
    voi = ["+Wl", "1"] if "VOILUTSequence" in dataset else ["+Wi", "1"] if "WindowCenter" in dataset else ["+Wm"]
    source, target = folder / "film.dcm", folder / "film.png"
    dataset.save_as(source)
    subprocess.run([tool, "+on2", "-O", *voi, source, target], check=True, capture_output=True)
    with Image.open(target) as image:
        return np.asarray(image).astype(np.float64) / 65535


def worst(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours.astype(np.float64) - theirs).max())


@pytest.mark.parametrize("polarity", POLARITIES)
@pytest.mark.parametrize("film", sorted(FILMS.keys() - TWELVE_BIT_TABLES))
def test_display_values_are_highdicoms(make_dicom, film, polarity):
    data = film_bytes(make_dicom, film, polarity)
    assert worst(read(data).pixels, highdicom_display(data)) <= (ONE_LEVEL if sloped(data) else 1e-5)


@pytest.mark.parametrize("polarity", POLARITIES)
@pytest.mark.parametrize("film", FILMS)
def test_display_values_are_dcmtks(make_dicom, film, polarity, tmp_path):
    data = film_bytes(make_dicom, film, polarity)
    assert worst(read(data).pixels, dcmtk_display(data, tmp_path)) <= ONE_LEVEL


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda s: s.name)
def test_compression_changes_nothing(make_dicom, syntax):
    data = film_bytes(make_dicom, "rescaled sigmoid", "MONOCHROME1", syntax=syntax)
    plain = film_bytes(make_dicom, "rescaled sigmoid", "MONOCHROME1")
    np.testing.assert_array_equal(read(data).pixels, read(plain).pixels)


@pytest.mark.parametrize("polarity", ["MONOCHROME2", "MONOCHROME1"])
@pytest.mark.parametrize("film", ["linear", "voi lut", "rescaled", "signed"])
def test_padding_is_air_and_the_rest_is_as_before(make_dicom, film, polarity, tmp_path):
    bits, signed, elements = FILMS[film]
    stored = stored_film(bits, signed)
    padding = int(stored.max())
    vr = "SS" if signed else "US"
    data = make_dicom(stored, bits=bits, **elements(), **POLARITIES[polarity])
    dataset = dcmread(io.BytesIO(data))
    dataset.add_new(0x00280120, vr, padding)
    dataset.add_new(0x00280121, vr, padding - 100)
    file = io.BytesIO()
    dataset.save_as(file)
    padded = (stored <= padding) & (stored >= padding - 100)
    ours = read(file.getvalue()).pixels
    assert padded.any()
    assert not padded.all()
    assert (ours[padded] == 0).all()
    assert worst(ours[~padded], highdicom_display(data)[~padded]) <= (ONE_LEVEL if sloped(data) else 1e-5)
    assert worst(ours[~padded], dcmtk_display(data, tmp_path)[~padded]) <= ONE_LEVEL


def test_a_high_bit_above_the_stored_bits_is_dcmtks(make_dicom, tmp_path):
    stored = stored_film(12)
    data = make_dicom((stored << 4).astype(np.uint16), bits=12, HighBit=15, **LINEAR)
    dataset = dcmread(io.BytesIO(data))
    dataset.HighBit = 15
    file = io.BytesIO()
    dataset.save_as(file)
    assert worst(read(file.getvalue()).pixels, dcmtk_display(file.getvalue(), tmp_path)) <= ONE_LEVEL


def sloped(data: bytes) -> bool:
    """Whether a film has what highdicom takes differently: a slope, and a LINEAR window."""
    dataset = dcmread(io.BytesIO(data), stop_before_pixels=True)
    linear = "WindowCenter" in dataset and dataset.get("VOILUTFunction", "LINEAR") == "LINEAR"
    return linear and dataset.get("RescaleSlope", 1) != 1 and "VOILUTSequence" not in dataset


def readable(folder: Path) -> list[tuple[str, bytes, np.ndarray]]:
    """The grey DICOM files of a folder that are read."""
    films = []
    for path in sorted(folder.iterdir()):
        try:
            film = read(path)
        except FilmError:
            continue
        if not any("luma" in note for note in film.notes):
            films.append((path.name, path.read_bytes(), film.pixels))
    return films


def unpadded(data: bytes) -> np.ndarray:
    """Where the film is not padding."""
    dataset = dcmread(io.BytesIO(data))
    if "PixelPaddingValue" not in dataset:
        return np.ones((dataset.Rows, dataset.Columns), bool)
    return dataset.pixel_array != dataset.PixelPaddingValue


@pytest.mark.data
@pytest.mark.parametrize(("folder", "count"), [("dicom_chest", 15), ("dicom_not_chest", 24)])
def test_real_films_are_highdicoms(data_folder, folder, count):
    films = [f for f in readable(data_folder / folder) if not sloped(f[1]) and "BigEndian" not in f[0]]
    assert len(films) >= count
    for name, data, ours in films:
        inside = unpadded(data)
        assert worst(ours[inside], highdicom_display(data)[inside]) <= ONE_LEVEL, name


@pytest.mark.data
@pytest.mark.parametrize(("folder", "count"), [("dicom_chest", 15), ("dicom_not_chest", 26)])
def test_real_films_are_dcmtks(data_folder, folder, count, tmp_path):
    films = readable(data_folder / folder)
    assert len(films) >= count
    for name, data, ours in films:
        inside = unpadded(data)
        assert worst(ours[inside], dcmtk_display(data, tmp_path)[inside]) <= ONE_LEVEL, name
