"""What :mod:`pneumoscope.stats.novelty` needs, found from features of films that a network has learned from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pneumoscope.stats.novelty import Floats, Gaussian

Array = NDArray[np.float64]

_ITERATIONS = 200
_CLOSE = 1e-3
_SPREAD = 0.05
"""Added to each input's spread, as a share of their mean: what hardly ever varies must not be blown up."""


def principal(features: Floats, directions: int) -> Array:
    """The ``directions`` (F, K), orthonormal, that explain most of the squared length of (N, F) features.

    Raises
    ------
    ValueError : if there are fewer films or features than directions.
    """
    rows = np.asarray(features, np.float64)
    _check(rows, directions)
    return _leading(rows.T @ rows / len(rows), directions)[1]


def gaussian(features: Floats, directions: int) -> Gaussian:
    """The normal distribution of (N, F) features: mean, K principal directions, one variance for all others.

    With it, the likelihood of the films is the greatest that K directions allow (Tipping and Bishop, 1999).

    Raises
    ------
    ValueError : if there are fewer films or features than directions.
    """
    rows = np.asarray(features, np.float64)
    _check(rows, directions)
    mean = rows.mean(axis=0)
    covariance = (rows - mean).T @ (rows - mean) / len(rows)
    variances, basis = _leading(covariance, directions)
    least, others = 1e-12 * float(np.trace(covariance)), rows.shape[1] - directions
    rest = max(float(np.trace(covariance) - variances.sum()) / others, least) if others else np.inf
    return Gaussian(mean, basis, np.maximum(variances, least), rest)


def classifier(inputs: Floats, kinds: NDArray[np.integer], counted: Floats, strength: float) -> tuple[Array, Array]:
    """A softmax classifier of (N, D) inputs: weights (D, C) and bias (C,), so that ``inputs @ weights + bias`` are
    the scores of C kinds.

    Parameters
    ----------
    kinds : (N,) from 0 to C - 1.
    counted : (N,) how many times each input counts.
    strength : how far the weights are held back, more is less (scikit-learn's C), of inputs in units of their spread.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 (slow to import)

    rows = np.asarray(inputs, np.float64)
    middle, spread = rows.mean(axis=0), rows.std(axis=0)
    spread = spread + _SPREAD * spread.mean()
    model = LogisticRegression(C=strength, max_iter=_ITERATIONS, tol=_CLOSE)
    model.fit((rows - middle) / spread, kinds, sample_weight=counted)
    coefficients, bias = model.coef_, model.intercept_
    if len(coefficients) == 1:  # of two kinds scikit-learn tells the second one's log-odds
        coefficients, bias = np.vstack([0 * coefficients, coefficients]), np.append(0.0, bias)
    weights = (coefficients / spread).T
    return weights, bias - middle @ weights


def _leading(moments: Array, directions: int) -> tuple[Array, Array]:
    """The greatest eigenvalues, greatest first, and their eigenvectors in columns."""
    values, vectors = np.linalg.eigh(moments)
    return values[::-1][:directions], np.ascontiguousarray(vectors[:, ::-1][:, :directions])


def _check(rows: Array, directions: int) -> None:
    if not 1 <= directions <= min(rows.shape):
        raise ValueError(f"directions: expected 1 to {min(rows.shape)}, got {directions}")
