"""Saying "not sure": conformal prediction sets for a yes or no, with an error rate for each of the two.

For each answer, the set of a film holds it unless the film's probability is further out than that of nearly all films
of which the answer is true. ``yes`` belongs to it from a probability that all but the share ``error_rate`` of the films
with the finding reach, ``no`` up to one that all but that share of the films without it stay below. A set that holds
one answer is sure; one with both (the film is like films of either class) or none (it is like neither) is not.

**What is promised.** Of films to come with the finding, at most the share ``error_rate`` has a set without ``yes``, and
of films without it, at most that share has one without ``no``: on average over samples such as this one, for any
distribution, and for each class by itself (split conformal prediction, class-conditional or Mondrian; Vovk, Gammerman,
Shafer, "Algorithmic learning in a random world", 2005; Vovk, "Conditional validity of inductive conformal predictors",
2012). So at most that share of sick films is surely answered no. It is *not* promised that a sure answer is right so
often: that depends on how many films have the finding.

As for operating points, patients are counted: a patient's score is that of its film furthest out, and the promise is
that all films of a patient keep the true answer. It assumes films new to the network, drawn as these were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from pneumoscope.stats.operating_points import Labels, Probabilities, Unachievable, lowest_of_each

_ROUNDING = 1e-9


@dataclass(frozen=True)
class PredictionSets:
    """``yes`` is in a film's set from the probability ``yes_from`` on, ``no`` up to ``no_to``."""

    yes_from: float
    no_to: float
    error_rate: float
    positive_patients: int
    negative_patients: int


def prediction_sets(
    labels: Labels, probabilities: Probabilities, patients: Sequence[str], *, error_rate: float = 0.05
) -> PredictionSets:
    """Fit the two thresholds on films that the network has not learned from.

    With n patients of a class, the threshold is the k-th score from the outside, k = floor(error_rate * (n + 1)).

    Parameters
    ----------
    labels, probabilities, patients : (N,) 0 or 1, calibrated, and a key that films of one patient share.

    Raises
    ------
    Unachievable : if a class has so few patients that its answer would be in every set (k = 0).
    ValueError : if ``error_rate`` is not between 0 and 1, or a probability is no number.
    """
    if not 0 < error_rate < 1:
        raise ValueError(f"error_rate: expected a number between 0 and 1, got {error_rate}")
    scores = np.asarray(probabilities, np.float64)
    yes, positive = _outermost(1, labels, scores, patients, error_rate)
    no, negative = _outermost(0, labels, -scores, patients, error_rate)
    return PredictionSets(yes, -no, error_rate, positive, negative)


def _outermost(
    label: int, labels: Labels, scores: Probabilities, patients: Sequence[str], error_rate: float
) -> tuple[float, int]:
    """The score below which a film's set lacks the label, and of how many patients it was taken."""
    lowest = np.sort(lowest_of_each(label, labels, scores, patients))
    k = floor(error_rate * (len(lowest) + 1) + _ROUNDING)
    if not k:
        raise Unachievable(
            f"an error rate of {error_rate:.4g} needs {int(np.ceil(1 / error_rate - _ROUNDING)) - 1} patients with the "
            f"label {label}, got {len(lowest)}"
        )
    return float(lowest[k - 1]), len(lowest)
