"""Stored values to what a viewer shows: the greyscale transformations of PS3.3, in their order.

All of them act on one pixel at a time. So they are worked out once for each level that the film can hold, in float64,
and the picture is then looked up, strip by strip; a 10-megapixel film costs no more than a table of 65,536 entries and
one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.core import UnreadableFilm
from pneumoscope.imaging.dicom_header import Header

Levels = NDArray[np.float64]

_STRIP: Final = 64
"""Rows that are looked up at a time: what is made on the way stays in the processor's cache."""


class Lut(NamedTuple):
    """A lookup table: its first input value, its entries, and the largest output that its bits allow."""

    first: int
    entries: NDArray[np.uint16]
    full: int


class _Places(NamedTuple):
    """Integers, (H, W): each pixel's place among the levels, once ``first`` is taken away."""

    values: NDArray[Any]
    first: int

    def strips(self, rows: int) -> Iterator[NDArray[np.intp]]:
        """The places, so many rows at a time."""
        for top in range(0, self.values.shape[0], rows):
            yield np.subtract(self.values[top : top + rows], self.first, dtype=np.intp)


def display(
    values: NDArray[Any], header: Header, photometric: str, step: int = 1
) -> tuple[NDArray[np.float32], list[str]]:
    """(H, W) stored integers to float32 in [0, 1], 0 = air, and notes on the steps that were taken.

    The order is that of PS3.3: padding (C.7.5.1.1.2), modality LUT or rescale (C.11.1), VOI LUT or window (C.11.2),
    polarity (C.7.6.3.1.2 and C.11.6). Each pixel of the answer, (H / step, W / step) rounded up, is the mean of
    ``step`` x ``step`` pixels, or of as many of them as there are at the lower and the right edge.
    """
    notes: list[str] = []
    signed = values.dtype.kind == "i"
    levels, places = _levels_of(values)
    padding = _padding(levels, header, signed, notes)
    measured = _modality(levels, header, signed, notes)
    shown = _voi(measured, lambda: _present(levels.size, places) & ~padding, header, notes)
    if _inverted(header, photometric, notes):
        shown = 1 - shown
    shown[padding] = 0
    return _looked_up(np.clip(shown, 0, 1).astype(np.float32), places, step), notes


def shown_by_header(header: Header) -> bool:
    """Whether the header alone says how values are shown, and no value is padding or the least or largest of all.

    Raises
    ------
    UnreadableFilm : as :func:`display` does.
    """
    if header.short("PixelPaddingValue") is not None:
        return False
    return bool(_voi_luts(header)) or _has_window(header, [])


def _levels_of(values: NDArray[Any]) -> tuple[Levels, _Places]:
    """Levels that the film can hold, and each pixel's place among them."""
    low, high = int(values.min()), int(values.max())
    if high - low < 2**16:
        return np.arange(low, high + 1, dtype=np.float64), _Places(values, low)
    levels, index = np.unique(values, return_inverse=True)
    return levels.astype(np.float64), _Places(index.reshape(values.shape), 0)


def _present(levels: int, places: _Places) -> NDArray[np.bool_]:
    """At which of so many levels there are pixels."""
    found = np.zeros(levels, np.bool_)
    for strip in places.strips(_STRIP):
        found[strip] = True
    return found


def _looked_up(table: NDArray[np.float32], places: _Places, step: int) -> NDArray[np.float32]:
    """The table's entry for each pixel, averaged over squares of ``step`` pixels a side."""
    height, width = (-(-side // step) for side in places.values.shape)
    picture = np.empty((height, width), np.float32)
    at_once = max(1, _STRIP // step)
    for i, strip in enumerate(places.strips(at_once * step)):
        rows = table.take(strip)
        picture[i * at_once : (i + 1) * at_once] = rows if step == 1 else Image.fromarray(rows).reduce(step)
    return picture


def _padding(levels: Levels, header: Header, signed: bool, notes: list[str]) -> NDArray[np.bool_]:
    """Levels that are no part of the picture."""
    one = header.short("PixelPaddingValue", signed=signed)
    if one is None:
        return np.zeros(levels.size, bool)
    other = header.short("PixelPaddingRangeLimit", signed=signed)
    low, high = sorted((one, one if other is None else other))
    padding = (levels >= low) & (levels <= high)
    if padding.any():
        notes.append(f"padding ({low} to {high}) set to air" if low != high else f"padding ({low}) set to air")
    return padding


def _modality(levels: Levels, header: Header, signed: bool, notes: list[str]) -> Levels:
    """PS3.3 C.11.1: a lookup table, or slope and intercept, or neither."""
    items = header.items("ModalityLUTSequence")
    if items:
        notes.append("modality LUT applied")
        lut = _lut(items[0], signed)
        return _look_up(levels, lut).astype(np.float64)
    slope, intercept = header.decimal("RescaleSlope"), header.decimal("RescaleIntercept")
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    if slope == 0:
        raise UnreadableFilm("a RescaleSlope of 0 would make every pixel equal: a damaged header; export it again")
    if (slope, intercept) != (1, 0):
        notes.append(f"rescaled by slope {slope:g} and intercept {intercept:g}")
    return levels * slope + intercept


def _voi(measured: Levels, present: Callable[[], NDArray[np.bool_]], header: Header, notes: list[str]) -> Levels:
    """PS3.3 C.11.2: the first lookup table, else the first window, else from the smallest to the largest value."""
    if items := _voi_luts(header):
        notes.append("VOI LUT applied" + (f", the first of {len(items)}" if len(items) > 1 else ""))
        lut = _lut(items[0], signed=header.short("PixelRepresentation") == 1 or bool(measured.min() < 0))
        return _look_up(np.rint(measured), lut) / lut.full
    return _window(measured, header, notes) if _has_window(header, notes) else _stretch(measured, present(), notes)


def _voi_luts(header: Header) -> list[Header]:
    return [item for item in header.items("VOILUTSequence") if "LUTData" in item]


def _has_window(header: Header, notes: list[str]) -> bool:
    centre, width = header.decimal("WindowCenter"), header.decimal("WindowWidth")
    if centre is None or width is None:
        return False
    function = header.text("VOILUTFunction") or "LINEAR"
    if function not in _WINDOWS:
        raise UnreadableFilm(f"expected a VOI LUT function LINEAR, LINEAR_EXACT or SIGMOID, got {function!r}")
    if width < 1 and (width <= 0 or function == "LINEAR"):
        notes.append(f"window width {width:g} is not allowed: window ignored")
        return False
    return True


def _window(measured: Levels, header: Header, notes: list[str]) -> Levels:
    function = header.text("VOILUTFunction") or "LINEAR"
    centres, widths = header.decimals("WindowCenter"), header.decimals("WindowWidth")
    notes.append(
        f"{function} window of centre {centres[0]:g} and width {widths[0]:g}"
        + (f", the first of {len(centres)}" if len(centres) > 1 else "")
    )
    return _WINDOWS[function](measured, centres[0], widths[0])


def _linear(x: Levels, centre: float, width: float) -> Levels:
    """PS3.3 C.11.2.1.2.1. A width of 1 is a threshold."""
    if width == 1:
        return (x > centre - 0.5).astype(np.float64)
    return np.clip((x - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


def _linear_exact(x: Levels, centre: float, width: float) -> Levels:
    """PS3.3 C.11.2.1.3.2."""
    return np.clip((x - centre) / width + 0.5, 0, 1)


def _sigmoid(x: Levels, centre: float, width: float) -> Levels:
    """PS3.3 C.11.2.1.3.1; beyond an exponent of 700 the curve is flat, and float64 would overflow."""
    return 1 / (1 + np.exp(np.clip(-4 * (x - centre) / width, -700, 700)))


_WINDOWS: Final[dict[str, Callable[[Levels, float, float], Levels]]] = {
    "LINEAR": _linear,
    "LINEAR_EXACT": _linear_exact,
    "SIGMOID": _sigmoid,
}


def _stretch(measured: Levels, present: NDArray[np.bool_], notes: list[str]) -> Levels:
    """Without a window the standard leaves the display open: the whole range of the picture is shown."""
    inside = measured[present]
    low, high = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 0.0)
    notes.append(f"no window: stretched from the smallest to the largest value ({low:g} to {high:g})")
    return np.zeros_like(measured) if high <= low else np.clip((measured - low) / (high - low), 0, 1)


def _inverted(header: Header, photometric: str, notes: list[str]) -> bool:
    """PS3.3 C.7.6.3.1.2 and C.11.6: two elements tell of the same inversion; it is done once."""
    by_photometric = photometric == "MONOCHROME1"
    shape = header.text("PresentationLUTShape")
    if by_photometric:
        notes.append("MONOCHROME1 inverted")
        if shape == "IDENTITY":
            notes.append("the header contradicts itself: MONOCHROME1 with PresentationLUTShape IDENTITY")
    elif shape == "INVERSE":
        notes.append("PresentationLUTShape INVERSE inverted")
    return by_photometric or shape == "INVERSE"


def _lut(item: Header, signed: bool) -> Lut:
    """PS3.3 C.11.1.1: entries (0 means 65,536), first input value, bits an entry; the data in bytes or in words."""
    return lut_of(item, "LUTDescriptor", "LUTData", signed=signed)


def lut_of(header: Header, descriptor: str, data: str, *, signed: bool = False) -> Lut:
    """Read one lookup table; ``signed`` tells how its first input value is stored."""
    numbers = header.shorts(descriptor)
    if len(numbers) != 3 or not 8 <= numbers[2] <= 16:
        raise UnreadableFilm(f"expected a lookup table of 8 to 16 bits, its descriptor is {numbers}: a damaged header")
    count = numbers[0] or 2**16
    first = header.shorts(descriptor, signed=signed or header.vr(descriptor) == "SS")[1]
    words = header.words(data)
    if words.size == (count + 1) // 2 and count > 1:  # packed, two entries a word
        words = words.view(np.uint8)
    if words.size < count:
        raise UnreadableFilm(f"a lookup table declares {count} entries, {words.size} came: a damaged header")
    return Lut(first, words[:count].astype(np.uint16), 2 ** numbers[2] - 1)


def _look_up(levels: Levels, lut: Lut) -> NDArray[np.uint16]:
    """Values below the table take its first entry, values above it its last."""
    return lut.entries[np.clip(levels - lut.first, 0, lut.entries.size - 1).astype(np.intp)]
