"""Setting validation films aside without letting a patient sit on both sides."""

from __future__ import annotations

from dataclasses import replace

from pneumoscope.core import ManifestError, MissingExtra
from pneumoscope.core.manifest import Film, Manifest


def with_validation(manifest: Manifest, *, folds: int, seed: int) -> Manifest:
    """Move one fold in ``folds`` of the train films to ``val``, grouped by patient, stratified by class and subtype.

    Films with the same bytes go together, whatever their patient key says. A manifest that already has validation films
    comes back as it is: a frozen split is never drawn again.

    Raises
    ------
    ManifestError : if there are fewer patients than folds.
    MissingExtra : without scikit-learn.
    """
    if any(film.split == "val" for film in manifest.films):
        return manifest
    train = [film for film in manifest.films if film.split == "train"]
    group = dict(zip((film.path for film in train), _groups(train), strict=True))
    labelled = [film for film in train if film.label is not None]
    chosen = _one_fold(labelled, [group[film.path] for film in labelled], folds, seed)
    films = tuple(replace(film, split="val") if group.get(film.path) in chosen else film for film in manifest.films)
    return Manifest(manifest.root, films)


def _one_fold(films: list[Film], groups: list[str], folds: int, seed: int) -> set[str]:
    try:
        from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra("splitting a manifest", "evaluate") from error
    if len(set(groups)) < folds:
        raise ManifestError(f"expected at least {folds} patients to set validation films aside, got {len(set(groups))}")
    strata = [f"{film.label}{film.subtype}" for film in films]
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    _, chosen = next(splitter.split(films, strata, groups))
    return {groups[i] for i in chosen}


def _groups(films: list[Film]) -> list[str]:
    """A key per film: patients that share a file's bytes are joined (union-find)."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    for film in films:
        parent[root(f"digest {film.digest}")] = root(f"patient {film.patient}")
    return [root(f"patient {film.patient}") for film in films]
