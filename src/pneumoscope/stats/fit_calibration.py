"""Choosing and fitting a calibration: as rich as the films can bear, judged by films held back.

The families, the simplest first: ``intercept`` (all log-odds are moved alike), ``temperature`` (and scaled, without
being moved), ``platt`` (both), ``beta`` (another slope for low logits than for high ones) and ``isotonic`` (any
increasing curve). ``pneumoscope.stats.calibration`` writes them as one curve.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from pneumoscope.stats.calibration import Calibration
from pneumoscope.stats.folds import patient_folds, patients_of_each
from pneumoscope.stats.platt import fit_platt, maximum_likelihood, shift, soft_targets

Family = Literal["intercept", "temperature", "platt", "beta", "isotonic"]
Labels = NDArray[np.integer]
Logits = NDArray[np.floating]

FAMILIES: Final[tuple[Family, ...]] = ("temperature", "platt", "beta", "isotonic")

LEAST_PATIENTS: Final[dict[Family, int]] = {
    "intercept": 1,
    "temperature": 1,
    "platt": 20,
    "beta": 30,
    "isotonic": 200,
}
"""Patients of the rarer class without whom a family is not considered: ten for each number that is fitted (Peduzzi et
al., J Clin Epidemiol 1996), and for isotonic regression, which fits as many numbers as it likes, a multiple of that."""

_FLATTEST = 0.01
"""Beta's slopes at the two ends are at least this share of Platt's, so that films keep their order there."""

_LEAST_RISE = 1e-9
"""Shares closer than this differ by rounding alone, and are one block."""


@dataclass(frozen=True)
class Candidate:
    """A family that was considered, and its cross-validated log loss in nats; NaN where it was not measured.

    ``behind`` is its loss less that of the family chosen, film by film, and ``error`` the standard error of that
    difference, by patient. ``remark`` says why a family was not in the running, else nothing.
    """

    family: Family
    log_loss: float
    behind: float
    error: float
    remark: str = ""


@dataclass(frozen=True)
class Fitted:
    """A calibration on all films, its family, and all that were considered, the simplest first."""

    calibration: Calibration
    family: Family
    candidates: tuple[Candidate, ...]
    folds: int

    @property
    def rule(self) -> str:
        """How the family was chosen, in a sentence."""
        measured = [c for c in self.candidates if not np.isnan(c.log_loss)]
        if len(measured) < 2:
            return f"{self.family}, the simplest family that could be fitted; too few films to compare others"
        losses = ", ".join(f"{c.family} {c.log_loss:.4f}" for c in measured)
        return (
            f"{self.family}, as from the simplest family on a richer one had to win by more than a standard error; log "
            f"loss of films held back by patient in {self.folds} folds: {losses}"
        )


def fit(family: Family, labels: Labels, logits: Logits, prevalence: float) -> Calibration:
    """Fit one family by maximum likelihood with Platt's targets, then move it to another prevalence.

    Raises
    ------
    ValueError : if one class is missing, or higher logits do not mean the label 1.
    """
    return _FITS[family](labels, np.asarray(logits, np.float64), prevalence)


def fit_calibration(
    labels: Labels,
    logits: Logits,
    patients: Sequence[str],
    prevalence: float,
    *,
    families: Sequence[Family] = FAMILIES,
    folds: int = 5,
    seed: int = 0,
) -> Fitted:
    """Choose a family by the log loss of films held back, by patient, and fit it on all films.

    Going from the simplest to the richest, a family takes the place of the best so far only if its log loss is lower by
    more than one standard error of the difference (counted by patient): what is no clear gain is likely to be noise,
    and a simpler curve errs more gently on films unlike these. A family needs ``LEAST_PATIENTS`` of the rarer class.
    Where nothing can be held back, the simplest that can be fitted is taken.

    Parameters
    ----------
    labels, logits, patients : (N,) 0 or 1, the network's answer, and a key that films of one patient share.
    families : those to consider, the simplest first.

    Raises
    ------
    ValueError : if one class is missing, or higher logits do not mean the label 1.
    """
    splits = patient_folds(labels, patients, folds, seed=seed)
    losses: dict[Family, NDArray[np.float64]] = {}
    remarks: dict[Family, str] = {}
    for family in families:
        try:
            losses[family] = _losses(family, labels, logits, splits, min(patients_of_each(labels, patients)))
        except ValueError as error:
            remarks[family] = str(error)
    if not losses:
        raise ValueError(remarks[families[0]])
    best = next(iter(losses))
    for family in losses if splits else ():
        gain, noise = _mean_by_patient(losses[best] - losses[family], patients)
        best = family if gain > noise else best
    table = tuple(_candidate(family, losses, best, patients, remarks) for family in families)
    return Fitted(fit(best, labels, logits, prevalence), best, table, len(splits))


def out_of_fold(
    family: Family,
    labels: Labels,
    logits: Logits,
    splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
    prevalence: float | None = None,
) -> NDArray[np.float64]:
    """(N,) log-odds of each film, by a calibration that was fitted without its patient.

    They hold at ``prevalence``, or at the share of the films that it was fitted on.

    Raises
    ------
    ValueError : if the family cannot be fitted.
    """
    found = np.full(len(labels), np.nan)
    for learned, held_back in splits:
        own = float(np.mean(labels[learned] == 1)) if prevalence is None else prevalence
        found[held_back] = fit(family, labels[learned], logits[learned], own).log_odds(logits[held_back])
    return found


def _losses(
    family: Family,
    labels: Labels,
    logits: Logits,
    splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
    patients: int,
) -> NDArray[np.float64]:
    """(N,) log loss of each film when its patient is held back; NaN if none can be."""
    if patients < LEAST_PATIENTS[family]:
        raise ValueError(f"needs {LEAST_PATIENTS[family]} patients of each class, got {patients}")
    fit(family, labels, logits, 0.5)
    if not splits:
        return np.full(len(labels), np.nan)
    score = out_of_fold(family, labels, logits, splits)
    return np.logaddexp(0.0, score) - labels * score


def _candidate(
    family: Family,
    losses: dict[Family, NDArray[np.float64]],
    best: Family,
    patients: Sequence[str],
    remarks: dict[Family, str],
) -> Candidate:
    if family not in losses:
        return Candidate(family, np.nan, np.nan, np.nan, remarks[family])
    behind, error = _mean_by_patient(losses[family] - losses[best], patients)
    return Candidate(family, float(losses[family].mean()), behind, error)


def _mean_by_patient(values: NDArray[np.float64], patients: Sequence[str]) -> tuple[float, float]:
    """Mean over films, and its standard error as films of one patient go together (a ratio estimator's)."""
    _, patient = np.unique(np.asarray(patients), return_inverse=True)
    mean = float(values.mean())
    sums = np.bincount(patient, weights=values - mean)
    return mean, float(np.sqrt(np.sum(sums**2) * len(sums) / max(len(sums) - 1, 1)) / len(values))


def _intercept(labels: Labels, x: NDArray[np.float64], prevalence: float) -> Calibration:
    (intercept,) = maximum_likelihood(np.ones((len(x), 1)), soft_targets(labels), [0.0], offset=x)
    return Calibration(1.0, intercept + shift(labels, prevalence), prevalence)


def _temperature(labels: Labels, x: NDArray[np.float64], prevalence: float) -> Calibration:
    (slope,) = maximum_likelihood(x[:, np.newaxis], soft_targets(labels), [1.0])
    return Calibration(slope, shift(labels, prevalence), prevalence)


def _beta(labels: Labels, x: NDArray[np.float64], prevalence: float) -> Calibration:
    """``a * log(p) - b * log(1 - p) + c`` of the network's own probability p; a, b above 0."""
    straight = fit_platt(labels, x, prevalence)
    least = _FLATTEST * straight.slope
    columns = np.column_stack([-np.logaddexp(0.0, -x), np.logaddexp(0.0, x), np.ones_like(x)])
    start = [straight.slope, straight.slope, straight.intercept - shift(labels, prevalence)]
    a, b, c = maximum_likelihood(columns, soft_targets(labels), start, lowest=[least, least, None])
    return Calibration(a, c + shift(labels, prevalence), prevalence, bend=b - a)


def _isotonic(labels: Labels, x: NDArray[np.float64], prevalence: float) -> Calibration:
    """Straight lines between the centres of the blocks of an isotonic regression, Platt's slope beyond them.

    Platt's targets keep the blocks' shares from 0 and 1. Lines in place of steps keep the order of films in a block.
    """
    straight = fit_platt(labels, x, prevalence)
    values, place, films = np.unique(x, return_inverse=True, return_counts=True)
    shares = np.bincount(place, weights=soft_targets(labels)) / films
    steps = isotonic_regression(shares, weights=films).x
    starts = np.r_[0, np.flatnonzero(np.diff(steps) > _LEAST_RISE) + 1]
    centres = np.add.reduceat(values * films, starts) / np.add.reduceat(films, starts)
    inner = np.column_stack([centres, np.log(steps[starts] / (1 - steps[starts]))])
    reach = np.array([1.0, straight.slope])
    knots = [inner[0] - reach, *inner, inner[-1] + reach]
    return Calibration(1.0, shift(labels, prevalence), prevalence, knots=tuple((float(u), float(v)) for u, v in knots))


_FITS: Final[dict[Family, Callable[[Labels, NDArray[np.float64], float], Calibration]]] = {
    "intercept": _intercept,
    "temperature": _temperature,
    "platt": fit_platt,
    "beta": _beta,
    "isotonic": _isotonic,
}
