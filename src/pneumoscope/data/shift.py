"""Whether the films of two splits are of one make, class by class, and what differs if not.

A model that is chosen on films of one make and tested on another is measured by luck. A classifier that cannot tell
two splits apart (AUC 0.5) is the evidence that they are alike, as far as these features see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import copysign, inf, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core.manifest import SPLITS
from pneumoscope.data.shortcuts import FOLDS, Features, Labels, out_of_fold, patient_auc, patient_folds, usable

if TYPE_CHECKING:
    from pneumoscope.stats.intervals import Estimate

MOST_FILMS = 20_000
"""Of one comparison; more would make the interval no narrower than matters."""
FEWEST_FILMS = 20
"""On each side: with fewer, the AUC of two splits of one make strays from 0.5 by more than 0.13 one time in twenty
(standard error 1 / sqrt(12 n))."""
RIDGE = 0.01
"""Inverse penalty. Hundreds of thumbnail pixels that move together, for at times tens of films, need a strong one. Set
once on the films of Kermany et al., where 0.003 to 0.03 give AUCs within 0.011 of each other."""


@dataclass(frozen=True)
class ClassShift:
    """How films of one class differ between two splits.

    Attributes
    ----------
    label : 0 or 1.
    splits : the two, in the order train, val, test.
    films : how many there are in each.
    auc : of telling the two apart, out of fold by patient; 0.5 is no difference.
    moved : (name, Cohen's d) of each scalar, the furthest first; positive where the second split has more of it.
    """

    label: int
    splits: tuple[str, str]
    films: tuple[int, int]
    auc: Estimate
    moved: tuple[tuple[str, float], ...]


def domain_shift(
    features: Features,
    domain: NDArray[np.bool_],
    patients: Sequence[str] | NDArray[Any],
    *,
    seed: int = 0,
    resamples: int = 200,
) -> Estimate:
    """AUC of a logistic regression that tells two domains apart, with its 95% interval over patients.

    No film is scored by a model that has seen its patient. Of more than 20,000 films, 20,000 are drawn with the seed:
    10,000 of each domain, or all of a smaller one and more of the other.

    Parameters
    ----------
    features : (N, K), such as the pixels of thumbnails and scalars. Columns not finite in all films are dropped.
    domain : (N,) whether the film is of the second domain.
    patients : N keys.

    Raises
    ------
    ManifestError : if a domain has films of fewer than five patients.
    MissingExtra : without scikit-learn.
    """
    drawn = _draw(domain, seed)
    x, second, people = usable(features[drawn]), domain[drawn], np.asarray(patients)[drawn]
    scores = out_of_fold(x, second, patient_folds(second, people, seed=seed), c=RIDGE)
    return patient_auc(second, scores, people, seed=seed, resamples=resamples)


def shift_by_class(
    features: Features,
    labels: Labels,
    splits: Sequence[str],
    patients: Sequence[str],
    *,
    scalars: Mapping[str, Features] | None = None,
    seed: int = 0,
    resamples: int = 200,
) -> list[ClassShift]:
    """Compare each two splits within each class.

    By class, since a difference in how often the classes occur is no difference in make. A side with fewer than 20
    films, or of fewer than five patients, is too small to say anything and its comparisons are left out.

    Parameters
    ----------
    features : (N, K) as for ``domain_shift``.
    labels : (N,) 0 or 1.
    splits, patients : N keys; "train", "val" or "test".
    scalars : name -> (N,), to say in words what moved.

    Raises
    ------
    MissingExtra : without scikit-learn.
    """
    x, of_class, split, people = np.asarray(features), np.asarray(labels), np.asarray(splits), np.asarray(patients)
    found = []
    for label in np.unique(of_class).tolist():
        sides = {each: np.flatnonzero((of_class == label) & (split == each)) for each in SPLITS}
        large = [each for each, films in sides.items() if _enough(people[films])]
        for pair in combinations(large, 2):
            counts = len(sides[pair[0]]), len(sides[pair[1]])
            films = np.concatenate([sides[each] for each in pair])
            second = np.repeat([False, True], counts)
            auc = domain_shift(x[films], second, people[films], seed=seed, resamples=resamples)
            of_films = {name: np.asarray(values)[films] for name, values in (scalars or {}).items()}
            found.append(ClassShift(label, pair, counts, auc, tuple(moved(of_films, second))))
    return found


def moved(scalars: Mapping[str, Features], domain: NDArray[np.bool_]) -> list[tuple[str, float]]:
    """Name and Cohen's d of each scalar between two domains, the furthest first.

    d is the mean in the second domain (``domain`` true) minus that in the first, over the pooled standard deviation:
    0.2 is little, 0.8 a lot; infinite for two different constants. Scalars that are not finite in all films, or the
    same in all, are left out. Each domain needs two films or more.

    Source: Cohen, "Statistical power analysis for the behavioral sciences", 1988.

    Examples
    --------
    >>> moved({"sharpness": np.array([1.0, 3.0, 5.0, 7.0])}, np.array([False, False, True, True]))  # doctest: +ELLIPSIS
    [('sharpness', 2.82...)]
    """
    columns = {name: np.asarray(values, np.float64) for name, values in scalars.items()}
    found = [(name, _cohens_d(v[~domain], v[domain])) for name, v in columns.items() if usable(v[:, np.newaxis]).size]
    return sorted(found, key=lambda one: -abs(one[1]))


def _cohens_d(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    # Deviations from a film's own value, not from a rounded mean, so that a constant has no spread at all.
    squares = sum((len(side) - 1) * float((side - side[0]).var(ddof=1)) for side in (first, second))
    distance = float(second.mean() - first.mean())
    return distance / sqrt(squares / (len(first) + len(second) - 2)) if squares else copysign(inf, distance)


def _enough(patients: NDArray[Any]) -> bool:
    return len(patients) >= FEWEST_FILMS and len(np.unique(patients)) >= FOLDS


def _draw(domain: NDArray[np.bool_], seed: int) -> NDArray[np.intp]:
    """Indices, in order, of at most ``MOST_FILMS`` films, as many of each domain as there are and fit."""
    rng = np.random.default_rng(seed)
    sides = [np.flatnonzero(~domain), np.flatnonzero(domain)]
    smaller = min(len(side) for side in sides)
    most = max(MOST_FILMS // 2, MOST_FILMS - smaller)
    return np.sort(np.concatenate([rng.permutation(side)[:most] for side in sides]))
