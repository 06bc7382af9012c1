"""Prepared films as an epoch of batches. What is done to them at random comes later, where the network is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pneumoscope.training.films import LabelledFilms
from pneumoscope.training.recipe import Recipe
from pneumoscope.training.sampling import epoch_order, shard

Batch = tuple[Tensor, Tensor]
"""(B, C, H, W) uint8 films and (B, K) float32 targets."""


def epoch_randomness(seed: int, epoch: int) -> tuple[int, np.random.Generator]:
    """The seed of an epoch's augmentation, and the generator of its order.

    Both depend on the recipe's seed and the epoch alone: that is what lets a resumed run go on exactly as if it had
    never been stopped.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, epoch]))
    return int(rng.integers(2**63)), rng


@dataclass(frozen=True)
class TrainBatches:
    """One epoch in random order, or the part of it that one of ``world`` processes learns from.

    The last, smaller batch is left out, as batch normalisation suffers from it; the order changes, so no film is left
    out for long.
    """

    films: LabelledFilms
    recipe: Recipe
    epoch: int
    rank: int = 0
    world: int = 1

    def __len__(self) -> int:
        return steps_in_epoch(self.films, self.recipe)

    def __iter__(self) -> Iterator[Batch]:
        _, rng = epoch_randomness(self.recipe.seed, self.epoch)
        order = epoch_order(self.films.targets, self.recipe.data.sampling, rng)
        for chosen in shard(order, self.recipe.optimisation.batch, self.rank, self.world):
            yield _batch(self.films, chosen)


@dataclass(frozen=True)
class PlainBatches:
    """All films in their own order, or every ``world``-th of them."""

    films: LabelledFilms
    batch: int
    rank: int = 0
    world: int = 1

    def __len__(self) -> int:
        return len(range(0, len(self._mine()), self.batch))

    def __iter__(self) -> Iterator[Batch]:
        mine = self._mine()
        for start in range(0, len(mine), self.batch):
            yield _batch(self.films, mine[start : start + self.batch])

    def _mine(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        return np.arange(self.rank, len(self.films), self.world)


def steps_in_epoch(films: LabelledFilms, recipe: Recipe) -> int:
    """Batches an epoch: how many films it shows depends on the sampling, not on chance."""
    order = epoch_order(films.targets, recipe.data.sampling, np.random.default_rng(0))
    return max(1, len(order) // recipe.optimisation.batch)


def _batch(films: LabelledFilms, chosen: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Batch:
    return torch.from_numpy(films.pixels[chosen]), torch.from_numpy(films.targets[chosen])


def to_films(pixels: Tensor) -> Tensor:
    """uint8 as float32 in [0, 1]."""
    return pixels.float() / 255.0
