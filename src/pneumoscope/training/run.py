"""A training run from recipe and manifest to averaged weights, in a folder that can be resumed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from filelock import FileLock, Timeout

from pneumoscope.core import ManifestError, RunError
from pneumoscope.core.files import sha256_file
from pneumoscope.core.manifest import Manifest
from pneumoscope.data import read_manifest, with_validation, write_manifest
from pneumoscope.data.prepared import Progress
from pneumoscope.training.films import labelled_films, learned_already
from pneumoscope.training.fitting import Fitting, Setup
from pneumoscope.training.recipe import Recipe
from pneumoscope.training.recipe.weights import check_start
from pneumoscope.training.run_folder import Run, RunRecord, commit, preprocessing_of, versions, write_json
from pneumoscope.training.teacher import Teacher


def train(
    recipe: Recipe,
    manifest: Manifest,
    folder: Path,
    *,
    cache: Path,
    setup: Setup | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Train ``recipe`` on the train films of ``manifest`` and leave everything in ``folder``.

    A run that was killed goes on with ``resume`` from its last full epoch, to the same weights as if it had not been.

    Raises
    ------
    RunError : if the folder holds a run and ``resume`` is false, or holds another run, or another process is at it.
    ManifestError : if films would be set aside that the run whose first answer is kept has learned from.
    RecipeError, ManifestError, FilmError, BundleError : as the parts that read them do.
    """
    run, setup = Run(folder), setup or Setup()
    check_start(recipe, setup.weights_file)
    if recipe.keeps_first_answer and setup.weights_file:
        _check_new(_split(manifest, recipe), Run(setup.weights_file.parent))
    teacher = Teacher(setup.teacher, recipe) if setup.teacher else None
    first = setup.hardware.rank == 0
    with _alone(run) if first else nullcontext():
        settle = _settle if first else _follow
        manifest = settle(run, _record(recipe, manifest, setup, teacher), manifest, resume)
        if not run.weights.exists():
            spec = preprocessing_of(recipe)
            films, held_out = (
                labelled_films(manifest, split, recipe.data, spec, cache=cache, progress=progress)
                for split in ("train", "val")
            )
            Fitting(run, recipe, setup, teacher, films, held_out).fit()
    return run


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Keep a second process out of the run's folder; the lock goes with the process, however it ends."""
    run.folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(run.folder / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise RunError(f"{run.folder}: another process is training here; wait for it or name another folder") from error


def _record(recipe: Recipe, manifest: Manifest, setup: Setup, teacher: Teacher | None) -> RunRecord:
    file = setup.weights_file
    return RunRecord(
        recipe=recipe,
        recipe_digest=recipe.digest,
        manifest_digest=manifest.digest,
        weights_file=(str(setup.weights.name) if setup.weights else None),
        weights_digest=sha256_file(file) if file else None,
        teacher=teacher.name if teacher else None,
        teacher_digest=teacher.digest if teacher else None,
        processes=setup.hardware.processes,
        versions=versions(),
        commit=commit(),
    )


def _settle(run: Run, record: RunRecord, manifest: Manifest, resume: bool) -> Manifest:
    """Write the run's record and split, or check that a run to be resumed is this one; return the split that counts."""
    if not run.record.exists():
        manifest = _split(manifest, record.recipe)
        write_manifest(manifest, run.manifest)
        write_json(run.record, record)
        return manifest
    if not resume:
        raise RunError(f"{run.folder}: holds a run already. Go on with it by --resume, or name another folder")
    earlier = run.load_record()
    for what in ("recipe_digest", "manifest_digest", "weights_digest", "teacher_digest", "processes"):
        if getattr(earlier, what) != getattr(record, what):
            raise RunError(f"{run.folder}: cannot resume: its {what.replace('_', ' ')} is not that of this command")
    return read_manifest(run.manifest)


def _follow(run: Run, record: RunRecord, manifest: Manifest, resume: bool) -> Manifest:
    """The same split for a process that is not the first, which may or may not have written it yet."""
    return read_manifest(run.manifest) if run.record.exists() else _split(manifest, record.recipe)


def _split(manifest: Manifest, recipe: Recipe) -> Manifest:
    return with_validation(manifest, folds=recipe.data.folds, seed=recipe.seed)


def _check_new(manifest: Manifest, earlier: Run) -> None:
    """An answer that is kept is calibrated anew: the films for it must be new to the network that it comes from."""
    if known := learned_already(manifest.films, read_manifest(earlier.manifest).films):
        raise ManifestError(
            f"{earlier.folder} has learned from {len(known)} films, or other films of their patients, that would be "
            f"set aside here, the first is {known[0].path}. Train on the split that it was trained on: --data "
            f"{earlier.manifest}"
        )
