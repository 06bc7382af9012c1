"""From films to a bundle that answers as the trained network does."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from pneumoscope.bundle import load_bundle
from pneumoscope.bundle.spec import View
from pneumoscope.cli import main
from pneumoscope.core import DamagedBundle, RunError
from pneumoscope.data import open_manifest
from pneumoscope.engines import OnnxRuntimeEngine, Outputs
from pneumoscope.evaluation import evaluate
from pneumoscope.imaging import read
from pneumoscope.imaging.preprocess import Preprocessing, network_input, resize
from pneumoscope.predict import Predictor
from pneumoscope.stats.fit_calibration import fit_calibration
from pneumoscope.training.export import WeightsOrigin, export, graphs, make
from pneumoscope.training.export.measure import measured
from pneumoscope.training.export.provenance import of_run
from pneumoscope.training.export.task import Answers, Shown
from pneumoscope.training.networks import build_network
from pneumoscope.training.onnx_graph import fp32_graph, int8_graph
from pneumoscope.training.recipe import Network, Recipe
from pneumoscope.training.run import Run, train
from tests.helpers import row

from .conftest import FILMS
from .fitted import fitted_run

pytestmark = pytest.mark.train
ORIGIN = WeightsOrigin("a friend", "CC0")
replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def by_heart(tiny: Recipe, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run long enough to know its films: no augmentation, many epochs."""
    options = replace(tiny.optimisation, epochs=30)
    recipe = replace(tiny, optimisation=options, augmentation=type(tiny.augmentation)())
    recipe = replace(recipe, input=replace(recipe.input, train_size=64))
    return train(recipe, open_manifest(FILMS), tmp_path_factory.mktemp("runs") / "by-heart", cache=cache)


@pytest.fixture(scope="module")
def bundle(by_heart: Run, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundles") / "tiny.zip"
    export(by_heart, path, name="tiny", version="1", origin=ORIGIN, cache=cache)
    return path


@pytest.fixture(scope="module")
def quick(tiny: Recipe, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run for those who do not ask what it knows."""
    return fitted_run(tiny, open_manifest(FILMS), tmp_path_factory.mktemp("quick"), cache)


@pytest.fixture
def no_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ship fp32, which can be compared to the last digits."""
    monkeypatch.setattr(graphs, "LEAST_AGREEMENT", 1.1)


def some_films() -> list[Path]:
    return sorted((FILMS / "test").rglob("*.jpeg"))[::4]


def test_the_bundle_knows_the_films_it_learned(bundle: Path, by_heart: Run) -> None:
    metrics = evaluate(Predictor.open(bundle), open_manifest(by_heart.manifest), "train").summary.metrics
    assert metrics["auc"].value > 0.98


def test_the_bundle_answers_as_the_network(bundle: Path, by_heart: Run) -> None:
    network, loaded = by_heart.load_network(), load_bundle(bundle)
    predictor = Predictor.open(bundle)
    tolerance = loaded.spec.golden.tolerance
    for path in some_films():
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


@pytest.fixture(scope="module")
def lenient_and_strict(quick: Run, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Bundles of one run: whatever int8 has lost is enough for the first, and too much for the second."""
    folder = tmp_path_factory.mktemp("precisions")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphs, "LARGEST_AUC_LOSS", 1.0)
        for name, least in (("a", 0.0), ("b", 1.1)):
            patch.setattr(graphs, "LEAST_AGREEMENT", least)
            export(quick, folder / name, name=name, version="1", cache=cache)
    return folder / "a", folder / "b"


def test_int8_is_shipped_only_when_it_agrees_with_fp32(lenient_and_strict: tuple[Path, Path]) -> None:
    lenient, strict = map(load_bundle, lenient_and_strict)
    assert (lenient.spec.graph.precision, strict.spec.graph.precision) == ("int8", "fp32")
    assert len(lenient.graph) < len(strict.graph)


def test_int8_reads_films_as_fp32_of_the_same_run(lenient_and_strict: tuple[Path, Path]) -> None:
    """As near on other films as on those that it was compared on when the bundle was made."""
    int8, fp32 = map(Predictor.open, lenient_and_strict)
    spec, paths = fp32.bundle.spec, sorted((FILMS / "test").rglob("*.jpeg"))
    films = np.stack([network_input(read(path), spec.preprocessing) for path in paths])
    strays = np.abs(int8.engine.run(films).logits - fp32.engine.run(films).logits)
    assert strays.mean() <= 1.5 * int8.bundle.spec.graph.parity["mean_logit_difference"]
    pairs = [(int8.read(path), fp32.read(path)) for path in paths]
    p, expected = np.array([[reading.finding.probability for reading in pair] for pair in pairs]).T
    assert np.abs(p - expected).mean() < 0.05
    far = np.abs(expected - spec.operating_point().threshold) > 0.15
    assert 0.2 < far.mean() < 1
    assert ((p > 0.5) == (expected > 0.5))[far].all()
    heat = [np.abs(one.heatmap - other.heatmap).mean() for one, other in pairs]
    assert np.mean(heat) < 0.1


def test_a_graph_that_fails_its_golden_check_leaves_no_bundle(
    quick: Run, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise DamagedBundle("golden film 0")

    monkeypatch.setattr(make, "open_engine", refuse)
    with pytest.raises(DamagedBundle, match="golden film 0"):
        export(quick, tmp_path / "x", name="x", version="1", cache=cache)
    assert not (tmp_path / "x").exists()


def test_a_network_no_better_than_chance_is_not_shipped(
    quick: Run, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "auc", lambda *_: 0.5)
    with pytest.raises(RunError, match="no better than chance"):
        export(quick, tmp_path / "x", name="x", version="1", cache=cache)
    assert not (tmp_path / "x").exists()


# Views


def closer(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The central 7/8 of a film, cut out and enlarged by Pillow: 64 = 4 + 56 + 4."""
    return np.asarray(Image.fromarray(pixels).resize((64, 64), Image.Resampling.BILINEAR, box=(4, 4, 60, 60)))


def enlarged_and_back(cam: NDArray[np.float32], logit: float) -> NDArray[np.float32]:
    """A closer view's map in the film, drawn at 16 times its cells' size: (h, w) -> (h, w). The rim has the logit."""
    h, w = cam.shape
    canvas = np.full((16 * h, 16 * w), logit, np.float64)
    canvas[h : 15 * h, w : 15 * w] = cam.repeat(14, axis=0).repeat(14, axis=1)
    return canvas.reshape(h, 16, w, 16).mean(axis=(1, 3))


def test_views_are_averaged_inside_the_graph(quick: Run, cache: Path, tmp_path: Path, no_int8: None) -> None:
    views: tuple[View, ...] = ("plain", "mirrored", "closer")
    export(quick, tmp_path / "a", name="a", version="1", cache=cache)
    made = export(quick, tmp_path / "b", name="b", version="1", cache=cache, views=views)
    one, several = (OnnxRuntimeEngine(load_bundle(tmp_path / name).graph) for name in ("a", "b"))
    assert made.spec.graph.views == views
    for path in some_films():
        grey = resize(read(path), made.spec.preprocessing)
        pictures = [grey, np.ascontiguousarray(grey[:, ::-1]), closer(grey)]
        apart = [one.run(2 * picture[np.newaxis, np.newaxis] - 1) for picture in pictures]
        answer = several.run(2 * grey[np.newaxis, np.newaxis] - 1)
        maps = [
            apart[0].cam[0, 0],
            apart[1].cam[0, 0, :, ::-1],
            enlarged_and_back(apart[2].cam[0, 0], apart[2].logits.item()),
        ]
        np.testing.assert_allclose(answer.logits[0], np.mean([each.logits[0] for each in apart], axis=0), atol=1e-4)
        np.testing.assert_allclose(answer.features[0], np.mean([e.features[0] for e in apart], axis=0), atol=1e-4)
        np.testing.assert_allclose(answer.cam[0, 0], np.mean(maps, axis=0), atol=1e-3)
        np.testing.assert_allclose(answer.cam.mean(axis=(2, 3)), answer.logits, atol=1e-4)
    graph = onnx.load_from_string(made.graph).graph
    rows = {part.type.tensor_type.shape.dim[0].dim_param for part in (*graph.input, *graph.output)}
    assert rows == {"batch"}
    assert several.run(np.zeros((3, 1, 64, 64), np.float32)).logits.shape == (3, 1)


def test_calibration_and_metrics_are_those_of_the_graph_with_its_views(quick: Run, cache: Path, tmp_path: Path) -> None:
    made = export(quick, tmp_path / "b", name="b", version="1", cache=cache, views=("mirrored",))
    found = evaluate(Predictor.open(tmp_path / "b"), open_manifest(quick.manifest), "val").summary.metrics
    assert found["auc"].value == pytest.approx(made.spec.metrics["auc"].value)
    assert found["recall"].value == pytest.approx(made.spec.operating_point().sensitivity.value)
    assert found["specificity"].value == pytest.approx(made.spec.operating_point().specificity.value)


# Several labels


@pytest.fixture(scope="module")
def one_of_three(tiny: Recipe, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    data = replace(tiny.data, labels=("bacterial", "viral", "normal"), exclusive=True)
    return fitted_run(replace(tiny, data=data), open_manifest(FILMS), tmp_path_factory.mktemp("three"), cache)


def test_labels_that_exclude_each_other_are_log_odds_of_the_softmax(
    one_of_three: Run, cache: Path, tmp_path: Path, no_int8: None
) -> None:
    made = export(one_of_three, tmp_path / "x", name="x", version="1", cache=cache)
    network, engine = one_of_three.load_network(), OnnxRuntimeEngine(made.graph)
    film = network_input(read(some_films()[0]), made.spec.preprocessing)[np.newaxis]
    with torch.no_grad():
        shares = network(torch.from_numpy(film)).softmax(dim=1).numpy().astype(np.float64)
    answer = engine.run(film)
    np.testing.assert_allclose(1 / (1 + np.exp(-answer.logits)), shares, atol=1e-5)
    np.testing.assert_allclose(answer.cam.mean(axis=(2, 3)), answer.logits, atol=1e-4)
    assert made.spec.exclusive
    assert [label.code.value for label in made.spec.labels] == ["53084003", "75570004", "17621005"]
    assert set(made.spec.metrics) == {"auc", "auc_viral", "auc_normal"}
    findings = Predictor.open(tmp_path / "x").read(some_films()[0]).findings
    for label, finding, logit in zip(made.spec.labels, findings, answer.logits[0], strict=True):
        assert finding.probability == pytest.approx(float(label.calibration.probability(logit)), abs=1e-4)


@pytest.fixture
def shown() -> Shown:
    """240 made-up films of two labels, of which the second is stated for two in three."""
    rng = np.random.default_rng(2)
    targets = (rng.random((240, 2)) < [0.7, 0.3]).astype(np.float32)
    targets[::3, 1] = np.nan
    films = tuple(row(f"{i}.png", patient=str(i // 2), split="val") for i in range(240))
    return Shown(films, np.zeros((240, 1, 32, 32), np.uint8), targets, Preprocessing(size=(32, 32)))


def answers(shown: Shown, strength: float) -> Answers:
    rng = np.random.default_rng(3)
    logits = (strength * np.nan_to_num(shown.targets) + rng.normal(size=shown.targets.shape)).astype(np.float32)
    return Answers(logits, np.repeat(logits[:, :, None, None], 4, axis=2))


def test_each_label_is_measured_on_the_films_that_state_it(shown: Shown) -> None:
    said = answers(shown, 1.5)
    found = measured(("pneumonia", "cavitation"), said, shown)
    stated = ~np.isnan(shown.targets[:, 1])
    truth, logits = shown.targets[stated, 1].astype(int), said.logits[stated, 1]
    assert found["metrics"]["auc_cavitation"].value == pytest.approx(roc_auc_score(truth, logits))
    assert found["metrics"]["auc"].value == pytest.approx(roc_auc_score(shown.targets[:, 0], said.logits[:, 0]))
    label = found["labels"][1]
    patients = [film.patient for film, said in zip(shown.films, stated, strict=True) if said]
    fitted = fit_calibration(truth, logits, patients, 0.5)
    assert (label.calibration, label.calibration_rule) == (fitted.calibration, fitted.rule)
    assert fitted.rule.startswith("platt, as from the simplest family on")
    # Platt's targets, for scikit-learn: each film counts a little for the other class too.
    positives, negatives = truth.sum(), (1 - truth).sum()
    share = np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    reference = LogisticRegression(C=1e9).fit(
        np.tile(logits, 2)[:, None], np.repeat([1, 0], len(truth)), np.concatenate([share, 1 - share])
    )
    assert label.calibration.slope == pytest.approx(reference.coef_.item(), rel=1e-3)
    even = reference.intercept_.item() - np.log(positives / negatives)
    assert label.calibration.intercept == pytest.approx(even, rel=1e-3)
    assert label.calibration.prevalence == 0.5
    assert (label.code.scheme, label.code.value) == ("99PNEUMOSCOPE", "cavitation")
    assert found["metrics_data"].startswith("240 validation films of made-up")
    assert "cavitation on 160" in found["metrics_data"]


def test_operating_points_are_those_of_the_first_label(shown: Shown) -> None:
    said = answers(shown, 1.5)
    several, one = (
        measured(labels, Answers(said.logits[:, : len(labels)], said.cam[:, : len(labels)]), each)
        for labels, each in (
            (("pneumonia", "cavitation"), shown),
            (("pneumonia",), Shown(shown.films, shown.pixels, shown.targets[:, :1], shown.spec)),
        )
    )
    assert several["operating_points"] == one["operating_points"]
    assert [point.name for point in one["operating_points"]] == ["balanced", "screening", "rule-in"]
    assert several["labels"][0] == one["labels"][0]
    positive = several["labels"][0].calibration.probability(said.logits[:, 0]) >= 0.5
    point = one["operating_points"][0]
    assert point.sensitivity.value == pytest.approx(positive[shown.targets[:, 0] == 1].mean())
    assert point.specificity.value == pytest.approx((~positive[shown.targets[:, 0] == 0]).mean())


def test_points_promise_what_the_patients_allow_and_say_so(shown: Shown) -> None:
    """98% needs 149 patients of a class, 95% needs 59, 90% needs 29."""
    found = measured(("pneumonia",), first(answers(shown, 1.5)), only_first(shown))["operating_points"]
    for point, truth, sample in ((found[1], 1, "positive"), (found[2], 0, "negative")):
        of_class = zip(shown.films, shown.targets[:, 0], strict=True)
        patients = len({film.patient for film, label in of_class if label == truth})
        assert 59 <= patients < 149
        assert (point.aim, point.confidence, getattr(point, sample).patients) == (0.95, 0.95, patients)
        assert f"of 0.98 with 95% confidence needs 149 patients with the label {truth}, got {patients}" in point.rule
    assert found[1].sensitivity.low <= 0.96
    assert found[2].specificity.low <= 0.96
    assert found[1].threshold < found[0].threshold < found[2].threshold
    few = Shown(shown.films[:40], shown.pixels[:40], shown.targets[:40, :1], shown.spec)
    (balanced,) = measured(("pneumonia",), first(answers(shown, 1.5), 40), few)["operating_points"]
    assert "no screening point, as a recall of 0.9" in balanced.rule
    assert "no rule-in point, as a specificity of 0.9" in balanced.rule


def first(said: Answers, films: int = 240) -> Answers:
    return Answers(said.logits[:films, :1], said.cam[:films, :1])


def only_first(shown: Shown) -> Shown:
    return Shown(shown.films, shown.pixels, shown.targets[:, :1], shown.spec)


def test_certainty_is_each_labels_own(shown: Shown) -> None:
    said = answers(shown, 1.5)
    found = measured(("pneumonia", "cavitation"), said, shown)["labels"]
    for k, label in enumerate(found):
        known = label.certainty
        truth = shown.targets[:, k]
        scores = label.calibration.probability(said.logits[:, k])
        assert known.error_rate == 0.05
        assert known.positive.films == (truth == 1).sum()
        assert np.mean(scores[truth == 1] >= known.yes_from) >= 0.94
        assert np.mean(scores[truth == 0] <= known.no_to) >= 0.9


def test_a_label_that_is_told_the_wrong_way_round_is_refused_by_name(shown: Shown) -> None:
    said = answers(shown, 1.5)
    said.logits[:, 1] *= -1
    with pytest.raises(RunError, match="'cavitation' cannot be calibrated"):
        measured(("pneumonia", "cavitation"), said, shown)


def test_int8_is_judged_by_the_label_where_it_strays_most(shown: Shown) -> None:
    fp32 = answers(shown, 3.0).logits
    noisy = fp32.copy()
    noisy[:, 1] += np.random.default_rng(4).normal(scale=2.0, size=len(noisy))
    labels = ("pneumonia", "cavitation")
    assert graphs._parity(labels, shown.targets, fp32, fp32) == {
        "auc_difference": 0.0,
        "same_decision": 1.0,
        "mean_logit_difference": 0.0,
    }
    strays = graphs._parity(labels, shown.targets, fp32, noisy)
    stated = ~np.isnan(shown.targets[:, 1])
    assert strays["mean_logit_difference"] == pytest.approx(np.abs(fp32 - noisy)[stated, 1].mean())
    truth = shown.targets[stated, 1]
    expected = abs(roc_auc_score(truth, fp32[stated, 1]) - roc_auc_score(truth, noisy[stated, 1]))
    assert strays["auc_difference"] == pytest.approx(expected)
    assert strays["same_decision"] < 0.95


def test_int8_that_tells_nothing_any_more_agrees_with_nothing(shown: Shown) -> None:
    fp32 = answers(shown, 3.0).logits
    assert graphs._parity(("a", "b"), shown.targets, fp32, -fp32)["same_decision"] == 0.0


# Other networks and inputs


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("cnn", {"widths": [4, 8]}),
        ("test_vit", {"dynamic_img_size": True}),
        ("convnextv2_atto", {"depths": [1, 1, 1, 1], "dims": [8, 16, 24, 32]}),
        ("test_efficientnet_ln", {}),
        ("vgg11", {}),
    ],
)
def test_networks_of_every_kind_answer_the_same_as_a_graph(
    name: str, arguments: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    network = build_network(Network(name=name, arguments=arguments), channels=2, labels=2).eval()  # type: ignore[arg-type]
    graph = fp32_graph(network, Preprocessing(size=(64, 64), edges=True))
    films = np.random.default_rng(0).normal(size=(5, 2, 64, 64)).astype(np.float32)
    with torch.no_grad():
        expected = Outputs(*(output.numpy() for output in network.explain(torch.from_numpy(films))))
    for several in (films, films[:1]):
        found = OnnxRuntimeEngine(graph).run(several)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs[: len(several)], rtol=1e-4, atol=1e-4)
    quantised = OnnxRuntimeEngine(int8_graph(graph, [films])).run(films)
    assert quantised.logits.shape == (5, 2)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(("name", "kept"), [("mobilenetv2_100", 3), ("mobilenetv2_140", 2)])
def test_small_convolutions_after_the_first_two_stay_fp32(name: str, kept: int) -> None:
    """MobileNetV2's third convolution has 512 weights, and more than a thousand where the network is wider."""
    network = build_network(Network(name=name), channels=1, labels=1).eval()
    films = np.random.default_rng(0).normal(size=(2, 1, 64, 64)).astype(np.float32)
    graph = onnx.load_from_string(int8_graph(fp32_graph(network, Preprocessing(size=(64, 64))), [films])).graph
    weights = {tensor.name for tensor in graph.initializer}
    in_fp32 = [node.input[1] in weights for node in graph.node if node.op_type == "Conv"]
    assert in_fp32.index(False) == kept


def test_a_film_with_edges_and_clearer_contrast_goes_all_the_way(tiny: Recipe, cache: Path, tmp_path: Path) -> None:
    pytest.importorskip("cv2", reason="contrast and edges need the vision extra")
    shown_so = replace(tiny.input, edges=True, contrast="clahe", aspect="pad", mean=0.4, std=0.2)
    network = Network(name="cnn", arguments={"widths": [4, 8]})
    recipe = replace(tiny, input=shown_so, network=network)
    run = fitted_run(recipe, open_manifest(FILMS), tmp_path / "run", cache)
    made = export(run, tmp_path / "bundle", name="x", version="1", cache=cache, views=("plain", "closer"))
    assert made.spec.preprocessing == Preprocessing(
        size=(64, 64), edges=True, contrast="clahe", aspect="pad", mean=0.4, std=0.2
    )
    measured_again = evaluate(Predictor.open(tmp_path / "bundle"), open_manifest(run.manifest), "val").summary
    assert measured_again.metrics["auc"].value == pytest.approx(made.spec.metrics["auc"].value, abs=0.1)
    plain = np.array(made.spec.typical_film)
    assert plain[:, 0].mean() > 0.05, "a padded film's rim would be black"


# Where it comes from


def test_initial_weights_are_what_the_maker_says_or_what_the_recipe_says(bundle: Path, quick: Run) -> None:
    stated = load_bundle(bundle).spec.initial_weights
    assert (stated.name, stated.licence) == ("a friend", "CC0")
    record = quick.load_record()
    assert of_run(record, None)["initial_weights"].name == "random"
    network = Network(name="resnet18", weights="timm/resnet18.a1_in1k")
    published = replace(record, recipe=replace(record.recipe, network=network))
    weights = of_run(published, None)["initial_weights"]
    assert (weights.name, weights.licence) == ("timm/resnet18.a1_in1k", "apache-2.0")
    file = replace(published, weights_file="mine.safetensors", weights_digest="a" * 64)
    weights = of_run(file, None)["initial_weights"]
    assert (weights.name, weights.licence, weights.digest) == (
        "not stated (mine.safetensors)",
        "not stated",
        "a" * 64,
    )


def test_a_teacher_is_named(quick: Run) -> None:
    record = quick.load_record()
    assert of_run(record, None)["teacher"] is None
    taught = of_run(replace(record, teacher="large 1.0", teacher_digest="b" * 64), None)["teacher"]
    assert (taught.name, taught.digest) == ("large 1.0", "b" * 64)


def test_a_run_is_compared_as_what_ships_of_it(
    by_heart: Run, bundle: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_CACHE", str(cache))
    entrants = (str(bundle), str(by_heart.folder))
    result = CliRunner().invoke(main, ["compare", *entrants, "--data", str(FILMS), "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert f"exporting {by_heart.folder}" in result.stderr
    first, second = json.loads((tmp_path / "comparison.json").read_text())["entrants"]
    assert first["metrics"]["log_loss"]["value"] == second["metrics"]["log_loss"]["value"]
