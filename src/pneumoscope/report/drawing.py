"""What is drawn on a film beside its heat map: boxes with their share of the evidence, and the scale of the colours.

Everything has a dark rim and a bright core, so that it can be seen on black air and on white bone alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pneumoscope.core import Region
from pneumoscope.report.overlay import colourise

_BRIGHT, _DARK = (255, 255, 255), (0, 0, 0)
_GREY = (106, 106, 106)
"""Beneath the scale, as half-way between the film's air and bone: the colours are see-through."""
_LETTERS = 1 / 24
"""Height of the letters, of the picture's shorter side; between these two in pixels."""
_SMALLEST, _LARGEST = 10, 18
LEAST_WIDTH = 160
"""Of a picture that gets a scale: below, its words would not fit."""


def draw_regions(picture: Image.Image, regions: Sequence[Region], film_size: tuple[int, int]) -> None:
    """Draw the boxes thinly on an RGB picture of the whole film, each with its share of the evidence in its corner."""
    draw, font = ImageDraw.Draw(picture), _font(_letters(picture.size))
    scales = picture.width / film_size[1], picture.height / film_size[0]
    for region in reversed(regions):  # the largest share last, on top
        corners = (region.left, region.top, region.right, region.bottom)
        left, top, right, bottom = (round(edge * scale) for edge, scale in zip(corners, scales * 2, strict=True))
        box = (left, top, max(left, right - 1), max(top, bottom - 1))
        draw.rectangle(box, outline=_DARK, width=3)
        draw.rectangle(_shrunk(box), outline=_BRIGHT, width=1)
        text = f"{region.share:.0%}"
        place = _inside(picture, draw.textbbox((0, 0), text, font, stroke_width=2), (left + 5, top + 4))
        draw.text(place, text, _BRIGHT, font, stroke_width=2, stroke_fill=_DARK)


def with_scale(picture: Image.Image, strong_evidence: float | None) -> Image.Image:
    """The RGB picture with the scale of the heat map's colours beneath it; as it is if it is too narrow for words.

    The scale is the same under every film that one bundle has read: 0 to 100% of its ``strong_evidence``, log-odds.
    """
    if picture.width < LEAST_WIDTH:
        return picture
    scale = _scale(picture.width, _letters(picture.size), strong_evidence)
    whole = Image.new("RGB", (picture.width, picture.height + scale.height))
    whole.paste(picture)
    whole.paste(scale, (0, picture.height))
    return whole


@lru_cache(maxsize=64)
def _scale(width: int, letters: int, strong_evidence: float | None) -> Image.Image:
    """The strip itself: films of one size share it."""
    font = _font(letters)
    line = round(font.getbbox("0g%")[3]) + 6
    strip = Image.new("RGB", (width, 2 * line), _DARK)
    strip.paste(_bar(width, line - 5), (0, 3))
    last = "100%" if strong_evidence is None else f"100% = log-odds {strong_evidence:.1f}"
    draw = ImageDraw.Draw(strip)
    for at, text, anchor in ((2, "0", "la"), (width // 2, "50%", "ma"), (width - 2, last, "ra")):
        draw.text((at, line), text, _BRIGHT, font, anchor=anchor)
    return strip


def _bar(width: int, height: int) -> Image.Image:
    """All colours from 0 to 1, on grey."""
    steps = np.linspace(0, 1, width, dtype=np.float32)[np.newaxis]
    colours = Image.fromarray(colourise(np.repeat(steps, height, axis=0)))
    bar = Image.new("RGB", colours.size, _GREY)
    bar.paste(colours, mask=colours)
    return bar


def _shrunk(box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """One pixel less on each side, if there is room."""
    left, top, right, bottom = box
    by = int(right - left >= 2 and bottom - top >= 2)
    return left + by, top + by, right - by, bottom - by


def _inside(picture: Image.Image, text: tuple[float, float, float, float], place: tuple[int, int]) -> tuple[int, int]:
    """The place moved so that all of the text is on the picture."""
    sides = (picture.width - text[2], picture.height - text[3])
    x, y = (int(max(0, min(at, room))) for at, room in zip(place, sides, strict=True))
    return x, y


def _letters(size: tuple[int, int]) -> int:
    return min(max(round(_LETTERS * min(size)), _SMALLEST), _LARGEST)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
