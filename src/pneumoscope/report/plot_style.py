"""How all plots about films look.

One colour a class on every plot, told apart in the three common kinds of colour blindness and by lightness in a grey
print. Plots are SVG, the same bytes each time.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from typing import Any

from matplotlib import font_manager, rc_context
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.patheffects import withStroke

from pneumoscope.data.stated import NO_SPLIT
from pneumoscope.report.text import one_line, shorten

COLOURS = {"no pneumonia": "#00598c", "pneumonia": "#d55e00", "not stated": "#949494"}
OTHERS = ("#00598c", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#8c3b00", "#b8a900", "#949494")
"""Of splits, sources, sexes and views (after Okabe and Ito); the last for all that come after."""
MARKERS = {"train": "o", "val": "s", "test": "^", NO_SPLIT: "o"}
INK, SOFT, LINE = "#17212b", "#56636f", "#dfe5ea"
WIDTH = 11.0
"""Inches: as wide as the page."""
_DPI = 130
_LONGEST = 28
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.parse_math": False,  # a name may hold a dollar
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SOFT,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "pneumoscope",
}


def svg(draw: Callable[[Figure], None], width: float, height: float) -> bytes:
    """What ``draw`` puts on a figure of so many inches."""
    return _saved(draw, width, height, format="svg", dpi=_DPI, metadata={"Date": None})


def png(draw: Callable[[Figure], None], width: float, height: float, dpi: int) -> bytes:
    """The same in pixels, for what cannot take lines."""
    return _saved(draw, width, height, format="png", dpi=dpi, metadata={"Software": None})


def _saved(draw: Callable[[Figure], None], width: float, height: float, **options: Any) -> bytes:
    file = io.BytesIO()
    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        figure.savefig(file, **options)
    return file.getvalue()


def other_colour(code: int) -> str:
    """The colour of the split, source, sex or view number ``code``."""
    return OTHERS[min(code, len(OTHERS) - 1)]


def tint(colour: str, step: int) -> tuple[float, ...]:
    """The colour, the paler the higher the step: a class and its subtypes."""
    share = (1.0, 0.55, 0.3)[min(step, 2)]
    return tuple(share * int(colour[i : i + 2], 16) / 255 + 1 - share for i in (1, 3, 5))


def name_on_plot(name: str) -> str:
    """A name from outside as matplotlib can draw it: short, and only letters that the font has."""
    return "".join(letter if _has_glyph(ord(letter)) else "?" for letter in shorten(one_line(name), _LONGEST))


def _has_glyph(code: int) -> bool:
    return _font().get_char_index(code) > 0


@cache
def _font() -> FT2Font:
    return font_manager.get_font(font_manager.findfont("DejaVu Sans"))


def bare(axes: Any) -> None:
    """Names beside the rows instead of an axis."""
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def counted(number: int, what: str = "film") -> str:
    """``"1 film"``, ``"1,200 films"``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


HALO = [withStroke(linewidth=2.5, foreground="white")]
"""Keeps a number readable on a coloured area."""
