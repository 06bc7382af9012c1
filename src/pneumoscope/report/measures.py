"""The words for what a survey measures."""

from __future__ import annotations

from typing import NamedTuple


class Measure(NamedTuple):
    """How a measurement is called, how its values are written, and what a film with very little or much of it is."""

    title: str
    format: str
    little: str
    much: str

    def shown(self, value: float) -> str:
        """The value for people."""
        return format(value, self.format)


_KNOWN = {
    "width": Measure("width in pixels", ".0f", "few pixels wide", "very many pixels wide"),
    "height": Measure("height in pixels", ".0f", "few pixels high", "very many pixels high"),
    "aspect": Measure("width : height", ".2f", "tall and narrow", "very wide"),
    "bytes_per_pixel": Measure("bytes per pixel", ".2f", "strongly compressed", "hardly compressed"),
    "colour": Measure("colour container", ".0f", "a grey file", "a colour file"),
    "top": Measure("brightness of the upper edge", ".2f", "dark upper edge", "bright upper edge"),
    "bottom": Measure("brightness of the lower edge", ".2f", "dark lower edge", "bright lower edge"),
    "left": Measure("brightness of the left edge", ".2f", "dark left edge", "bright left edge"),
    "right": Measure("brightness of the right edge", ".2f", "dark right edge", "bright right edge"),
    "mean": Measure("brightness", ".2f", "very dark", "very bright"),
    "std": Measure("contrast", ".2f", "flat, with little contrast", "hard, with much contrast"),
    "dark": Measure("share of black", ".1%", "hardly any black", "much black"),
    "bright": Measure("share of white", ".1%", "no white", "much pure white"),
    "grain_x": Measure("grain along rows", ".3f", "smooth along rows", "grainy along rows"),
    "grain_y": Measure("grain along columns", ".3f", "smooth along columns", "grainy along columns"),
    "grain_ratio": Measure("grain, rows : columns", ".2f", "less squeezed sideways", "more squeezed sideways"),
    "sharpness": Measure("sharpness", ".3f", "blurred", "very sharp"),
    "markers": Measure("burnt-in marks", ".0f", "without burnt-in marks", "many burnt-in marks"),
    "mark_row": Measure("place of the leftmost mark", ".2f", "a mark high up", "a mark low down"),
    "mark_height": Measure("height of the leftmost mark", ".2f", "without burnt-in marks", "a tall burnt-in mark"),
    "mark_shape": Measure("shape of the leftmost mark", ".2f", "without burnt-in marks", "a narrow burnt-in mark"),
}


def measure(name: str) -> Measure:
    """The words for a survey's column; plain ones for a column that has none of its own."""
    plain = name.replace("_", " ")
    return _KNOWN.get(name) or Measure(plain, ".3g", f"very little {plain}", f"very much {plain}")
