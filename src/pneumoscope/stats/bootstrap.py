"""Intervals of any figure: the patients are drawn again and again, and the figure is taken of each draw.

A draw is told as weights, how often each film was drawn, so that whatever a measure has to sort is sorted once. One
pass over the draws serves all measures. The result is that of gathering the drawn films, not an approximation of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pneumoscope.core.parallel import ordered_map, usable_cores
from pneumoscope.stats.intervals import Estimate

Weights = NDArray[np.float64]
"""(N,) how many times each film counts: whole numbers; ones for the films as they are."""

Measures = Callable[[Weights], Mapping[str, float]]
"""Figures of weighted films by name, always the same names; NaN for a figure that is not defined."""

Progress = Callable[[Iterable[Mapping[str, float]], int], Iterable[Mapping[str, float]]]
"""Hands on the draws' figures and tells somebody how far they are; the second argument is how many there will be."""

_MANY = 20_000
"""From so many films on, a draw is long enough for threads to pay."""


def bootstrap(
    measures: Measures,
    patients: Sequence[Any] | NDArray[Any],
    *,
    resamples: int,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Estimate]:
    """The figures of the films as they are, each with the 95% percentile interval over resampled patients.

    Films of one patient are alike, so patients are drawn, not films: drawing films would give intervals too narrow.
    Draws in which a figure is not defined (one class missing) are left out of its interval; NaN if that leaves none,
    and of a single patient, who does not tell how patients differ.

    Source: Efron & Tibshirani, "An introduction to the bootstrap", 1993, section 13.3; Field & Welsh, "Bootstrapping
    clustered data", 2007.

    Parameters
    ----------
    measures : called with weights (N,); by several threads at once where there are many films.
    patients : (N,) whose each film is.

    >>> values = np.array([1.0, 2.0, 4.0, 9.0])
    >>> bootstrap(lambda w: {"mean": w @ values / w.sum()}, list("abcd"), resamples=100, seed=0)["mean"].value
    4.0
    """
    figures = measures(np.ones(len(patients)))
    drawn = replicates(measures, patients, resamples=resamples, seed=seed, progress=progress)
    return {name: Estimate(float(value), *percentiles(drawn[name])) for name, value in figures.items()}


def replicates(
    measures: Measures,
    patients: Sequence[Any] | NDArray[Any],
    *,
    resamples: int,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, NDArray[np.float64]]:
    """The figures of each draw, (resamples,) by name; NaN of a single patient, of whom there is but one draw.

    They depend on the seed, not on the number of threads.
    """
    owners, count = numbered(patients)
    if count < 2:
        return {name: np.full(resamples, np.nan) for name in measures(np.ones(len(owners)))}

    def figures(draw: int) -> Mapping[str, float]:
        return measures(_weights(owners, count, np.random.default_rng([seed, draw])))

    jobs = usable_cores() if len(owners) >= _MANY else 1
    with threadpool_limits(1, "blas") if jobs > 1 else nullcontext():  # its own threads get in the way of ours
        draws = ordered_map(figures, range(resamples), jobs) if jobs > 1 else map(figures, range(resamples))
        rows = list(progress(draws, resamples) if progress else draws)
    return {name: np.array([row[name] for row in rows], np.float64) for name in rows[0]}


def percentiles(values: NDArray[np.float64]) -> tuple[float, float]:
    """The ends of the middle 95% of the values that are defined; NaN if none is."""
    defined = values[~np.isnan(values)]
    low, high = np.quantile(defined, [0.025, 0.975]) if len(defined) else (np.nan, np.nan)
    return float(low), float(high)


def numbered(patients: Sequence[Any] | NDArray[Any]) -> tuple[NDArray[np.intp], int]:
    """The patients' numbers (N,), counted from 0 as they first come up, and how many there are.

    >>> numbered(["b", "a", "b"])
    (array([0, 1, 0]), 2)
    """
    known: dict[Any, int] = {}
    keys = patients.tolist() if isinstance(patients, np.ndarray) else patients
    owners = np.fromiter((known.setdefault(key, len(known)) for key in keys), np.intp, len(keys))
    return owners, len(known)


def _weights(owners: NDArray[np.intp], count: int, rng: np.random.Generator) -> Weights:
    times = np.bincount(rng.integers(count, size=count), minlength=count)
    if count < len(owners):  # numbered as they come: patients with a film each have nothing to gather
        times = times.astype(np.min_scalar_type(int(times.max())))[owners]  # bytes, which stay near the processor
    return times.astype(np.float64)
