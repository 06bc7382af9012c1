"""Setting films aside by patient, so that none is judged by what was learned from its neighbour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer]


def patient_folds(
    labels: Labels, patients: Sequence[str], folds: int, *, seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Films to learn from and films to judge by, a pair for each fold; all films of a patient share a fold.

    Patients are dealt out after a shuffle: first those with films of the label 0 alone, then those with films of both,
    then the others. So the patients of each class follow one another, and every fold has as many of a class as another,
    give or take one. There are fewer folds than asked for where a class has fewer patients, and none where one has a
    single patient or no film: nothing could be held back.
    """
    _, patient = np.unique(np.asarray(patients), return_inverse=True)
    folds = min(folds, *patients_of_each(labels, patients))
    if folds < 2:
        return []
    negative, positive = (np.bincount(patient, weights=labels == label) > 0 for label in (0, 1))
    kind = positive.astype(np.intp) - negative
    order = np.random.default_rng(seed).permutation(len(kind))
    order = order[np.argsort(kind[order], kind="stable")]
    home = np.empty(len(kind), np.intp)
    home[order] = np.arange(len(kind)) % folds
    held_back = home[patient]
    return [(np.flatnonzero(held_back != fold), np.flatnonzero(held_back == fold)) for fold in range(folds)]


def patients_of_each(labels: Labels, patients: Sequence[str]) -> tuple[int, int]:
    """How many patients have a film with the label 0, and with 1."""
    key = np.asarray(patients)
    return len(np.unique(key[labels == 0])), len(np.unique(key[labels == 1]))
