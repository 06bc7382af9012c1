"""How unlike the films that a network has learned from a film is, by the network's features: pure functions.

All take N films at once, and higher is always stranger. What they need is found by
:mod:`pneumoscope.stats.fit_novelty`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Array = NDArray[np.float64]

_LEAST = 1e-12


class Gaussian(NamedTuple):
    """A normal distribution of features that varies by itself in K directions, and evenly in all others.

    Attributes
    ----------
    mean : (F,).
    basis : (F, K) orthonormal columns.
    variances : (K,) of the features along these.
    rest : variance along any other direction; infinite where there is none.
    """

    mean: Floats
    basis: Floats
    variances: Floats
    rest: float


def residual(features: Floats, basis: Floats) -> Array:
    """Logarithm of the share (N,) of each film's features that no column of ``basis`` (F, K), orthonormal, explains.

    The share is of the squared length, so that only the direction of the features counts. 0 for features that are all
    unexplained, or all 0. Reckoned with the arrays' own precision.

    Source: the residual of Wang et al., "ViM: out-of-distribution with virtual-logit matching", 2022, over the length
    of the features; no logits.
    """
    whole = (np.asarray(features, np.float64) ** 2).sum(axis=1)
    along = (np.asarray(features @ basis, np.float64) ** 2).sum(axis=1)
    known = np.divide(along, whole, out=np.zeros_like(whole), where=whole > _LEAST)
    found: Array = np.log(np.clip(1.0 - known, _LEAST, 1.0))
    return found


def mahalanobis(features: Floats, known: Gaussian) -> Array:
    """Squared distances (N,) from the mean, each direction in units of its variance, over the number of features.

    About 1 for films like those that the distribution was fitted on. Source: Lee et al., "A simple unified framework
    for detecting out-of-distribution samples", 2018; with the covariance of Tipping and Bishop, "Probabilistic
    principal component analysis", 1999.
    """
    away = np.asarray(features, np.float64) - known.mean
    along = away @ np.asarray(known.basis, np.float64)
    off = np.maximum((away**2).sum(axis=1) - (along**2).sum(axis=1), 0.0)
    squared: Array = ((along**2 / known.variances).sum(axis=1) + off / known.rest) / away.shape[1]
    return squared


def knn_distance(features: Floats, bank: Floats, k: int) -> Array:
    """Distance (N,) to the k-th nearest of the M films of ``bank`` (M, F), all features scaled to length 1.

    Source: Sun et al., "Out-of-distribution detection with deep nearest neighbors", 2022.

    Raises
    ------
    ValueError : if the bank has fewer than k films.
    """
    if not 1 <= k <= len(bank):
        raise ValueError(f"k: expected 1 to {len(bank)}, the films to compare with, got {k}")
    ours, theirs = _unit(features), _unit(bank)
    likeness = np.partition(ours @ theirs.T, len(bank) - k, axis=1)[:, len(bank) - k]
    return np.sqrt(np.maximum(2.0 - 2.0 * likeness, 0.0))


def energy(logits: Floats) -> Array:
    """Negative log-sum-exp (N,) of (N, K) logits, each label against its absence, which has the logit 0.

    Source: Liu et al., "Energy-based out-of-distribution detection", 2020.
    """
    values = np.asarray(logits, np.float64)
    found: Array = -np.logaddexp(0.0, values).sum(axis=1)
    return found


def log_odds_against_first(scores: Floats) -> Array:
    """Log-odds (N,) that a picture is of another than the first kind, by a softmax of (N, C) scores.

    >>> log_odds_against_first(np.log([[0.8, 0.1, 0.1]])).round(3)
    array([-1.386])
    """
    values = np.asarray(scores, np.float64)
    highest = values[:, 1:].max(axis=1)
    others: Array = highest + np.log(np.exp(values[:, 1:] - highest[:, np.newaxis]).sum(axis=1))
    return others - values[:, 0]


def _unit(vectors: Floats) -> Array:
    rows = np.asarray(vectors, np.float64)
    scaled: Array = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _LEAST)
    return scaled
