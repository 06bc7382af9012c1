"""Setting films aside for validation and test without letting a patient sit on both sides.

Films with the same bytes go together, whatever their patient keys say. Only the split of a row ever changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import ManifestError, MissingExtra
from pneumoscope.core.manifest import Film, Listing, Manifest

TINY = 0.01
"""A validation folder with less than this share of the films to be learned from decides nothing: at 16 films, one film
is 6 points of accuracy."""


def with_validation(manifest: Manifest, *, folds: int, seed: int) -> Manifest:
    """Move one fold in ``folds`` of the train films to ``val``, stratified by class and subtype, or finding.

    A manifest that already has validation films comes back as it is, as a frozen split is never drawn again; unless
    they are too few to be of use (:func:`without_tiny_validation`).

    Raises
    ------
    ManifestError : if there are fewer patients than folds.
    MissingExtra : without scikit-learn.
    """
    manifest, _ = without_tiny_validation(manifest)
    if any(film.split == "val" for film in manifest.films):
        return manifest
    return next(k_folds(manifest, folds=folds, seed=seed))


def k_folds(manifest: Manifest, *, folds: int, seed: int) -> Iterator[Manifest]:
    """The manifest ``folds`` times, each time with another part of its train films as ``val``.

    Every labelled train film is validated on exactly once. So is every film whose findings alone are stated, if there
    are patients enough; these are drawn beside the labelled ones, which are the same with and without them. Raises as
    :func:`with_validation` does.
    """
    labelled, others = learnable(manifest), _with_findings_alone(manifest)
    kinds = [kind for kind in (labelled, others) if len(set(kind[1])) >= folds] or [labelled]
    drawn = [stratified_folds(*kind, folds, seed) for kind in kinds]
    for parts in zip(*drawn, strict=True):
        chosen = {groups[i] for (_, groups), part in zip(kinds, parts, strict=True) for i in part}
        yield moved(manifest, "val", chosen)


def without_tiny_validation(manifest: Manifest) -> tuple[Manifest, int]:
    """Give validation films back to training if they are less than one in a hundred; and say how many."""
    tiny = [film for film in manifest.films if film.split == "val"]
    if not tiny or len(tiny) >= TINY * sum(film.split in ("train", "val") for film in manifest.films):
        return manifest, 0
    films = (replace(film, split="train") if film.split == "val" else film for film in manifest.films)
    return replace(manifest, films=tuple(films)), len(tiny)


def assigned(listing: Listing, *, test_share: float, seed: int) -> Manifest:
    """Give films without a split one: about ``test_share`` of them ``test``, stratified, the others ``train``.

    A film whose patient already has a split follows.

    Raises
    ------
    ManifestError : if the films that have a split leak, or there are too few patients.
    """
    films = list(listing.films)
    groups = patient_groups(films)
    home = {group: film.split for film, group in zip(films, groups, strict=True) if film.split}
    free = [i for i, group in enumerate(groups) if group not in home]
    if free and test_share > 0:
        folds = max(2, round(1 / test_share))
        chosen = next(stratified_folds([films[i] for i in free], [groups[i] for i in free], folds, seed))
        home |= {groups[free[i]]: "test" for i in chosen}
    moved = (
        film if film.split else replace(film, split=home.get(group, "train"))
        for film, group in zip(films, groups, strict=True)
    )
    return Manifest(listing.root, tuple(moved))


def learnable(manifest: Manifest) -> tuple[list[Film], list[str]]:
    """Labelled train films and their groups (:func:`patient_groups` of all train films)."""
    train = manifest.only("train").films
    groups = patient_groups(train)
    kept = [i for i, film in enumerate(train) if film.label is not None]
    return [train[i] for i in kept], [groups[i] for i in kept]


def _with_findings_alone(manifest: Manifest) -> tuple[list[Film], list[str]]:
    """As :func:`learnable`, the films that state findings but no label, of patients without a labelled film."""
    train = manifest.only("train").films
    groups = patient_groups(train)
    taken = {group for film, group in zip(train, groups, strict=True) if film.label is not None}
    kept = [i for i, film in enumerate(train) if film.findings and groups[i] not in taken]
    return [train[i] for i in kept], [groups[i] for i in kept]


def moved(manifest: Manifest, split: str, chosen: set[str]) -> Manifest:
    """The manifest with the train films of the ``chosen`` groups in another split; unlabelled films follow."""
    train = manifest.only("train").films
    group = dict(zip((film.path for film in train), patient_groups(train), strict=True))
    films = (replace(film, split=split) if group.get(film.path) in chosen else film for film in manifest.films)
    return replace(manifest, films=tuple(films))


def stratified_folds(films: Sequence[Film], groups: Sequence[str], folds: int, seed: int) -> Iterator[NDArray[np.intp]]:
    """The places of each fold's films."""
    try:
        from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra("splitting a manifest", "data") from error
    if (patients := len(set(groups))) < folds:
        raise ManifestError(f"expected labelled films of at least {folds} patients to set some aside, got {patients}")
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    return (chosen for _, chosen in splitter.split(films, _strata(films, folds), groups))


def _strata(films: Sequence[Film], folds: int) -> list[str]:
    """Class and subtype, or a finding; what is too rare to give each fold one goes with the most frequent kind."""
    strata = [f"{film.label}{film.subtype}{finding}" for film, finding in zip(films, _rarest(films), strict=True)]
    counts = Counter(strata)
    usual = counts.most_common(1)[0][0]
    return [stratum if counts[stratum] >= folds else usual for stratum in strata]


def _rarest(films: Sequence[Film]) -> Iterator[str]:
    """Of each film without a label the finding that the fewest of them have, as common ones spread by themselves."""
    without = [{word.casefold() for word in film.findings} if film.label is None else set() for film in films]
    counts = Counter(word for words in without for word in words)
    return (min(words, key=lambda word: (counts[word], word), default="") for words in without)


def patient_groups(films: Sequence[Film]) -> list[str]:
    """A key per film, the same for films of one patient and for patients that share a file's bytes (union-find)."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    def patient(film: Film) -> str:
        return f"patient {film.source}/{film.patient}"

    for film in films:
        if film.digest:
            parent[root(f"digest {film.digest}")] = root(patient(film))
    return [root(patient(film)) for film in films]
