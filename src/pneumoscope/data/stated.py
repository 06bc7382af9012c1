"""What a manifest states of its films, column by column, for work on all of them at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core.manifest import SPLITS
from pneumoscope.data.survey import Survey

CLASSES: dict[int | None, str] = {0: "no pneumonia", 1: "pneumonia", None: "not stated"}
NO_SPLIT = "no split"

Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]

_CHUNK = 8192
"""Films looked at together, where all at once would take too much memory."""


def chunks(films: Indices) -> Iterator[Indices]:
    """``films`` in parts that fit into memory."""
    for start in range(0, len(films), _CHUNK):
        yield films[start : start + _CHUNK]


@dataclass(frozen=True, eq=False)
class Category:
    """What the manifest says of each film, out of few values: film ``i`` is ``names[codes[i]]``."""

    names: tuple[str, ...]
    codes: NDArray[np.intp]

    @classmethod
    def of(cls, values: Iterable[str], order: Sequence[str] = ()) -> Self:
        """Names come in ``order``, and those that it lacks after it, the most frequent first.

        >>> category = Category.of(["b", "c", "a", "c"], order=["b", "z"])
        >>> category.names, category.codes.tolist()
        (('b', 'c', 'a'), [0, 1, 2, 1])
        """
        said = list(values)
        counts = Counter(said)
        others = sorted(counts.keys() - set(order), key=lambda name: (-counts[name], name))
        names = (*(name for name in order if name in counts), *others)
        place = {name: i for i, name in enumerate(names)}
        return cls(names, np.array([place[name] for name in said], np.intp))

    def named(self, name: str) -> Mask:
        """(N,) which films have this value; none if there is no such value."""
        return np.asarray(self.codes == self.names.index(name)) if name in self.names else np.zeros(len(self), bool)

    def first(self, most: int) -> Self:
        """With the first ``most`` names kept and all others called "others".

        >>> Category.of("aaabbc").first(1).names
        ('a', 'others')
        """
        if len(self.names) <= most:
            return self
        return type(self)((*self.names[:most], "others"), np.minimum(self.codes, most))

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True, eq=False)
class Stated:
    """What the manifest states of N films. "" where it says nothing; an age that is not stated is NaN.

    ``readable`` is the survey's. ``patient`` numbers the patients of all sources.
    """

    kind: Category
    subtype: Category
    split: Category
    source: Category
    view: Category
    sex: Category
    patient: NDArray[np.intp]
    age: NDArray[np.float64]
    readable: Mask

    @classmethod
    def of(cls, survey: Survey) -> Self:
        """Column by column, so that films by the hundred thousand take little room."""
        films = survey.listing.films
        number: dict[tuple[str, str], int] = {}
        return cls(
            kind=Category.of((CLASSES[film.label] for film in films), tuple(CLASSES.values())),
            subtype=Category.of((film.subtype for film in films), ("bacterial", "viral")),
            split=Category.of((film.split or NO_SPLIT for film in films), (*SPLITS, NO_SPLIT)),
            source=Category.of(film.source for film in films),
            view=Category.of(film.view for film in films),
            sex=Category.of((film.sex for film in films), ("F", "M")),
            patient=np.array([number.setdefault(film.key, len(number)) for film in films], np.intp),
            age=np.array([np.nan if film.age is None else film.age for film in films], np.float64),
            readable=survey.readable,
        )
