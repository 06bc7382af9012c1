"""The commands of a modeller, one after the other."""

import csv
import errno
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pneumoscope.cli import main

from .conftest import FILMS, TINY

pytestmark = pytest.mark.train


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_train_export_evaluate_predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tiny.toml").write_text(TINY)
    trained = run("train", tmp_path / "tiny.toml", "--data", FILMS, "--out", tmp_path / "run")
    assert trained.exit_code == 0, trained.output
    exported = run("export", tmp_path / "run", "--out", tmp_path / "bundle", "--name", "mine", "--bundle-version", "7")
    assert exported.exit_code == 0, exported.output
    measured = run(
        "evaluate", "--bundle", tmp_path / "bundle", "--data", FILMS, "--out", tmp_path / "results", "--quick"
    )
    assert measured.exit_code == 0, measured.output
    found = json.loads((tmp_path / "results/metrics.json").read_text())
    assert (found["bundle"]["name"], found["bundle"]["version"], found["data"]["films"]) == ("mine", "7", 32)
    read = run("predict", FILMS / "test", "--bundle", tmp_path / "bundle", "--out", tmp_path / "readings.csv")
    assert read.exit_code == 0, read.output
    with (tmp_path / "readings.csv").open() as readings, (tmp_path / "results/scores.csv").open() as scores:
        ours = [row["probability"] for row in csv.DictReader(readings)]
        assert sorted(ours) == sorted(row["probability"] for row in csv.DictReader(scores))


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    (tmp_path / "tiny.toml").write_text(TINY)
    again = run("train", tmp_path / "tiny.toml", "--data", FILMS, "--out", tmp_path / "run")
    assert again.exit_code == 1
    assert "holds a run already" in again.output


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("seed = 3", "sead = 3", "sead"),
        ('name = "test_resnet"', 'name = "no_such_net"', "no_such_net"),
        ("area = [0.6, 1.0]", "area = [1.0, 0.6]", "area"),
    ],
)
def test_a_wrong_recipe_is_misuse(tmp_path: Path, old: str, new: str, says: str) -> None:
    (tmp_path / "wrong.toml").write_text(TINY.replace(old, new))
    refused = run("train", tmp_path / "wrong.toml", "--data", FILMS, "--out", tmp_path / "run")
    assert refused.exit_code == 2
    assert says in refused.output


def test_a_full_disk_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "cache.npy")

    monkeypatch.setattr("pneumoscope.training.films.prepare", full)
    (tmp_path / "tiny.toml").write_text(TINY)
    stopped = run("train", tmp_path / "tiny.toml", "--data", FILMS, "--out", tmp_path / "run")
    assert stopped.exit_code == 1
    assert "No space left on device: 'cache.npy'" in stopped.output


def test_an_unfinished_run_cannot_be_exported(tmp_path: Path) -> None:
    refused = run("export", tmp_path, "--out", tmp_path / "bundle")
    assert refused.exit_code == 1
    assert "expected the folder of a training run" in refused.output
