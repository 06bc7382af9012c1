"""Choosing the probability from which a film counts as positive, with a guarantee for films to come.

**The guarantee.** Let n patients be a sample of those to come, and let a patient's score be the lowest among its
positive films. Whatever the distribution of these scores, the share of patients to come whose score is at least the
k-th lowest of the n has, as the n are drawn again and again, the distribution Beta(n - k + 1, k), or lies higher where
scores are tied (Wilks, "Determination of sample sizes for setting tolerance limits", 1941; Scheffé, Tukey, 1945). Its
lower quantile is Clopper and Pearson's lower bound for n - k + 1 hits of n. So a threshold at the k-th lowest score
finds at least that share of the patients to come, in at least that share of samples, the ``confidence``.

That the threshold is chosen by the very scores that it is judged by does not break this: the statement is about the
k-th lowest score, wherever it comes to lie, and k depends on n, the aim and the confidence alone, never on the scores.
A search for the threshold with the best figures would have no such protection. The statement holds for any increasing
function of the scores too, so that a calibration fitted on the same films changes nothing.

It does assume that the films are new to the network, which was not chosen by them either nor put together of others
with weights that they gave, and that those to come are drawn as these were. Films of another hospital are not.

**Patients, not films.** Films of one patient are alike, and n films of fewer patients would promise too much. A patient
is found only if all of its positive films are. So the promise is exact for patients, and cautious for films, in the
sense of a film that is drawn by drawing a patient first. Only where patients with many films are the harder ones may
the plain share of films lie lower.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from pneumoscope.stats.intervals import at_least

Labels = NDArray[np.integer]
Probabilities = NDArray[np.floating]

CONFIDENCE = 0.95
_ROUNDING = 1e-12


class Unachievable(ValueError):
    """The aim cannot be promised: the message says how many patients it needs, and what those at hand can promise."""


@dataclass(frozen=True)
class Guarantee:
    """A threshold and what it promises.

    In at least the share ``confidence`` of samples such as this one, at least the share ``aim`` of the patients to come
    is decided rightly. ``bound`` is the share that the threshold really promises, at least the aim; ``patients`` had a
    film with the label in question, and ``given_up`` of them may be decided wrongly.
    """

    threshold: float
    aim: float
    confidence: float
    bound: float
    patients: int
    given_up: int


def screening(
    labels: Labels, probabilities: Probabilities, patients: Sequence[str], *, aim: float, confidence: float = CONFIDENCE
) -> Guarantee:
    """The largest threshold that finds at least the share ``aim`` of patients with the label 1, as promised above.

    Parameters
    ----------
    labels, probabilities, patients : (N,) 0 or 1, calibrated, and a key that films of one patient share.

    Raises
    ------
    Unachievable : if there are too few patients with the label 1; 98% at 95% confidence need 149.
    ValueError : if ``aim`` or ``confidence`` is not between 0 and 1, or a probability is no number.

    Examples
    --------
    >>> found = screening(np.ones(59, int), np.linspace(0.1, 0.9, 59), [str(i) for i in range(59)], aim=0.95)
    >>> round(found.threshold, 3), round(found.bound, 4), found.given_up
    (0.1, 0.9505, 0)
    """
    lowest = np.sort(lowest_of_each(1, labels, probabilities, patients))
    given_up = _given_up("recall", 1, len(lowest), aim=aim, confidence=confidence)
    return _guarantee(float(lowest[given_up]), given_up, len(lowest), aim, confidence)


def rule_in(
    labels: Labels, probabilities: Probabilities, patients: Sequence[str], *, aim: float, confidence: float = CONFIDENCE
) -> Guarantee:
    """The smallest threshold below which at least the share ``aim`` of patients with the label 0 lie, as promised.

    A patient's score is the highest among its films with the label 0: a single false alarm is one. The threshold is the
    number next to the score chosen.

    Parameters, Raises: as ``screening``; Unachievable too if the films with the label 0 reach a probability of 1.
    """
    highest = -np.sort(lowest_of_each(0, labels, -np.asarray(probabilities, np.float64), patients))
    given_up = _given_up("specificity", 0, len(highest), aim=aim, confidence=confidence)
    threshold = float(np.nextafter(highest[given_up], np.inf))
    if threshold > 1:
        raise Unachievable(f"a specificity of {aim:.4g} has no threshold: films with the label 0 reach 1")
    return _guarantee(threshold, given_up, len(highest), aim, confidence)


def achievable(patients: int, confidence: float = CONFIDENCE) -> float:
    """The highest share that so many patients can promise: what holds when none of them may be decided wrongly.

    >>> round(achievable(149), 4), round(achievable(59), 4)
    (0.9801, 0.9505)
    """
    return at_least(patients, patients, confidence)


def patients_needed(aim: float, confidence: float = CONFIDENCE) -> int:
    """The least number of patients that can promise ``aim``: the smallest n with aim ** n <= 1 - confidence.

    >>> patients_needed(0.98), patients_needed(0.95), patients_needed(0.9)
    (149, 59, 29)
    """
    return int(np.ceil(np.log1p(-confidence) / np.log(aim) - _ROUNDING))


def highest_aim(
    choose: Callable[[float], Guarantee], aims: Sequence[float]
) -> tuple[Guarantee | None, Unachievable | None]:
    """What ``choose`` gives for the first of the ``aims`` that the patients can promise, and why none before it.

    ``aims`` fall. The guarantee is None if the last one asks too much too; the reason is None if the first does not.
    """
    reason = None
    for aim in aims:
        try:
            return choose(aim), reason
        except Unachievable as error:
            reason = error
    return None, reason


def _given_up(what: str, label: int, patients: int, *, aim: float, confidence: float) -> int:
    """How many of the patients with ``label`` may be decided wrongly."""
    if not (0 < aim < 1 and 0 < confidence < 1):
        raise ValueError(f"aim and confidence: expected numbers between 0 and 1, got {aim} and {confidence}")
    if not patients or achievable(patients, confidence) < aim - _ROUNDING:
        within = f", who can promise {achievable(patients, confidence):.1%}" if patients else ""
        raise Unachievable(
            f"a {what} of {aim:.4g} with {confidence:.0%} confidence needs {patients_needed(aim, confidence)} patients "
            f"with the label {label}, got {patients}{within}"
        )
    given_up = np.arange(patients)
    bounds = beta.ppf(1 - confidence, patients - given_up, given_up + 1)
    return int(np.flatnonzero(bounds >= aim - _ROUNDING)[-1])


def lowest_of_each(label: int, labels: Labels, scores: Probabilities, patients: Sequence[str]) -> NDArray[np.float64]:
    """The lowest score of each patient among its films with ``label``.

    Raises
    ------
    ValueError : if a score is no number.
    """
    chosen = np.asarray(labels) == label
    values = np.asarray(scores, np.float64)[chosen]
    if np.isnan(values).any():
        raise ValueError(f"expected probabilities, got NaN for {np.isnan(values).sum()} films")
    names, patient = np.unique(np.asarray(patients)[chosen], return_inverse=True)
    lowest = np.full(len(names), np.inf)
    np.minimum.at(lowest, patient, values)
    return lowest


def _guarantee(threshold: float, given_up: int, patients: int, aim: float, confidence: float) -> Guarantee:
    bound = at_least(patients - given_up, patients, confidence)
    return Guarantee(threshold, aim, confidence, bound, patients, given_up)
