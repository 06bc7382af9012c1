"""Where something lies on a film, in words. Left and right are those of the picture, never of the patient."""

from __future__ import annotations

from pneumoscope.core import Reading, Region

_MOST = 0.6
"""A box that takes more of a side than this is not said to lie at either end of it."""


def ninth(row: float, column: float) -> tuple[str, str]:
    """The part of a picture that a point, in shares of height and width, lies in.

    >>> ninth(0.1, 0.9), ninth(0.5, 0.5)
    (('upper', 'right'), ('middle', 'centre'))
    """
    down, across = (min(int(3 * at), 2) for at in (row, column))
    return ("upper", "middle", "lower")[down], ("left", "centre", "right")[across]


def where(region: Region, size: tuple[int, int]) -> str:
    """Where a region lies on a film of this (height, width).

    >>> where(Region(500, 600, 900, 1000, 0.7), (1000, 1200))
    'in the lower right of the picture'
    >>> where(Region(500, 100, 900, 1000, 0.7), (1000, 1200))
    'in the lower part of the picture'
    """
    tall, wide = ((stop - start) / side > _MOST for start, stop, side in _sides(region, size))
    down, across = ninth(*((start + stop) / 2 / side for start, stop, side in _sides(region, size)))
    if tall:
        if wide:
            return "over most of the picture"
        return f"{'down' if across == 'centre' else 'on'} the {across} of the picture"
    return f"in the {down} part of the picture" if wide else f"in the {down} {across} of the picture"


def _sides(region: Region, size: tuple[int, int]) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    return (region.top, region.bottom, size[0]), (region.left, region.right, size[1])


def evidence_text(reading: Reading) -> str:
    """Where the evidence for a positive answer lies, as a sentence; "" for a negative one, or where nobody looked."""
    if reading.heatmap is None or reading.strong_evidence is None or not reading.finding.positive:
        return ""
    if not reading.heatmap.any():  # as may be below a probability of one half, where a threshold lies lower
        return "No region of the picture speaks for it more than against it."
    if not reading.regions or reading.film_size is None:
        return "The evidence is spread: no region of the picture stands out."
    size, (first, *others) = reading.film_size, reading.regions
    told = [
        f"{first.share:.0%} of the evidence lies {where(first, size)} ({_area(first, size):.0%} of its area)",
        *(f"{other.share:.0%} {where(other, size)} ({_area(other, size):.0%})" for other in others),
    ]
    if round(100 * reading.elsewhere):
        told.append(f"{reading.elsewhere:.0%} elsewhere")
    return f"{', '.join(told)}."


def _area(region: Region, size: tuple[int, int]) -> float:
    """Of the film's: much evidence on most of the film says little about where."""
    return (region.bottom - region.top) * (region.right - region.left) / (size[0] * size[1])
