"""Films that were answered wrongly, each as a card."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.core import Radiograph, Reading
from pneumoscope.core.document import Code, Line
from pneumoscope.report.blocks import FilmCard
from pneumoscope.report.cards import where_hottest
from pneumoscope.report.drawing import draw_regions
from pneumoscope.report.evaluation.content import CaseFilm
from pneumoscope.report.overlay import blend, film_picture
from pneumoscope.report.places import evidence_text
from pneumoscope.report.text import one_line, shorten
from pneumoscope.report.wording import percent

_LONGEST = 44
"""Columns of a path beyond which its middle is left out."""
_SIDE, _QUALITY = 320, 82


def case_film(reading: Reading, film: Radiograph | None, stated: str) -> CaseFilm:
    """What the report keeps of a film: its reading, what the manifest ``stated`` of it, and a small picture.

    ``film`` is None where it cannot be read any more.
    """
    return CaseFilm(
        name=reading.film,
        digest=reading.film_digest,
        probability=reading.finding.probability,
        stated=stated,
        flags=tuple(flag.message for flag in reading.doubts),
        pixels=None if film is None else np.asarray(film_picture(film, _SIDE)),
        heatmap=reading.heatmap,
        regions=reading.regions,
        film_size=reading.film_size,
        evidence=evidence_text(reading),
    )


def film_card(case: CaseFilm) -> FilmCard:
    """The film as it is and with its heat map, and what is said of it."""
    lines: list[Line] = [f"Probability {percent(case.probability)}. Stated: {case.stated}."]
    lines += [case.evidence] if case.evidence else []
    lines += [f"Doubt: {flag}" for flag in case.flags]
    lines.append(("sha256 ", Code(case.digest[:16])))
    title = shorten(one_line(case.name), _LONGEST)
    if case.pixels is None:
        return FilmCard(title, tuple(lines))
    picture = Image.fromarray(case.pixels)
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    heat = None if case.heatmap is None else _jpeg(_explained(case, picture, case.heatmap))
    hottest = where_hottest(case.heatmap)
    return FilmCard(title, tuple(lines), _jpeg(picture), heat, picture.size, f"Radiograph {title}", hottest)


def _explained(case: CaseFilm, picture: Image.Image, heat: NDArray[np.float32]) -> Image.Image:
    blended = blend(picture, heat)
    if case.film_size:
        draw_regions(blended, case.regions, case.film_size)
    return blended


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
