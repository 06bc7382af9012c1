"""All that a gate is fitted on and measured with, as the graph sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle.spec import BundleSpec, Kind, Sample
from pneumoscope.core import FilmError, ManifestError, Radiograph
from pneumoscope.core.manifest import Film, Manifest
from pneumoscope.engines import Engine
from pneumoscope.evaluation.gating.looks import Looks, Progress, look_at
from pneumoscope.evaluation.gating.pictures import Part, Picture, in_grey
from pneumoscope.evaluation.gating.spoilt import SPOILT, mild
from pneumoscope.imaging import read
from pneumoscope.imaging.orientation import turned

SPOILT_FILMS = 800
HELD_SPOILT = 250
"""Films of the train and the validation split that are spoilt in each way: some are enough."""

LEAST_FILMS, LEAST_HELD, LEAST_PICTURES = 200, 100, 30


@dataclass(frozen=True, eq=False)
class Films:
    """Films of one split: as they are, and some of them spoilt (``chest``: a little less than perfect)."""

    films: tuple[Film, ...]
    sound: Looks
    spoilt: dict[Kind, Looks]

    @cached_property
    def good(self) -> Looks:
        """What is to be answered: films as they are, and some that are a little less than perfect."""
        return Looks.joined([self.sound, self.spoilt["chest"]])

    def sample(self, chosen: NDArray[np.bool_] | None = None) -> Sample:
        """How many films, all or some, and of how many patients."""
        places = range(len(self.films)) if chosen is None else np.flatnonzero(chosen)
        return Sample(films=len(places), patients=len({self.films[i].key for i in places}))


@dataclass(frozen=True, eq=False)
class Material:
    """What a gate is made of: ``learned`` films, films ``held`` back, and ``pictures`` that are none.

    ``turned`` are those pictures that are fitted on, turned by quarters and a half: as good as other pictures.
    """

    learned: Films
    held: Films
    pictures: tuple[Picture, ...]
    looks: Looks
    turned: Looks

    def of(self, part: Part) -> Looks:
        """The pictures of one part."""
        return self.looks.only(np.array([picture.part == part for picture in self.pictures]))

    @cached_property
    def apart(self) -> dict[str, Looks]:
        """The pictures kept apart, by category."""
        each = {picture.category for picture in self.pictures}
        return {name: looks for name in sorted(each) if len(looks := self.category(name, "apart"))}

    def category(self, name: str, part: Part) -> Looks:
        """The pictures of one category and part."""
        chosen = [picture.category == name and picture.part == part for picture in self.pictures]
        return self.looks.only(np.array(chosen, np.bool_))


class Gatherer:
    """Reads films and pictures with a bundle's graph."""

    def __init__(
        self, spec: BundleSpec, engine: Engine, *, seed: int, jobs: int | None, progress: Progress | None
    ) -> None:
        self.spec, self.engine, self.seed = spec, engine, seed
        self.options: dict[str, Any] = {"jobs": jobs, "progress": progress}

    def material(self, manifest: Manifest, pictures: Sequence[Picture]) -> Material:
        """See :class:`Material`.

        Raises
        ------
        ManifestError : if there are too few films or pictures.
        FilmError : if a film cannot be read.
        """
        fit = [picture for picture in pictures if picture.part == "fit"]
        self._enough(len(fit), LEAST_PICTURES, "pictures to fit on that are no frontal chest films")
        held = self.split(manifest, "val", HELD_SPOILT, LEAST_HELD)
        return Material(
            learned=self.split(manifest, "train", SPOILT_FILMS, LEAST_FILMS),
            held=held,
            pictures=tuple(pictures),
            looks=self._look(pictures, lambda picture: [in_grey(picture.path)[0]], "pictures"),
            turned=self._look(fit, lambda picture: _turned(in_grey(picture.path)[0]), "pictures turned"),
        )

    def split(self, manifest: Manifest, split: str, spoil: int, least: int) -> Films:
        """The films of a split, ``spoil`` of them spoilt too."""
        films = manifest.only(split).films
        self._enough(len(films), least, f"films in split '{split}'")
        chosen = np.random.default_rng(self.seed).permutation(len(films))[:spoil]
        spoilt = self._look(
            sorted(chosen.tolist()), lambda i: self._spoilt(_path(manifest, films[i]), i), f"{split} spoilt"
        )
        kinds: tuple[Kind, ...] = ("chest", *SPOILT)
        each = {kind: spoilt.only(np.arange(k, len(spoilt), len(kinds))) for k, kind in enumerate(kinds)}
        return Films(films, self._look(films, lambda film: [self._read(_path(manifest, film))], split), each)

    def paths(self, paths: Sequence[Path], what: str) -> Looks:
        """What is seen of some files.

        Raises
        ------
        ManifestError : if there are none.
        FilmError : if one cannot be read.
        """
        if not paths:
            raise ManifestError(f"{what}: expected pictures (JPEG, PNG, TIFF, BMP, WebP or DICOM files), found none")
        return self._look(paths, lambda path: [in_grey(path)[0]], what)

    def _spoilt(self, path: Path, number: int) -> list[Radiograph]:
        film, draw = self._read(path), np.random.default_rng([self.seed, number])
        return [mild(film, draw), *(spoil(film, draw) for spoil in SPOILT.values())]

    def _read(self, path: Path) -> Radiograph:
        try:
            return read(path, min_size=self.spec.preprocessing.size)
        except FilmError as error:
            raise type(error)(f"{path}: {error}") from error

    def _look(self, items: Sequence[Any], films: Callable[[Any], list[Radiograph]], what: str) -> Looks:
        return look_at(items, films, self.engine, self.spec.preprocessing, what=what, **self.options)

    def _enough(self, found: int, least: int, what: str) -> None:
        if found < least:
            raise ManifestError(f"expected at least {least} {what} to make a gate, got {found}")


def _path(manifest: Manifest, film: Film) -> Path:
    return manifest.root / film.path


def _turned(film: Radiograph) -> list[Radiograph]:
    return [turned(film, quarters) for quarters in (1, 2, 3)]
