"""A bundle with a second answer, bacterial or viral, that is asked only of films with pneumonia."""

from __future__ import annotations

import csv
from dataclasses import replace
from importlib import import_module
from math import exp
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import astuple
from sklearn import metrics as sklearn_metrics

from pneumoscope.bundle.spec import Certainty, Sample
from pneumoscope.core.files import sha256_bytes
from pneumoscope.core.manifest import Film, Manifest
from pneumoscope.data import open_manifest
from pneumoscope.evaluation import Evaluation, evaluate, read_metrics, report_of, write_evaluation, write_figures
from pneumoscope.evaluation.comparison import compare
from pneumoscope.evaluation.entries import open_entry
from pneumoscope.predict import Predictor
from tests.helpers import SECOND_THRESHOLD, flat, row, write_second, write_tiny

SAMPLE = Sample(films=100, patients=90)
KNOWN = Certainty(
    yes_from=0.3, no_to=0.6, error_rate=0.05, positive=SAMPLE, negative=SAMPLE, data="x", chosen="2026-01-02"
)
KINDS = {"bacterial": (1, "bacterial"), "viral": (1, "viral"), "pneumonia": (1, ""), "normal": (0, "")}


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("pneumoscope.evaluation.measures"), "RESAMPLES", 20)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_second(tmp_path_factory.mktemp("bundles") / "second", {"certainty": KNOWN})


@pytest.fixture
def films(tmp_path: Path) -> Manifest:
    """Of every kind a dozen flat films: bacterial ones somewhat darker than viral ones, some with no kind stated."""
    rng = np.random.default_rng(2)
    middle = {"bacterial": 165, "viral": 195, "pneumonia": 180, "normal": 95}
    rows: list[Film] = []
    for kind, (label, subtype) in KINDS.items():
        for i, grey in enumerate(rng.normal(middle[kind], 35, size=12).clip(0, 255)):
            data = flat(round(grey))
            name = f"{kind}-{i}.png"
            (tmp_path / name).write_bytes(data)
            rows.append(row(name, label=label, subtype=subtype, split="test", digest=sha256_bytes(data)))
    return Manifest(tmp_path, tuple(rows))


def grey(evaluation: Evaluation) -> np.ndarray:
    """Of each film, from 0 to 1, as its probability of pneumonia tells."""
    p = np.array([outcome.findings[0].probability for outcome in evaluation.outcomes])
    return ((np.log(p / (1 - p)) - 0.5) / 8 + 1) / 2


def test_the_second_answer_is_measured_on_films_with_the_first_as_by_sklearn(bundle, films):
    result = evaluate(Predictor.open(bundle), films, "test")
    (second,) = result.summary.second
    assert (second.label, second.given, second.otherwise, second.threshold) == ("bacterial", "pneumonia", "viral", 0.4)
    kind = np.array([film.subtype for film in result.films])
    q = 1 / (1 + np.exp(8 * (2 * grey(result) - 1) - 4))
    told, truth = kind != "", kind == "bacterial"
    assert second.films == told.sum() == 24
    assert second.metrics["auc"].value == pytest.approx(sklearn_metrics.roc_auc_score(truth[told], q[told]))
    tn, fp, fn, tp = sklearn_metrics.confusion_matrix(truth[told], q[told] >= SECOND_THRESHOLD).ravel().tolist()
    assert astuple(second.confusion) == (tp, fp, tn, fn)
    assert min(tn, fp, fn, tp) > 0
    assert second.metrics["recall"].value == pytest.approx(tp / (tp + fn))
    assert second.metrics["specificity"].value == pytest.approx(tn / (tn + fp))
    sure = (q >= 0.3) != (q <= 0.6)
    assert second.sureness.sure.value == pytest.approx(sure[told].mean())


def test_films_that_the_first_answer_misses_count_for_the_second(bundle, films):
    """Else a cautious first answer would flatter the second."""
    result = evaluate(Predictor.open(bundle), films, "test")
    missed = [o for f, o in zip(result.films, result.outcomes, strict=True) if f.subtype and not o.finding.positive]
    assert missed
    assert result.summary.second[0].films == 24


def test_both_answers_together_are_measured_as_by_sklearn(bundle, films):
    result = evaluate(Predictor.open(bundle), films, "test")
    whole = result.summary.second[0].whole
    assert whole.labels == ("no pneumonia", "bacterial", "viral")
    stated = np.array([film.label == 0 or film.subtype != "" for film in result.films])
    classes = {"": 0, "bacterial": 1, "viral": 2}
    truth = np.array([classes[film.subtype] for film in result.films])[stated]
    g = grey(result)[stated]
    p, q = 1 / (1 + np.exp(-8 * (2 * g - 1) - 0.5)), 1 / (1 + np.exp(8 * (2 * g - 1) - 4))
    told = np.where(p < 0.5, 0, np.where(q >= SECOND_THRESHOLD, 1, 2))
    assert whole.films == 36
    assert np.array_equal(whole.confusion, sklearn_metrics.confusion_matrix(truth, told))
    assert whole.metrics["accuracy"].value == pytest.approx(sklearn_metrics.accuracy_score(truth, told))
    assert whole.metrics["macro_f1"].value == pytest.approx(sklearn_metrics.f1_score(truth, told, average="macro"))
    products = np.stack([1 - p, p * q, p * (1 - q)], axis=1)
    assert not np.array_equal(told, products.argmax(axis=1)), "what is told is not the most probable of the products"
    area = sklearn_metrics.roc_auc_score(truth, products, multi_class="ovr", average="macro")
    assert whole.metrics["macro_auc"].value == pytest.approx(area)


def test_the_first_answer_has_the_figures_of_a_bundle_that_tells_it_alone(bundle, films, tmp_path):
    one = evaluate(Predictor.open(write_tiny(tmp_path / "one")), films, "test").summary
    two = evaluate(Predictor.open(bundle), films, "test").summary
    for name in ("metrics", "confusion", "data", "points", "subtypes", "prevalence", "uncalibrated", "labels"):
        assert getattr(two, name) == getattr(one, name)
    assert (one.second, two.labels) == (None, None)
    assert list(two.curves) == ["pneumonia", "bacterial"]


def test_the_table_of_scores_has_the_second_answer_of_every_film(bundle, films, tmp_path):
    write_figures(evaluate(Predictor.open(bundle), films, "test"), tmp_path / "out")
    with (tmp_path / "out" / "scores.csv").open(newline="") as file:
        rows = {line["film"]: line for line in csv.DictReader(file)}
    said = {name: rows[f"{name}-0.png"]["bacterial_label"] for name in KINDS}
    assert said == {"bacterial": "1", "viral": "0", "pneumonia": "", "normal": ""}
    assert all(0 <= float(line["bacterial_probability"]) <= 1 for line in rows.values())


def test_it_goes_into_the_metrics_the_report_and_the_print(bundle, films, tmp_path):
    result = evaluate(Predictor.open(bundle), films, "test")
    write_evaluation(result, tmp_path / "out")
    assert read_metrics(tmp_path / "out") == result.summary
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "The second answer" in page
    assert "Recall of viral" in page
    report = report_of(result.summary, result.spec, root=result.root)
    (second,) = report.second
    assert second.figures["recall"].value == result.summary.second[0].metrics["recall"].value
    assert [one.labels for one in second.confusions] == [("viral", "bacterial"), ("no pneumonia", "bacterial", "viral")]
    assert [one.title for one in report.confusions] == ["pneumonia or not"]


def test_films_without_any_kind_stated_leave_the_second_answer_without_figures(bundle, films):
    normal = tuple(film for film in films.films if not film.subtype)
    (second,) = evaluate(Predictor.open(bundle), replace(films, films=normal), "test").summary.second
    assert (second.films, second.metrics) == (0, {})
    assert second.whole.films == 12
    assert second.whole.metrics["macro_auc"].reason == "no film of which bacterial or viral is true"


def test_compared_with_another_only_first_answers_meet(bundle, films, tmp_path):
    def measure(place: str) -> Evaluation:
        return evaluate(Predictor.open(place), films, "test")

    places = [bundle, write_tiny(tmp_path / "one")]
    two, one = (open_entry(str(place), place.name, measure) for place in places)
    found = compare([two, one])
    assert (found.pairs[0].wins, found.pairs[0].losses, found.films) == (0, 0, 48)


def test_the_packaged_bundle_has_no_second_answer(demo_films):
    assert evaluate(Predictor.open(), open_manifest(demo_films), "test").summary.second is None


def test_the_made_up_bundle_is_what_the_tests_take_it_for(bundle):
    """At grey 204: 8 * (2 * 0.8 - 1) is 4.8."""
    second = Predictor.open(bundle).read(flat(204)).findings[1]
    assert second.probability == pytest.approx(1 / (1 + exp(0.8)), abs=1e-6)
