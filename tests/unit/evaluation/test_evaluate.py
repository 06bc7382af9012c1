from __future__ import annotations

import csv
import json
from dataclasses import replace
from importlib import import_module
from math import exp, sqrt
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec import to_builtins
from PIL import Image
from sklearn import metrics as sklearn_metrics
from sklearn.calibration import calibration_curve

from pneumoscope.core import Failure, FilmError, ManifestError
from pneumoscope.core.files import sha256_bytes, sha256_file
from pneumoscope.core.manifest import Manifest
from pneumoscope.evaluation import (
    evaluate,
    measure_scores,
    read_metrics,
    read_scores,
    write_evaluation,
    write_figures,
)
from pneumoscope.evaluation.schema import Confusion
from pneumoscope.predict import Predictor
from tests.helpers import flat, row

GREYS = [30, 60, 90, 100, 118, 119, 121, 130, 150, 200, 45, 112, 116, 124, 140, 127]
LABELS = [0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1]
PATIENTS = [f"p{i // 2}" for i in range(16)]
PROBABILITIES = np.array([1 / (1 + exp(-(2 * 4 * (2 * grey / 255 - 1) + 0.5))) for grey in GREYS])
"""By hand; a film counts as positive from grey 120 on: 8 * (2 * g / 255 - 1) + 0.5 is 0 at g = 119.53."""


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    monkeypatch.setattr(import_module("pneumoscope.evaluation.measures"), "RESAMPLES", 20)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Sixteen films of eight patients, two that cannot be read, one without a label and one of another split."""
    root = tmp_path / "films"
    root.mkdir()
    films = []
    for i, (grey, label, patient) in enumerate(zip(GREYS, LABELS, PATIENTS, strict=True)):
        (root / f"{i}.png").write_bytes(flat(grey))
        subtype = "viral" if label else ""
        films.append(row(f"{i}.png", label=label, patient=patient, subtype=subtype, split="test"))
    (root / "cut.png").write_bytes(flat(7)[:40])
    (root / "train.png").write_bytes(flat(8))
    (root / "unlabelled.png").write_bytes(flat(9))
    films[3:3] = [row("cut.png", label=1, split="test", digest="ab" * 32)]
    films += [
        row("gone.png", label=0, split="test"),
        row("unlabelled.png", label=None, split="test"),
        row("train.png", label=0),
    ]
    unread = ("cut.png", "gone.png")
    listed = tuple(
        film if film.path in unread else replace(film, digest=sha256_file(root / film.path)) for film in films
    )
    return Manifest(root, listed)


def test_the_figures_are_those_of_sklearn(predictor, manifest):
    summary = evaluate(predictor, manifest, "test").summary
    labels, decisions = np.array(LABELS), (np.array(GREYS) >= 120).astype(int)
    tn, fp, fn, tp = sklearn_metrics.confusion_matrix(labels, decisions).ravel().tolist()
    assert summary.confusion == Confusion(true_positive=tp, false_positive=fp, true_negative=tn, false_negative=fn)
    share, mean = calibration_curve(labels, PROBABILITIES, n_bins=10)
    films = np.histogram(PROBABILITIES, np.linspace(0, 1, 11))[0]
    found = {name: figure.value for name, figure in summary.metrics.items()}
    assert 0 < found.pop("calibration_error_filled") < 1  # on films of its own in tests/reference
    assert found == pytest.approx(
        {
            "auc": sklearn_metrics.roc_auc_score(labels, PROBABILITIES),
            "average_precision": sklearn_metrics.average_precision_score(labels, PROBABILITIES),
            "calibration_error": np.sum(films[films > 0] * np.abs(share - mean)) / 16,
            "log_loss": sklearn_metrics.log_loss(labels, PROBABILITIES),
            "brier": sklearn_metrics.brier_score_loss(labels, PROBABILITIES),
            "accuracy": sklearn_metrics.accuracy_score(labels, decisions),
            "recall": sklearn_metrics.recall_score(labels, decisions),
            "specificity": tn / (tn + fp),
            "precision": sklearn_metrics.precision_score(labels, decisions),
            "npv": tn / (tn + fn),
            "f1": sklearn_metrics.f1_score(labels, decisions),
            "mcc": sklearn_metrics.matthews_corrcoef(labels, decisions),
            "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(labels, decisions),
            "weighted_recall": sklearn_metrics.recall_score(labels, decisions, average="weighted"),
        },
        abs=1e-5,
    )


def test_what_was_measured_is_told(predictor, manifest):
    summary = evaluate(predictor, manifest, "test").summary
    assert summary.curves["pneumonia"].decision.prevalence == 0.5  # for which the probabilities hold; 9 of 16 have it
    assert to_builtins(summary.data) == {
        "sources": ("made-up",),
        "split": "test",
        "manifest_digest": manifest.digest,
        "films": 16,
        "positive": 9,
        "patients": 8,
        "unreadable": 2,
    }
    assert to_builtins(summary.bundle) == {
        "name": "tiny",
        "version": "1.2",
        "digest": predictor.bundle.digest,
        "precision": "fp32",
        "operating_point": "balanced",
        "threshold": 0.5,
    }


def test_prepared_films_get_the_same_answers(predictor, manifest, tmp_path):
    """Greys of eight bits at the network's size lose nothing by being prepared."""
    readable = replace(manifest, films=tuple(f for f in manifest.films if f.path not in ("cut.png", "gone.png")))
    from_files = evaluate(predictor, readable, "test")
    prepared = evaluate(predictor, readable, "test", cache=tmp_path / "cache")
    assert prepared.summary.metrics == from_files.summary.metrics
    told = "prepared films, 8 bits, without their headers"
    assert prepared.summary.data == msgspec.structs.replace(from_files.summary.data, read_from=told)
    with pytest.raises(FilmError, match=r"cut\.png"):
        evaluate(predictor, manifest, "test", cache=tmp_path / "cache")
    for film in readable.films:
        (readable.root / film.path).unlink()
    assert evaluate(predictor, readable, "test", cache=tmp_path / "cache").summary == prepared.summary


def test_intervals_hold_the_figure_and_are_never_narrower_than_wilsons(predictor, manifest):
    summary = evaluate(predictor, manifest, "test").summary
    for name, estimate in summary.metrics.items():
        assert estimate.low <= estimate.value <= estimate.high, name
    recall, n, z = summary.metrics["recall"], 9, 1.959964
    middle, reach = recall.value + z**2 / (2 * n), z * sqrt(recall.value * (1 - recall.value) / n + z**2 / (4 * n**2))
    assert recall.low <= (middle - reach) / (1 + z**2 / n) + 1e-6
    assert recall.high >= (middle + reach) / (1 + z**2 / n) - 1e-6


def test_another_operating_point_changes_decisions_but_not_probabilities(tiny_bundle, predictor, manifest):
    """0.2 is reached from grey 98 on: 8 * (2 * g / 255 - 1) + 0.5 is -1.386 at g = 97.4."""
    sensitive = evaluate(Predictor.open(tiny_bundle, operating_point="sensitive"), manifest, "test").summary
    balanced = evaluate(predictor, manifest, "test").summary
    assert sensitive.metrics["auc"] == balanced.metrics["auc"]
    assert sensitive.confusion.false_negative == 1
    assert sensitive.confusion.false_positive == sum(
        grey >= 98 for grey, label in zip(GREYS, LABELS, strict=True) if not label
    )


def test_the_files_say_the_same(predictor, manifest, tmp_path):
    result = evaluate(predictor, manifest, "test", jobs=2)
    write_evaluation(result, tmp_path / "new" / "out")
    with (tmp_path / "new" / "out" / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [line["film"] for line in rows] == [
        film.path for film in manifest.films if film.path not in ("unlabelled.png", "train.png")
    ]
    by_name = {line["film"]: line for line in rows}
    assert by_name["9.png"] | {"probability": ""} == {
        "film": "9.png",
        "patient": "p4",
        "subtype": "viral",
        "label": "1",
        "probability": "",
        "decision": "1",
        "flags": "blank",
        "film_sha256": sha256_bytes(flat(200)),
        "error": "",
    }
    assert float(by_name["9.png"]["probability"]) == pytest.approx(PROBABILITIES[9], abs=1e-6)
    bad = by_name["cut.png"]
    assert (bad["probability"], bad["decision"], bad["flags"], bad["film_sha256"]) == ("", "", "", "ab" * 32)
    assert bad["error"]
    written = json.loads((tmp_path / "new" / "out" / "metrics.json").read_text())
    assert written["metrics"]["auc"]["value"] == result.summary.metrics["auc"].value
    assert written["confusion"] == to_builtins(result.summary.confusion)
    assert read_metrics(tmp_path / "new" / "out") == result.summary
    names = sorted(path.name for path in (tmp_path / "new" / "out").iterdir())
    assert names == ["curves.png", "metrics.json", "report.html", "report.pdf", "scores.csv"]
    with Image.open(tmp_path / "new" / "out" / "curves.png") as picture:
        assert picture.size == (1000, 500)


def test_outcomes_come_in_the_manifests_order_through_the_progress(predictor, manifest):
    told: list[int] = []

    def progress(outcomes: Any, total: int) -> Any:
        told.append(total)
        return outcomes

    result = evaluate(predictor, manifest, "test", progress=progress)
    assert told == [18]
    assert [film.path for film in result.films] == [Path(outcome.film).name for outcome in result.outcomes]
    assert [Path(o.film).name for o in result.outcomes if isinstance(o, Failure)] == ["cut.png", "gone.png"]


def test_films_of_one_class_have_no_auc(predictor, manifest, tmp_path):
    """And nothing stumbles: the other figures stand, and each that does not says why."""
    sound = Manifest(manifest.root, tuple(film for film in manifest.films if film.label == 1))
    summary = evaluate(predictor, sound, "test").summary
    missing = {name: figure.reason for name, figure in summary.metrics.items() if figure.value is None}
    assert missing == dict.fromkeys(("auc", "specificity", "mcc", "balanced_accuracy"), "every film has the label")
    assert summary.metrics["recall"].value == pytest.approx(5 / 9)
    write_evaluation(evaluate(predictor, sound, "test"), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["metrics"]["auc"] == {
        "value": None,
        "low": None,
        "high": None,
        "reason": "every film has the label",
    }


def test_a_split_without_films_to_measure_is_refused(predictor, manifest):
    with pytest.raises(ManifestError, match="no films in split 'val'"):
        evaluate(predictor, manifest, "val")
    only_bad = Manifest(manifest.root, tuple(f for f in manifest.films if f.path in ("gone.png", "unlabelled.png")))
    with pytest.raises(ManifestError, match="that can be read, found none"):
        evaluate(predictor, only_bad, "test")


def test_a_film_that_changed_since_the_manifest_was_made_is_not_measured_as_if_it_had_not(predictor, manifest):
    """``metrics.json`` names the manifest's digest: its figures must be of those bytes."""
    (manifest.root / "0.png").write_bytes(flat(255))
    with pytest.raises(ManifestError, match=r"0\.png"):
        evaluate(predictor, manifest, "test")


def test_names_that_are_not_utf8_do_not_spoil_the_table(predictor, tmp_path):
    name = "byte\udcff.png"
    (tmp_path / name).write_bytes(flat(200))
    (tmp_path / "b.png").write_bytes(flat(10))
    films = (
        row(name, split="test", digest=sha256_bytes(flat(200))),
        row("b.png", label=0, split="test", digest=sha256_bytes(flat(10))),
    )
    write_evaluation(evaluate(predictor, Manifest(tmp_path, films), "test"), tmp_path / "out")
    assert len((tmp_path / "out" / "scores.csv").read_bytes().splitlines()) == 3


def films_of(root: Path, *films: tuple[int, int, dict[str, Any]]) -> Manifest:
    """Films of one grey each, with a label and what else the manifest says."""
    rows = []
    for i, (grey, label, more) in enumerate(films):
        (root / f"{i}.png").write_bytes(flat(grey))
        rows.append(row(f"{i}.png", label=label, split="test", digest=sha256_bytes(flat(grey)), **more))
    return Manifest(root, tuple(rows))


def test_a_model_that_never_says_yes_has_figures_that_can_be_read_again(predictor, tmp_path):
    films = films_of(tmp_path, (10, 0, {}), (20, 1, {}), (30, 0, {}), (40, 1, {}))
    result = evaluate(predictor, films, "test")
    assert result.summary.confusion == Confusion(true_positive=0, false_positive=0, true_negative=2, false_negative=2)
    write_evaluation(result, tmp_path / "out")
    assert read_metrics(tmp_path / "out") == result.summary
    assert result.summary.prevalence[0].ppv.value is None


def test_films_of_one_patient_have_figures_without_intervals(predictor, tmp_path):
    films = films_of(tmp_path, *((grey, label, {"patient": "p"}) for grey, label in zip(GREYS, LABELS, strict=True)))
    result = evaluate(predictor, films, "test")
    metrics = result.summary.metrics
    assert metrics["recall"].value == pytest.approx(5 / 9)
    assert {(figure.low, figure.high) for figure in metrics.values()} == {(None, None)}
    write_evaluation(result, tmp_path / "out")
    assert read_metrics(tmp_path / "out") == result.summary


def test_patients_of_two_sources_stay_two_in_the_table(predictor, tmp_path):
    sources = [{"patient": "1", "source": source} for source in ("east", "west")]
    films = films_of(tmp_path, (10, 0, sources[0]), (20, 0, sources[1]), (200, 1, {}), (210, 1, {"source": "east"}))
    result = evaluate(predictor, films, "test")
    write_figures(result, tmp_path / "out")
    again = measure_scores(read_scores(tmp_path / "out" / "scores.csv"))
    assert again.data.patients == result.summary.data.patients == 4
    assert again.metrics["recall"].low == pytest.approx(result.summary.metrics["recall"].low)


def test_nothing_of_an_earlier_evaluation_lies_beside_the_figures(predictor, manifest, tmp_path):
    out = tmp_path / "out"
    names = write_evaluation(evaluate(predictor, manifest, "test"), out)
    assert sorted(names) == sorted(path.name for path in out.iterdir())
    sick = Manifest(manifest.root, tuple(film for film in manifest.films if film.label == 1))
    assert write_figures(evaluate(predictor, sick, "test"), out) == ("metrics.json", "scores.csv")
    assert sorted(path.name for path in out.iterdir()) == ["metrics.json", "scores.csv"]


def test_what_belongs_beside_every_figure_is_there_without_a_closer_look(predictor, manifest, tmp_path):
    result = evaluate(predictor, manifest, "test", outside="adults")
    said, strangers = result.summary.cautions
    assert said.startswith("Outside the intended population: these films are of adults.")
    assert "(made-up)" in strangers
    write_evaluation(result, tmp_path / "out")
    assert read_metrics(tmp_path / "out").cautions == (said, strangers)
    assert "these films are of adults" in (tmp_path / "out" / "report.html").read_text()
