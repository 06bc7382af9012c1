"""Films whose label is probably wrong: confident learning.

Source: Northcutt, Jiang, Chuang, "Confident learning: estimating uncertainty in dataset labels", JAIR 70, 2021. The
probabilities must come from models that have not seen the film (out of fold); otherwise they repeat the label.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

_NEAR = 1e-6
"""Probabilities closer than this count as equal: a mean of equal numbers may come out above each of them."""
_SUM_TOLERANCE = 1e-3
"""Films' probabilities may miss a sum of one by this much: half-precision networks and tables with three digits do."""
_NEVER = 2.0

Ranking = Literal["normalised_margin", "self_confidence"]


def confident_joint(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> NDArray[np.int64]:
    """How many films carry label i (row) and are in truth of class j (column), as estimated; (K, K).

    A film counts for the class whose probability reaches the mean that this class has among the films that carry its
    label. When several do, it counts for its most probable class, as in the authors' own program; when none does, for
    none. At least one film of each class is taken to be right. Rows are then scaled to the films that carry the label.

    Parameters
    ----------
    labels : (N,) the given classes, 0 to K - 1.
    probabilities : (N, K) out-of-fold probability of each class; rows sum to one.

    Raises
    ------
    ValueError : for shapes that do not match, labels out of range or all alike, and numbers that are no probabilities.

    Examples
    --------
    >>> sure, unsure = [0.9, 0.1], [0.2, 0.8]
    >>> confident_joint(np.array([0, 0, 0, 1, 1]), np.array([sure, sure, unsure, unsure, unsure]))
    array([[2, 1],
           [0, 2]])
    """
    labels, p = _checked(labels, probabilities)
    classes = np.arange(p.shape[1])
    carried = np.bincount(labels, minlength=len(classes))
    thresholds = np.array([p[labels == k, k].mean() if carried[k] else _NEVER for k in classes])
    confident = p >= np.maximum(thresholds, 2 * _NEAR) - _NEAR  # a class that nobody predicts draws no films
    likely = np.where(confident.sum(axis=1) > 1, p.argmax(axis=1), confident.argmax(axis=1))
    counted = confident.any(axis=1)
    joint = np.zeros((len(classes), len(classes)))
    np.add.at(joint, (labels[counted], likely[counted]), 1)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    joint = joint / joint.sum(axis=1, keepdims=True) * carried[:, np.newaxis]
    return np.array([_whole(row) for row in joint / joint.sum() * len(labels)])


def find_label_errors(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating], *, ranked_by: Ranking = "normalised_margin"
) -> NDArray[np.intp]:
    """Indices of the films whose label is probably wrong, the most suspicious first; may be empty.

    Prune by noise rate: for each off-diagonal count n of the joint, the n films with label i whose probability of class
    j exceeds that of i the most. A class keeps at least one film, and a film keeps its label if no other class is more
    probable. Ranked by the label's probability minus the largest of the others ("normalised_margin"), or by the label's
    probability alone ("self_confidence"); the two orders differ from three classes on.

    Parameters, Raises: as ``confident_joint``.
    """
    joint = confident_joint(labels, probabilities)
    labels, p = _checked(labels, probabilities)
    joint[joint.diagonal() == 0] -= 1  # a class keeps a film
    suspicious = np.zeros(len(labels), bool)
    for given, true in zip(*np.nonzero(joint > 0), strict=True):
        films = np.flatnonzero(labels == given)
        if given != true:
            order = np.argsort(p[films, given] - p[films, true], kind="stable")
            suspicious[films[order[: joint[given, true]]]] = True
    own, other = _own_and_other(labels, p)
    found = np.flatnonzero(suspicious & (other > own + _NEAR))
    score = own if ranked_by == "self_confidence" else own - other
    return found[np.argsort(score[found], kind="stable")]


def _own_and_other(
    labels: NDArray[np.int64], p: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probability of the given class, and the largest of the other classes; both (N,)."""
    films = np.arange(len(labels))
    others = p.copy()
    others[films, labels] = -1
    return p[films, labels], others.max(axis=1)


def _whole(row: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round so that the sum stays: what rounding loses goes to the largest remainders, its excess to the smallest."""
    whole = np.round(row)
    missing = round(row.sum() - whole.sum())
    order = np.argsort(row - whole, kind="stable")
    whole[order[len(row) - missing :] if missing > 0 else order[:-missing]] += np.sign(missing)
    return whole.astype(np.int64)


def _checked(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    given, p = np.asarray(labels), np.asarray(probabilities, np.float64)
    if given.ndim != 1 or p.ndim != 2 or len(given) != len(p) or p.shape[1] < 2:
        raise ValueError(
            f"expected labels (N,) and probabilities (N, K) of two classes or more, got {given.shape} and {p.shape}"
        )
    if not np.issubdtype(given.dtype, np.integer):
        raise ValueError(f"labels: expected whole numbers 0 to {p.shape[1] - 1}, got the type {given.dtype}")
    _check_labels(given, p.shape[1])
    _check_probabilities(p)
    return given.astype(np.int64), p


def _check_labels(labels: NDArray[np.integer], classes: int) -> None:
    outside = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(outside):
        raise ValueError(
            f"labels: expected 0 to {classes - 1}, as there are {classes} columns of probabilities; got "
            f"{labels[outside[0]]} at index {outside[0]}"
        )
    if len(np.unique(labels)) < 2:
        raise ValueError(f"labels: expected films of two classes or more, got {np.unique(labels).tolist()} alone")


def _check_probabilities(p: NDArray[np.float64]) -> None:
    bad = np.flatnonzero(~((p >= -_NEAR) & (p <= 1 + _NEAR)).all(axis=1))
    if len(bad):
        raise ValueError(f"probabilities: expected 0 to 1, got {p[bad[0]].tolist()} at index {bad[0]} (of {len(bad)})")
    sums = p.sum(axis=1)
    off = np.flatnonzero(np.abs(sums - 1) > _SUM_TOLERANCE)
    if len(off):
        raise ValueError(
            f"probabilities: expected rows that sum to one (logits need a softmax first), got {sums[off[0]]:.6g} at "
            f"index {off[0]} (of {len(off)})"
        )
