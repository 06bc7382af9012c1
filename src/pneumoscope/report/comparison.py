"""A comparison of several programs on the same films: what it holds, and how the terminal and tables show it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from pneumoscope.core.files import atomic_write
from pneumoscope.report.base import writing_to
from pneumoscope.report.table import csv_line
from pneumoscope.report.text import one_line, pad, shorten, utf8
from pneumoscope.stats.intervals import Estimate

MEASURES = {
    "auc": "AUC",
    "accuracy": "accuracy",
    "recall": "recall",
    "specificity": "specificity",
    "precision": "precision",
    "f1": "F1",
    "log_loss": "log loss",
    "brier": "Brier score",
}
"""What is told of each entrant, by the name in ``metrics.json``."""
LOWER_IS_BETTER = frozenset({"log_loss", "brier"})
HEADLINE = ("auc", "recall", "specificity", "log_loss")
"""Those with room on a line of the terminal."""

_NAME = 22


class Entrant(msgspec.Struct, frozen=True, kw_only=True):
    """One program and its figures, on ``films`` films of which ``positive`` have the label.

    ``set_aside`` counts films that it answered and that another did not; ``metrics`` lacks what is not defined.
    """

    name: str
    about: str
    films: int
    positive: int
    patients: int
    set_aside: int
    metrics: dict[str, Estimate]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """An entrant's figure minus that of the one it is compared with; ``p_holm`` is told if there are several pairs.

    NaN (null in JSON) stands for what is not defined.
    """

    measure: str
    method: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float | None = None


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """A film that one gets right and the other wrong."""

    film: str
    film_sha256: str
    label: int
    probability: float
    probability_against: float


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """An entrant beside the one that all are compared with.

    ``wins`` counts films that it gets right and the other wrong, ``losses`` the reverse; ``won`` and ``lost`` hold the
    first of them, those furthest apart in probability first.
    """

    name: str
    differences: tuple[Difference, ...]
    wins: int
    losses: int
    won: tuple[Disagreement, ...]
    lost: tuple[Disagreement, ...]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found: the content of ``comparison.json``.

    Attributes
    ----------
    entrants : the best first by ``ranked_by``; in the order given where they cannot be ranked.
    not_ranked : why they cannot be ranked, or "". There is nothing below then.
    against : the entrant that the others are compared with, in ``pairs``.
    films, positive, patients : those that all entrants answered.
    """

    format: Literal["pneumoscope-comparison"] = "pneumoscope-comparison"
    schema_version: Literal[1] = 1
    entrants: tuple[Entrant, ...]
    ranked_by: str
    not_ranked: str = ""
    against: str = ""
    films: int = 0
    positive: int = 0
    patients: int = 0
    pairs: tuple[Pair, ...] = ()
    intervals: str
    program: str


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write ``comparison.json``, and ``comparison.csv`` with a row an entrant.

    Raises
    ------
    PneumoscopeError : if they cannot be written.
    """
    with writing_to(folder), atomic_write(folder / "comparison.json", "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(comparison)) + b"\n")
    with writing_to(folder), atomic_write(folder / "comparison.csv", "wb") as file:
        file.writelines(csv_line(row) for row in _rows(comparison))


def _rows(comparison: Comparison) -> Iterator[list[str]]:
    ends = ("", "_low", "_high")
    yield ["rank", "name", "about", "films", "positive", *(name + end for name in MEASURES for end in ends)]
    for place, one in enumerate(comparison.entrants, 1):
        figures = [one.metrics.get(name) for name in MEASURES]
        numbers = (number for figure in figures for number in _cells(figure))
        rank = "" if comparison.not_ranked else str(place)
        yield [rank, utf8(one.name), utf8(one.about), str(one.films), str(one.positive), *numbers]


def _cells(figure: Estimate | None) -> list[str]:
    numbers = (figure.value, figure.low, figure.high) if figure else (math.nan,) * 3
    return ["" if math.isnan(number) else f"{number:.6f}" for number in numbers]


def comparison_text(comparison: Comparison) -> str:
    """The table and the tests, for the terminal."""
    return "\n".join(
        [*_leaderboard(comparison), *(line for pair in comparison.pairs for line in _pair(pair, comparison))]
    )


def on_films(comparison: Comparison) -> str:
    """Which films everybody was measured on, in words."""
    return (
        f"the same {comparison.films:,} films of {comparison.patients:,} patients, {comparison.positive:,} of them "
        f"with the label"
    )


def number(value: float, sign: str = "") -> str:
    """Three digits, or a dash for what is not defined."""
    return "-" if math.isnan(value) else f"{value:{sign}.3f}"


def p_text(p: float) -> str:
    """A p-value as it is printed.

    >>> p_text(0.0321), p_text(0.00002), p_text(float("nan"))
    ('0.032', '< 0.001', '-')
    """
    return "< 0.001" if p < 0.001 else number(p)


def _leaderboard(comparison: Comparison) -> Iterator[str]:
    if comparison.not_ranked:
        yield f"not ranked: {one_line(comparison.not_ranked)}; with 95% intervals"
    else:
        yield f"on {on_films(comparison)}; by {MEASURES[comparison.ranked_by]}, with 95% intervals"
    columns = list(dict.fromkeys((*HEADLINE, comparison.ranked_by)))
    yield (f"   {'':<{_NAME}}" + "".join(f"  {MEASURES[name]:<20}" for name in columns)).rstrip()
    for place, one in enumerate(comparison.entrants, 1):
        rank = "  " if comparison.not_ranked else f"{place:>2}"
        yield f"{rank} {_name(one.name)}" + "".join(f"  {_figure(one, name):<20}" for name in columns).rstrip()
        if one.set_aside or comparison.not_ranked:
            aside = f", {one.set_aside:,} more set aside" if one.set_aside else ""
            yield f"     {one.films:,} films, {one.positive:,} with the label{aside}"


def _name(name: str) -> str:
    return pad(shorten(one_line(name), _NAME), _NAME)


def _figure(one: Entrant, name: str) -> str:
    figure = one.metrics.get(name)
    if figure is None:
        return "-"
    ends = "" if math.isnan(figure.low) else f" ({number(figure.low)}-{number(figure.high)})"
    return f"{number(figure.value)}{ends}"


def _pair(pair: Pair, comparison: Comparison) -> Iterator[str]:
    yield (
        f"{one_line(pair.name)} against {one_line(comparison.against)}: right where the other is wrong on "
        f"{pair.wins:,} films, wrong where it is right on {pair.losses:,}"
    )
    for one in pair.differences:
        several = "" if one.p_holm is None else f", {p_text(one.p_holm)} with Holm's correction"
        yield (
            f"   {MEASURES[one.measure]:<12} {number(one.difference, '+')} ({number(one.low, '+')} to "
            f"{number(one.high, '+')}), p {p_text(one.p)}{several}  [{one.method}]"
        )
