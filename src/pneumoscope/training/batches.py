"""Prepared films as an epoch of augmented batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pneumoscope.data import PreparedFilms
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.training.augment import augment
from pneumoscope.training.recipe import Recipe


@dataclass(frozen=True)
class TrainBatches:
    """One epoch in random order. What it yields depends on the recipe's seed and the epoch alone.

    That is what lets a resumed run go on exactly as if it had never been stopped. The last, smaller batch is left
    out, as batch normalisation suffers from it; the order changes, so no film is left out for long.
    """

    films: PreparedFilms
    recipe: Recipe
    spec: Preprocessing
    epoch: int

    def __len__(self) -> int:
        return max(1, len(self.films) // self.recipe.optimisation.batch)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        seed = np.random.SeedSequence([self.recipe.seed, self.epoch])
        rng = np.random.default_rng(seed)
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        batch = self.recipe.optimisation.batch
        order = rng.permutation(len(self.films))
        for start in range(0, len(self) * batch, batch):
            chosen = np.sort(order[start : start + batch])
            films = augment(
                to_films(self.films.pixels[chosen]), self.recipe.input.train_size, self.recipe.augmentation, generator
            )
            yield standardised(films, self.spec), torch.from_numpy(self.films.labels[chosen])[:, None]


@dataclass(frozen=True)
class PlainBatches:
    """All films in their own order, unchanged."""

    films: PreparedFilms
    spec: Preprocessing
    batch: int

    def __len__(self) -> int:
        return math.ceil(len(self.films) / self.batch)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self.films), self.batch):
            part = slice(start, start + self.batch)
            yield (
                standardised(to_films(self.films.pixels[part]), self.spec),
                torch.from_numpy(self.films.labels[part])[:, None],
            )


def to_films(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Tensor:
    """(B, H, W) uint8 as (B, 1, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.array(pixels)).unsqueeze(1).float() / 255.0


def standardised(films: Tensor, spec: Preprocessing) -> Tensor:
    """Films in [0, 1] as the network wants them, in the memory layout that convolutions are quickest in."""
    return ((films - spec.mean) / spec.std).contiguous(memory_format=torch.channels_last)
