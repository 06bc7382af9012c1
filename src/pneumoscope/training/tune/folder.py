"""A search's folder: what lies where in it, and what is searched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import optuna
from filelock import FileLock, Timeout
from optuna.storages import RDBStorage
from sqlalchemy import URL
from sqlalchemy.exc import DatabaseError

from pneumoscope.core import RunError
from pneumoscope.core.files import sha256_file
from pneumoscope.core.manifest import Manifest
from pneumoscope.data import read_manifest, with_validation, write_manifest
from pneumoscope.training.recipe import Recipe
from pneumoscope.training.run_folder import Run, commit, versions, write_json
from pneumoscope.training.tune.space import OBJECTIVES, Objective, Space


class SearchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is searched, from what, with what. ``recipe`` is what every trial changes."""

    recipe: Recipe
    recipe_digest: str
    space: dict[str, Any]
    space_digest: str
    manifest_digest: str
    weights_file: str | None
    weights_digest: str | None
    objective: Objective
    seed: int
    versions: dict[str, str]
    commit: str | None


@dataclass(frozen=True)
class SearchFolder:
    """A search's folder and what lies where in it."""

    folder: Path

    @property
    def record(self) -> Path:
        """What is searched (JSON)."""
        return self.folder / "study.json"

    @property
    def manifest(self) -> Path:
        """The films with the split of all trials."""
        return self.folder / "manifest.csv"

    @property
    def trials(self) -> Path:
        """A row a trial."""
        return self.folder / "trials.csv"

    @property
    def best(self) -> Path:
        """The best trial's recipe."""
        return self.folder / "best.toml"

    @property
    def report(self) -> Path:
        """All of it for people."""
        return self.folder / "report.html"

    def run(self, name: str) -> Run:
        """The run of a trial: its name is the beginning of its recipe's digest."""
        return Run(self.folder / "trials" / name)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep a second search out of the folder; the lock goes with the process, however it ends.

        Raises
        ------
        RunError : if another process is at it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / ".lock", timeout=0):
                yield
        except Timeout as error:
            raise RunError(f"{self.folder}: another process is searching here; wait for it or name another") from error

    @contextmanager
    def study(self, objective: Objective) -> Iterator[optuna.Study]:
        """Optuna's study, kept in SQLite: what happened is there once it happened, however the process ends.

        Raises
        ------
        RunError : if the file is damaged.
        """
        path = self.folder / "study.db"
        try:
            storage = RDBStorage(URL.create("sqlite", database=str(path)).render_as_string())
        except DatabaseError as error:
            raise RunError(f"{path}: expected a study of Optuna's: {error.orig}. Remove it to begin anew") from error
        try:
            yield optuna.create_study(
                storage=storage, study_name="tune", direction=OBJECTIVES[objective], load_if_exists=True
            )
        finally:
            storage.remove_session()
            storage.engine.dispose()

    def settle(self, record: SearchRecord, manifest: Manifest) -> Manifest:
        """Write the record and the split, or check that a search to be resumed is this one; the split that counts.

        The validation films are set aside once, with the recipe's folds and seed, so that trials compare.

        Raises
        ------
        RunError : if the folder holds another search.
        ManifestError : if there are too few patients to set some aside.
        """
        if not self.record.exists():
            recipe = record.recipe
            write_manifest(with_validation(manifest, folds=recipe.data.folds, seed=recipe.seed), self.manifest)
            write_json(self.record, record)
        self._check(record)
        return read_manifest(self.manifest)

    def _check(self, record: SearchRecord) -> None:
        try:
            earlier = msgspec.json.decode(self.record.read_bytes(), type=SearchRecord)
        except (OSError, msgspec.DecodeError) as error:
            raise RunError(f"{self.folder}: expected the folder of a search: {error}") from error
        for what in ("recipe_digest", "space_digest", "manifest_digest", "weights_digest", "objective", "seed"):
            if getattr(earlier, what) != getattr(record, what):
                raise RunError(
                    f"{self.folder}: holds another search: its {what.replace('_', ' ')} is {getattr(earlier, what)}, "
                    f"that of this command {getattr(record, what)}; name another folder"
                )


def record_of(
    recipe: Recipe, space: Space, manifest: Manifest, weights_file: Path | None, *, objective: Objective, seed: int
) -> SearchRecord:
    """The record of a search that is to begin or to go on."""
    return SearchRecord(
        recipe=recipe,
        recipe_digest=recipe.digest,
        space=msgspec.to_builtins(space.ranges),
        space_digest=space.digest,
        manifest_digest=manifest.digest,
        weights_file=weights_file.name if weights_file else None,
        weights_digest=sha256_file(weights_file) if weights_file else None,
        objective=objective,
        seed=seed,
        versions=versions() | {"optuna": version("optuna")},
        commit=commit(),
    )
