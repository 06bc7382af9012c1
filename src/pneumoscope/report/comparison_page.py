"""A comparison as one page for people: who leads, what is chance, and on which films the programs disagree."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pneumoscope.core import FilmError
from pneumoscope.core.files import atomic_write
from pneumoscope.core.parallel import ordered_map, usable_cores
from pneumoscope.imaging import read
from pneumoscope.report.base import writing_to
from pneumoscope.report.comparison import (
    LOWER_IS_BETTER,
    MEASURES,
    Comparison,
    Difference,
    Disagreement,
    Entrant,
    Pair,
    number,
    on_films,
    p_text,
)
from pneumoscope.report.overlay import film_picture
from pneumoscope.report.page import data_uri, document
from pneumoscope.report.plot_style import OTHERS, WIDTH, bare, counted, name_on_plot, svg
from pneumoscope.report.text import escape, shorten
from pneumoscope.report.wording import percent

DRAWN = 8
"""Films shown of each pair and kind of disagreement."""
_PAIRS = 8
"""Pairs whose films are shown."""
_SIDE, _QUALITY = 260, 80
_WIDTH = 120
"""Columns of a name beyond which its middle is left out."""
_PLOTTED = ("auc", "recall", "specificity", "log_loss")

Places = Mapping[str, Path]
"""Where a film lies, by its digest and by its name."""
Progress = Callable[[Iterable[Any], int], Iterable[Any]]


def write_comparison_page(
    comparison: Comparison, path: Path, places: Places | None = None, *, progress: Progress | None = None
) -> None:
    """Write the page to ``path``; films are drawn where ``places`` knows them and they have not changed.

    ``progress`` wraps the films that are drawn and is told their number.

    Raises
    ------
    PneumoscopeError : if it cannot be written.
    """
    pictures = _pictures(comparison, places or {}, progress)
    parts = [
        _leaderboard(comparison),
        _section("Differences", _differences(comparison)) if comparison.pairs else "",
        *(_disagreements(pair, comparison, pictures) for pair in comparison.pairs[:_PAIRS]),
    ]
    title = f"Comparison of {len(comparison.entrants)} programs"
    with writing_to(path), atomic_write(path) as file:
        file.write(document(title, f"{_header(comparison, title)}<main>\n{''.join(parts)}</main>\n"))


def _header(comparison: Comparison, title: str) -> str:
    about = f"Not ranked: {comparison.not_ranked}." if comparison.not_ranked else f"On {on_films(comparison)}."
    return f'<header>\n<h1>{title}</h1>\n<p class="soft">{escape(about)} {escape(comparison.program)}.</p>\n</header>\n'


def _leaderboard(comparison: Comparison) -> str:
    if comparison.not_ranked:
        words = (
            "<p><strong>Side by side, not ranked.</strong> Each was measured on its own films, so a higher figure may "
            "say no more than that its films are easier.</p>\n"
        )
    else:
        words = (
            f"<p>The best by {escape(MEASURES[comparison.ranked_by])} first. A rank does not say that one is better "
            f"than the next beyond chance: the tests below do. Of log loss and Brier score, less is better.</p>\n"
        )
    rank = "" if comparison.not_ranked else "rank"
    head = "".join(_th(text, "number") for text in MEASURES.values())
    rows = "".join(_row(place, one, comparison) for place, one in enumerate(comparison.entrants, 1))
    table = (
        f"<table><thead><tr>{_th(rank, 'number')}{_th('program')}{_th('films', 'number')}{head}</tr></thead>\n"
        f"<tbody>\n{rows}</tbody></table>"
    )
    method = f'<p class="soft">Intervals: {escape(comparison.intervals)}.</p>\n'
    title = "Side by side" if comparison.not_ranked else "Leaderboard"
    return _section(title, f"{words}{_scroll(table)}{method}{_forest(comparison)}")


def _row(place: int, one: Entrant, comparison: Comparison) -> str:
    rank = "" if comparison.not_ranked else str(place)
    about = f'<p class="remark">{escape(shorten(one.about, _WIDTH))}</p>' if one.about else ""
    aside = f'<p class="remark">{one.set_aside:,} more set aside</p>' if one.set_aside else ""
    films = f"{one.films:,}<p class='remark'>{one.positive:,} with the label</p>{aside}"
    figures = "".join(_td(_figure(one, name), "number") for name in MEASURES)
    return f"<tr>{_td(rank, 'number')}{_td(_name(one.name) + about)}{_td(films, 'number')}{figures}</tr>\n"


def _figure(one: Entrant, name: str) -> str:
    figure = one.metrics.get(name)
    if figure is None:
        return "-"
    if math.isnan(figure.low):
        return number(figure.value)
    return f'{number(figure.value)}<p class="remark">{number(figure.low)} to {number(figure.high)}</p>'


def _title(measure: str) -> str:
    return MEASURES[measure] + (", lower is better" if measure in LOWER_IS_BETTER else "")


def _forest(comparison: Comparison) -> str:
    """Figures with their intervals, a panel a measure and a line an entrant."""
    entrants = comparison.entrants[::-1]

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(_PLOTTED), sharey=True)
        for panel, name in zip(panels, _PLOTTED, strict=True):
            known = [(row, one.metrics[name]) for row, one in enumerate(entrants) if name in one.metrics]
            for row, estimate in known:
                panel.plot([estimate.low, estimate.high], [row, row], color=OTHERS[0], linewidth=2)
                panel.plot(estimate.value, row, "o", color=OTHERS[0])
            panel.set_title(_title(name))
            panel.set_yticks(range(len(entrants)), [name_on_plot(one.name) for one in entrants])
            panel.set_ylim(-0.6, len(entrants) - 0.4)
            panel.xaxis.set_major_locator(MaxNLocator(4))
            panel.grid(axis="x")
            bare(panel)

    words = "Figures with 95% intervals."
    if comparison.pairs:
        words += " Intervals that overlap may still hide a difference: the tests below are paired."
    picture = svg(draw, WIDTH, 1.0 + 0.4 * len(entrants))
    return _plot(picture, "Points with intervals: figures by program", words)


def _differences(comparison: Comparison) -> str:
    several = len(comparison.pairs) > 1
    head = ["program", "measure", "difference", "95% interval", "p", *(["p, Holm"] if several else []), "test"]
    cells = "".join(_th(text, "number" if text.startswith("p") and text != "program" else "") for text in head)
    rows = "".join(
        f"<tr>{_td(_name(pair.name))}{_difference(one, several)}</tr>\n"
        for pair in comparison.pairs
        for one in pair.differences
    )
    words = (
        f"<p>Each program minus {_name(comparison.against)}, on the same films. The tests of the AUC and of right and "
        f"wrong decisions count films as independent, and their p may be too small where patients have several; the "
        f"others draw patients.</p>\n"
    )
    note = (
        '<p class="soft">Holm: the p-values of a measure, corrected for the number of programs that are compared. What '
        "was tested often enough differs by chance somewhere.</p>\n"
    )
    table = f"<table><thead><tr>{cells}</tr></thead>\n<tbody>\n{rows}</tbody></table>"
    return f"{words}{_scroll(table)}{note if several else ''}"


def _difference(one: Difference, several: bool) -> str:
    interval = f"{number(one.low, '+')} to {number(one.high, '+')}"
    ends = "not defined" if math.isnan(one.low) or math.isnan(one.high) else interval
    p = [one.p, one.p_holm if one.p_holm is not None else math.nan][: 1 + several]
    numbers = [_td(escape(p_text(value)), "number") for value in p]
    return "".join(
        [_td(_title(one.measure)), _td(number(one.difference, "+")), _td(ends), *numbers, _td(escape(one.method))]
    )


def _disagreements(pair: Pair, comparison: Comparison, pictures: Mapping[str, str]) -> str:
    names = _name(pair.name), _name(comparison.against)
    title = " and ".join(names)
    if not pair.wins + pair.losses:
        return _section(title, "<p>They decide alike on every film.</p>\n")
    words = (
        f"<p>{names[0]} is right where {names[1]} is wrong on {counted(pair.wins)}, and wrong where it is right on "
        f"{counted(pair.losses)}. Those furthest apart in probability first.</p>\n"
    )
    won = _films(f"Only {names[0]} is right", pair.won, pair.wins, names, pictures)
    lost = _films(f"Only {names[1]} is right", pair.lost, pair.losses, names, pictures)
    return _section(title, words + won + lost)


def _films(
    title: str, films: Sequence[Disagreement], count: int, names: tuple[str, str], pictures: Mapping[str, str]
) -> str:
    if not count:
        return ""
    cards = "".join(_film(film, names, pictures.get(_key(film), "")) for film in films[:DRAWN])
    more = f'<p class="soft">and {count - DRAWN:,} more</p>\n' if count > DRAWN else ""
    return f'<h3>{title}</h3>\n<ul class="films wide">\n{cards}</ul>\n{more}'


def _film(film: Disagreement, names: tuple[str, str], source: str) -> str:
    alt = f"Radiograph {escape(shorten(film.film, _WIDTH))}"
    picture = f'<img alt="{alt}" src="{source}">' if source else '<span class="absent">no picture</span>'
    answers = (
        f"{'with' if film.label else 'without'} the label; {names[0]} {escape(percent(film.probability))}, "
        f"{names[1]} {escape(percent(film.probability_against))}"
    )
    caption = f'<bdi>{escape(shorten(film.film, _WIDTH))}</bdi><p class="remark">{answers}</p>'
    return f"<li><figure>{picture}<figcaption>{caption}</figcaption></figure></li>\n"


def _key(film: Disagreement) -> str:
    return film.film_sha256 or film.film


def _pictures(comparison: Comparison, places: Places, progress: Progress | None) -> dict[str, str]:
    """The films that are shown and can be found, each drawn once."""
    shown = (film for pair in comparison.pairs[:_PAIRS] for kind in (pair.won, pair.lost) for film in kind[:DRAWN])
    films = list({_key(film): film for film in shown if _key(film) in places}.values())
    drawn: Iterable[str] = ordered_map(lambda film: _picture(places[_key(film)], film), films, usable_cores())
    pictures = progress(drawn, len(films)) if progress else drawn
    return {_key(film): picture for film, picture in zip(films, pictures, strict=True)}


def _picture(path: Path, film: Disagreement) -> str:
    """Nothing for a film that cannot be read, or is another one by now."""
    try:
        found = read(path)
    except FilmError:
        return ""
    if film.film_sha256 not in {"", found.digest}:
        return ""
    file = io.BytesIO()
    film_picture(found, _SIDE).save(file, "JPEG", quality=_QUALITY)
    return data_uri("image/jpeg", file.getvalue())


def _name(name: str) -> str:
    return f"<bdi>{escape(shorten(name, _WIDTH))}</bdi>"


def _scroll(table: str) -> str:
    frame = '<div role="group" aria-label="Table" tabindex="0">'  # to be scrolled by keyboard too
    return f'<div class="plot">{frame}{table}</div></div>\n'


def _plot(picture: bytes, alt: str, words: str) -> str:
    image = f'<img src="{data_uri("image/svg+xml", picture)}" alt="{escape(alt)}">'
    return f'<figure class="plot"><div>{image}</div>\n<figcaption>{escape(words)}</figcaption></figure>\n'


def _section(title: str, html: str) -> str:
    return f"<section>\n<h2>{title}</h2>\n{html}</section>\n"


def _th(text: str, kind: str = "") -> str:
    classes = f' class="{kind}"' if kind else ""
    return f'<th scope="col"{classes}>{escape(text)}</th>'


def _td(html: str, kind: str = "") -> str:
    return f'<td class="{kind}">{html}</td>' if kind else f"<td>{html}</td>"
