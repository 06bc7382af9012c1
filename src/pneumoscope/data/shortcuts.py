"""How well facts of the acquisition alone, which know no anatomy, tell the class.

A network learns whatever separates the classes. If the sharpness or the shape of a film does so already, a good score
on films of the same making proves little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import ManifestError, MissingExtra
from pneumoscope.core.manifest import SPLITS

if TYPE_CHECKING:
    from pneumoscope.stats.intervals import Estimate

FOLDS = 5

Features = NDArray[np.floating]
Labels = NDArray[np.integer] | NDArray[np.bool_]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class ShortcutBaseline:
    """What one group of facts knows of the class.

    Attributes
    ----------
    name : of the group.
    columns : how many of its columns were used; the others are not stated for every film, or are the same in all.
    auc : by split; splits that lack a class are left out. "train": every film scored by a model that has not seen its
        patient. Other splits: scored by the model of all train films.
    """

    name: str
    columns: int
    auc: Mapping[str, Estimate]


def shortcut_baselines(
    groups_of_features: Mapping[str, Features],
    labels: Labels,
    patients: Sequence[str],
    splits: Sequence[str],
    *,
    seed: int = 0,
    resamples: int = 200,
) -> list[ShortcutBaseline]:
    """AUC, with a 95% interval over patients, of a logistic regression on each group of facts.

    Parameters
    ----------
    groups_of_features : name of the group -> (N, K), a column a fact; NaN where it is not stated.
    labels : (N,) 0 or 1.
    patients, splits : N keys; "train", "val" or "test".

    Raises
    ------
    ManifestError : if the train films of a class come from fewer than five patients (or there are none).
    MissingExtra : without scikit-learn.
    """
    people, split = np.asarray(patients), np.asarray(splits)
    train = np.flatnonzero(split == "train")
    rest = np.flatnonzero(split != "train")
    folds = patient_folds(labels[train], people[train], seed=seed)
    baselines = []
    for name, features in groups_of_features.items():
        x = usable(features)
        scores = np.zeros(len(labels))
        scores[train] = out_of_fold(x[train], labels[train], folds)
        scores[rest] = _log_odds(x[train], labels[train], x[rest], c=1.0)
        auc = {
            each: patient_auc(labels[films], scores[films], people[films], seed=seed, resamples=resamples)
            for each in SPLITS
            if len(np.unique(labels[films := np.flatnonzero(split == each)])) == 2
        }
        baselines.append(ShortcutBaseline(name, x.shape[1], auc))
    return baselines


def shortcut_scores(features: Features, labels: Labels, patients: Sequence[str], seed: int = 0) -> Scores:
    """Out-of-fold log-odds of label 1 for each film, (N,), by a model that has not seen its patient.

    High for films that look like label 1 by these facts alone, whatever their label. All zero if no column is usable.

    Parameters, Raises: as ``shortcut_baselines``, of one group and for all films.
    """
    return out_of_fold(usable(features), labels, patient_folds(labels, patients, seed=seed))


def usable(features: Features) -> NDArray[np.float64]:
    """The columns that are finite in all films and not the same in all; (N, K) -> (N, K' <= K)."""
    x = np.asarray(features, np.float64)
    return x[:, np.isfinite(x).all(axis=0) & (x != x[:1]).any(axis=0)]


def patient_folds(labels: Labels, patients: Sequence[str] | NDArray[Any], *, seed: int) -> list[NDArray[np.intp]]:
    """Indices of the films held out in each fold: a patient sits in one fold, folds are alike in labels.

    Raises
    ------
    ManifestError : if a label is not 0 or 1, or has films of fewer than five patients.
    MissingExtra : without scikit-learn.
    """
    try:
        from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra("looking for shortcuts and shifts", "evaluate") from error
    people = np.asarray(patients)
    held = {value: len(np.unique(people[labels == value])) for value in {0, 1, *np.unique(labels).tolist()}}
    if len(held) > 2 or min(held.values()) < FOLDS:
        raise ManifestError(
            f"expected films of two kinds (0 and 1), each of at least {FOLDS} patients, to learn to tell them apart; "
            f"got {', '.join(f'{value}: {n} patients' for value, n in sorted(held.items()))}"
        )
    splitter = StratifiedGroupKFold(n_splits=FOLDS, shuffle=True, random_state=seed)
    return [held_out for _, held_out in splitter.split(people, labels, people)]


def out_of_fold(features: Features, labels: Labels, folds: Sequence[NDArray[np.intp]], *, c: float = 1.0) -> Scores:
    """Log-odds of label 1, (N,); each fold is scored by the standardised logistic regression of the other folds.

    ``c`` is the inverse strength of its ridge penalty. No column at all gives zeros: nothing is known.
    """
    scores = np.zeros(len(labels))
    for held_out in folds:
        known = np.delete(np.arange(len(labels)), held_out)
        scores[held_out] = _log_odds(features[known], labels[known], features[held_out], c=c)
    return scores


def patient_auc(labels: Labels, scores: Scores, patients: NDArray[Any], *, seed: int, resamples: int) -> Estimate:
    """AUC of fixed scores with its interval over resampled patients."""
    from pneumoscope.stats.bootstrap import bootstrap  # noqa: PLC0415
    from pneumoscope.stats.weighted import ranked  # noqa: PLC0415

    return bootstrap(ranked(labels, scores), patients, resamples=resamples, seed=seed)["auc"]


def _log_odds(known: Features, labels: Labels, films: Features, *, c: float) -> Scores:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    if not known.shape[1] or not len(films):
        return np.zeros(len(films))
    # Newton's method: some five steps where L-BFGS takes thirty, and to the same point on any machine.
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, solver="newton-cholesky"))
    return np.asarray(model.fit(known, labels).decision_function(films), np.float64)
