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


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    monkeypatch.setattr(import_module("pneumoscope.evaluation.evaluate"), "RESAMPLES", 20)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Five films, of which three are decided rightly, and one that is cut short."""
    films = [row("cut.png", split="test", digest=sha256_bytes(flat(1)[:50]))]
    (tmp_path / "cut.png").write_bytes(flat(1)[:50])
    for name, (grey, label) in GREYS.items():
        (tmp_path / name).write_bytes(flat(grey))
        films.append(row(name, label=label, split="test", digest=sha256_bytes(flat(grey))))
    write_manifest(Manifest(tmp_path, tuple(films)), tmp_path / "films.csv")
    return tmp_path / "films.csv"


def test_it_prints_the_figures_and_writes_them(run, manifest, tiny_bundle, tmp_path):
    out = tmp_path / "out"
    result = run("evaluate", "--data", manifest, "--bundle", tiny_bundle, "--out", out)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "tiny 1.2 (fp32) on 5 films, split test, at the operating point balanced (probability >= 0.500)"
    )
    printed = {words[0]: words[1] for words in (line.split() for line in lines[1:9])}
    assert printed["accuracy"] == "0.6000"
    assert printed["recall"] == "0.6667"
    assert printed["specificity"] == "0.5000"
    assert printed["auc"] == "0.8333"  # of six pairs five are the right way round
    assert lines[9].strip() == "true positive 2, false positive 1, true negative 1, false negative 1"
    assert "could not be read" in lines[10]
    assert json.loads((out / "metrics.json").read_text())["metrics"]["accuracy"]["value"] == 0.6
    with (out / "scores.csv").open(newline="") as file:
        assert [line["film"] for line in csv.DictReader(file)] == ["cut.png", *GREYS]


def test_the_demo_films_can_be_measured(run, demo_films, tiny_bundle, tmp_path):
    result = run("evaluate", "--data", demo_films, "--bundle", tiny_bundle, "--out", tmp_path / "out", "--jobs", "2")
    assert result.exit_code == 0
    data = json.loads((tmp_path / "out" / "metrics.json").read_text())["data"]
    assert (data["sources"], data["films"], data["positive"], data["unreadable"]) == (["kermany"], 32, 16, 0)


def test_prepared_films_are_kept_for_the_next_time(run, demo_films, tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("PNEUMOSCOPE_CACHE", str(tmp_path / "cache"))
    for name in ("first", "second"):
        words = ("--data", demo_films, "--bundle", tiny_bundle, "--out", tmp_path / name, "--prepared")
        assert run("evaluate", *words).exit_code == 0
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 1
    first, second = ((tmp_path / name / "metrics.json").read_bytes() for name in ("first", "second"))
    assert first == second


def test_misuse_ends_with_2_and_writes_nothing(run, manifest, tiny_bundle, tmp_path):
    out = tmp_path / "out"
    for arguments, message in [
        (("--data", tmp_path / "none.csv"), "does not exist"),
        (("--data", tmp_path / "a.png"), "expected the columns"),
        (("--data", tmp_path), "known layout"),
        (("--data", manifest, "--split", "val"), "no films in split 'val'"),
        (("--data", manifest, "--split", "all"), "'all' is not one of"),
        (("--data", manifest, "--operating-point", "best"), "balanced, sensitive"),
    ]:
        result = run("evaluate", "--bundle", tiny_bundle, "--out", out, *arguments)
        assert result.exit_code == 2, message
        assert message in " ".join(result.stderr.split())
    assert run("evaluate", "--bundle", tiny_bundle, "--data", manifest).exit_code == 2
    assert not out.exists()


def test_a_place_that_cannot_be_written_to_ends_with_1(run, manifest, tiny_bundle, tmp_path):
    result = run("evaluate", "--data", manifest, "--bundle", tiny_bundle, "--out", tmp_path / "a.png" / "out")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert str(tmp_path / "a.png") in result.stderr


def test_a_bundle_that_cannot_be_used_ends_with_1(run, manifest, tmp_path):
    result = run("evaluate", "--bundle", tmp_path, "--data", manifest, "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no bundle.json" in result.stderr
