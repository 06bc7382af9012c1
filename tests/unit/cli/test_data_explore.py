from __future__ import annotations

import json

import pytest

from pneumoscope.cli import options
from pneumoscope.core.manifest import Listing
from pneumoscope.data import write_manifest
from tests.phantoms import film, put


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PNEUMOSCOPE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def manifest(tmp_path):
    """Fourteen films and a file that is none."""
    films = [put(tmp_path / "films", f"{i}.png", film(i), label=i % 2) for i in range(14)]
    films.append(put(tmp_path / "films", "text.png", b"no film", label=None))
    path = tmp_path / "films" / "manifest.csv"
    write_manifest(Listing(tmp_path / "films", tuple(films)), path)
    return path


def numbers(tmp_path):
    return json.loads((tmp_path / "out" / "explore.json").read_text())


def test_the_page_and_its_numbers_are_written(run, tmp_path, manifest):
    result = run("data", "explore", manifest, "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines()[-1] == (
        f"wrote explore.html and explore.json of 15 films (1 of them cannot be read) in {tmp_path / 'out'}"
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["explore.html", "explore.json"]
    found = numbers(tmp_path)
    assert (found["films"], found["readable"], len(found["map"]["films"])) == (15, 14, 14)
    assert "text.png" in (tmp_path / "out" / "explore.html").read_text()


def test_a_folder_will_do(run, tmp_path, demo_films):
    result = run("data", "explore", demo_films, "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stderr.splitlines()[-1].startswith("wrote explore.html and explore.json of 64 films in ")
    assert numbers(tmp_path)["counts"][0] == {
        "split": "train",
        "source": "kermany",
        "class": "no pneumonia",
        "subtype": "",
        "films": 16,
        "patients": 16,
        "unreadable": 0,
    }


def test_several_manifests_are_looked_at_as_one(run, tmp_path, manifest):
    other = put(tmp_path / "more", "a.png", film(99), source="other", label=0)
    second = tmp_path / "more" / "manifest.csv"
    write_manifest(Listing(tmp_path / "more", (other,)), second)
    assert run("data", "explore", manifest, second, "--out", tmp_path / "out").exit_code == 0
    found = numbers(tmp_path)
    assert found["films"] == 16
    assert {count["source"] for count in found["counts"]} == {"made-up", "other"}


def test_the_seed_decides_what_is_drawn(run, tmp_path, manifest):
    pages = []
    for seed in (1, 1, 2):
        run("data", "explore", manifest, "--out", tmp_path / "out", "--seed", str(seed))
        pages.append((tmp_path / "out" / "explore.html").read_bytes())
    assert pages[0] == pages[1] != pages[2]


def test_nothing_is_written_for_a_manifest_that_is_none(run, tmp_path):
    (tmp_path / "table.csv").write_text("name,age\nx,3\n")
    result = run("data", "explore", tmp_path / "table.csv", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "expected the columns path" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [(), ("gone.csv", "--out", "x"), ("--seed", "-1", ".", "--out", "x"), (".",)])
def test_misuse_ends_with_2(run, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    result = run("data", "explore", *arguments)
    assert result.exit_code == 2
    assert "Usage: pneumoscope data explore" in result.stderr


def test_a_place_that_cannot_be_written_is_one_line(run, tmp_path, manifest):
    (tmp_path / "taken").write_text("")
    result = run("data", "explore", manifest, "--out", tmp_path / "taken" / "out")
    assert result.exit_code == 1
    assert "cannot write the report" in result.stderr


def test_a_missing_extra_is_told(run, tmp_path, manifest, monkeypatch):
    monkeypatch.setattr(options, "find_spec", lambda module: None if module == "matplotlib" else module)
    result = run("data", "explore", manifest, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: pneumoscope data explore needs the 'data' extra: pip install 'pneumoscope[data]'\n"
    )
