"""The films on which the answers are wrong with the most confidence: what a reader should look at first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pneumoscope.core import Radiograph
from pneumoscope.evaluation.seen import SeenFilm
from pneumoscope.imaging import read


@dataclass(frozen=True, eq=False)
class Worst:
    """The worst first; of each kind, how many films there are in all (``missed`` and ``alarms``).

    No patient, and no file, is shown twice.
    """

    false_negatives: tuple[SeenFilm, ...]
    false_positives: tuple[SeenFilm, ...]
    missed: int
    alarms: int


def worst(seen: Sequence[SeenFilm], *, most: int = 8) -> Worst:
    """Up to ``most`` false negatives of the lowest probability, and as many false positives of the highest.

    Equal probabilities come in the order of the films' paths.
    """
    missed = _sorted(one for one in seen if one.outcome == "false negative")
    alarms = _sorted((one for one in seen if one.outcome == "false positive"), sign=-1)
    return Worst(tuple(_distinct(missed))[:most], tuple(_distinct(alarms))[:most], len(missed), len(alarms))


def _sorted(films: Iterable[SeenFilm], sign: int = 1) -> list[SeenFilm]:
    return sorted(films, key=lambda one: (sign * one.reading.finding.probability, one.film.path))


def _distinct(films: Iterable[SeenFilm]) -> Iterator[SeenFilm]:
    """The first film of each patient, unless its bytes have come already."""
    known: set[object] = set()
    for one in films:
        if not known & (own := {one.film.key, one.reading.film_digest}):
            yield one
        known |= own


def pixels_of(seen: SeenFilm, root: Path, size: tuple[int, int]) -> Radiograph:
    """The film itself, to be shown: only those few are kept, so that memory does not grow with the films.

    Raises
    ------
    FilmError : if it cannot be read any more.
    """
    return read(root / seen.film.path, min_size=size)
