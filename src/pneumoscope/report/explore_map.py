"""The interactive map: points on a canvas, each with its film. Without a script a still picture stays in its place."""

from __future__ import annotations

import io
import json
import math
from base64 import b64encode
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.data.exploration import Exploration
from pneumoscope.data.explore import varying
from pneumoscope.data.film_map import FilmMap
from pneumoscope.data.stated import Category, Indices
from pneumoscope.data.survey import THUMB, Survey
from pneumoscope.report.film_plots import film_map
from pneumoscope.report.measures import measure
from pneumoscope.report.page import data_uri
from pneumoscope.report.plot_style import COLOURS, other_colour
from pneumoscope.report.text import one_line

_QUALITY = 70
_SHAPES = {"train": "circle", "val": "square", "test": "triangle"}
_GLYPHS = {"circle": "●", "square": "■", "triangle": "▲"}


_HTML = Template("""\
<figure class="plot" id="map-still"><div><img src="$still" alt="Map of $films films"></div></figure>
<div id="map-live" hidden>
<p class="map-controls"><label>Colour by <select id="map-by"></select></label> <span id="map-key"></span></p>
<div class="map">
<div><canvas id="map-canvas" tabindex="0" role="img" aria-describedby="map-text" aria-label="Map of $films films; \
arrow keys go from film to film"></canvas></div>
<div class="map-film"><canvas id="map-lens" hidden width="224" height="224"></canvas>
<div id="map-text" aria-live="polite"><p class="soft">Point at a film, or press the arrow keys.</p></div></div>
</div>
</div>
<img id="map-sprite" hidden alt="" src="$sprite">
<script type="application/json" id="map-data">$data</script>
""")


def map_html(found: Exploration, mapped: FilmMap) -> str:
    """The map of ``found`` with its data, and the still picture."""
    data = json.dumps(_data(found, mapped), separators=(",", ":"))
    return _HTML.substitute(
        films=f"{len(mapped.films):,}",
        still=data_uri("image/svg+xml", film_map(mapped, found.stated)),
        sprite=_sprite(found.survey, mapped.films),
        data=data.replace("<", "\\u003c"),
    )


def _data(found: Exploration, mapped: FilmMap) -> dict[str, Any]:
    """All that the script needs; positions in thousandths, measurements as ranks from 0 to 255."""
    stated, listed, films = found.stated, found.survey.listing.films, mapped.films
    parts = {"class": stated.kind, "subtype": stated.subtype, "split": stated.split, "source": stated.source}
    x, y = np.rint(mapped.points * 1000).astype(int).T.tolist()
    return {
        "names": [one_line(listed[i].path) for i in films],
        "x": x,
        "y": y,
        "thumb": THUMB,
        "columns": _columns(len(films)),
        "marks": _marks(stated.split),
        "shapes": [_SHAPES.get(name, "circle") for name in stated.split.names],
        "split": stated.split.codes[films].tolist(),
        "parts": [
            _part(title, part, films) for title, part in parts.items() if len(part.names) > 1 or title == "class"
        ],
        "measures": [_ranks(found.survey, name, films) for name in varying(found.survey)],
    }


def _marks(split: Category) -> str:
    """``"● train, ▲ test"``; nothing to tell where there is one split only."""
    told = [f"{_GLYPHS[_SHAPES.get(name, 'circle')]} {name}" for name in split.names]
    return ", ".join(told) if len(told) > 1 else ""


def _part(title: str, part: Category, films: Indices) -> dict[str, Any]:
    own = COLOURS if title == "class" else {"": COLOURS["not stated"]}
    return {
        "title": title,
        "names": [one_line(name) or "not stated" for name in part.names],
        "colours": [own.get(name, other_colour(i)) for i, name in enumerate(part.names)],
        "codes": part.codes[films].tolist(),
    }


def _ranks(survey: Survey, name: str, films: Indices) -> dict[str, Any]:
    """Where each film stands among the others; equal films stand equally."""
    values = survey.rows[name][films]
    ordered = np.sort(values)
    middle = (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / 2
    ranks = np.rint(middle / len(values) * 255).astype(np.uint8)
    words = measure(name)
    low, high = (words.shown(float(one)) for one in (ordered[0], ordered[-1]))
    return {"title": words.title, "low": low, "high": high, "ranks": b64encode(ranks.tobytes()).decode()}


def _sprite(survey: Survey, films: Indices) -> str:
    """All thumbnails on one sheet, row by row."""
    across = _columns(len(films))
    down = -(-len(films) // across)
    sheet: NDArray[np.uint8] = np.zeros((down * across, THUMB, THUMB), np.uint8)
    sheet[: len(films)] = survey.thumbs[films]
    pixels = sheet.reshape(down, across, THUMB, THUMB).swapaxes(1, 2).reshape(down * THUMB, across * THUMB)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
    return data_uri("image/jpeg", file.getvalue())


def _columns(films: int) -> int:
    return math.isqrt(films - 1) + 1
