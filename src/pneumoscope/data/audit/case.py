"""What every check is given, and words that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core.manifest import SPLITS, UNASSIGNED, Film
from pneumoscope.data.shift import MOST_FILMS
from pneumoscope.data.survey import Survey

WORDS = {1: "pneumonia", 0: "no pneumonia", None: "label not stated"}


@dataclass(frozen=True, eq=False)
class Case:
    """The films of a manifest with all that is known of them. Arrays are in the manifest's order.

    ``scores`` are probabilities of pneumonia by path, of a model that the user trusts; empty without one.
    """

    survey: Survey
    scores: Mapping[str, float]
    seed: int
    resamples: int

    @property
    def films(self) -> tuple[Film, ...]:
        """The rows."""
        return self.survey.listing.films

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """(N,) 1, 0, or -1 for not stated."""
        return np.array([-1 if film.label is None else film.label for film in self.films], np.int64)

    @cached_property
    def splits(self) -> NDArray[np.str_]:
        """(N,) train, val, test or "" (not assigned)."""
        return np.array([film.split for film in self.films], "U5")

    @cached_property
    def patients(self) -> NDArray[np.str_]:
        """(N,) keys that tell patients of two sources apart."""
        return np.array([f"{film.source}/{film.patient}" for film in self.films])

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """(N,) films that can be read and have a label."""
        return self.survey.readable & (self.labels >= 0)

    @cached_property
    def sample(self) -> NDArray[np.intp]:
        """Places of usable films: all of them, or of a very large set 20,000 of each split and class."""
        rng = np.random.default_rng(self.seed)
        kinds = [(split, label) for split in (*SPLITS, UNASSIGNED) for label in (0, 1)]
        drawn = [
            rng.permutation(np.flatnonzero(self.usable & (self.splits == split) & (self.labels == label)))[:MOST_FILMS]
            for split, label in kinds
        ]
        return np.sort(np.concatenate(drawn))

    def paths(self, films: NDArray[np.integer]) -> tuple[str, ...]:
        """Of films given by their places."""
        return tuple(self.films[i].path for i in films)


def count(number: int, one: str, many: str | None = None) -> str:
    """``count(1, "film")`` is "1 film", ``count(2, "film")`` "2 films"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
