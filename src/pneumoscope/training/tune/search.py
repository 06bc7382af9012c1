"""A search: trial after trial, each a training run that can be resumed."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import optuna
import torch
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import TPESampler
from optuna.trial import TrialState

from pneumoscope.core import PneumoscopeError, RunError
from pneumoscope.core.manifest import Manifest
from pneumoscope.data.prepared import Progress
from pneumoscope.report.tune_page import SearchReport
from pneumoscope.training.fitting import Setup
from pneumoscope.training.recipe import Recipe
from pneumoscope.training.run import train
from pneumoscope.training.tune.folder import SearchFolder, SearchRecord, record_of
from pneumoscope.training.tune.pruning import Pruning, pruner
from pneumoscope.training.tune.results import ERROR, MINUTES, RUN, ended, trial_line, write_results
from pneumoscope.training.tune.space import Choices, Numbers, Objective, Space

_PATIENCE = 3
"""Failures in a row that end a search."""
_GOES_ON = "goes on from"


def search(
    recipe: Recipe,
    space: Space,
    manifest: Manifest,
    folder: Path,
    *,
    trials: int,
    objective: Objective,
    cache: Path,
    seed: int = 0,
    setup: Setup | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> SearchReport:
    """Train ``recipe`` with values from ``space`` until ``trials`` are complete or pruned; leave all in ``folder``;
    return what the report tells.

    A search that was stopped, however abruptly, goes on when it is called again, with the trial that it was at, from
    that one's last full epoch. What is drawn depends on the seed and the trials before alone, so that it ends as if it
    had never been stopped. ``tell`` is given a line a trial.

    Raises
    ------
    RunError : if the folder holds another search, another process is at it, or three trials in a row fail.
    ManifestError : if no validation films can be set aside.
    """
    place, setup = SearchFolder(folder), setup or Setup()
    record = record_of(recipe, space, manifest, setup.weights_file, objective=objective, seed=seed)
    with place.alone(), _optuna_quiet():
        films = place.settle(record, manifest)
        with place.study(objective) as study:
            study.pruner = pruner()
            _take_up(study)
            return _Search(place, record, space, films, study, cache, setup, progress, tell).go_on(trials)


def _take_up(study: optuna.Study) -> None:
    """Put a trial that was stopped back first in the queue; one that had drawn no values yet is drawn anew."""
    taken_up = {trial.user_attrs.get(_GOES_ON) for trial in study.trials}
    for trial in study.get_trials(states=[TrialState.RUNNING]):
        if RUN in trial.user_attrs and ERROR not in trial.user_attrs and trial.number not in taken_up:
            study.enqueue_trial(trial.params, user_attrs={_GOES_ON: trial.number})
        study.tell(trial.number, state=TrialState.FAIL)


@dataclass(frozen=True, eq=False)
class _Search:
    place: SearchFolder
    record: SearchRecord
    space: Space
    films: Manifest
    study: optuna.Study
    cache: Path
    setup: Setup
    progress: Progress | None
    tell: Callable[[str], None]

    def go_on(self, trials: int) -> SearchReport:
        """Until so many are complete or pruned."""
        failures = 0
        found = self._write()
        while sum(trial.state != "failed" for trial in found.trials) < trials:
            self._next()
            found = self._write()
            self.tell(trial_line(found, trials))
            failures = failures + 1 if found.trials[-1].state == "failed" else 0
            if failures == _PATIENCE:
                raise RunError(
                    f"{self.place.folder}: {failures} trials in a row failed, the last: {found.trials[-1].message}. "
                    f"Mend the cause and start the same search again"
                )
        return found

    def _next(self) -> None:
        """Run one trial to its end."""
        self.study.sampler = TPESampler(seed=_seed(self.record.seed, len(ended(self.study))))
        trial = self.study.ask({key: _distribution(found) for key, found in self.space.ranges.items()})
        try:
            value = self._train(trial)
        except optuna.TrialPruned:
            told = self.study.tell(trial, state=TrialState.PRUNED)
        except (PneumoscopeError, torch.OutOfMemoryError) as error:
            trial.set_user_attr(ERROR, str(error).partition("\n")[0])
            told = self.study.tell(trial, state=TrialState.FAIL)
        else:
            told = self.study.tell(trial, value)
        if RUN in told.user_attrs:
            run = self.place.run(told.user_attrs[RUN])
            shutil.rmtree(run.checkpoint.parent, ignore_errors=True)  # many times the weights' size, of no use any more
        gc.collect()  # a trainer refers to itself, and to memory of the GPU that the next trial needs

    def _train(self, trial: optuna.Trial) -> float:
        """What the trial's shipped weights reach."""
        recipe = self.space.recipe(self.record.recipe, trial.params)
        run = self.place.run(recipe.digest[:12])
        trial.set_user_attr(RUN, run.folder.name)
        pruning = Pruning(trial, self.record.objective, recipe)
        pruning.replay(run.log, complete=run.weights.exists())
        setup = replace(self.setup, callbacks=(*self.setup.callbacks, pruning))
        train(recipe, self.films, run.folder, cache=self.cache, setup=setup, resume=True, progress=self.progress)
        summary = run.load_summary()
        trial.set_user_attr(MINUTES, summary.minutes)
        return summary.validation[self.record.objective]

    def _write(self) -> SearchReport:
        return write_results(self.place, self.record, self.space, self.films, self.study)


def _seed(seed: int, trial: int) -> int:
    """One a trial, so that what a trial draws does not depend on how often the search was stopped before."""
    return int(np.random.SeedSequence([seed, trial]).generate_state(1)[0])


def _distribution(found: Numbers | Choices) -> BaseDistribution:
    if isinstance(found, Choices):
        return CategoricalDistribution(found.labels)
    if found.whole:
        return IntDistribution(int(found.low), int(found.high), log=found.log, step=int(found.step or 1))
    return FloatDistribution(found.low, found.high, log=found.log, step=found.step)


@contextmanager
def _optuna_quiet() -> Iterator[None]:
    """Optuna tells of each trial too."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
