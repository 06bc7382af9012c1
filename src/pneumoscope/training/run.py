"""A training run from recipe and manifest to averaged weights, in a folder that can be resumed."""

from __future__ import annotations

import csv
import logging
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import msgspec
import numpy as np
import timm
import torch
from filelock import FileLock, Timeout
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from safetensors.torch import load_file, save

import pneumoscope
from pneumoscope.core import ManifestError, RunError
from pneumoscope.core.files import atomic_write, sha256_file
from pneumoscope.core.manifest import Manifest
from pneumoscope.core.parallel import usable_cores
from pneumoscope.data import PreparedFilms, prepare, read_manifest, with_validation, write_manifest
from pneumoscope.data.prepared import Progress
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.training.batches import PlainBatches, TrainBatches
from pneumoscope.training.learner import Learner
from pneumoscope.training.network import FilmNetwork, build_network
from pneumoscope.training.recipe import Recipe


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was run, from what, with what: enough to repeat it."""

    recipe: Recipe
    recipe_digest: str
    manifest_digest: str
    weights_file: str | None
    weights_digest: str | None
    versions: dict[str, str]


@dataclass(frozen=True)
class Run:
    """A run's folder and what lies where in it."""

    folder: Path

    @property
    def record(self) -> Path:
        """What was run (JSON)."""
        return self.folder / "run.json"

    @property
    def manifest(self) -> Path:
        """The films with the split that was used."""
        return self.folder / "manifest.csv"

    @property
    def checkpoint(self) -> Path:
        """Where to go on from."""
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def weights(self) -> Path:
        """The averaged weights: there only when the run is complete."""
        return self.folder / "model.safetensors"

    def load_record(self) -> RunRecord:
        """Read the record.

        Raises
        ------
        RunError : if there is none, or it is damaged.
        """
        try:
            return msgspec.json.decode(self.record.read_bytes(), type=RunRecord)
        except (OSError, msgspec.DecodeError) as error:
            raise RunError(f"{self.folder}: expected the folder of a training run: {error}") from error

    def load_network(self) -> FilmNetwork:
        """The averaged network, ready to be used.

        Raises
        ------
        RunError : if the run is not complete.
        """
        record = self.load_record()
        if not self.weights.exists():
            raise RunError(f"{self.folder}: the run is not complete; go on with 'pneumoscope train --resume'")
        network = build_network(record.recipe.network, start=False)
        network.load_state_dict(load_file(self.weights))
        return network.eval()


def preprocessing_of(recipe: Recipe) -> Preprocessing:
    """How the recipe's network takes a film."""
    return Preprocessing(size=(recipe.input.size, recipe.input.size))


def train(
    recipe: Recipe,
    manifest: Manifest,
    folder: Path,
    *,
    cache: Path,
    weights_file: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Train ``recipe`` on the train films of ``manifest`` and leave everything in ``folder``.

    A run that was killed goes on with ``resume`` from its last full epoch, to the same weights as if it had not been.

    Raises
    ------
    RunError : if the folder holds a run and ``resume`` is false, or holds another run, or another process is at it.
    RecipeError, ManifestError, FilmError : as the parts that read them do.
    """
    run = Run(folder)
    with _alone(run):
        manifest = _settle(run, recipe, manifest, weights_file, resume)
        if not run.weights.exists():
            spec = preprocessing_of(recipe)
            films, held_out = (prepare(manifest.only(split), spec, cache, progress) for split in ("train", "val"))
            _fit(run, recipe, films, held_out, weights_file)
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


def _fit(run: Run, recipe: Recipe, films: PreparedFilms, held_out: PreparedFilms, weights_file: Path | None) -> None:
    """Train from the last checkpoint, or from the start, to the end."""
    _check_classes(films, held_out)
    torch.set_num_threads(usable_cores())
    torch.manual_seed(recipe.seed)  # the new head's weights
    network = build_network(recipe.network, weights_file, start=not run.checkpoint.exists())
    learner = Learner(recipe, network, films.labels)
    data = _Epochs(recipe, preprocessing_of(recipe), films, held_out)
    with _lightning_quiet():
        trainer = _trainer(recipe, run)
        trainer.fit(learner, data, ckpt_path=run.checkpoint if run.checkpoint.exists() else None, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    _write_weights(run, learner)


def _settle(run: Run, recipe: Recipe, manifest: Manifest, weights_file: Path | None, resume: bool) -> Manifest:
    """Write the run's record and split, or check that a run to be resumed is this one; return the split that counts."""
    record = RunRecord(
        recipe=recipe,
        recipe_digest=recipe.digest,
        manifest_digest=manifest.digest,
        weights_file=weights_file.name if weights_file else None,
        weights_digest=sha256_file(weights_file) if weights_file else None,
        versions=_versions(),
    )
    if not run.record.exists():
        manifest = with_validation(manifest, folds=recipe.data.folds, seed=recipe.seed)
        write_manifest(manifest, run.manifest)
        with atomic_write(run.record, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(record)))
        return manifest
    if not resume:
        raise RunError(f"{run.folder}: holds a run already. Go on with it by --resume, or name another folder")
    earlier = run.load_record()
    for what in ("recipe_digest", "manifest_digest", "weights_digest"):
        if getattr(earlier, what) != getattr(record, what):
            raise RunError(f"{run.folder}: cannot resume: its {what.replace('_', ' ')} is not that of this command")
    return read_manifest(run.manifest)


def _check_classes(*parts: PreparedFilms) -> None:
    for name, part in zip(("train", "validation"), parts, strict=True):
        if len(np.unique(part.labels)) < 2:
            raise ManifestError(f"the {name} films are all of one class: expected films with and without pneumonia")


def _versions() -> dict[str, str]:
    own = {"pneumoscope": pneumoscope.__version__, "python": platform.python_version(), "machine": platform.machine()}
    return own | {"torch": str(torch.__version__), "timm": timm.__version__, "lightning": lightning.__version__}


def _trainer(recipe: Recipe, run: Run) -> Trainer:
    return Trainer(
        accelerator="cpu",
        devices=1,
        precision=recipe.optimisation.precision,
        max_epochs=recipe.optimisation.epochs,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_model_summary=False,
        deterministic=True,
        logger=TensorBoardLogger(run.folder, name=None, version="tensorboard"),
        plugins=[_AtomicCheckpoints()],
        callbacks=[
            _EpochTable(run.folder / "log.csv"),
            ModelCheckpoint(run.checkpoint.parent, "last", enable_version_counter=False, save_on_train_epoch_end=True),
        ],
    )


@contextmanager
def _lightning_quiet() -> Iterator[None]:
    """Keep away Lightning's advertisements, and its warnings about what is meant to be so."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(lightning|torch)\b")
            yield
    finally:
        log.setLevel(level)


def _write_weights(run: Run, learner: Learner) -> None:
    """Last of all: their presence says that the run is complete."""
    state = {name: value.contiguous() for name, value in learner.average.module.state_dict().items()}
    with atomic_write(run.weights, "wb") as file:
        file.write(save(state))


class _AtomicCheckpoints(TorchCheckpointIO):
    """A kill in the middle of writing leaves the checkpoint before it."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        with atomic_write(Path(path), "wb") as file:
            torch.save(checkpoint, file)


class _Epochs(LightningDataModule):
    """Hands Lightning the batches of the epoch that it is in."""

    def __init__(self, recipe: Recipe, spec: Preprocessing, films: PreparedFilms, held_out: PreparedFilms) -> None:
        super().__init__()
        self.recipe, self.spec, self.films, self.held_out = recipe, spec, films, held_out

    def train_dataloader(self) -> TrainBatches:
        return TrainBatches(self.films, self.recipe, self.spec, self._epoch())

    def _epoch(self) -> int:
        return self.trainer.current_epoch if self.trainer else 0

    def val_dataloader(self) -> PlainBatches:
        return PlainBatches(self.held_out, self.spec, self.recipe.optimisation.batch)


class _EpochTable(Callback):
    """A CSV row an epoch; kept in the checkpoint, so that a resumed run's table is whole and has no row twice."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: Trainer, _: LightningModule) -> None:
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.rows.append({"epoch": trainer.current_epoch} | metrics)
        with atomic_write(self.path) as file:
            writer = csv.DictWriter(file, list(self.rows[-1]))
            writer.writeheader()
            writer.writerows(self.rows)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = state_dict["rows"]
