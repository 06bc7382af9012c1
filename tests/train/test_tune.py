"""A search finds what is better, survives being stopped anywhere, and is not mixed up with another."""

from __future__ import annotations

import csv
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import optuna
import pytest
from click.testing import CliRunner
from filelock import FileLock
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial
from torch import OutOfMemoryError

from pneumoscope.cli import main
from pneumoscope.core import RunError
from pneumoscope.core.manifest import Manifest
from pneumoscope.data import open_manifest, read_manifest
from pneumoscope.report.tune_page import SearchReport
from pneumoscope.training.fitting import Setup
from pneumoscope.training.recipe import Recipe, load_recipe, parse_recipe
from pneumoscope.training.run_folder import Run, Summary, write_json
from pneumoscope.training.tune import pruning, results
from pneumoscope.training.tune import search as searching
from pneumoscope.training.tune.search import search
from pneumoscope.training.tune.space import Space, parse_space

from .conftest import FILMS, TINY

pytestmark = pytest.mark.train

EPOCHS = 2
SHORT = TINY.replace("epochs = 3", f"epochs = {EPOCHS}")
SPACE = """
"optimisation.rate" = { low = 1e-3, high = 1e-1, log = true }
"network.dropout" = { low = 0.0, high = 0.5 }
"augmentation.area" = { choices = [[0.6, 1.0], [1.0, 1.0]] }
"""

STOPPED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are started without it
from pneumoscope.cli import main
from pneumoscope.training import learner
number, when, *words = sys.argv[1:]
calls, step = 0, learner.Learner.training_step
def stopped(*arguments):
    global calls
    calls += 1
    if calls == int(when):
        os.kill(os.getpid(), int(number))
    return step(*arguments)
learner.Learner.training_step = stopped
main(words)
"""


def space_of(text: str, base: Recipe, objective: Any = "val_loss") -> Space:
    return parse_space(tomllib.loads(text), "space.toml", base, objective)


def table(folder: Path) -> list[dict[str, str]]:
    """What trials.csv says, but for the time that it took."""
    with (folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        return [{name: value for name, value in row.items() if name != "minutes"} for row in csv.DictReader(file)]


BASE = parse_recipe(SHORT, "tiny")

Search = Callable[..., SearchReport]


@pytest.fixture(scope="module")
def tune(cache: Path) -> Search:
    """``tune(folder, **options)``: three trials of the tiny recipe on the demo films."""

    def _tune(folder: Path, base: Recipe = BASE, space: str = SPACE, **options: Any) -> SearchReport:
        usual: dict[str, Any] = {"trials": 3, "objective": "val_loss", "seed": 5, "cache": cache}
        films = options.pop("films", open_manifest(FILMS))
        options = usual | options
        return search(base, space_of(space, base, options["objective"]), films, folder, **options)

    return _tune


@pytest.fixture(scope="module")
def done(tune: Search, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SearchReport]:
    """A search that nothing disturbed, and what it says."""
    folder = tmp_path_factory.mktemp("searches") / "undisturbed"
    return folder, tune(folder)


def test_each_trial_is_a_run_of_the_recipe_with_its_values(done: tuple[Path, SearchReport]) -> None:
    folder, _ = done
    rows = table(folder)
    assert [(row["trial"], row["state"], row["epochs"]) for row in rows] == [
        (f"{i}", "complete", "2") for i in (1, 2, 3)
    ]
    for row in rows:
        run = Run(folder / "trials" / row["run"])
        recipe = run.load_record().recipe
        assert run.weights.exists()
        assert not run.checkpoint.exists()
        assert recipe.digest.startswith(row["run"])
        assert recipe.optimisation.rate == float(row["optimisation.rate"])
        assert list(recipe.augmentation.area) == json.loads(row["augmentation.area"])
        assert 1e-3 <= recipe.optimisation.rate <= 1e-1
        assert float(row["val_loss"]) == run.load_summary().validation["val_loss"]
    assert len({row["optimisation.rate"] for row in rows}) == 3


def test_the_best_recipe_can_be_trained(done: tuple[Path, SearchReport]) -> None:
    folder, found = done
    best = min(table(folder), key=lambda row: float(row["val_loss"]))
    assert found.best is not None
    assert (f"{found.best.number}", found.best.run) == (best["trial"], best["run"])
    recipe = load_recipe(str(folder / "best.toml"))
    assert recipe == Run(folder / "trials" / best["run"]).load_record().recipe
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert f"Trial {best['trial']}: val_loss <strong>{float(best['val_loss']):.4f}</strong>" in page


def test_all_trials_are_measured_on_the_same_films_and_none_on_test_films(done: tuple[Path, SearchReport]) -> None:
    folder, found = done
    frozen = read_manifest(folder / "manifest.csv")
    splits = {
        tuple((film.digest, film.split) for film in read_manifest(path).films)
        for path in folder.glob("trials/*/manifest.csv")
    }
    assert splits == {tuple((film.digest, film.split) for film in frozen.films)}
    assert found.films == len(frozen.only("val")) > 0
    assert {film.path for film in frozen.only("test").films} == {
        str(film.absolute()) for film in (FILMS / "test").rglob("*.jpeg")
    }


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_search_that_was_stopped_ends_as_if_it_had_not_been(
    done: tuple[Path, SearchReport], tune: Search, cache: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Stopped in the second epoch of the second trial, which goes on from its first one."""
    folder = tmp_path / "search"
    (tmp_path / "tiny.toml").write_text(SHORT)
    (tmp_path / "space.toml").write_text(SPACE)
    words = ["tune", tmp_path / "tiny.toml", "--space", tmp_path / "space.toml", "--trials", 3, "--data", FILMS]
    command = [sys.executable, "-c", STOPPED, int(number), 3 * EPOCHS + 4, *words, "--out", folder, "--seed", 5]
    stopped = subprocess.run(
        [str(word) for word in command],
        env=os.environ | {"PNEUMOSCOPE_CACHE": str(cache)},
        check=False,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert stopped.returncode == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 1}[number], stopped.stderr
    assert ("the same command goes on" in stopped.stderr) == (number != signal.SIGKILL)
    assert "trial 1 (1 of 3 done): val_loss" in stopped.stderr
    assert table(folder) == table(done[0])[:1]
    second = Run(folder / "trials" / table(done[0])[1]["run"])
    assert len(second.log.read_text().splitlines()) == 1 + 1
    assert second.checkpoint.exists()
    lines: list[str] = []
    tune(folder, tell=lines.append)
    assert table(folder) == table(done[0])
    assert [line.split(":")[0] for line in lines] == ["trial 2 (2 of 3 done)", "trial 3 (3 of 3 done)"]
    assert (folder / "best.toml").read_bytes() == (done[0] / "best.toml").read_bytes()
    assert second.weights.read_bytes() == Run(done[0] / "trials" / second.folder.name).weights.read_bytes()


def test_a_probe_is_searched_too(done: tuple[Path, SearchReport], tune: Search, tmp_path: Path) -> None:
    probe = parse_recipe(SHORT + "[probe]\n", "probe")
    setup = Setup(weights=done[0] / "trials" / table(done[0])[0]["run"])
    space = '"probe.strength" = { low = 1e-3, high = 1.0, log = true }'
    found = tune(tmp_path, probe, space, trials=2, objective="val_auc", setup=setup)
    assert [(trial.state, trial.epochs) for trial in found.trials] == [("complete", 0)] * 2
    for trial in found.trials:
        assert trial.value == Run(tmp_path / "trials" / trial.run).load_summary().validation["val_auc"]


def test_the_command_says_what_is_best_and_what_comes_next(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_CACHE", str(cache))
    (tmp_path / "tiny.toml").write_text(SHORT)
    (tmp_path / "space.toml").write_text(SPACE)
    words = ["tune", tmp_path / "tiny.toml", "--space", tmp_path / "space.toml", "--trials", 1, "--data", FILMS]
    words += ["--out", tmp_path / "a b?#", "--objective", "val_auc", "--set", "optimisation.epochs=1"]
    ran = CliRunner().invoke(main, [str(word) for word in words])
    assert ran.exit_code == 0, ran.output
    (row,) = table(tmp_path / "a b?#")
    assert f"the best is trial 1, val_auc {float(row['val_auc']):.4f} on validation films" in ran.stderr
    assert f"pneumoscope train {tmp_path / 'a b?#' / 'best.toml'} --data {FILMS}" in ran.stderr
    assert f"pneumoscope export {tmp_path / 'a b?#' / 'trials' / row['run']}" in ran.stderr
    assert load_recipe(str(tmp_path / "a b?#" / "best.toml")).optimisation.epochs == 1


def test_what_is_hopeless_is_pruned(tune: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a rate of 1e-9 the network stays as it was. A trial like an earlier one takes no training."""
    monkeypatch.setattr(pruning, "FREE", 1)
    lines: list[str] = []
    found = tune(
        tmp_path, space='"optimisation.rate" = { choices = [1e-9, 3e-2] }', trials=6, seed=4, tell=lines.append
    )
    first = next(i for i, trial in enumerate(found.trials) if trial.values["optimisation.rate"] == "0.03")
    later = {(str(trial.values["optimisation.rate"]), trial.state, trial.epochs) for trial in found.trials[first:]}
    assert later == {("0.03", "complete", EPOCHS), ("1e-9", "pruned", 1)}
    assert found.best is not None
    assert found.best.values == {"optimisation.rate": "0.03"}
    assert {trial.run for trial in found.trials} == {path.name for path in (tmp_path / "trials").iterdir()}
    assert len(list((tmp_path / "trials").iterdir())) == 2
    told = [" after 1 epoch; optimisation.rate 1e-9" in line for line in lines if ": pruned at val_loss 0." in line]
    assert told == [True] * [trial.state for trial in found.trials].count("pruned")


def test_trials_that_diverge_are_failures_and_three_in_a_row_end_the_search(tune: Search, tmp_path: Path) -> None:
    steep = parse_recipe(SHORT, "tiny", ["optimisation.optimiser=sgd"])
    with pytest.raises(RunError, match="3 trials in a row failed, the last: the training diverged in epoch 1"):
        tune(tmp_path, steep, '"optimisation.rate" = { low = 1e8, high = 1e9 }', trials=4)
    rows = table(tmp_path)
    assert [(row["state"], row["val_loss"]) for row in rows] == [("failed", "")] * 3
    assert len({row["optimisation.rate"] for row in rows}) == 3
    assert all("diverged in epoch 1" in row["message"] for row in rows)
    assert not (tmp_path / "best.toml").exists()
    assert "No trial is complete yet." in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seed": 6}, "its seed is 5, that of this command 6"),
        ({"objective": "val_auc"}, "its objective is val_loss"),
        ({"base": parse_recipe(SHORT.replace("batch = 8", "batch = 4"), "tiny")}, "its recipe digest"),
        ({"space": SPACE.replace("0.5", "0.4")}, "its space digest"),
        ({"films": open_manifest(FILMS).only("train")}, "its manifest digest"),
        ({"weights": True}, "its weights digest is None"),
    ],
)
def test_another_search_cannot_go_on_with_this_one(
    done: tuple[Path, SearchReport], tune: Search, changes: dict[str, Any], says: str
) -> None:
    folder, found = done
    assert found.best is not None
    before = (folder / "trials.csv").read_bytes()
    if changes.pop("weights", False):
        changes["setup"] = Setup(weights=folder / "trials" / found.best.run)
    with pytest.raises(RunError, match=f"holds another search: {says}"):
        tune(folder, trials=9, **changes)
    assert (folder / "trials.csv").read_bytes() == before


def test_two_searches_cannot_use_one_folder(tune: Search, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".lock"), pytest.raises(RunError, match="another process is searching"):
        tune(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_damaged_study_is_named(done: tuple[Path, SearchReport], tune: Search, tmp_path: Path) -> None:
    shutil.copy(done[0] / "study.json", tmp_path)
    shutil.copy(done[0] / "manifest.csv", tmp_path)
    (tmp_path / "study.db").write_bytes(b"no database" * 100)
    with pytest.raises(RunError, match=r"study\.db: expected a study"):
        tune(tmp_path)


class Rehearsal:
    """Runs that cost nothing and leave what real ones leave. ``reached`` gives the loss of a recipe after an epoch.

    ``stop`` is the epoch, counted over all runs, in the middle of which the program ends.
    """

    def __init__(self, reached: Callable[[Recipe, int], float]) -> None:
        self.reached, self.stop, self.epochs = reached, 0, 0

    def __call__(self, recipe: Recipe, manifest: Manifest, folder: Path, **options: Any) -> Run:
        run, total = Run(folder), recipe.optimisation.epochs
        if run.weights.exists():
            return run
        rows = msgspec.json.decode(run.checkpoint.read_bytes()) if run.checkpoint.exists() else []
        for epoch in range(len(rows), total):
            self.epochs += 1
            if self.epochs == self.stop:
                raise KeyboardInterrupt
            loss = self.reached(recipe, epoch)
            rows.append([epoch, loss])
            run.checkpoint.parent.mkdir(parents=True, exist_ok=True)
            with run.log.open("w", newline="") as file:
                csv.writer(file).writerows([["epoch", "val_loss"], *rows])
            trainer: Any = SimpleNamespace(current_epoch=epoch, callback_metrics={"val_loss": loss})
            for callback in options["setup"].callbacks:
                callback.on_train_epoch_end(trainer, None)
            run.checkpoint.write_bytes(msgspec.json.encode(rows))
        reached = {"val_loss": rows[-1][1]}
        about: dict[str, Any] = {"parameters": 1, "minutes": 0.0, "device": "", "precision": ""}
        write_json(run.summary, Summary(epochs=total, validation=reached, **about))
        run.weights.write_bytes(b"")
        return run


@pytest.fixture
def rehearse(monkeypatch: pytest.MonkeyPatch, tune: Search, tmp_path: Path) -> Search:
    """``rehearse(folder, rehearsal, **options)``: a search of 13 trials of four epochs; no page is drawn."""
    monkeypatch.setattr(results, "write_search_page", lambda *_: None)
    monkeypatch.setattr(gc, "collect", lambda: 0)
    base = parse_recipe(SHORT, "tiny", ["optimisation.epochs=4"])
    space = SPACE + '"optimisation.optimiser" = { choices = ["adamw", "sgd"] }'

    def _rehearse(folder: str, rehearsal: Callable[..., Run], trials: int = 13, **options: Any) -> SearchReport:
        monkeypatch.setattr(searching, "train", rehearsal)
        return tune(tmp_path / folder, base, space, trials=trials, **options)

    return _rehearse


def valley(recipe: Recipe, epoch: int) -> float:
    """Lowest at a rate of 0.01, and higher by far with SGD; falls from epoch to epoch."""
    rate = recipe.optimisation.rate
    steep = abs(rate - 0.01) / (rate + 0.01) + (recipe.optimisation.optimiser == "sgd")
    return steep + recipe.network.dropout / 100 + 1 / (epoch + 1)


def test_wherever_it_is_stopped_a_search_ends_the_same(rehearse: Search) -> None:
    """Also where the sampler no longer draws at random, from the tenth trial on, and where trials are pruned."""
    through = Rehearsal(valley)
    whole = rehearse("whole", through)
    assert {trial.state for trial in whole.trials} == {"complete", "pruned"}
    for stop in (1, 10, through.epochs - 4, through.epochs):
        rehearsal = Rehearsal(valley)
        rehearsal.stop = stop
        with pytest.raises(KeyboardInterrupt):
            rehearse(f"{stop}", rehearsal)
        assert rehearse(f"{stop}", rehearsal).trials == whole.trials
        assert rehearsal.epochs == through.epochs + 1


def test_a_search_stopped_while_it_draws_values_ends_the_same(
    rehearse: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = rehearse("whole", Rehearsal(valley))
    draw, drawn = optuna.Trial._suggest, 0

    def suggest(*arguments: Any) -> Any:
        nonlocal drawn
        drawn += 1
        if drawn in (1, 6, 12, 50):
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(optuna.Trial, "_suggest", suggest)
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            rehearse("stopped", Rehearsal(valley))
    assert rehearse("stopped", Rehearsal(valley)).trials == whole.trials


def test_a_longer_search_goes_on_with_a_shorter_one(rehearse: Search) -> None:
    long, rehearsal = rehearse("long", Rehearsal(valley)), Rehearsal(valley)
    assert rehearse("short", rehearsal, trials=5).trials == long.trials[:5]
    epochs = rehearsal.epochs
    assert rehearse("short", rehearsal, trials=5).trials == rehearse("short", rehearsal, trials=3).trials
    assert rehearsal.epochs == epochs
    assert rehearse("short", rehearsal).trials == long.trials


def test_a_search_that_lost_its_study_finds_its_runs_again(rehearse: Search, tmp_path: Path) -> None:
    rehearsal = Rehearsal(valley)
    whole, epochs = rehearse("search", rehearsal), rehearsal.epochs
    (tmp_path / "search" / "study.db").unlink()
    assert rehearse("search", rehearsal).trials == whole.trials
    assert rehearsal.epochs - epochs < epochs


def test_another_seed_draws_other_values(rehearse: Search) -> None:
    one, other = (rehearse(f"{seed}", Rehearsal(valley), trials=2, seed=seed) for seed in (1, 2))
    assert [trial.values for trial in one.trials] != [trial.values for trial in other.trials]


def test_a_search_does_better_than_chance(rehearse: Search) -> None:
    """The later half draws what is good: nearly never SGD, where chance would every second time."""
    found = rehearse("search", Rehearsal(valley), trials=40)
    later = [trial.values["optimisation.optimiser"] for trial in found.trials[20:]]
    assert later.count("sgd") <= 4
    assert found.best is not None
    assert 0.005 < float(found.best.values["optimisation.rate"]) < 0.02
    assert sum(found.importances.values()) == pytest.approx(1)
    assert found.importances.keys() == found.trials[0].values.keys()


def test_a_trial_that_fails_does_not_end_the_search(rehearse: Search) -> None:
    """The network is too large for the memory, or cannot be had, every now and then. Failures are not counted."""
    rehearsal, trials = Rehearsal(valley), 0
    troubles = {
        2: RunError("no\x1b[2J such network\nsecond line"),
        3: OutOfMemoryError("full"),
        5: OutOfMemoryError("full"),
    }

    def now_and_then(*arguments: Any, **options: Any) -> Run:
        nonlocal trials
        trials += 1
        if trials in troubles:
            raise troubles[trials]
        return rehearsal(*arguments, **options)

    lines: list[str] = []
    found = rehearse("search", now_and_then, trials=4, tell=lines.append)
    assert [trial.state for trial in found.trials] == [
        "complete", "failed", "failed", "complete", "failed", "complete", "complete",
    ]  # fmt: skip
    assert [trial.message for trial in found.trials if trial.message] == ["no\\x1b[2J such network", "full", "full"]
    assert [line.partition(";")[0] for line in lines[1:3]] == [
        "trial 2 (1 of 4 done): failed: no\\x1b[2J such network",
        "trial 3 (1 of 4 done): failed: full",
    ]
    assert len({trial.run for trial in found.trials}) == 7


def test_a_defect_of_ours_is_not_taken_for_a_failed_trial(rehearse: Search) -> None:
    def broken(*_: Any, **__: Any) -> Run:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rehearse("search", broken)


def test_trials_of_different_lengths_are_compared_at_equal_shares() -> None:
    """Halfway, the first trial had reached 0.4. Where a trial has ended there is nothing to prune."""
    study = optuna.create_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=1))

    def reaches(*losses: float) -> optuna.Trial:
        trial = study.ask()
        watch = pruning.Pruning(trial, "val_loss", parse_recipe(SHORT, "tiny", [f"optimisation.epochs={epochs}"]))
        for epoch, loss in enumerate(losses):
            end: Any = SimpleNamespace(current_epoch=epoch, callback_metrics={"val_loss": loss})
            watch.on_train_epoch_end(end, watch)  # type: ignore[arg-type]
        return trial

    epochs = 4
    study.tell(reaches(0.8, 0.4, 0.3, 0.2), 0.2)
    epochs = 8
    reaches(0.8, 0.7, 0.5, 0.39)
    with pytest.raises(optuna.TrialPruned):
        reaches(0.8, 0.7, 0.5, 0.41)
    epochs = 1
    reaches(9.0)
    epochs = 8
    with pytest.raises(RunError, match="diverged in epoch 2 of 8"):
        reaches(0.8, float("nan"))


def test_a_trial_that_had_come_to_its_end_is_not_pruned_when_it_is_taken_up(tmp_path: Path) -> None:
    """As it would not have been, had it not been stopped. One that had come near its end is."""
    study = optuna.create_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=1))
    recipe = parse_recipe(SHORT, "tiny", ["optimisation.epochs=4"])

    def replay(*losses: float, complete: bool = False) -> optuna.Trial:
        rows = [["epoch", "val_loss"], *enumerate(losses)]
        with (tmp_path / "log.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        trial = study.ask()
        pruning.Pruning(trial, "val_loss", recipe).replay(tmp_path / "log.csv", complete=complete)
        return trial

    study.tell(replay(0.8, 0.4, 0.3, 0.2), 0.2)
    replay(0.8, 0.4, 0.3, 0.9)
    replay(0.8, 0.4, 0.35, complete=True)
    with pytest.raises(optuna.TrialPruned):
        replay(0.8, 0.4, 0.35)


def judged(count: int, *, keep: float = 1.0, flat: bool = False) -> optuna.Study:
    """Trials whose loss depends on ``x`` and, by far more, on ``kind``; all above ``keep`` are pruned."""
    study = optuna.create_study()
    kinds, numbers = CategoricalDistribution(("good", "bad")), FloatDistribution(0.0, 1.0)
    for i in range(count):
        kind, x, y = ("good", "bad")[i % 2], (i * 0.618) % 1, (i * 0.414) % 1
        loss = 0.5 if flat else x / 4 + (kind == "bad") / 2
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE if loss <= keep else TrialState.PRUNED,
                params={"kind": kind, "x": x, "y": y},
                distributions={"kind": kinds, "x": numbers, "y": numbers},
                value=loss,
            )
        )
    return study


def test_importances_tell_what_mattered() -> None:
    found = results.importances(judged(60))
    assert sum(found.values()) == pytest.approx(1)
    assert found["y"] < 0.1 < min(found["x"], found["kind"])


def test_pruned_trials_tell_what_mattered_too() -> None:
    """Without them all trials are of the good kind, and the kind would seem not to matter."""
    study = judged(60, keep=0.3)
    assert optuna.importance.get_param_importances(study)["kind"] < 0.01
    assert results.importances(study) == results.importances(judged(60))
    assert results.importances(study)["kind"] > 0.2


def test_importances_do_not_depend_on_the_direction() -> None:
    up = optuna.create_study(direction="maximize")
    for trial in (study := judged(60)).trials:
        up.add_trial(create_trial(params=trial.params, distributions=trial.distributions, value=-(trial.value or 0.0)))
    assert results.importances(up) == results.importances(study)


@pytest.mark.parametrize("keep", [0.0, 0.02, 0.1])
def test_importances_can_be_told_where_few_trials_were_completed(keep: float) -> None:
    assert sum(results.importances(judged(60, keep=keep)).values()) == pytest.approx(1)


def test_too_few_trials_and_equal_ones_tell_nothing() -> None:
    assert results.importances(judged(results.ENOUGH - 1)) == {}
    assert results.importances(judged(results.ENOUGH)) != {}
    assert results.importances(judged(60, flat=True)) == {}
