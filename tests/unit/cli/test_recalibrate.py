from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from pneumoscope.bundle import load_bundle
from pneumoscope.core.manifest import Manifest
from pneumoscope.data import write_manifest
from tests.helpers import GAIN, flat, tiny_contents, tiny_golden, tiny_graph, write_several, write_tiny
from tests.phantoms import put


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("bundle.points", "evaluation.recalibration", "evaluation.verdict"):
        monkeypatch.setattr(import_module(f"pneumoscope.{module}"), "RESAMPLES", 30)


def site(root: Path, films: int = 70) -> Path:
    """A manifest of flat films, bright where they are sick; every tenth is not."""
    rng = np.random.default_rng(4)
    rows = []
    for i in range(films):
        bright = (i % 2) ^ (i % 10 == 0)
        grey = int(rng.integers(130, 250) if bright else rng.integers(5, 125))
        rows.append(put(root, f"{i}.png", flat(grey), label=i % 2, patient=str(i), split="", source="ward 7"))
    write_manifest(Manifest(root, tuple(rows)), root / "films.csv")
    return root / "films.csv"


def test_it_says_what_it_found_and_writes_a_bundle(run, tiny_bundle, tmp_path):
    out = tmp_path / "new.zip"
    films = site(tmp_path / "ward")
    result = run(
        "recalibrate", "--bundle", tiny_bundle, "--data", films, "--out", out, "--name", "ward 7", "--jobs", "1"
    )
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("tiny 1.2 on 70 films of ward 7: 35 films of 35 patients with pneumonia, 35 films of 35")
    assert lines[1].startswith("calibration, on top of the bundle's own: intercept")
    assert "  balanced  positive from 0.500, was 0.500: the film made pneumonia more likely" in result.stdout
    assert "  screening positive from 0." in result.stdout
    assert next(line for line in lines if line.startswith("verdict: ")).split(": ")[1].endswith("on films like these")
    assert lines[-1].endswith("confirm them on later films.")
    assert "wrote" in result.stderr
    new = load_bundle(out)
    assert (new.spec.name, new.digest[:16] in result.stderr) == ("ward 7", True)
    again = run("recalibrate", "--bundle", out, "--data", films, "--out", tmp_path / "again")
    assert (again.exit_code, "recalibrated with these films already" in again.stderr) == (2, True)
    page = tmp_path / "r.html"
    assert (
        run("predict", films.parent, "--bundle", out, "--html", page, "--operating-point", "screening").exit_code == 0
    )
    assert "Films unlike the 70 films of ward 7" in page.read_text()


def test_a_model_that_is_not_usable_leaves_no_bundle(run, tmp_path):
    graph = tiny_graph(-GAIN)
    reversed_bundle = write_tiny(tmp_path / "reversed", tiny_contents(graph, tiny_golden(graph).to_bytes()))
    out = tmp_path / "new"
    result = run("recalibrate", "--bundle", reversed_bundle, "--data", site(tmp_path / "ward"), "--out", out)
    assert result.exit_code == 1
    assert "verdict: not usable on films like these" in result.stdout
    assert f"nothing written in {out}" in result.stderr
    assert not out.exists()


def test_a_worse_model_does_not_take_the_place_of_the_one_in_use(run, tiny_bundle, tmp_path):
    graph = tiny_graph(-GAIN)
    newer = write_tiny(tmp_path / "newer", tiny_contents(graph, tiny_golden(graph).to_bytes()), version="2.0")
    words = ("--bundle", newer, "--data", site(tmp_path / "ward"), "--out", tmp_path / "new")
    result = run("recalibrate", *words, "--upgrades", tiny_bundle)
    assert result.exit_code == 1
    assert "in place of the bundle in use: may not take its place" in result.stdout
    assert not (tmp_path / "new").exists()


def test_misuse_ends_with_2_and_trouble_with_1(run, tiny_bundle, tmp_path):
    films, few = site(tmp_path / "ward"), site(tmp_path / "small", 20)
    several = write_several(tmp_path / "several", {"pneumonia": 4.0, "tumour": 1.0})
    out = tmp_path / "new"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    for code, says, words in [
        (2, "expected a new bundle", ("--bundle", tiny_bundle, "--data", films, "--out", tiny_bundle)),
        (2, "expected 50 films or more", ("--bundle", tiny_bundle, "--data", few, "--out", out)),
        (2, "no films in split 'val'", ("--bundle", tiny_bundle, "--data", films, "--out", out, "--split", "val")),
        (2, "does not exist", ("--bundle", tiny_bundle, "--data", tmp_path / "none.csv", "--out", out)),
        (1, "asks one label of every film, got 2", ("--bundle", several, "--data", films, "--out", out)),
        (1, "it holds notes.txt", ("--bundle", tiny_bundle, "--data", films, "--out", tmp_path / "mine")),
        (1, "expected a bundle", ("--bundle", tmp_path / "ward", "--data", films, "--out", out)),
    ]:
        result = run("recalibrate", *words)
        assert result.exit_code == code, (says, result.stderr)
        assert says in " ".join(result.stderr.split())
    assert not out.exists()
