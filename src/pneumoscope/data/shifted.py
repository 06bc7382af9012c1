"""A validation split that shows what happens where films are acquired differently.

A random split draws validation films that were acquired just as the train films were; on such films the class can be
told from how a film was acquired, and specificity looks better than it will be elsewhere. Here those films without
pneumonia are set aside that look most like films with pneumonia by acquisition facts alone.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Manifest
from pneumoscope.data.shortcuts import shortcut_scores
from pneumoscope.data.split import learnable, moved, stratified_folds
from pneumoscope.data.survey import MEASURED, Survey

ACQUISITION = tuple(name for group, names in MEASURED.items() if group != "markers" for name in names)
"""Facts of acquisition; without the markers, which a detector finds that errs."""


def with_shifted_validation(manifest: Manifest, hardness: NDArray[np.float64], *, folds: int, seed: int) -> Manifest:
    """As :func:`with_validation`, with those films without pneumonia as ``val`` that look most like pneumonia.

    The negatives set aside are those of the patients with the highest mean ``hardness``, in all one in ``folds``.
    Positives are drawn as ever: it is specificity that falls elsewhere. Nothing is asked of the test films.

    Parameters
    ----------
    hardness : (N,) of the manifest's films, see :func:`hardness`; only those of labelled train films count.

    Raises
    ------
    ManifestError : if there are fewer patients than folds, or validation films already.
    """
    if any(film.split == "val" for film in manifest.films):
        raise ManifestError(f"{manifest.root}: has validation films already; a split is drawn once")
    chosen, groups = learnable(manifest)
    hard = dict(zip((film.path for film in manifest.films), hardness, strict=True))
    with_pneumonia = {group for film, group in zip(chosen, groups, strict=True) if film.label == 1}
    positives = [i for i, group in enumerate(groups) if group in with_pneumonia]
    fold = next(stratified_folds([chosen[i] for i in positives], [groups[i] for i in positives], folds, seed))
    scores: dict[str, list[float]] = defaultdict(list)
    for film, group in zip(chosen, groups, strict=True):
        if group not in with_pneumonia:
            scores[group].append(hard[film.path])
    wanted, taken = sum(map(len, scores.values())) / folds, 0
    held_out = {groups[positives[i]] for i in fold}
    for group in sorted(scores, key=lambda group: (-_mean(scores[group]), group)):
        if taken >= wanted:
            break
        held_out.add(group)
        taken += len(scores[group])
    return moved(manifest, "val", held_out)


def _mean(scores: list[float]) -> float:
    """Of the films that have a score; a patient without one comes last."""
    known = [score for score in scores if not np.isnan(score)]
    return sum(known) / len(known) if known else -np.inf


def hardness(films: Survey, seed: int) -> NDArray[np.float64]:
    """(N,) log-odds of pneumonia of labelled train films by acquisition facts alone, learned from other patients.

    NaN for all other films, and those that cannot be read.
    """
    rows = films.listing.films
    wanted = np.array([film.split == "train" and film.label is not None for film in rows]) & films.readable
    known = films.only(wanted)
    labels = np.array([film.label for film in known.listing.films], np.int64)
    patients = [f"{film.source}/{film.patient}" for film in known.listing.films]
    scores = np.full(len(films), np.nan)
    scores[wanted] = shortcut_scores(known.columns(*ACQUISITION), labels, patients, seed=seed)
    return scores
