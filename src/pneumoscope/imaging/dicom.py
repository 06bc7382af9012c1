"""DICOM films: CR, DX, SC and any other single grey frame.

Notes
-----
The order of operations, with the section of the standard (PS3.3 if not said otherwise):

1. the data set is found and, if deflated, inflated within bounds (PS3.10 section 7, PS3.5 annex A.5);
2. the header's size is checked, against our limits and against the compressed stream's own statement;
3. the frame is decompressed (PS3.5 sections 8 and A.4); the stored bits are cut out (PS3.5 section 8.1.1);
4. padding is set aside: it counts in no range and becomes air (C.7.5.1.1.2);
5. modality LUT, or rescale slope and intercept (C.11.1);
6. the first VOI LUT, else the first window with its function (C.11.2); else the range of the picture, which is noted;
7. MONOCHROME1 or PresentationLUTShape INVERSE is inverted, once (C.7.6.3.1.2, C.11.6);
8. float64 levels become float32 pixels in [0, 1]; of a film larger than is needed, means over squares of them.

Grey that is stored as RGB, YBR or by a palette takes the road of colour pictures after step 3 (C.7.6.3.1.2).
Overlays and annotations are not burnt in. The header's modality, body part, view and age are handed on, not
judged.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import Radiograph, UnreadableFilm
from pneumoscope.imaging.colour import chroma_of_rgb, luma, refuse_colour
from pneumoscope.imaging.dicom_age import age_in_years
from pneumoscope.imaging.dicom_display import display, lut_of, shown_by_header
from pneumoscope.imaging.dicom_frame import PALETTE, Frame, decode
from pneumoscope.imaging.dicom_header import Header, parse

if TYPE_CHECKING:
    from pydicom import Dataset

# PS3.16 CID 4010, in SNOMED CT and in its older SRT codes, as ViewPosition (0018,5101) would name them.
_VIEW_CODES: Final = {
    "272479007": "PA",
    "R-10214": "PA",
    "399348003": "AP",
    "R-10206": "AP",
    "399173006": "LL",
    "R-10236": "LL",
    "399198007": "RL",
    "R-10232": "RL",
    "399067008": "LATERAL",
    "R-102CD": "LATERAL",
}


def read_dicom(data: bytes, digest: str, min_size: tuple[int, int] | None = None) -> Radiograph:
    """Read the bytes of one DICOM file; see the notes of this module for the order of operations.

    Raises
    ------
    UnreadableFilm : damaged, cut short, or a header that contradicts its pixels.
    UnsupportedFilm : no pixels, many frames, colour, or a compression that cannot be decoded.
    """
    header = parse(data)
    frame, step = _decoded(header, min_size)
    chroma, notes = 0.0, frame.notes
    colour = frame.values.ndim == 3 or frame.photometric == PALETTE
    if colour:
        pixels, chroma = _grey_of_colour(frame, header)
        notes.append(f"grey stored as {frame.photometric}: converted to ITU-R 601 luma")
    else:
        pixels, steps = display(frame.values, header, frame.photometric, step)
        notes += steps
        if pixels.shape != frame.size:
            (rows, columns), (height, width) = pixels.shape, frame.size
            notes.append(f"read at a reduced scale: {columns} x {rows} of {width} x {height} pixels")
    if header.text("PresentationIntentType") == "FOR PROCESSING":
        notes.append("the header says FOR PROCESSING: raw detector values, not meant for viewing")
    return Radiograph(
        pixels=pixels,
        digest=digest,
        full_size=frame.size,
        container="dicom",
        colour=colour,
        chroma=chroma,
        modality=header.text("Modality"),
        body_part=header.text("BodyPartExamined"),
        view=_view(header),
        age=age_in_years(header),
        spacing=_spacing(header),
        notes=tuple(notes),
    )


def _decoded(header: Header, min_size: tuple[int, int] | None) -> tuple[Frame, int]:
    """The frame, and how many of its pixels each way may become one.

    It is halved only where it will be reduced to a quarter or less, as halving moves it by half a pixel, and where no
    value in it decides how others are shown.
    """
    step = _reduction((header.short("Rows") or 0, header.short("Columns") or 0), min_size) if min_size else 1
    frame = decode(header, halve=step >= 4 and shown_by_header(header))
    return frame, step if frame.values.shape[:2] == frame.size else step // 2


def _reduction(size: tuple[int, int], min_size: tuple[int, int]) -> int:
    """How many pixels of a film may become one, each way: twice ``min_size`` is left, as of a JPEG.

    No more than ``Radiograph.extent`` can tell from how many pixels there were and are.
    """
    fitting = min(side // (2 * least) for side, least in zip(size, min_size, strict=True))
    return max(1, min(fitting, math.isqrt(min(size) // 2)))


def encode_dataset(dataset: Dataset) -> bytes:
    """The bytes of the file that a pydicom ``Dataset`` would be saved as; read, and digested, like any file."""
    from pydicom import Dataset, dcmwrite  # noqa: PLC0415 (at run time here only)

    if not isinstance(dataset, Dataset):
        raise UnreadableFilm(f"expected a path, bytes or a pydicom Dataset, got {type(dataset).__name__}")
    file = io.BytesIO()
    try:
        dcmwrite(file, dataset)
    except (ValueError, TypeError, AttributeError, LookupError, NotImplementedError, OSError) as error:
        raise UnreadableFilm(f"the Dataset cannot be encoded ({error}); set its file_meta.TransferSyntaxUID") from error
    return file.getvalue()


def _grey_of_colour(frame: Frame, header: Header) -> tuple[NDArray[np.float32], float]:
    if frame.photometric == PALETTE:
        rgb, full = _palette(frame.values, header)
    else:
        rgb, full = frame.values, 2**frame.bits - 1
    chroma = chroma_of_rgb(np.clip(rgb // max(1, (full + 1) // 256), 0, 255).astype(np.uint8))
    refuse_colour(chroma)
    return luma(rgb, full), chroma


def _palette(values: NDArray[Any], header: Header) -> tuple[NDArray[Any], int]:
    """PS3.3 C.7.6.3.1.5: three tables, one a channel."""
    luts = [
        lut_of(header, f"{name}PaletteColorLookupTableDescriptor", f"{name}PaletteColorLookupTableData")
        for name in ("Red", "Green", "Blue")
    ]
    channels = [lut.entries[np.clip(values.astype(np.int64) - lut.first, 0, lut.entries.size - 1)] for lut in luts]
    return np.stack(channels, axis=-1), max(lut.full for lut in luts)


def _view(header: Header) -> str | None:
    """ViewPosition, else the view's code, else what the patient's orientation in the picture tells."""
    codes = [item.text("CodeValue") or "" for item in header.items("ViewCodeSequence")]
    orientation = header.texts("PatientOrientation")  # where the rows and the columns point (C.7.6.1.1.1)
    sideways = len(orientation) == 2 and orientation[0][:1] in ("A", "P") and orientation[1][:1] in ("F", "H")
    named = [_VIEW_CODES[code] for code in codes if code in _VIEW_CODES]
    return header.text("ViewPosition") or next(iter(named), "LATERAL" if sideways else None)


def _spacing(header: Header) -> tuple[float, float] | None:
    """Millimetres a pixel, (row, column): calibrated, else at the detector (section 10.7.1.3)."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        try:
            spacing = header.decimals(keyword)
        except UnreadableFilm:
            continue  # a film is whole without it
        if len(spacing) == 2 and min(spacing) > 0:
            return spacing[0], spacing[1]
    return None
