"""A run learns, survives being killed, and refuses to be mixed up."""

import csv
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from filelock import FileLock

from pneumoscope.core import RunError
from pneumoscope.data import open_manifest, read_manifest
from pneumoscope.training.recipe import Recipe
from pneumoscope.training.run import Run, train

from .conftest import FILMS, TINY

pytestmark = pytest.mark.train

TRAIN = """
import os, signal, sys
from pathlib import Path
from pneumoscope.data import open_manifest
from pneumoscope.training.recipe import parse_recipe
from pneumoscope.training import callbacks, learner, run
recipe, films, folder, cache, trouble, when = sys.argv[1:]
calls = 0
def kill(before, after=None):
    def wrapped(*arguments, **options):
        global calls
        calls += 1
        if calls == int(when):
            if after: after(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)
        return before(*arguments, **options)
    return wrapped
if trouble == "step":
    learner.Learner.training_step = kill(learner.Learner.training_step)
if trouble == "checkpoint":
    callbacks.torch.save = kill(callbacks.torch.save, lambda _, file: (file.write(b"half a checkpoint"), file.flush()))
run.train(parse_recipe(recipe, "tiny"), open_manifest(Path(films)), Path(folder), cache=Path(cache), resume=True)
"""


def train_in_a_process(folder: Path, cache: Path, trouble: str = "", when: int = 0) -> int:
    command = [sys.executable, "-c", TRAIN, TINY, str(FILMS), str(folder), str(cache), trouble, str(when)]
    return subprocess.run(command, check=False, capture_output=True, timeout=300).returncode


@pytest.mark.parametrize(
    ("trouble", "when"),
    [
        pytest.param("step", 2, id="in the first epoch"),
        pytest.param("step", 5, id="in the middle of the second epoch"),
        pytest.param("checkpoint", 2, id="while a checkpoint is being written"),
    ],
)
def test_a_killed_run_ends_with_the_weights_of_an_undisturbed_one(
    finished: Run, cache: Path, tmp_path: Path, trouble: str, when: int
) -> None:
    folder = tmp_path / "killed"
    assert train_in_a_process(folder, cache, trouble, when) == -signal.SIGKILL
    assert not Run(folder).weights.exists()
    assert train_in_a_process(folder, cache) == 0
    assert Run(folder).weights.read_bytes() == finished.weights.read_bytes()
    assert (folder / "log.csv").read_text() == (finished.folder / "log.csv").read_text()


def test_the_log_has_a_row_an_epoch(finished: Run, tiny: Recipe) -> None:
    with (finished.folder / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(float(row["epoch"])) for row in rows] == list(range(tiny.optimisation.epochs))
    assert {"train_loss", "val_loss", "val_auc", "val_recall", "val_specificity"} <= set(rows[0])
    assert list((finished.folder / "tensorboard").glob("events.*"))


def test_validation_patients_are_not_learned_from(finished: Run) -> None:
    films = read_manifest(finished.manifest).films
    by_split = {split: {film.patient for film in films if film.split == split} for split in ("train", "val", "test")}
    assert by_split["val"]
    assert not by_split["val"] & by_split["train"]
    assert len([film for film in films if film.split == "test"]) == 32


def test_a_folder_with_a_run_is_not_overwritten(finished: Run, tiny: Recipe, cache: Path) -> None:
    with pytest.raises(RunError, match="--resume"):
        train(tiny, open_manifest(FILMS), finished.folder, cache=cache)


def test_another_recipe_cannot_resume_a_run(finished: Run, tiny: Recipe, cache: Path) -> None:
    other = msgspec.structs.replace(tiny, seed=4)
    with pytest.raises(RunError, match="recipe digest"):
        train(other, open_manifest(FILMS), finished.folder, cache=cache, resume=True)


def test_two_processes_cannot_train_in_one_folder(tiny: Recipe, cache: Path, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".lock"), pytest.raises(RunError, match="another process"):
        train(tiny, open_manifest(FILMS), tmp_path, cache=cache)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_an_unfinished_run_has_no_network(tmp_path: Path, finished: Run) -> None:
    Run(tmp_path).record.write_bytes(finished.record.read_bytes())
    with pytest.raises(RunError, match="not complete"):
        Run(tmp_path).load_network()
