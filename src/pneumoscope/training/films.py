"""Films that a network learns from, with what is to be said of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core.manifest import Film, Manifest
from pneumoscope.data import prepare
from pneumoscope.data.prepared import Progress
from pneumoscope.data.targets import check_labels, exclusive_targets, targets, with_targets
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.training.recipe import Data


@dataclass(frozen=True, eq=False)
class LabelledFilms:
    """``pixels`` (N, C, H, W) uint8, mapped read-only; ``targets`` (N, K) float32: 1 yes, 0 no, NaN not stated."""

    pixels: NDArray[np.uint8]
    targets: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.targets)


def labelled_films(
    manifest: Manifest, split: str, data: Data, spec: Preprocessing, *, cache: Path, progress: Progress | None = None
) -> LabelledFilms:
    """The films of one split of which the recipe's labels say anything.

    Raises
    ------
    ManifestError : if a label has only one answer there, a film has not exactly one of labels that exclude each other,
        or the films cannot be prepared.
    """
    chosen = with_targets(manifest.only(split), data.labels, data.given)
    check_labels(chosen, data.labels, exclusive=data.exclusive, given=data.given)
    if data.exclusive:
        exclusive_targets(chosen.films, data.labels)
    told = targets(chosen.films, data.labels, exclusive=data.exclusive, given=data.given)
    return LabelledFilms(prepare(chosen, spec, cache, progress), told)


def learned_already(films: Iterable[Film], learned: Iterable[Film]) -> list[Film]:
    """The films for validation and test that, or whose patients, are among the train films of ``learned``."""
    known = {key for film in learned if film.split == "train" for key in (film.key, film.digest)}
    return [film for film in films if film.split in ("val", "test") and {film.key, film.digest} & known]
