"""What a bundle's graph and its gate are shown of many films."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle.gate import seen
from pneumoscope.core import Radiograph
from pneumoscope.core.parallel import ordered_map, reading_threads
from pneumoscope.engines import Engine
from pneumoscope.imaging.preprocess import Preprocessing, planes, resize, standardise
from pneumoscope.imaging.quality import half, measures

T = TypeVar("T")
Progress = Callable[..., Iterable[Any]]
"""Takes what is worked through, how many they are, and ``what`` that is for."""

SIDE = 16
"""Cells of coarse greys each way."""


@dataclass(frozen=True, eq=False)
class Looks:
    """Of N films: ``features`` (N, F), ``logits`` (N, K), coarse ``greys`` (N, G * G), ``measures`` (N, M)."""

    features: NDArray[np.float32]
    logits: NDArray[np.float32]
    greys: NDArray[np.float32]
    measures: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.features)

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Some of the films."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Looks]) -> Self:
        """Several after one another."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def look(film: Radiograph, engine: Engine, spec: Preprocessing) -> Looks:
    """What is seen of one film."""
    outputs = engine.run(standardise(planes(film, spec), spec)[np.newaxis])
    halved = half(resize(film, spec.plain))
    greys, found = seen(halved, SIDE), measures(halved)
    return Looks(outputs.features, outputs.logits, greys[np.newaxis], found[np.newaxis])


def look_at(
    items: Sequence[T],
    films: Callable[[T], Iterable[Radiograph]],
    engine: Engine,
    spec: Preprocessing,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    what: str = "films",
) -> Looks:
    """What is seen of the films that ``films`` makes of each item, as many of each, in order.

    Raises
    ------
    FilmError : if a film cannot be read.
    """

    def work(item: T) -> Looks:
        return Looks.joined([look(film, engine, spec) for film in films(item)])

    found = ordered_map(work, items, jobs or reading_threads())
    return Looks.joined(list(progress(found, len(items), what=what) if progress else found))
