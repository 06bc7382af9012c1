"""All that there is to see in a data set, as one page for people, and the numbers behind it for programs.

The page holds at most some hundred films in pictures and a few thousand on the map, so that its size does not follow
the data set's: about 3 MB.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pneumoscope
from pneumoscope.core import FilmError
from pneumoscope.core.files import atomic_write
from pneumoscope.core.manifest import Film
from pneumoscope.core.parallel import ordered_map, usable_cores
from pneumoscope.data.exploration import Exploration, as_json
from pneumoscope.data.explore import drawn, varying
from pneumoscope.data.stated import Indices
from pneumoscope.imaging import read
from pneumoscope.report import data_plots, explore_words, film_plots
from pneumoscope.report.base import writing_to
from pneumoscope.report.cards import digest_html
from pneumoscope.report.explore_map import map_html
from pneumoscope.report.measures import measure
from pneumoscope.report.overlay import film_picture
from pneumoscope.report.page import data_uri, document, resource
from pneumoscope.report.text import escape, one_line, shorten

_EACH = 7
"""Films drawn of every class, subtype and split."""
_SIDE, _QUALITY = 160, 80
_UNREADABLE, _UNFOLDED = 200, 12
"""Listed at most, and listed at once."""
_RIDGES = ("mean", "std")
_MORE_RIDGES = 4
"""Those measurements that tell classes or splits best."""

Progress = Callable[[Iterable[Any], int], Iterable[Any]]
Pictures = Mapping[int, str]
"""HTML by a film's place in the listing."""


def write_exploration(found: Exploration, folder: Path, *, progress: Progress | None = None) -> None:
    """Write ``explore.html`` and ``explore.json`` into ``folder``; ``progress`` wraps the films that are drawn.

    Raises
    ------
    PneumoscopeError : if a file cannot be written.
    """
    body = explore_page(found, progress=progress)
    numbers = as_json(found) | {"program": f"pneumoscope {pneumoscope.__version__}"}
    with writing_to(folder / "explore.html"), atomic_write(folder / "explore.html") as file:
        file.write(body)
    with writing_to(folder / "explore.json"), atomic_write(folder / "explore.json") as file:
        json.dump(numbers, file, indent=1, allow_nan=False)  # not msgspec's: names of files need not be UTF-8


def explore_page(found: Exploration, *, progress: Progress | None = None) -> str:
    """The page; what the manifest has nothing to say about is left out."""
    parts = [
        ("classes", "Classes", _classes(found)),
        ("sources", "Sources", _sources(found)),
        ("patients", "Films per patient", _patients(found)),
        ("people", "Age, sex and view", _people(found)),
        ("findings", "Findings in the sources' words", _findings(found)),
    ]
    if len(found.sample):
        parts += _of_films(found, progress)
    parts.append(("unreadable", "Files that cannot be read", _unreadable(found)))
    shown = [part for part in parts if part[2]]
    links = " ".join(f'<a href="#{name}">{title}</a>' for name, title, _ in shown)
    sections = "".join(f'<section id="{name}">\n<h2>{title}</h2>\n{html}</section>\n' for name, title, html in shown)
    script = resource("explore.js") if found.map else ""
    body = f'{_header(found)}<nav class="contents">{links}</nav>\n<main>\n{sections}</main>\n'
    return document(f"A look at {len(found.survey):,} films", body, script=script)


def _of_films(found: Exploration, progress: Progress | None) -> list[tuple[str, str, str]]:
    """What needs films that can be read."""
    groups = drawn(found.stated, _EACH, found.seed)
    wanted = [int(i) for *_, films in groups for i in films] + [odd.film for odd in found.odd]
    pictures = _pictures(found, list(dict.fromkeys(wanted)), progress)
    return [
        ("sizes", "Sizes and shapes", _sizes(found)),
        ("samples", "Films at random", _samples(found, groups, pictures)),
        ("brightness", "Brightness, contrast and texture", _spreads(found)),
        ("telling", "What gives films away", _separations(found)),
        ("means", "Mean films and their differences", _means(found)),
        ("map", "A map of the films", _map(found)),
        ("odd", "The oddest films", _odd(found, pictures)),
    ]


def _header(found: Exploration) -> str:
    survey = found.survey
    unread = len(survey) - int(survey.readable.sum())
    counts = {
        "films": len(survey),
        "patient keys": len(found.patients.films),
        "sources": len(found.stated.source.names),
        "cannot be read": unread,
    }
    boxes = "".join(f"<div><dt>{what}</dt><dd>{number:,}</dd></div>" for what, number in counts.items())
    part = len(found.sample) < len(survey) - unread
    sampled = (
        f" Map and sizes show {len(found.sample):,} films, drawn so that small groups stay; all else counts every film."
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in survey.listing.notes)
    return (
        f"<header>\n<h1>A look at {len(survey):,} films</h1>\n"
        f'<p class="soft">Manifest {digest_html(survey.listing.digest)}, seed {found.seed}.{sampled if part else ""} '
        f"The numbers are in explore.json.</p>\n"
        f'<dl class="counts">{boxes}</dl>\n{f"<ul>{notes}</ul>" if notes else ""}</header>\n'
    )


def _plot(svg: bytes, alt: str, words: str) -> str:
    picture = f'<img src="{data_uri("image/svg+xml", svg)}" alt="{escape(alt)}">'
    return f'<figure class="plot"><div>{picture}</div>\n<figcaption>{escape(words)}</figcaption></figure>\n'


def _classes(found: Exploration) -> str:
    words = explore_words.balance(found.counts)
    return _plot(data_plots.balance(found.counts, "split"), "Bars: films by split, class and subtype", words)


def _sources(found: Exploration) -> str:
    if len(found.stated.source.names) < 2:
        return ""
    words = explore_words.sources(found.counts)
    return _plot(data_plots.balance(found.counts, "source"), "Bars: films by source, class and subtype", words)


def _patients(found: Exploration) -> str:
    if found.patients.films.max() == 1:
        return "<p>Each film is of another patient, as far as the source tells.</p>\n" if len(found.survey) > 1 else ""
    picture = data_plots.patients(found.patients, found.stated.kind.names)
    return _plot(picture, "Bars: patients by their number of films", explore_words.patients(found))


def _people(found: Exploration) -> str:
    picture = data_plots.people(found.stated)
    return _plot(picture, "Age, sex and view by class", explore_words.people(found)) if picture else ""


def _findings(found: Exploration) -> str:
    if not found.findings:
        return ""
    return _plot(data_plots.findings(found.findings), "Bars: films by finding", explore_words.findings(found))


def _sizes(found: Exploration) -> str:
    words = explore_words.sizes(found)
    if not {"width", "height"} & set(varying(found.survey)):
        return f"<p>{escape(words)}</p>\n"
    picture = film_plots.sizes(found.survey, found.stated, found.groups, found.sample)
    return _plot(picture, "Points: width and height of films by class; ridges: width by height", words)


def _spreads(found: Exploration) -> str:
    strength: dict[str, float] = {}
    for one in found.separations:
        strength[one.measure] = max(strength.get(one.measure, 0.0), one.strength)
    best = sorted(strength.keys() - set(_RIDGES), key=lambda name: (-strength[name], name))[:_MORE_RIDGES]
    names = [*_RIDGES, *best]
    alt = f"Ridges by class and split: {', '.join(measure(name).title for name in names)}"
    return _plot(film_plots.ridges(found.survey, found.groups, names), alt, explore_words.spreads(found))


def _separations(found: Exploration) -> str:
    if not found.separations:
        return ""
    words = explore_words.separations(found.separations)
    return _plot(film_plots.separations(found.separations), "Dots: AUC of each measurement alone", words)


def _means(found: Exploration) -> str:
    return "".join(
        _plot(film_plots.mean_films(means), f"Mean films by class and {by}", explore_words.means(means))
        for by, means in found.means.items()
    )


def _map(found: Exploration) -> str:
    if found.map is None:
        return ""
    return f"{map_html(found, found.map)}<p>{escape(explore_words.film_map(found.map))}</p>\n"


def _samples(found: Exploration, groups: Sequence[tuple[str, str, str, Indices]], pictures: Pictures) -> str:
    html = [f"<p>{escape(explore_words.samples(_EACH, found.seed))}</p>\n"]
    for kind, subtype, split, films in groups:
        title = ", ".join(filter(None, [kind, subtype, "" if len(found.stated.split.names) == 1 else split]))
        html.append(f"<h3>{escape(title)}</h3>\n{_films(found, films, pictures)}")
    return "".join(html)


def _odd(found: Exploration, pictures: Pictures) -> str:
    if not found.odd:
        return ""
    remarks = ["; ".join(explore_words.why_odd(odd)) for odd in found.odd]
    films = _films(found, [odd.film for odd in found.odd], pictures, remarks)
    return f"<p>{escape(explore_words.odd(found))}</p>\n{films}"


def _films(found: Exploration, films: Iterable[int], pictures: Pictures, remarks: Sequence[str] = ()) -> str:
    listed = [(int(i), found.survey.listing.films[i]) for i in films]
    told = remarks or [""] * len(listed)
    items = (
        f'<li><figure>{pictures[i]}<figcaption><bdi title="{escape(film.path)}">{_name(film)}</bdi>'
        f"{_remark(found, film, remark)}</figcaption></figure></li>\n"
        for (i, film), remark in zip(listed, told, strict=True)
    )
    return f'<ul class="films {"wide" if remarks else "whole"}">\n{"".join(items)}</ul>\n'


def _remark(found: Exploration, film: Film, remark: str) -> str:
    """Why a film is odd, and what it is."""
    if not remark:
        return f" ({escape(film.source)})" if len(found.stated.source.names) > 1 else ""
    what = ", ".join(filter(None, [film.subtype, film.split]))
    kind = {0: "no pneumonia", 1: "pneumonia", None: "not stated"}[film.label]
    return f'<p class="remark">{escape(remark)}</p><p>{escape(", ".join(filter(None, [kind, what])))}</p>'


def _name(film: Film) -> str:
    return escape(shorten(one_line(film.path), 44))


def _pictures(found: Exploration, films: Sequence[int], progress: Progress | None) -> dict[int, str]:
    root, listed = found.survey.listing.root, found.survey.listing.films
    shown: Iterable[str] = ordered_map(lambda i: _picture(root / listed[i].path), films, usable_cores())
    return dict(zip(films, progress(shown, len(films)) if progress else shown, strict=True))


def _picture(path: Path) -> str:
    """The film in its own shape, small; a film that has gone since it was measured has a placeholder."""
    try:
        film = read(path, min_size=(_SIDE, _SIDE))
    except FilmError:
        return '<div class="absent">cannot be read any more</div>'
    picture = film_picture(film, _SIDE)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    width, height = picture.size
    return f'<img src="{data_uri("image/jpeg", file.getvalue())}" alt="" width="{width}" height="{height}">'


def _unreadable(found: Exploration) -> str:
    films, errors = found.survey.listing.films, found.survey.errors
    if not errors:
        return ""
    rows = [
        f"<tr><td><bdi>{_name(films[i])}</bdi></td><td>{escape(why)}</td></tr>\n"
        for i, why in list(errors.items())[:_UNREADABLE]
    ]
    words = f"{len(errors):,} of {len(films):,} files cannot be read; only what the manifest states of them is counted."
    further = rows[_UNFOLDED:]
    more = f" and {len(errors) - _UNREADABLE:,} in explore.json" if len(errors) > _UNREADABLE else ""
    folded = f"<details><summary>{len(further)} more{more}</summary>\n{_rows(further)}</details>\n" if further else ""
    return f"<p>{words}</p>\n{_rows(rows[:_UNFOLDED])}{folded}"


def _rows(rows: Sequence[str]) -> str:
    return f"<table><tbody>\n{''.join(rows)}</tbody></table>\n"
