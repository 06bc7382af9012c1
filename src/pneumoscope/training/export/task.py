"""Which bundle is to be made, and the films that it is made and measured with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle.spec import View
from pneumoscope.core.manifest import Film, Manifest
from pneumoscope.core.parallel import ordered_map, usable_cores
from pneumoscope.data import read_manifest
from pneumoscope.data.prepared import Progress
from pneumoscope.data.targets import with_targets
from pneumoscope.engines import Engine
from pneumoscope.imaging.preprocess import Preprocessing, standardise
from pneumoscope.training.export.around import Frame
from pneumoscope.training.films import labelled_films
from pneumoscope.training.recipe import Data
from pneumoscope.training.run_folder import Run

_BATCH = 16


@dataclass(frozen=True, kw_only=True)
class Task:
    """A bundle to be made.

    Attributes
    ----------
    path, name, version : where it is to be, and what it is to be called.
    run : whose films it is made with.
    data : what is told of a film.
    spec : how the whole graph takes a film.
    views : in how many ways it looks at one.
    seed : draws the films that int8 is scaled by.
    cache, progress : for preparing films.
    tell : is given a line about each step.
    """

    path: Path
    name: str
    version: str
    run: Run
    data: Data
    spec: Preprocessing
    views: tuple[View, ...]
    seed: int
    cache: Path
    progress: Progress | None
    tell: Callable[[str], None]

    @property
    def frame(self) -> Frame:
        """What the whole graph takes and makes of it."""
        return Frame(self.spec, self.views, self.data.exclusive)

    @cached_property
    def manifest(self) -> Manifest:
        """The films with the split that the network was trained on."""
        return read_manifest(self.run.manifest)

    @cached_property
    def train(self) -> Shown:
        """The films that were learned from."""
        return self._shown("train")

    @cached_property
    def held_out(self) -> Shown:
        """The validation films: all figures are theirs."""
        return self._shown("val")

    def _shown(self, split: str) -> Shown:
        chosen = with_targets(self.manifest.only(split), self.data.labels, self.data.given).films
        found = labelled_films(self.manifest, split, self.data, self.spec, cache=self.cache, progress=self.progress)
        return Shown(chosen, found.pixels, found.targets, self.spec)


class Answers(NamedTuple):
    """Logits (N, K) and class-activation maps (N, K, h, w)."""

    logits: NDArray[np.float32]
    cam: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Shown:
    """N films, what is said of them, and what a graph is shown of them.

    ``pixels`` (N, C, H, W) uint8; ``targets`` (N, K): 1 yes, 0 no, NaN not stated. Of labels that exclude each other,
    one that is not stated is no, as another is true.
    """

    films: tuple[Film, ...]
    pixels: NDArray[np.uint8]
    targets: NDArray[np.float32]
    spec: Preprocessing

    def __len__(self) -> int:
        return len(self.films)

    @property
    def patients(self) -> list[str]:
        """A key for each film, the same for films of one patient."""
        return [f"{film.source}/{film.patient}" for film in self.films]

    def inputs(self, chosen: NDArray[np.intp]) -> NDArray[np.float32]:
        """Network inputs (B, C, H, W)."""
        return standardise(self.pixels[chosen].astype(np.float32) / np.float32(255), self.spec)

    def batches(self, chosen: NDArray[np.intp]) -> Iterator[NDArray[np.float32]]:
        """Network inputs, few at a time."""
        return (self.inputs(chosen[start : start + _BATCH]) for start in range(0, len(chosen), _BATCH))

    def answers(self, engine: Engine) -> Answers:
        """What an engine says, film by film, as the predictor runs it."""
        outputs = list(ordered_map(lambda i: engine.run(self.inputs(np.array([i]))), range(len(self)), usable_cores()))
        return Answers(np.concatenate([o.logits for o in outputs]), np.concatenate([o.cam for o in outputs]))
