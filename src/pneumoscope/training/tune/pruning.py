"""Ending trials early that are not worth going on with."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import optuna
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from optuna.pruners import MedianPruner

from pneumoscope.core import RunError
from pneumoscope.training.recipe import Recipe

WHOLE = 1000
"""Optuna's steps in a trial of however many epochs: trials are compared at equal shares of their schedules."""
FREE = 5
"""Trials that are completed before any is pruned."""
_UNHURRIED = WHOLE // 4


def pruner() -> MedianPruner:
    """Prunes a trial that has, up to the end of an epoch, reached less than the median of the complete trials there.

    The median is forgiving, and the first quarter of a trial is not judged at all: where the rate rises and falls,
    early losses flatter small rates (Wu et al., "Understanding short-horizon bias in stochastic meta-optimization",
    2018). Successive halving would judge by them.
    """
    return MedianPruner(n_startup_trials=FREE, n_warmup_steps=_UNHURRIED)


class Pruning(Callback):
    """Reports each epoch to Optuna.

    Raises
    ------
    TrialPruned : out of the training, before the last epoch.
    RunError : if the training diverges.
    """

    def __init__(self, trial: optuna.Trial, objective: str, recipe: Recipe) -> None:
        self.trial, self.objective = trial, objective
        self.epochs = sum(stage.epochs for stage in recipe.optimisation.stages)
        self._reported: set[int] = set()

    def replay(self, log: Path, *, complete: bool) -> None:
        """Report what was reached before the run was stopped, or by an earlier trial with the same values."""
        if not log.exists():
            return
        with log.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                self._report(int(float(row["epoch"])), float(row[self.objective]), judge=not complete)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Here rather than at the validation's end, so that the run's log has the epoch."""
        self._report(trainer.current_epoch, float(trainer.callback_metrics[self.objective]))

    def _report(self, epoch: int, value: float, *, judge: bool = True) -> None:
        if not math.isfinite(value):
            raise self._diverged(epoch)
        if epoch in self._reported:
            return
        self._reported.add(epoch)
        self.trial.report(value, (epoch + 1) * WHOLE // self.epochs)
        if judge and epoch + 1 < self.epochs and self.trial.should_prune():
            raise optuna.TrialPruned

    def _diverged(self, epoch: int) -> RunError:
        return RunError(f"diverged in epoch {epoch + 1} of {self.epochs}: expected numbers, got infinity or no number")
