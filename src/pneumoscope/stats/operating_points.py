"""Choosing the probability from which a film counts as positive."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sensitive_threshold(labels: NDArray[np.integer], probabilities: NDArray[np.floating], sensitivity: float) -> float:
    """The highest threshold at which at least ``sensitivity`` of the positive films are found.

    Raises
    ------
    ValueError : if there is no positive film, or ``sensitivity`` is not in (0, 1].
    """
    if not 0 < sensitivity <= 1:
        raise ValueError(f"sensitivity: expected more than 0 and at most 1, got {sensitivity}")
    positives = np.sort(probabilities[labels == 1])
    if not len(positives):
        raise ValueError("expected films with the label 1, got none")
    missed = int(np.floor((1 - sensitivity) * len(positives) + 1e-9))
    return float(positives[missed])
