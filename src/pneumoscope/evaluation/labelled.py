"""The films that an evaluation looks at, and what is done with each once it has been decoded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle import BundleSpec
from pneumoscope.core import FilmError, ManifestError, Radiograph
from pneumoscope.core.manifest import Film, Manifest
from pneumoscope.core.parallel import ordered_map, reading_threads
from pneumoscope.data.targets import targets
from pneumoscope.imaging import read
from pneumoscope.predict import Predictor

T = TypeVar("T")
Progress: TypeAlias = Callable[[Iterable[Any], int], Iterable[Any]]


@dataclass(frozen=True, eq=False)
class LabelledFilms:
    """N films below ``root`` of which it is stated whether the bundle's first label is true: ``truth`` (N,), 1 or 0."""

    root: Path
    films: tuple[Film, ...]
    truth: NDArray[np.int64]

    @classmethod
    def of(cls, manifest: Manifest, spec: BundleSpec) -> Self:
        """The films of ``manifest`` (of one split of it, usually) that state the bundle's first label.

        Raises
        ------
        ManifestError : if there are none.
        """
        labels = tuple(label.name for label in spec.labels)
        stated = targets(manifest.films, labels, exclusive=spec.exclusive)[:, 0]
        known = np.flatnonzero(~np.isnan(stated))
        if not len(known):
            raise ManifestError(
                f"{manifest.root}: expected films that state {labels[0]!r}, found none. A closer look is one for the "
                f"bundle's first label: pneumoscope evaluate --quick measures the others"
            )
        return cls(manifest.root, tuple(manifest.films[i] for i in known), stated[known].astype(np.int64))

    def __len__(self) -> int:
        return len(self.films)

    @property
    def patients(self) -> list[tuple[str, str]]:
        """The patient of each film."""
        return [film.key for film in self.films]

    def only(self, places: Iterable[int]) -> Self:
        """The films at these places."""
        chosen = list(places)
        return type(self)(self.root, tuple(self.films[i] for i in chosen), self.truth[chosen])

    def sample(self, most: int, seed: int) -> Self:
        """Whole patients drawn at random, about ``most`` films of them; each class and subtype gives its share.

        A patient counts for the class and subtype of the first film. All films, in their order, if there are no more.
        """
        if most >= len(self):
            return self
        strata: dict[tuple[int, str], dict[tuple[str, str], list[int]]] = defaultdict(lambda: defaultdict(list))
        home: dict[tuple[str, str], tuple[int, str]] = {}
        for i, film in enumerate(self.films):
            stratum = home.setdefault(film.key, (int(self.truth[i]), film.subtype))
            strata[stratum][film.key].append(i)
        rng = np.random.default_rng(seed)
        return self.only(sorted(i for _, each in sorted(strata.items()) for i in _drawn(each, most / len(self), rng)))

    def opened(
        self,
        predictor: Predictor,
        work: Callable[[int, Radiograph], T],
        *,
        jobs: int | None = None,
        progress: Progress | None = None,
    ) -> list[T | None]:
        """``work(i, film)`` of each film, in order, by ``jobs`` threads; None for a film that cannot be read.

        Each is decoded once, just as ``predictor`` decodes it for a reading.
        """
        size = predictor.bundle.spec.preprocessing.size

        def one(i: int) -> T | None:
            try:
                return work(i, read(self.root / self.films[i].path, min_size=size))
            except FilmError:
                return None

        done = ordered_map(one, range(len(self)), jobs or reading_threads())
        return list(progress(done, len(self)) if progress else done)


def _drawn(patients: dict[tuple[str, str], list[int]], share: float, rng: np.random.Generator) -> Iterable[int]:
    """Films of patients in random order, until they are that share of all; those of one patient at least."""
    wanted = max(1, round(share * sum(len(films) for films in patients.values())))
    each = list(patients.values())
    taken = 0
    for place in rng.permutation(len(each)):
        if taken >= wanted:
            return
        yield from each[place]
        taken += len(each[place])
