"""A run that is settled, from its films to its weights."""

from __future__ import annotations

import csv
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger

from pneumoscope.core import RunError
from pneumoscope.core.files import atomic_write
from pneumoscope.training.batches import PlainBatches, TrainBatches, steps_in_epoch
from pneumoscope.training.callbacks import AtomicCheckpoints, Clock, EpochTable, Patience, checkpoint
from pneumoscope.training.curves import curves
from pneumoscope.training.films import LabelledFilms
from pneumoscope.training.hardware import Hardware, keep_freed_memory, precision_on
from pneumoscope.training.learner import Learner
from pneumoscope.training.networks import FilmNetwork, quicken
from pneumoscope.training.probe import fit_head, validated
from pneumoscope.training.recipe import Recipe
from pneumoscope.training.recipe.weights import weights_file
from pneumoscope.training.run_folder import Run, Summary, network_of, preprocessing_of, write_json
from pneumoscope.training.teacher import Teacher

_AVERAGE = "average.module."


@dataclass(frozen=True)
class Setup:
    """What a run is given besides recipe and films.

    Attributes
    ----------
    weights : a safetensors file, or the folder of a complete run, to start from.
    teacher : a bundle to learn from: a folder, a zip file or "default".
    hardware : what to run on.
    mlflow : address of an MLflow server or store, to log there too.
    callbacks : further Lightning callbacks.
    """

    weights: Path | None = None
    teacher: Path | str | None = None
    hardware: Hardware = field(default_factory=Hardware)
    mlflow: str | None = None
    callbacks: Sequence[Callback] = ()

    @property
    def weights_file(self) -> Path | None:
        """The file to start from."""
        return weights_file(self.weights)


@dataclass(frozen=True, eq=False)
class Fitting:
    """Trains from the last checkpoint, or from the start, to the end."""

    run: Run
    recipe: Recipe
    setup: Setup
    teacher: Teacher | None
    films: LabelledFilms
    held_out: LabelledFilms

    def fit(self) -> None:
        """Leave the run complete."""
        torch.set_num_threads(self.setup.hardware.threads())
        keep_freed_memory()
        torch.manual_seed(self.recipe.seed)  # the new layers' weights
        if self.recipe.probe:
            self._probe()
        else:
            self._learn()

    def _learn(self) -> None:
        begun = self.run.checkpoint.exists()
        network = network_of(self.recipe, self.setup.weights_file, start=not begun)
        if self.setup.hardware.kind() == "cpu":
            quicken(network)
        steps = steps_in_epoch(self.films, self.recipe)
        spec = preprocessing_of(self.recipe)
        learner = Learner(self.recipe, network, self.films.targets, spec, steps=steps, teacher=self.teacher)
        clock = Clock()
        with _lightning_quiet(), _memory_left_as_it_comes():
            trainer = self._trainer(clock)
            epochs = _Epochs(self.recipe, self.films, self.held_out)
            trainer.fit(learner, epochs, ckpt_path=self.run.checkpoint if begun else None, weights_only=True)
            if trainer.interrupted:
                raise KeyboardInterrupt
            if trainer.is_global_zero:
                self._finish(_shipped(learner, self.run, self.recipe), clock.seconds, trainer)

    def _probe(self) -> None:
        started = monotonic()
        network, spec = network_of(self.recipe, self.setup.weights_file), preprocessing_of(self.recipe)
        fit_head(network, self.films, spec, self.recipe)
        with atomic_write(self.run.log) as file:
            row = {"epoch": 0, **validated(network, self.held_out, spec, self.recipe)}
            csv.writer(file).writerows([row.keys(), row.values()])
        self._finish(network, monotonic() - started)

    def _finish(self, network: FilmNetwork, seconds: float, trainer: Trainer | None = None) -> None:
        """Picture and summary first, the weights last."""
        rows = _rows(self.run.log)
        shipped = min(rows, key=lambda row: row["val_loss"]) if self.recipe.optimisation.keep == "best" else rows[-1]
        kind = self.setup.hardware.kind() if trainer else "cpu"
        summary = Summary(
            parameters=sum(weight.numel() for weight in network.parameters()),
            epochs=len(rows) if trainer else 0,
            minutes=round(seconds / 60, 2),
            device=f"{self.setup.hardware.processes} x {kind}, {self.setup.hardware.threads()} threads each",
            precision=precision_on(kind, self.recipe.optimisation) if trainer else "32-true",
            validation={name: value for name, value in shipped.items() if name.startswith("val_")},
        )
        with atomic_write(self.run.curves, "wb") as file:
            file.write(curves(rows))
        write_json(self.run.summary, summary)
        for logger in trainer.loggers if trainer else ():
            if isinstance(logger, MLFlowLogger):
                for path in (self.run.record, self.run.manifest, self.run.log, self.run.curves, self.run.summary):
                    logger.experiment.log_artifact(logger.run_id, str(path))
        self.run.write_network(network)

    def _trainer(self, clock: Clock) -> Trainer:
        options, hardware = self.recipe.optimisation, self.setup.hardware
        kind = hardware.kind()
        return Trainer(
            accelerator=kind,
            devices=hardware.devices,
            num_nodes=hardware.nodes,
            strategy=hardware.strategy(options),
            precision=precision_on(kind, options),
            max_epochs=sum(stage.epochs for stage in options.stages),
            gradient_clip_val=options.clip or None,
            reload_dataloaders_every_n_epochs=1,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
            enable_model_summary=False,
            deterministic=True if kind == "cpu" else "warn",
            logger=_loggers(self.run, self.setup.mlflow),
            plugins=[AtomicCheckpoints()],
            callbacks=[clock, EpochTable(self.run.log), *self.setup.callbacks, *self._ends()],
        )

    def _ends(self) -> Iterator[Callback]:
        """What ends the run early, and what is kept of it; the checkpoint to go on from comes last."""
        options = self.recipe.optimisation
        if options.patience:
            yield Patience(options.patience)
        if options.keep == "best":
            yield checkpoint(self.run.best, monitor="val_loss")
        yield checkpoint(self.run.checkpoint)


def _shipped(learner: Learner, run: Run, recipe: Recipe) -> FilmNetwork:
    """The averaged network, of the last epoch or of the best."""
    network: FilmNetwork = learner.average.module
    if recipe.optimisation.keep == "best":
        state = torch.load(run.best, weights_only=True)["state_dict"]
        network.load_state_dict(
            {name.removeprefix(_AVERAGE): value for name, value in state.items() if name.startswith(_AVERAGE)}
        )
    return network


def _rows(log: Path) -> list[dict[str, float]]:
    with log.open(encoding="utf-8", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def _loggers(run: Run, mlflow: str | None) -> list[Logger]:
    """TensorBoard's files always; an MLflow run that is taken up again when this one is resumed."""
    loggers: list[Logger] = [TensorBoardLogger(run.folder, name=None, version="tensorboard")]
    return [*loggers, _mlflow_logger(run, mlflow)] if mlflow else loggers


def _mlflow_logger(run: Run, address: str) -> MLFlowLogger:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when it is imported: nobody but the user is told
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  (an extra of its own)

    known = run.mlflow.read_text("utf-8") if run.mlflow.exists() else None
    logger = MLFlowLogger("pneumoscope", run_name=run.folder.name, tracking_uri=address, run_id=known)
    try:
        name = str(logger.run_id)
    except MlflowException as error:
        raise RunError(f"--mlflow {address}: expected an MLflow server or store: {error}") from error
    with atomic_write(run.mlflow) as file:
        file.write(name)
    return logger


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


@contextmanager
def _memory_left_as_it_comes() -> Iterator[None]:
    """Deterministic mode also fills new memory, so that reading it early shows: a tenth of the time on a CPU, and
    nothing that the weights depend on."""
    deterministic: Any = torch.utils.deterministic
    before = deterministic.fill_uninitialized_memory
    deterministic.fill_uninitialized_memory = False
    try:
        yield
    finally:
        deterministic.fill_uninitialized_memory = before


class _Epochs(LightningDataModule):
    """Hands Lightning the batches of the epoch that it is in, or this process's part of them."""

    def __init__(self, recipe: Recipe, films: LabelledFilms, held_out: LabelledFilms) -> None:
        super().__init__()
        self.recipe, self.films, self.held_out = recipe, films, held_out

    def train_dataloader(self) -> TrainBatches:
        epoch = self.trainer.current_epoch if self.trainer else 0
        return TrainBatches(self.films, self.recipe, epoch, *self._place())

    def val_dataloader(self) -> PlainBatches:
        return PlainBatches(self.held_out, self.recipe.optimisation.batch, *self._place())

    def _place(self) -> tuple[int, int]:
        """This process's place, and how many there are."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
