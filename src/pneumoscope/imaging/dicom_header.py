"""The header of one DICOM film, read without pydicom's conveniences, and without its warnings.

pydicom warns through Python's ``warnings`` when a value breaks a rule (a too long decimal, a misspelt character set).
Films are read from several threads, and warnings cannot be silenced for one thread alone. So the elements are taken as
raw bytes from pydicom's element generator, and the few values that matter here are converted by :class:`Header`.
As a gain, nothing that identifies a patient is looked at, but for the date of birth where no age is stated: it becomes
whole years at once.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import data_element_generator, read_sequence
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from pneumoscope.core import UnreadableFilm
from pneumoscope.imaging.containers import EXPECTED, cut_short
from pneumoscope.imaging.limits import MAX_BYTES, check_bytes
from pneumoscope.imaging.names import PREAMBLE_END, has_preamble

Element = RawDataElement | DataElement

# PS3.6: the only elements that are read.
TAGS: Final[Mapping[str, int]] = {
    "TransferSyntaxUID": 0x00020010,
    "SOPClassUID": 0x00080016,
    "StudyDate": 0x00080020,
    "Modality": 0x00080060,
    "PresentationIntentType": 0x00080068,
    "PatientBirthDate": 0x00100030,
    "PatientAge": 0x00101010,
    "BodyPartExamined": 0x00180015,
    "ImagerPixelSpacing": 0x00181164,
    "ViewPosition": 0x00185101,
    "PatientOrientation": 0x00200020,
    "SamplesPerPixel": 0x00280002,
    "PhotometricInterpretation": 0x00280004,
    "PlanarConfiguration": 0x00280006,
    "NumberOfFrames": 0x00280008,
    "Rows": 0x00280010,
    "Columns": 0x00280011,
    "PixelSpacing": 0x00280030,
    "BitsAllocated": 0x00280100,
    "BitsStored": 0x00280101,
    "HighBit": 0x00280102,
    "PixelRepresentation": 0x00280103,
    "PixelPaddingValue": 0x00280120,
    "PixelPaddingRangeLimit": 0x00280121,
    "WindowCenter": 0x00281050,
    "WindowWidth": 0x00281051,
    "RescaleIntercept": 0x00281052,
    "RescaleSlope": 0x00281053,
    "VOILUTFunction": 0x00281056,
    "RedPaletteColorLookupTableDescriptor": 0x00281101,
    "GreenPaletteColorLookupTableDescriptor": 0x00281102,
    "BluePaletteColorLookupTableDescriptor": 0x00281103,
    "RedPaletteColorLookupTableData": 0x00281201,
    "GreenPaletteColorLookupTableData": 0x00281202,
    "BluePaletteColorLookupTableData": 0x00281203,
    "ModalityLUTSequence": 0x00283000,
    "VOILUTSequence": 0x00283010,
    "ViewCodeSequence": 0x00540220,
    "PresentationLUTShape": 0x20500020,
    "PixelData": 0x7FE00010,
    # inside the sequences
    "CodeValue": 0x00080100,
    "LUTDescriptor": 0x00283002,
    "LUTData": 0x00283006,
}

_CHARACTER_SET: Final = 0x00080005
_LONG_HEADER: Final = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")  # PS3.5 7.1.2
_UNDEFINED: Final = 0xFFFFFFFF

# What pydicom's element generator raises on damaged files. Warning: when the user's filters turn them into errors.
_PARSE_ERRORS: Final = (
    OSError,
    EOFError,
    ValueError,
    struct.error,
    LookupError,
    TypeError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    MemoryError,
    Warning,
)


class Header:
    """The elements in :data:`TAGS` of one data set or sequence item; each question names an element by its keyword.

    A missing or empty element is ``None`` (or an empty sequence); a value that is no number raises
    :class:`UnreadableFilm`.
    """

    def __init__(self, elements: Mapping[int, Element]) -> None:
        self._elements = elements

    def __contains__(self, keyword: str) -> bool:
        return TAGS[keyword] in self._elements

    def data(self, keyword: str) -> bytes:
        """The value as bytes; empty when missing."""
        element = self._elements.get(TAGS[keyword])
        value = element.value if element is not None else None
        return value if isinstance(value, bytes) else b""

    def texts(self, keyword: str) -> tuple[str, ...]:
        """The values of a CS, LO, SH or UI element, upper case; an element that is not ASCII loses those letters."""
        text = self.data(keyword).decode("ascii", "ignore").strip(" \0")
        return tuple(part.strip(" \0").upper() for part in text.split("\\")) if text else ()

    def text(self, keyword: str) -> str | None:
        """The first value of a text element, upper case."""
        return next(iter(self.texts(keyword)), None) or None

    def decimals(self, keyword: str) -> tuple[float, ...]:
        """The values of a DS or IS element, all finite."""
        texts = self.texts(keyword)
        try:
            numbers = tuple(float(text) for text in texts)
        except ValueError as error:
            raise _not_a_number(keyword, texts) from error
        if not all(map(math.isfinite, numbers)):
            raise _not_a_number(keyword, texts)
        return numbers

    def decimal(self, keyword: str) -> float | None:
        """The first value of a DS or IS element."""
        return next(iter(self.decimals(keyword)), None)

    def shorts(self, keyword: str, *, signed: bool = False) -> tuple[int, ...]:
        """The values of a US or SS element; which of the two it is, the caller knows (PS3.5 section 6.2.2)."""
        return tuple(int(word) for word in self.words(keyword).view("<i2" if signed else "<u2"))

    def short(self, keyword: str, *, signed: bool = False) -> int | None:
        """The first value of a US or SS element."""
        return next(iter(self.shorts(keyword, signed=signed)), None)

    def words(self, keyword: str) -> NDArray[np.uint16]:
        """The value of a US, SS or OW element as little-endian 16-bit words."""
        data = self.data(keyword)
        if len(data) % 2:
            raise UnreadableFilm(f"expected 16-bit numbers in {keyword}, got {len(data)} bytes: a damaged header")
        return np.frombuffer(data, "<u2" if self._little_endian(keyword) else ">u2").astype("<u2")

    def vr(self, keyword: str) -> str | None:
        """The value representation that the file states; None in implicit VR."""
        element = self._elements.get(TAGS[keyword])
        return None if element is None or element.VR is None else str(element.VR)

    def items(self, keyword: str) -> list[Header]:
        """The items of a sequence."""
        element = self._elements.get(TAGS[keyword])
        if element is None or not element.value:
            return []
        return [
            Header({int(tag): item.get_item(tag) for tag in item.keys()})  # noqa: SIM118 (iterating would convert)
            for item in _sequence(element)
        ]

    def _little_endian(self, keyword: str) -> bool:
        element = self._elements[TAGS[keyword]] if keyword in self else None
        return element.is_little_endian if isinstance(element, RawDataElement) else True


def parse(data: bytes) -> Header:
    """Read the header of a DICOM file, with or without its preamble (PS3.10 section 7.1).

    Raises :class:`UnreadableFilm` when the bytes are damaged, cut short, or no DICOM after all.
    """
    file = io.BytesIO(data)
    file.seek(PREAMBLE_END if has_preamble(data) else 0)
    with _parse_errors():
        elements = _collect(_elements(file, implicit=False, little=True, last=0x0002FFFF), file, len(data))
        body, implicit, little = _body(file, Header(elements).text("TransferSyntaxUID"))
        size = _size(body)
        elements |= _collect(_elements(body, implicit, little, last=TAGS["PixelData"]), body, size)
    header = Header(elements)
    if "SOPClassUID" not in header and not all(k in header for k in ("Rows", "Columns", "PixelData")):
        raise UnreadableFilm(f"{EXPECTED}; it begins a little like DICOM, but describes no picture; export it again")
    return header


def _size(file: io.BytesIO) -> int:
    """Bytes in the file. Its buffer would tell too, but is a copy."""
    at = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(at)
    return size


def _sequence(element: Element) -> Iterable[Dataset]:
    """The items; pydicom has parsed them already if the sequence's length was not defined."""
    if not isinstance(element, RawDataElement):
        return element.value  # type: ignore[no-any-return]
    raw = element.value or b""
    with _parse_errors():
        return read_sequence(io.BytesIO(raw), element.is_implicit_VR, element.is_little_endian, len(raw), "latin-1")


@contextmanager
def _parse_errors() -> Iterator[None]:
    try:
        yield
    except _PARSE_ERRORS as error:
        raise UnreadableFilm(
            f"expected a sound DICOM file, but its elements cannot be followed ({error}): "
            "damaged or cut short; copy or export it again"
        ) from error


def _elements(file: io.BytesIO, implicit: bool, little: bool, last: int) -> Iterator[Element]:
    """Yield the elements in :data:`TAGS` up to the tag ``last``; the file is left behind them.

    Stops before a character set and steps over it: pydicom would convert it, and warn of a misspelt one.
    """
    found: list[tuple[str | None, int]] = []

    def stop(tag: BaseTag, vr: str | None, length: int) -> bool:
        if int(tag) == _CHARACTER_SET:
            found.append((vr, length))
        return int(tag) == _CHARACTER_SET or int(tag) > last

    while True:
        yield from data_element_generator(file, implicit, little, stop_when=stop, specific_tags=list(TAGS.values()))
        if not found:
            return
        vr, length = found.pop()
        file.seek(length + (12 if not implicit and vr in _LONG_HEADER else 8), io.SEEK_CUR)


def _collect(elements: Iterator[Element], file: io.BytesIO, size: int) -> dict[int, Element]:
    collected: dict[int, Element] = {}
    for element in elements:
        came = len(element.value or b"") if isinstance(element, RawDataElement) else _UNDEFINED
        if isinstance(element, RawDataElement) and came < element.length != _UNDEFINED:
            raise cut_short(f"the DICOM element {element.tag} declares {element.length} bytes, {came} came")
        collected[int(element.tag)] = element
    if file.tell() > size:
        raise cut_short("the last element reaches beyond the end of the file")
    return collected


def _body(file: io.BytesIO, syntax: str | None) -> tuple[io.BytesIO, bool, bool]:
    """The file at its data set, inflated if need be, and whether it is implicit VR and little endian (PS3.5, 10)."""
    if syntax is None:
        return file, *_guess_encoding(file)
    if syntax == DeflatedExplicitVRLittleEndian:
        return io.BytesIO(_inflate(file.read())), False, True
    return file, syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian


def _guess_encoding(file: io.BytesIO) -> tuple[bool, bool]:
    """Tell implicit from explicit VR, and the byte order, by the first element of a data set without file meta."""
    at = file.tell()
    head = file.read(6)
    file.seek(at)
    implicit = not (head[4:6].isalpha() and head[4:6].isupper())
    return implicit, head[0:1] != b"\0"


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)  # raw deflate (PS3.5 section A.5)
    try:
        inflated = inflater.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise UnreadableFilm(f"the deflated DICOM data set is damaged ({error}); copy or export it again") from error
    check_bytes(len(inflated))
    if not inflater.eof:
        raise cut_short("the deflated DICOM data set does not end")
    return inflated


def _not_a_number(keyword: str, texts: tuple[str, ...]) -> UnreadableFilm:
    shown = "\\".join(texts)[:40]
    return UnreadableFilm(f"expected numbers in the DICOM element {keyword}, got {shown!r}: a damaged header")
