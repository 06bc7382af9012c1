"""What happens after each epoch. All of it is kept in the checkpoint, so that a resumed run is as one never stopped."""

from __future__ import annotations

import csv
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.utilities import rank_zero_only

from pneumoscope.core.files import atomic_write


class AtomicCheckpoints(TorchCheckpointIO):
    """A kill in the middle of writing leaves the checkpoint before it."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write beside, then rename."""
        with atomic_write(Path(path), "wb") as file:
            torch.save(checkpoint, file)


class EpochTable(Callback):
    """A CSV row an epoch; none twice."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: Trainer, _: LightningModule) -> None:
        """Add the epoch's row."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.rows.append({"epoch": trainer.current_epoch} | metrics)
        self._write()

    @rank_zero_only
    def _write(self) -> None:
        with atomic_write(self.path) as file:
            writer = csv.DictWriter(file, list(self.rows[-1]))
            writer.writeheader()
            writer.writerows(self.rows)

    def state_dict(self) -> dict[str, Any]:
        """The rows."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the rows up again."""
        self.rows = state_dict["rows"]


class Clock(Callback):
    """Seconds spent in epochs that count; those of an epoch that was killed do not."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._started = 0.0

    def on_train_epoch_start(self, trainer: Trainer, _: LightningModule) -> None:
        """Start the watch."""
        self._started = monotonic()

    def on_train_epoch_end(self, trainer: Trainer, _: LightningModule) -> None:
        """Stop it."""
        self.seconds += monotonic() - self._started

    def state_dict(self) -> dict[str, Any]:
        """The seconds."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Count on from there."""
        self.seconds = state_dict["seconds"]


class Patience(Callback):
    """Ends a run whose validation loss has not fallen for so many epochs.

    Lightning's own EarlyStopping forgets, when it is resumed, that it had stopped already, and trains an epoch more.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.best = float("inf")
        self.waited = 0

    def on_train_start(self, trainer: Trainer, _: LightningModule) -> None:
        """A run that had ended stays so."""
        trainer.should_stop = trainer.should_stop or self.waited >= self.epochs

    def on_train_epoch_end(self, trainer: Trainer, _: LightningModule) -> None:
        """Wait, or begin anew."""
        loss = float(trainer.callback_metrics["val_loss"])
        self.waited = 0 if loss < self.best else self.waited + 1
        self.best = min(loss, self.best)
        trainer.should_stop = trainer.should_stop or self.waited >= self.epochs

    def state_dict(self) -> dict[str, Any]:
        """How long it has waited."""
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Wait on."""
        self.best, self.waited = state_dict["best"], state_dict["waited"]


def checkpoint(path: Path, **options: Any) -> ModelCheckpoint:
    """A callback that keeps one checkpoint under that name."""
    return ModelCheckpoint(
        path.parent, path.stem, enable_version_counter=False, save_on_train_epoch_end=True, **options
    )
