"""From films to a bundle that answers as the trained network does."""

from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
import torch

from pneumoscope.bundle import load_bundle
from pneumoscope.core import DamagedBundle, RunError
from pneumoscope.data import open_manifest
from pneumoscope.evaluation import evaluate
from pneumoscope.imaging import read
from pneumoscope.imaging.preprocess import network_input
from pneumoscope.predict import Predictor
from pneumoscope.training import export as export_module
from pneumoscope.training.export import WeightsOrigin, export
from pneumoscope.training.recipe import Recipe
from pneumoscope.training.run import Run, train

from .conftest import FILMS

pytestmark = pytest.mark.train
ORIGIN = WeightsOrigin("random", "none")


@pytest.fixture(scope="module")
def by_heart(tiny: Recipe, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run long enough to know its films: no augmentation, many epochs."""
    replace = msgspec.structs.replace
    options = replace(tiny.optimisation, epochs=30)
    recipe = replace(tiny, optimisation=options, augmentation=type(tiny.augmentation)())
    recipe = replace(recipe, input=replace(recipe.input, train_size=64))
    return train(recipe, open_manifest(FILMS), tmp_path_factory.mktemp("runs") / "by-heart", cache=cache)


@pytest.fixture(scope="module")
def bundle(by_heart: Run, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundles") / "tiny.zip"
    export(by_heart, path, name="tiny", version="1", origin=ORIGIN, cache=cache)
    return path


def test_the_bundle_knows_the_films_it_learned(bundle: Path, by_heart: Run) -> None:
    metrics = evaluate(Predictor.open(bundle), open_manifest(by_heart.manifest), "train").summary["metrics"]
    assert metrics["auc"].value > 0.98


def test_the_bundle_answers_as_the_network(bundle: Path, by_heart: Run) -> None:
    network, loaded = by_heart.load_network(), load_bundle(bundle)
    predictor = Predictor.open(bundle)
    tolerance = loaded.spec.golden.tolerance
    for path in sorted((FILMS / "test").rglob("*.jpeg"))[::4]:
        film = network_input(read(path), loaded.spec.preprocessing)[np.newaxis]
        with torch.no_grad():
            logit = network(torch.from_numpy(film)).item()
        expected = loaded.spec.labels[0].calibration.probability(np.array(logit))
        assert predictor.read(path).finding.probability == pytest.approx(float(expected), abs=tolerance)


def test_the_graph_names_no_folder_of_the_machine_that_made_it(bundle: Path) -> None:
    model = onnx.load_from_string(load_bundle(bundle).graph)
    notes = [note for node in model.graph.node for note in node.metadata_props]
    assert not [note.key for note in notes if "trace" in note.key]
    assert b"site-packages" not in load_bundle(bundle).graph


def test_cells_of_the_map_average_to_the_logit(bundle: Path) -> None:
    engine, spec = Predictor.open(bundle).engine, load_bundle(bundle).spec
    film = network_input(read(next((FILMS / "test" / "NORMAL").iterdir())), spec.preprocessing)
    outputs = engine.run(film[np.newaxis])
    np.testing.assert_allclose(outputs.cam.mean(axis=(2, 3)), outputs.logits, atol=1e-4)


def test_int8_is_shipped_only_when_it_agrees_with_fp32(
    by_heart: Run, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "LARGEST_AUC_LOSS", 1.0)
    monkeypatch.setattr(export_module, "LEAST_AGREEMENT", 0.0)
    lenient = export(by_heart, tmp_path / "a", name="a", version="1", origin=ORIGIN, cache=cache)
    monkeypatch.setattr(export_module, "LEAST_AGREEMENT", 1.1)
    strict = export(by_heart, tmp_path / "b", name="b", version="1", origin=ORIGIN, cache=cache)
    assert (lenient.spec.graph.precision, strict.spec.graph.precision) == ("int8", "fp32")
    assert len(lenient.graph) < len(strict.graph)


def test_a_graph_that_fails_its_golden_check_leaves_no_bundle(
    by_heart: Run, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise DamagedBundle("golden film 0")

    monkeypatch.setattr(export_module, "open_engine", refuse)
    with pytest.raises(DamagedBundle, match="golden film 0"):
        export(by_heart, tmp_path / "x", name="x", version="1", origin=ORIGIN, cache=cache)
    assert not (tmp_path / "x").exists()


def test_a_network_no_better_than_chance_is_not_shipped(
    finished: Run, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "auc", lambda *_: 0.5)
    with pytest.raises(RunError, match="no better than chance"):
        export(finished, tmp_path / "x", name="x", version="1", origin=ORIGIN, cache=cache)
    assert not (tmp_path / "x").exists()
