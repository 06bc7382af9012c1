"""Several runs as one bundle."""

from __future__ import annotations

import json
from dataclasses import replace as changed
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.bundle import ModelBundle, load_bundle
from pneumoscope.bundle.card import model_card
from pneumoscope.cli import main
from pneumoscope.core import ManifestError, RecipeError
from pneumoscope.data import open_manifest, read_manifest, write_manifest
from pneumoscope.engines import OnnxRuntimeEngine, Outputs
from pneumoscope.imaging import read
from pneumoscope.imaging.preprocess import network_input, standardise
from pneumoscope.stats.calibration import Calibration
from pneumoscope.stats.platt import fit_platt
from pneumoscope.training.ensemble import ensemble
from pneumoscope.training.export import export, graphs
from pneumoscope.training.films import labelled_films
from pneumoscope.training.recipe import Network, Recipe
from pneumoscope.training.run_folder import Run

from .conftest import FILMS
from .fitted import fitted_run

pytestmark = pytest.mark.train
replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def runs(tiny: Recipe, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Two networks of different kinds, sizes and normalisation, validated on the same films."""
    recipe = replace(
        tiny,
        name="small",
        network=Network(name="cnn", arguments={"widths": [8, 16, 32]}),
        input=replace(tiny.input, size=48, mean=0.4, std=0.25),
    )
    large = fitted_run(tiny, open_manifest(FILMS), tmp_path_factory.mktemp("large"), cache)
    return [large, fitted_run(recipe, read_manifest(large.manifest), tmp_path_factory.mktemp("small"), cache)]


class Made(NamedTuple):
    """The runs' bundle, their bundles apart, films as the former takes them, and what the latter say of them."""

    both: ModelBundle
    alone: list[ModelBundle]
    films: NDArray[np.float32]
    answers: list[Outputs]


@pytest.fixture(scope="module")
def made(runs: list[Run], cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """In fp32, which can be compared to the last digits."""
    folder = tmp_path_factory.mktemp("bundles")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphs, "LEAST_AGREEMENT", 1.1)
        both = ensemble(runs, folder / "both", name="both", version="1", cache=cache)
        alone = [export(run, folder / f"{i}", name="x", version="1", cache=cache) for i, run in enumerate(runs)]
    paths = sorted((FILMS / "test").rglob("*.jpeg"))[::4]
    films = np.stack([network_input(read(path), both.spec.preprocessing) for path in paths])
    # What the second is shown is the film at 64 pixels, made smaller by Pillow.
    greys = films[:, 0] * 0.5 + 0.5
    small = np.stack([np.asarray(Image.fromarray(g).resize((48, 48), Image.Resampling.BILINEAR)) for g in greys])
    shown = (films, ((small - 0.4) / 0.25)[:, np.newaxis])
    answers = [OnnxRuntimeEngine(bundle.graph).run(each) for bundle, each in zip(alone, shown, strict=True)]
    return Made(both, alone, films, answers)


def test_the_answer_is_the_mean_of_the_members_calibrated_answers(made: Made, runs: list[Run], cache: Path) -> None:
    assert made.both.spec.preprocessing == made.alone[0].spec.preprocessing
    members = [member.calibrations[0] for member in made.both.spec.members]
    odds = [own.slope * out.logits + own.intercept for own, out in zip(members, made.answers, strict=True)]
    answer = OnnxRuntimeEngine(made.both.graph).run(made.films)
    np.testing.assert_allclose(answer.logits, np.mean(odds, axis=0), atol=1e-4)
    features = np.concatenate([out.features for out in made.answers], axis=1)
    np.testing.assert_allclose(answer.features, features, atol=1e-4)
    np.testing.assert_allclose(answer.cam.mean(axis=(2, 3)), answer.logits, atol=1e-4)
    # Platt's scaling of what the members say alone, but for the second's films being made smaller twice.
    alone = [platt(run, bundle, cache) for run, bundle in zip(runs, made.alone, strict=True)]
    assert members[0].slope == pytest.approx(alone[0].slope, rel=1e-3)
    assert members[0].intercept == pytest.approx(alone[0].intercept, rel=1e-2, abs=1e-2)
    assert members[1].slope == pytest.approx(alone[1].slope, rel=0.2)


def platt(run: Run, bundle: ModelBundle, cache: Path) -> Calibration:
    """Of a bundle's answers to the validation films of its run."""
    spec = bundle.spec.preprocessing
    films = labelled_films(read_manifest(run.manifest), "val", run.load_record().recipe.data, spec, cache=cache)
    inputs = standardise(films.pixels.astype(np.float32) / np.float32(255), spec)
    logits = OnnxRuntimeEngine(bundle.graph).run(inputs).logits[:, 0]
    return fit_platt(films.targets[:, 0].astype(np.int64), logits, 0.5)


def test_maps_of_two_grids_are_laid_over_each_other_by_area(made: Made) -> None:
    maps = [out.cam[:, 0] for out in made.answers]
    assert maps[0].shape != maps[1].shape
    h, w = (max(cam.shape[axis] for cam in maps) for axis in (1, 2))
    expected = np.zeros((len(made.films), h, w))
    for cam, member in zip(maps, made.both.spec.members, strict=True):
        fine = cam.repeat(h, axis=1).repeat(w, axis=2)
        cells = fine.reshape(-1, h, cam.shape[1], w, cam.shape[2]).mean(axis=(2, 4))
        expected += (member.calibrations[0].slope * cells + member.calibrations[0].intercept) / len(maps)
    np.testing.assert_allclose(OnnxRuntimeEngine(made.both.graph).run(made.films).cam[:, 0], expected, atol=1e-4)


def test_from_runs_to_readings_by_the_commands(
    runs: list[Run], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_CACHE", str(cache))
    bundle = tmp_path / "both.zip"

    def run(*words: object) -> Any:
        done = CliRunner().invoke(main, [str(word) for word in words])
        assert done.exit_code == 0, done.output
        return done

    said = ("--views", "plain,mirrored", "--name", "two", "--weights-from", "a friend", "--weights-licence", "CC0")
    made = run("ensemble", *(one.folder for one in runs), "--out", bundle, *said)
    assert "wrote" in made.stdout
    spec = load_bundle(bundle).spec
    assert (spec.name, spec.graph.views) == ("two", ("plain", "mirrored"))
    assert [(member.recipe, member.size) for member in spec.members] == [("tiny", (64, 64)), ("small", (48, 48))]
    assert [member.recipe_digest for member in spec.members] == [one.load_record().recipe_digest for one in runs]
    assert spec.recipe == "ensemble of tiny, small"
    for weights in (spec.initial_weights, *(member.initial_weights for member in spec.members)):
        assert (weights.name, weights.licence) == ("a friend", "CC0")
    assert len({spec.recipe_digest, *(member.recipe_digest for member in spec.members)}) == 3
    card = model_card(spec)
    assert "the mean of 2 networks' calibrated answers and of the answers to the film as it is, left and right" in card
    assert "- small (`" in card
    assert "two 1.0" in run("doctor", "--bundle", bundle).output
    run(
        "evaluate",
        "--bundle",
        bundle,
        "--data",
        runs[0].manifest,
        "--split",
        "val",
        "--out",
        tmp_path / "results",
        "--quick",
    )
    found = json.loads((tmp_path / "results/metrics.json").read_text())["metrics"]["auc"]["value"]
    assert found == pytest.approx(spec.metrics["auc"].value)
    run("predict", FILMS / "test", "--bundle", bundle, "--out", tmp_path / "readings.csv")
    assert len((tmp_path / "readings.csv").read_text().splitlines()) == 1 + 32


# What does not fit together


def another(run: Run, folder: Path, **choices: Any) -> Run:
    """A run of which only the record and the manifest are there, with another choice in its recipe."""
    record = run.load_record()
    recipe = record.recipe
    for section, values in choices.items():
        recipe = replace(recipe, **{section: replace(getattr(recipe, section), **values)})
    other = Run(folder)
    write_manifest(read_manifest(run.manifest), other.manifest)
    other.record.write_bytes(msgspec.json.encode(replace(record, recipe=recipe)))
    return other


def made_of(runs: list[Run], tmp_path: Path) -> ModelBundle:
    return ensemble(runs, tmp_path / "bundle", name="x", version="1", cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        (
            {"data": {"labels": ("viral", "pneumonia")}},
            r"same first label.*'pneumonia',\).*'viral', 'pneumonia'\)",
        ),
        ({"input": {"aspect": "pad"}}, r"same input\.aspect.*'squash'.*'pad'"),
        ({"input": {"contrast": "clahe"}}, r"same input\.contrast"),
        ({"input": {"edges": True}}, r"same input\.edges"),
    ],
)
def test_runs_that_answer_or_see_otherwise_are_refused(
    runs: list[Run], tmp_path: Path, choices: dict[str, Any], says: str
) -> None:
    with pytest.raises(RecipeError, match=says):
        made_of([runs[0], another(runs[0], tmp_path / "other", **choices)], tmp_path)


def test_edges_of_two_sizes_are_refused(runs: list[Run], tmp_path: Path) -> None:
    small = another(runs[0], tmp_path / "a", input={"edges": True, "size": 48})
    large = another(runs[0], tmp_path / "b", input={"edges": True})
    with pytest.raises(RecipeError, match=r"runs of one size.*got 48, 64"):
        made_of([small, large], tmp_path)


def test_runs_validated_on_different_films_are_refused_with_the_remedy(runs: list[Run], tmp_path: Path) -> None:
    other = another(runs[0], tmp_path / "other")
    films = read_manifest(runs[0].manifest)
    moved = next(film for film in films.films if film.split == "val")
    rest = tuple(changed(film, split="train") if film.key == moved.key else film for film in films.films)
    write_manifest(changed(films, films=rest), other.manifest)
    with pytest.raises(ManifestError, match=r"same validation films.*pneumoscope data split"):
        made_of([runs[0], other], tmp_path)
    assert ManifestError.exit_code == 2


def test_a_run_that_has_learned_from_anothers_test_films_is_refused(runs: list[Run], tmp_path: Path) -> None:
    other = another(runs[0], tmp_path / "other")
    films = read_manifest(runs[0].manifest)
    rest = tuple(changed(film, split="train") if film.split == "test" else film for film in films.films)
    write_manifest(changed(films, films=rest), other.manifest)
    with pytest.raises(ManifestError, match=r"learned from 32 films.*pneumoscope data split"):
        made_of([runs[0], other], tmp_path)


def test_a_licence_of_weights_that_are_not_named_is_misuse(runs: list[Run], tmp_path: Path) -> None:
    words = (
        "ensemble",
        *(str(run.folder) for run in runs),
        "--out",
        str(tmp_path / "x.zip"),
        "--weights-licence",
        "CC0",
    )
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert "--weights-from" in done.output


def test_one_run_is_no_ensemble(runs: list[Run], tmp_path: Path) -> None:
    for alike in (runs[:1], [runs[0], runs[0]]):
        with pytest.raises(RecipeError, match="two different runs"):
            made_of(alike, tmp_path)
