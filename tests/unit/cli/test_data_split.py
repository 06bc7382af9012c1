from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pneumoscope.cli import main
from pneumoscope.core.manifest import Film, Listing
from pneumoscope.data import read_manifest, write_manifest
from tests.helpers import row


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["data", "split", *map(str, words)])


def manifest(folder: Path, *films: Film) -> Path:
    films = films or tuple(row(f"{i}.png", label=i % 2, split="train" if i % 5 else "test") for i in range(200))
    write_manifest(Listing(folder, films), folder / "m.csv")
    return folder / "m.csv"


def counts(path: Path) -> Counter[str]:
    return Counter(film.split for film in read_manifest(path).films)


def test_a_random_split_is_written_with_how_it_was_drawn(tmp_path):
    done = run(manifest(tmp_path), "--out", tmp_path / "s.csv", "--seed", 3)
    assert done.exit_code == 0, done.output
    assert counts(tmp_path / "s.csv") == {"train": 140, "val": 20, "test": 40}
    record = json.loads((tmp_path / "s.split.json").read_text())
    assert record.items() >= {"strategy": "random", "folds": 8, "seed": 3}.items()
    assert record["manifest_digest"] == read_manifest(tmp_path / "s.csv").digest
    assert record["from"] == read_manifest(tmp_path / "m.csv").digest
    assert "val           10 pneumonia, 10 no pneumonia" in done.output


def test_a_split_is_drawn_once(tmp_path):
    source = manifest(tmp_path)
    assert run(source, "--out", tmp_path / "s.csv").exit_code == 0
    before = (tmp_path / "s.csv").read_bytes()
    again = run(source, "--out", tmp_path / "s.csv", "--seed", 1)
    assert again.exit_code == 2
    assert "--overwrite replaces it" in again.output
    of_a_split = run(tmp_path / "s.csv", "--out", tmp_path / "t.csv")
    assert of_a_split.exit_code == 2
    assert "has validation films already" in of_a_split.output
    assert (tmp_path / "s.csv").read_bytes() == before
    assert not (tmp_path / "t.csv").exists()
    assert run(source, "--out", tmp_path / "s.csv", "--seed", 1, "--overwrite").exit_code == 0
    assert (tmp_path / "s.csv").read_bytes() != before


def test_all_folds_cover_the_train_films_once(tmp_path):
    done = run(manifest(tmp_path), "--out", tmp_path / "s.csv", "--all-folds", "--folds", 4)
    assert done.exit_code == 0, done.output
    held_out = [film.path for i in (1, 2, 3, 4) for film in read_manifest(tmp_path / f"s-{i}.csv").only("val").films]
    assert sorted(held_out) == sorted(film.path for film in read_manifest(tmp_path / "m.csv").only("train").films)


def test_a_tiny_validation_folder_goes_back_with_a_note(tmp_path):
    films = [row(f"{i}.png", label=i % 2) for i in range(1000)]
    films += [row(f"v{i}.png", label=i % 2, split="val") for i in range(8)]
    source = manifest(tmp_path, *films)
    done = run(source, "--out", tmp_path / "s.csv")
    assert done.exit_code == 0, done.output
    assert "note: the 8 validation films are too few" in done.output
    assert counts(tmp_path / "s.csv")["val"] == 126
    assert run(source, "--out", tmp_path / "kept.csv", "--keep-val").exit_code == 2


def test_films_without_a_split_get_one(tmp_path):
    source = manifest(tmp_path, *(row(f"{i}.png", label=i % 2, split="") for i in range(400)))
    assert run(source, "--out", tmp_path / "s.csv", "--test-share", 0.25).exit_code == 0
    assert counts(tmp_path / "s.csv") == pytest.approx({"train": 262, "val": 38, "test": 100}, abs=4)


def test_a_leaking_manifest_is_refused_with_the_remedy(tmp_path):
    source = manifest(tmp_path, row("a", patient="ann"), row("b", patient="ann", split="test"))
    done = run(source, "--out", tmp_path / "s.csv")
    assert done.exit_code == 2
    assert "pneumoscope data clean" in done.output


def test_the_shifted_split_of_real_films(tmp_path, demo_films, monkeypatch):
    monkeypatch.setenv("PNEUMOSCOPE_CACHE", str(tmp_path / "cache"))
    done = run(demo_films, "--out", tmp_path / "s.csv", "--strategy", "shifted", "--folds", 4)
    assert done.exit_code == 0, done.output
    assert counts(tmp_path / "s.csv") == {"train": 24, "val": 8, "test": 32}
    again = run(demo_films, "--out", tmp_path / "t.csv", "--strategy", "shifted", "--folds", 4, "--all-folds")
    assert again.exit_code == 2
