"""The stored values of the one frame of a DICOM film, decompressed and checked against the header."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.pixels.decoders.base import get_decoder

from pneumoscope.core import UnreadableFilm, UnsupportedFilm
from pneumoscope.imaging.codestream import (
    Stream,
    essential_lossless_jpeg,
    jpeg2000_stream,
    jpeg_stream,
    may_be_halved,
    run_length_sizes,
)
from pneumoscope.imaging.containers import cut_short
from pneumoscope.imaging.dicom_header import Header
from pneumoscope.imaging.limits import check_size


class Syntax(NamedTuple):
    """How one transfer syntax is decoded: pydicom's plugin, and what tells the stream's own size."""

    plugin: str
    inspect: Callable[[bytes], Stream] | None


# PS3.5 section 10 and annex A. One decoder each: a second one would only hide which of them read the film.
_ENCAPSULATED: Final = {
    "1.2.840.10008.1.2.5": Syntax("pydicom", None),  # RLE lossless
    "1.2.840.10008.1.2.4.50": Syntax("pillow", jpeg_stream),  # JPEG baseline, 8 bit
    "1.2.840.10008.1.2.4.51": Syntax("pillow", jpeg_stream),  # JPEG extended; 12 bit cannot be decoded
    "1.2.840.10008.1.2.4.57": Syntax("gdcm", jpeg_stream),  # JPEG lossless
    "1.2.840.10008.1.2.4.70": Syntax("gdcm", jpeg_stream),  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.80": Syntax("pyjpegls", jpeg_stream),  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81": Syntax("pyjpegls", jpeg_stream),  # JPEG-LS near-lossless
    "1.2.840.10008.1.2.4.90": Syntax("pylibjpeg", jpeg2000_stream),  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91": Syntax("pylibjpeg", jpeg2000_stream),  # JPEG 2000
}
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"  # explicit VR
_NATIVE: Final = {
    "1.2.840.10008.1.2",  # implicit VR little endian
    "1.2.840.10008.1.2.1",  # explicit VR little endian
    "1.2.840.10008.1.2.1.99",  # deflated explicit VR little endian
    _BIG_ENDIAN,
}
_JPEG_EXTENDED: Final = "1.2.840.10008.1.2.4.51"
_JPEG_2000: Final = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
_GREY: Final = ("MONOCHROME1", "MONOCHROME2")
_COLOUR: Final = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
PALETTE: Final = "PALETTE COLOR"

# What pydicom's decoders raise on damaged frames; RuntimeError wraps all that a decompressor raises.
_DECODE_ERRORS: Final = (
    RuntimeError,
    ValueError,
    AttributeError,
    NotImplementedError,
    LookupError,
    TypeError,
    OverflowError,
    MemoryError,
    Warning,
)


class Frame(NamedTuple):
    """(H, W) stored values of a grey or palette film, or (H, W, 3) RGB; bits a sample; what they are.

    ``size`` is the (height, width) that the header declares; half of it came if the frame was halved.
    """

    values: NDArray[Any]
    bits: int
    photometric: str
    notes: list[str]
    size: tuple[int, int]


class Layout(NamedTuple):
    """The header's description of the pixel data (PS3.3 section C.7.6.3)."""

    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    photometric: str
    planar: int

    @property
    def byte_count(self) -> int:
        """Bytes of the frame without compression."""
        samples = 2 if self.photometric == "YBR_FULL_422" else self.samples
        return (self.rows * self.columns * samples * self.allocated + 7) // 8


def decode(header: Header, *, halve: bool = False) -> Frame:
    """Decompress the one frame of a film; on request at half its size, both ways, if that saves time.

    Raises
    ------
    UnreadableFilm : the header and the pixel data contradict each other, or the data are damaged.
    UnsupportedFilm : no pixels, many frames, a photometric interpretation or compression that is not read here.
    """
    layout, notes = _layout(header), list[str]()
    syntax = header.text("TransferSyntaxUID") or "1.2.840.10008.1.2.1"  # bare data sets are never compressed
    if syntax in _NATIVE:
        values, photometric = _native(header, syntax, layout)
    else:
        values, photometric = _encapsulated(header, syntax, layout, notes, halve)
    return Frame(values, layout.stored, photometric, notes, (layout.rows, layout.columns))


def _layout(header: Header) -> Layout:
    frames = header.decimal("NumberOfFrames") or 1
    if frames > 1:
        raise UnsupportedFilm(f"expected one frame, the DICOM file holds {frames:.0f}; export the one radiograph")
    if "PixelData" not in header:
        raise UnsupportedFilm(
            "the DICOM file holds no pixels: a report, a header alone, or float data; export the image"
        )
    rows, columns = _required(header, "Rows"), _required(header, "Columns")
    check_size(rows, columns)
    allocated, stored = _required(header, "BitsAllocated"), _required(header, "BitsStored")
    high_bit = header.short("HighBit")
    layout = Layout(
        rows=rows,
        columns=columns,
        samples=header.short("SamplesPerPixel") or 1,
        allocated=allocated,
        stored=stored,
        high_bit=stored - 1 if high_bit is None else high_bit,
        signed=header.short("PixelRepresentation") == 1,
        photometric=header.text("PhotometricInterpretation") or "MONOCHROME2",
        planar=header.short("PlanarConfiguration") or 0,
    )
    _check_layout(layout)
    return layout


def _required(header: Header, keyword: str) -> int:
    value = header.short(keyword)
    if value is None:
        raise UnreadableFilm(f"the DICOM element {keyword} is missing, without it the pixels cannot be laid out")
    return value


def _check_layout(layout: Layout) -> None:
    bits = layout.allocated in (1, 8, 16, 32) and 1 <= layout.stored <= layout.high_bit + 1 <= layout.allocated
    if not bits or layout.planar not in (0, 1):
        raise UnreadableFilm(
            f"the DICOM header contradicts itself: {layout.allocated} bits allocated, {layout.stored} stored, "
            f"high bit {layout.high_bit}, planar configuration {layout.planar}"
        )
    samples = {**dict.fromkeys((*_GREY, PALETTE), 1), **dict.fromkeys(_COLOUR, 3)}.get(layout.photometric)
    if samples is None:
        raise UnsupportedFilm(f"expected a greyscale DICOM film, got photometric {layout.photometric!r}")
    if samples != layout.samples:
        raise UnreadableFilm(f"the DICOM header contradicts itself: {layout.photometric} of {layout.samples} samples")


def _native(header: Header, syntax: str, layout: Layout) -> tuple[NDArray[Any], str]:
    data = header.data("PixelData")
    if len(data) < layout.byte_count:
        raise UnreadableFilm(
            f"the DICOM header declares {layout.columns} x {layout.rows} pixels in {layout.byte_count} bytes, "
            f"{len(data)} came: a wrong header or a damaged file; export it again"
        )
    even = layout.byte_count + layout.byte_count % 2  # without the excess that some writers leave behind
    return _decode(data[:even], syntax, layout, vr=header.vr("PixelData") or "OW")


def _encapsulated(header: Header, uid: str, layout: Layout, notes: list[str], halve: bool) -> tuple[NDArray[Any], str]:
    syntax = _ENCAPSULATED.get(uid)
    if syntax is None:
        raise UnsupportedFilm(f"the DICOM compression {uid} is not read here; decompress it, with dcmdjpeg or gdcmconv")
    frame = _join_fragments(header.data("PixelData"))
    if syntax.inspect is None:
        _check_runs(run_length_sizes(frame), layout)
        return _decode(frame, uid, layout, plugin=syntax.plugin)
    stream = syntax.inspect(frame)
    _check_stream(stream, uid, layout, notes)
    if halve and uid in _JPEG_2000 and (halved := _halved(frame, stream, layout)) is not None:
        return halved, layout.photometric
    if syntax.plugin == "gdcm":
        return _lossless_jpeg(frame, uid, layout, stream.precision)
    return _decode(frame, uid, _in_container_of(stream.precision, layout), plugin=syntax.plugin)


def _check_runs(sizes: list[int], layout: Layout) -> None:
    """Each byte of each sample has a segment of its own; some writers leave a little excess at its end."""
    pixels = layout.rows * layout.columns
    planes = layout.samples * layout.allocated // 8
    if len(sizes) != planes or any(not pixels <= size < pixels + layout.columns for size in sizes):
        raise UnreadableFilm(
            f"the DICOM header declares {planes} planes of {layout.columns} x {layout.rows} = {pixels} bytes, the "
            f"run-length coded frame has {sizes}: a wrong header or a damaged file; export it again"
        )


def _halved(frame: bytes, stream: Stream, layout: Layout) -> NDArray[np.uint16] | None:
    """Half of a JPEG 2000 frame: the finest wavelets, which are most of its bytes, stay coded (T.800 annex F).

    pylibjpeg cannot do that; Pillow can, and gives the values in the upper ones of 16 bits. None where it might not be
    the same frame, or the coder has kept no half of it.
    """
    plain = layout.photometric in _GREY and not layout.signed and 8 < layout.stored == stream.precision <= 16
    if not (plain and stream.ends and may_be_halved(frame)):
        return None
    try:
        image = Jpeg2KImageFile(io.BytesIO(frame))
        image.reduce = 1
        image.load()
    except (*_DECODE_ERRORS, OSError, SyntaxError):
        return None
    values: NDArray[np.uint16] = np.asarray(image, np.uint16) >> np.uint16(16 - stream.precision)
    return values


def _in_container_of(precision: int, layout: Layout) -> Layout:
    """The layout as the decoder will give it: an 8-bit stream comes in bytes, whatever the header allocates."""
    allocated = next(bits for bits in (8, 16, 32) if precision <= bits)
    return layout._replace(allocated=allocated, stored=min(layout.stored, allocated))


def _lossless_jpeg(frame: bytes, uid: str, layout: Layout, precision: int) -> tuple[NDArray[Any], str]:
    """GDCM ends the process when the header states another precision than the stream, so it is told the stream's."""
    _hush_gdcm()
    told = _in_container_of(precision, layout)._replace(stored=precision)
    values, photometric = _decode(essential_lossless_jpeg(frame), uid, told, plugin="gdcm")
    return _without_unused_bits(values, layout.stored), photometric


def _without_unused_bits(values: NDArray[Any], stored: int) -> NDArray[Any]:
    """Clear, or fill with the sign, the bits above the stored ones (PS3.5 section 8.1.1).

    Hardly any film needs it: where all values can be told in so many bits, they are told so already.
    """
    low, high = (-(1 << stored - 1), (1 << stored - 1) - 1) if values.dtype.kind == "i" else (0, (1 << stored) - 1)
    if low <= values.min() and values.max() <= high:
        return values
    unused = max(0, 8 * values.itemsize - stored)
    return (values << unused) >> unused


def _join_fragments(data: bytes) -> bytes:
    """All fragments after the offset table: one frame, as there is only one (PS3.5 section A.4)."""
    try:
        _, *fragments = generate_fragments(data)
    except ValueError as error:
        raise UnreadableFilm(f"the compressed pixel data cannot be followed ({error}); export it again") from error
    if not any(fragments):
        raise UnsupportedFilm("the DICOM file holds no pixels: its compressed frame is empty")
    return b"".join(fragments)


def _check_stream(stream: Stream, syntax: str, layout: Layout, notes: list[str]) -> None:
    declared = layout.rows, layout.columns, layout.samples
    if (stream.height, stream.width, stream.samples) != declared:
        raise UnreadableFilm(
            f"the DICOM header declares {layout.columns} x {layout.rows} pixels of {layout.samples} samples, its "
            f"compressed frame {stream.width} x {stream.height} of {stream.samples}; export it again"
        )
    if stream.precision > layout.allocated:
        raise UnreadableFilm(
            f"the DICOM header allocates {layout.allocated} bits a pixel, its compressed frame has {stream.precision}; "
            "export it again"
        )
    if syntax == _JPEG_EXTENDED and stream.precision != 8:
        raise UnsupportedFilm(f"{stream.precision}-bit lossy JPEG cannot be decoded; decompress with dcmdjpeg")
    if stream.ends:
        return
    if syntax not in _JPEG_2000:
        raise cut_short("expected the end marker of the compressed frame, found none")
    # Encoders with a target size do leave it out, and each byte of JPEG 2000 refines a picture that is whole already.
    notes.append("the JPEG 2000 frame has no end marker: decoded as far as it goes")


def _decode(data: bytes, syntax: str, layout: Layout, *, plugin: str = "", vr: str = "OB") -> tuple[NDArray[Any], str]:
    # Not zero in old films only, and without a meaning where the stream says its own precision (PS3.5 section 8.1.1).
    shift = layout.high_bit + 1 - layout.stored if plugin in ("", "pydicom") else 0
    as_stored = not plugin
    options: dict[str, Any] = {
        "rows": layout.rows,
        "columns": layout.columns,
        "number_of_frames": 1,
        "samples_per_pixel": layout.samples,
        "bits_allocated": layout.allocated,
        "bits_stored": layout.stored + shift,
        "pixel_representation": int(layout.signed),
        "photometric_interpretation": layout.photometric,
        "planar_configuration": layout.planar,
        "pixel_keyword": "PixelData",
        "pixel_vr": vr,
        "validate": False,  # all of it is checked here, where it raises instead of warning
        "view_only": as_stored and syntax != _BIG_ENDIAN,  # nobody writes to them: no need for a copy
        "correct_unused_bits": not as_stored,  # done below, where it is needed
        "decoding_plugin": plugin,
    }
    if plugin:
        data = encapsulate([data], has_bot=False)
    try:
        values, properties = get_decoder(syntax).as_array(data, index=0, **options)
    except _DECODE_ERRORS as error:
        reason = str(error).splitlines()[-1].strip() if str(error) else type(error).__name__
        raise UnreadableFilm(f"the DICOM pixel data cannot be decoded ({reason}): damaged; export it again") from error
    if as_stored:
        values = _without_unused_bits(values, layout.stored + shift)
    return values >> shift if shift else values, str(properties["photometric_interpretation"])


def _hush_gdcm() -> None:
    """Keep GDCM from printing on stderr; what goes wrong is raised."""
    import gdcm  # noqa: PLC0415 (needed by few films)

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    gdcm.Trace.DebugOff()
