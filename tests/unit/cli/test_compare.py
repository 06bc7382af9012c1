from __future__ import annotations

import csv
import json
from importlib import import_module
from pathlib import Path

import pytest

from pneumoscope.core.files import sha256_bytes
from pneumoscope.core.manifest import Manifest
from pneumoscope.data import write_manifest
from tests.helpers import flat, row

GREYS = {"a.png": (30, 0), "b.png": (130, 0), "c.png": (140, 1), "d.png": (200, 1), "e.png": (60, 1)}
THEIRS = "film,label,probability\na.png,0,0.2\nb.png,0,0.3\nc.png,1,0.8\nd.png,1,0.4\ne.png,1,0.9\n"


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    for room in ("comparison", "measures"):
        monkeypatch.setattr(import_module(f"pneumoscope.evaluation.{room}"), "RESAMPLES", 20)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Five films: the tiny bundle takes b for positive and e for negative."""
    films = []
    for name, (grey, label) in GREYS.items():
        (tmp_path / name).write_bytes(flat(grey))
        films.append(row(name, label=label, split="test", digest=sha256_bytes(flat(grey))))
    write_manifest(Manifest(tmp_path, tuple(films)), tmp_path / "films.csv")
    return tmp_path / "films.csv"


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    (tmp_path / "theirs.csv").write_text(THEIRS)
    return tmp_path / "theirs.csv"


def test_a_bundle_an_evaluation_and_a_table_are_compared(run, manifest, tiny_bundle, theirs, tmp_path):
    assert (
        run("evaluate", "--bundle", tiny_bundle, "--data", manifest, "--out", tmp_path / "ev", "--quick").exit_code == 0
    )
    out = tmp_path / "out"
    result = run("compare", tiny_bundle, theirs, tmp_path / "ev", "--data", manifest, "--out", out)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "on the same 5 films of 5 patients, 3 of them with the label; by AUC, with 95% intervals"
    assert [line.split()[:3] for line in lines[2:5]] == [
        ["1", "theirs", "1.000"],
        ["2", "tiny", "0.833"],
        ["3", "ev", "0.833"],
    ]
    assert "theirs against tiny: right where the other is wrong on 2 films, wrong where it is right on 1" in lines
    assert "ev against tiny: right where the other is wrong on 0 films, wrong where it is right on 0" in lines
    told = json.loads((out / "comparison.json").read_text())
    assert [film["film"] for film in told["pairs"][0]["won"]] == ["e.png", "b.png"]
    assert told["pairs"][0]["differences"][0]["p_holm"] is not None
    with (out / "comparison.csv").open(newline="") as file:
        assert [line["name"] for line in csv.DictReader(file)] == ["theirs", "tiny", "ev"]
    page = (out / "comparison.html").read_text()
    assert page.count("data:image/jpeg") == 3
    assert "wrote comparison.json, comparison.csv and comparison.html" in result.stderr


def test_films_of_tables_without_digests_are_found_by_their_names(run, manifest, theirs, tmp_path):
    (tmp_path / "better.csv").write_text(THEIRS.replace("d.png,1,0.4", "d.png,1,0.7"))
    arguments = ("compare", theirs, tmp_path / "better.csv", "--out", tmp_path / "out")
    for more, drawn in (((), 0), (("--data", manifest), 1)):
        assert run(*arguments, *more).exit_code == 0
        assert (tmp_path / "out" / "comparison.html").read_text().count("data:image/jpeg") == drawn


def test_what_ranks_and_what_is_tested_against_can_be_chosen(run, theirs, tmp_path):
    (tmp_path / "better.csv").write_text(THEIRS.replace("d.png,1,0.4", "d.png,1,0.7"))
    result = run("compare", theirs, tmp_path / "better.csv", "--by", "log_loss", "--against", "best")
    assert result.exit_code == 0
    assert "with the label; by log loss" in result.stdout
    assert "theirs against better: " in result.stdout


def test_other_test_sets_are_shown_side_by_side(run, theirs, tmp_path):
    (tmp_path / "other.csv").write_text(THEIRS.replace(".png", ".jpeg"))
    result = run("compare", theirs, tmp_path / "other.csv", "--out", tmp_path / "out")
    assert result.exit_code == 0
    (line, *_) = result.stdout.splitlines()
    assert line == "not ranked: the test sets differ: 0 films are shared (theirs 5, other 5); with 95% intervals"
    assert " against " not in result.stdout
    assert "Side by side, not ranked" in (tmp_path / "out" / "comparison.html").read_text()


def test_misuse_ends_with_2_and_writes_nothing(run, theirs, tiny_bundle, manifest, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    (tmp_path / "contrary.csv").write_text(THEIRS.replace("a.png,0", "a.png,1"))
    (tmp_path / "odd.csv").write_text(THEIRS.replace("0.2", "nan"))
    out = tmp_path / "out"
    for arguments, message in [
        ((theirs,), "expected two entrants or more, got 1"),
        ((theirs, theirs), "expected each entrant once"),
        ((theirs, tiny_bundle), "has to read films, and needs --data"),
        ((theirs, tmp_path / "run"), "has to read films, and needs --data"),
        ((theirs, tmp_path / "none"), "expected a bundle"),
        ((theirs, tmp_path / "contrary.csv"), "1 of 5 films have another label in contrary than in theirs"),
        ((theirs, tmp_path / "odd.csv"), "probability"),
        ((theirs, tiny_bundle, "--data", tmp_path / "none"), "does not exist"),
        ((theirs, tiny_bundle, "--data", manifest, "--split", "val"), "no films in split 'val'"),
        ((theirs, tiny_bundle, "--by", "beauty"), "'beauty' is not one of"),
    ]:
        result = run("compare", *arguments, "--out", out)
        assert result.exit_code == 2, message
        assert message in " ".join(result.stderr.split())
    assert run("compare").exit_code == 2
    assert not out.exists()


def test_what_cannot_be_written_or_used_ends_with_1(run, theirs, tmp_path):
    (tmp_path / "better.csv").write_text(THEIRS)
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "bundle.json").write_text("{}")
    for arguments in (
        (tmp_path / "better.csv", "--out", theirs / "out"),
        (tmp_path / "bundle", "--data", tmp_path / "films.csv"),
    ):
        (tmp_path / "films.csv").write_text("path,digest,patient,label,subtype,split,source\na.png,,p,1,,test,s\n")
        result = run("compare", theirs, *arguments)
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ")
