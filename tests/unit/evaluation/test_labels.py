"""Bundles with several labels, whose logit for a film of one grey is each label's gain times (2 * grey - 1)."""

from __future__ import annotations

import csv
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from msgspec import to_builtins
from msgspec.structs import astuple
from PIL import Image
from sklearn import metrics as sklearn_metrics

from pneumoscope.bundle import load_bundle
from pneumoscope.core import ManifestError, Reading
from pneumoscope.core.files import sha256_bytes
from pneumoscope.core.manifest import Manifest
from pneumoscope.data import open_manifest
from pneumoscope.data.sources import index
from pneumoscope.evaluation import evaluate, read_metrics, write_evaluation
from pneumoscope.predict import Predictor
from tests.helpers import INTERCEPT, SLOPE, flat, row, write_several

THREE = {"pneumonia": 4.0, "bacterial": 2.0, "viral": -3.0}
CLASSES = {"tuberculosis": 6.0, "tumour": -4.0, "normal": 0.5}
"""Bright films are tuberculosis, dark ones tumours, those between normal."""

FOLDERS = {
    "Tuberculosis": [250, 210, 180, 120, 30],
    "tumour": [10, 30, 60, 100, 128, 240],
    "NORMAL": [110, 115, 118, 120, 122, 40],
}


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    monkeypatch.setattr(import_module("pneumoscope.evaluation.measures"), "RESAMPLES", 20)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory) -> dict[str, Predictor]:
    root = tmp_path_factory.mktemp("bundles")
    write_several(root / "three", THREE)
    write_several(root / "classes", CLASSES, exclusive=True)
    write_several(root / "each", CLASSES)
    return {name: Predictor.open(root / name) for name in ("three", "classes", "each")}


@pytest.fixture
def clinic(tmp_path: Path) -> Manifest:
    """A folder for each class; no film states anything of pneumonia but that the normal ones have none."""
    for folder, greys in FOLDERS.items():
        place = tmp_path / "clinic" / "test" / folder
        place.mkdir(parents=True)
        for i, grey in enumerate(greys):
            (place / f"{i}.png").write_bytes(flat(grey))
    return Manifest(tmp_path / "clinic", index(tmp_path / "clinic", "folder").films)


def probability(gain: float, grey: int) -> float:
    return 1 / (1 + np.exp(-(SLOPE * gain * (2 * grey / 255 - 1) + INTERCEPT)))


def columns(folder: Path) -> dict[str, list[str]]:
    with (folder / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [line[name] for line in rows] for name in rows[0]}


def test_each_label_of_the_demo_films_is_measured_as_by_sklearn(bundles, demo_films, tmp_path):
    result = evaluate(bundles["three"], open_manifest(demo_films), "test")
    write_evaluation(result, tmp_path)
    summary, scores = read_metrics(tmp_path), columns(tmp_path)
    assert summary == result.summary
    assert list(summary.labels) == list(THREE)
    marks = {"pneumonia": ("", "person"), "bacterial": ("bacterial_", "bacteria"), "viral": ("viral_", "virus")}
    for label, (prefix, mark) in marks.items():
        truth = np.array([mark in film.path for film in result.films], int)
        p = np.array(scores[f"{prefix}probability"], float)
        assert scores[f"{prefix}label"] == [str(one) for one in truth]
        assert scores[f"{prefix}decision"] == [str(int(one >= 0.5)) for one in p]
        measured = summary.labels[label]
        assert measured.films == 32
        assert measured.metrics["auc"].value == pytest.approx(sklearn_metrics.roc_auc_score(truth, p), abs=1e-5)
        tn, fp, fn, tp = sklearn_metrics.confusion_matrix(truth, p >= 0.5).ravel().tolist()
        assert astuple(measured.confusion) == (tp, fp, tn, fn)
        assert measured.metrics["recall"].value == pytest.approx(tp / (tp + fn))
    first = summary.labels["pneumonia"]
    assert (summary.metrics, summary.confusion) == (first.metrics, first.confusion)
    assert (summary.data.films, summary.data.positive) == (32, 16)
    assert summary.argmax is None
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size == (1000, 1500)


def test_the_first_label_has_the_figures_and_columns_of_a_bundle_that_tells_it_alone(
    bundles, predictor, demo_films, tmp_path
):
    """The tiny bundle's only label is the first of the three, of the same gain."""
    films = open_manifest(demo_films)
    one, three = evaluate(predictor, films, "test"), evaluate(bundles["three"], films, "test")
    facts = {"format", "schema_version", "bundle", "data", "intervals", "program"}
    about_the_first = ("metrics", "confusion", "data", "points", "subtypes", "prevalence", "uncalibrated", "cautions")
    assert set(to_builtins(one.summary)) == {*facts, *about_the_first, "curves"}
    for name in about_the_first:
        assert getattr(three.summary, name) == getattr(one.summary, name)
    write_evaluation(one, tmp_path / "one")
    write_evaluation(three, tmp_path / "three")
    alone, among = columns(tmp_path / "one"), columns(tmp_path / "three")
    assert list(among)[: len(alone)] == list(alone)
    assert list(among)[len(alone) :] == [
        *("bacterial_label", "bacterial_probability", "bacterial_decision"),
        *("viral_label", "viral_probability", "viral_decision"),
    ]
    assert {name: among[name] for name in alone} == alone


def test_a_label_is_measured_on_the_films_that_state_it(bundles, tmp_path):
    said = {"a": (0, ""), "b": (1, "bacterial"), "c": (1, "viral"), "d": (1, ""), "e": (None, "")}
    films = [
        row(f"{name}.png", label=label, subtype=subtype, split="test", digest=sha256_bytes(flat(ord(name))))
        for name, (label, subtype) in said.items()
    ]
    for name in said:
        (tmp_path / f"{name}.png").write_bytes(flat(ord(name)))
    (tmp_path / "cut.png").write_bytes(b"")
    films.append(row("cut.png", subtype="viral", split="test"))
    result = evaluate(bundles["three"], Manifest(tmp_path, tuple(films)), "test")
    assert {name: one.films for name, one in result.summary.labels.items()} == {
        "pneumonia": 4,
        "bacterial": 3,
        "viral": 3,
    }
    write_evaluation(result, tmp_path / "out")
    scores = columns(tmp_path / "out")
    assert scores["film"] == ["a.png", "b.png", "c.png", "d.png", "cut.png"]
    assert scores["viral_label"] == ["0", "0", "1", "", "1"]
    assert (scores["viral_probability"][3] == "", scores["viral_probability"][4]) == (False, "")


def test_a_label_that_no_film_states_has_no_figures(bundles, tmp_path):
    (tmp_path / "a.png").write_bytes(flat(200))
    film = row("a.png", label=1, split="test", digest=sha256_bytes(flat(200)))
    result = evaluate(bundles["three"], Manifest(tmp_path, (film,)), "test")
    viral = result.summary.labels["viral"]
    assert (viral.films, viral.metrics, astuple(viral.confusion)) == (0, {}, (0, 0, 0, 0))
    assert astuple(result.summary.confusion) == (1, 0, 0, 0)
    write_evaluation(result, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["metrics.json", "report.html", "report.pdf", "scores.csv"]


def test_films_that_state_no_label_of_the_bundle_are_not_read(bundles, clinic):
    """Films of tuberculosis say nothing of pneumonia."""
    whole = evaluate(bundles["each"], clinic, "test").summary
    assert {name: one.films for name, one in whole.labels.items()} == dict.fromkeys(CLASSES, 17)
    healthy = evaluate(bundles["three"], clinic, "test").summary
    assert healthy.data.films == healthy.labels["viral"].films == 6
    ill = tuple(film for film in clinic.films if film.findings)
    for cache in (None, clinic.root / "cache"):
        with pytest.raises(ManifestError, match="found none; the bundle tells pneumonia, bacterial, viral"):
            evaluate(bundles["three"], Manifest(clinic.root, ill), "test", cache=cache)


def test_labels_that_exclude_each_other_have_the_confusion_table_of_sklearn(bundles, clinic, tmp_path):
    result = evaluate(bundles["classes"], clinic, "test")
    names = list(CLASSES)
    truth = [names.index(Path(film.path).parent.name.lower()) for film in result.films]
    greys = [FOLDERS[Path(film.path).parent.name][int(Path(film.path).stem)] for film in result.films]
    p = np.array([[probability(gain, grey) for gain in CLASSES.values()] for grey in greys])
    chosen = p.argmax(axis=1)
    measured = result.summary.argmax
    assert (list(measured.labels), measured.films) == (names, 17)
    assert np.array_equal(measured.confusion, sklearn_metrics.confusion_matrix(truth, chosen))
    assert np.trace(measured.confusion) not in (0, 17)
    assert measured.metrics["accuracy"].value == pytest.approx(sklearn_metrics.accuracy_score(truth, chosen))
    each = [sklearn_metrics.roc_auc_score(np.array(truth) == k, p[:, k]) for k in range(3)]
    assert measured.metrics["macro_auc"].value == pytest.approx(np.mean(each))
    decisions = p[:, 1] >= 0.5
    tn, fp, fn, tp = sklearn_metrics.confusion_matrix(np.array(truth) == 1, decisions).ravel().tolist()
    assert astuple(result.summary.labels["tumour"].confusion) == (tp, fp, tn, fn)


def test_what_one_label_excludes_counts_as_no(tmp_path):
    """No film of tuberculosis says that it has no pneumonia, but a bundle that holds them exclusive does."""
    greys = {"PNEUMONIA": 200, "NORMAL": 20, "tuberculosis": 190}
    for folder, grey in greys.items():
        (tmp_path / "films" / "test" / folder).mkdir(parents=True)
        (tmp_path / "films" / "test" / folder / "a.png").write_bytes(flat(grey))
    films = Manifest(tmp_path / "films", index(tmp_path / "films", "folder").films)
    gains = {"pneumonia": 4.0, "normal": -4.0, "tuberculosis": 1.0}
    counts = {}
    for name, exclusive in (("each", False), ("one", True)):
        bundle = write_several(tmp_path / name, gains, exclusive=exclusive)
        counts[name] = evaluate(Predictor.open(bundle), films, "test").summary
    assert [counts[name].labels["pneumonia"].films for name in ("each", "one")] == [2, 3]
    assert [counts[name].confusion.false_positive for name in ("each", "one")] == [0, 1]
    assert counts["one"].argmax.confusion == ((1, 0, 0), (0, 1, 0), (1, 0, 0))


def test_films_with_none_or_several_of_the_labels_are_left_out_of_the_choice(bundles, clinic):
    films = [film for film in clinic.films if film.label is None]
    several = [row(film.path, digest=film.digest, label=None, split="test", findings=("a",)) for film in films[:2]]
    both = [
        row(film.path, digest=film.digest, label=None, split="test", findings=("tumour", "tuberculosis"))
        for film in films[2:4]
    ]
    summary = evaluate(bundles["classes"], Manifest(clinic.root, (*several, *both, *films[4:])), "test").summary
    assert summary.argmax.films == len(films) - 4
    assert summary.labels["tumour"].films == len(films)


def test_a_bundle_without_the_word_has_labels_that_may_go_together():
    assert load_bundle().spec.exclusive is False


def test_all_findings_are_read(bundles, clinic):
    outcome = evaluate(bundles["classes"], clinic, "test").outcomes[0]
    assert isinstance(outcome, Reading)
    assert [finding.label for finding in outcome.findings] == list(CLASSES)
