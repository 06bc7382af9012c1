"""Which films an epoch shows, in which order, and which process gets which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]

_RARE = 0.01
"""Share of the films under which a combination of answers is too rare to be a class of its own."""


def epoch_order(
    targets: NDArray[np.float32], sampling: Literal["natural", "balanced", "oversampled"], rng: np.random.Generator
) -> Indices:
    """The films of one epoch, in random order.

    A class is a combination of answers, "not known" being one; combinations of fewer than 1 % of the films, or of a
    single film, are one class together, since some film would else be shown as often as all healthy ones.

    Parameters
    ----------
    targets : (N, K), 1 yes, 0 no, NaN unknown.
    sampling : "natural", each film once; "balanced", N films, all classes alike (to within one film), none shown again
        before all of its class were; "oversampled", each film at least once, all classes as often as the largest.

    Returns
    -------
    Indices of films: (N,), more if oversampled.
    """
    if sampling == "natural":
        return rng.permutation(len(targets))
    classes = _classes(targets)
    if sampling == "balanced":
        share, rest = divmod(len(targets), len(classes))
        counts = share + (rng.permutation(len(classes)) < rest)
    else:
        counts = np.full(len(classes), max(len(films) for films in classes))
    return rng.permutation(
        np.concatenate([_drawn(films, int(count), rng) for films, count in zip(classes, counts, strict=True)])
    )


def _classes(targets: NDArray[np.float32]) -> list[Indices]:
    """The films of each class."""
    answers = np.where(np.isnan(targets), -1, targets)
    _, row, films = np.unique(answers, axis=0, return_inverse=True, return_counts=True)
    rare = films < max(2, _RARE * len(targets))
    row = np.where(rare[row], -1, row)
    return [np.flatnonzero(row == one) for one in np.unique(row)]


def _drawn(films: Indices, count: int, rng: np.random.Generator) -> Indices:
    """``count`` of the films, in rounds of which each has every film once."""
    rounds = -(-count // len(films))
    return np.concatenate([rng.permutation(films) for _ in range(rounds)])[:count]


def batches_in(films: int, batch: int) -> int:
    """Number of full batches, but at least one."""
    return max(1, films // batch)


def shard(order: Indices, batch: int, rank: int = 0, world: int = 1) -> Iterator[Indices]:
    """Cut an epoch into batches of ``batch`` films over all processes, and give process ``rank`` its part of each.

    The last, smaller batch is left out, as batch normalisation suffers from it; the order changes, so no film is left
    out for long. With fewer films than a batch they are the one batch there is. All processes get equally many batches.
    Each part is sorted, which is how films are read quickest.

    Raises
    ------
    ValueError : if a process would have no film.

    >>> [part.tolist() for part in shard(np.array([4, 0, 3, 1, 2]), batch=2)]
    [[0, 4], [1, 3]]
    """
    if min(batch, len(order)) < world:
        raise ValueError(f"batch: expected a film for each of {world} processes, got {min(batch, len(order))} films")
    for start in range(0, batches_in(len(order), batch) * batch, batch):
        yield np.sort(order[start : start + batch][rank::world])
