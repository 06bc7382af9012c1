from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pneumoscope import Predictor
from pneumoscope.data import open_manifest
from pneumoscope.evaluation import evaluate, look_closer, report_of
from pneumoscope.evaluation.closer import CloserLook
from pneumoscope.evaluation.evaluate import Evaluation
from pneumoscope.report.evaluation import EvaluationReport

Made = tuple[Evaluation, CloserLook, EvaluationReport]


@pytest.fixture(scope="module")
def made(demo_films: Path) -> Made:
    predictor, manifest = Predictor.open(), open_manifest(demo_films)
    evaluation = evaluate(predictor, manifest, "test")
    closer = look_closer(predictor, manifest, "test", robustness_films=2)
    metrics = closer.added_to(evaluation.summary)
    return evaluation, closer, report_of(metrics, evaluation.spec, root=evaluation.root, closer=closer, command="x")


def metrics_of(evaluation, point):
    return next(one for one in evaluation.summary.points if one.name == point)


def test_figures_are_those_of_the_metrics(made):
    evaluation, closer, report = made
    metrics = evaluation.summary.metrics
    assert report.figures["auc"].value == metrics["auc"].value
    assert "recall" not in report.figures
    point = report.point
    assert point
    assert point.figures["recall"].value == metrics["recall"].value
    assert point.figures["recall"].low == pytest.approx(metrics["recall"].low)
    about = report.measured
    assert (about.films, about.positives, about.negatives) == (32, 16, 16)
    assert about.learned_from == ("kermany",)
    assert about.holds_at == evaluation.spec.labels[0].calibration.prevalence
    counts = metrics_of(evaluation, point.name).confusion
    assert (point.missed, point.alarms) == (counts.false_negative, counts.false_positive)
    assert evaluation.spec.operating_point(point.name).data in point.chosen
    assert report.shaken == (closer.robustness.films, 32)


def test_operating_points_lie_on_the_roc_curve(made):
    report = made[2]
    curve = report.roc
    for mark in curve.marks:
        beside = curve.x[:-1], curve.x[1:], curve.y[:-1], curve.y[1:]
        left, right, below, above = (
            part + shift for part, shift in zip(beside, (-1e-9, 1e-9, -1e-9, 1e-9), strict=True)
        )
        x, y = mark.x.value, mark.y.value
        assert ((left <= x) & (x <= right) & (below <= y) & (y <= above)).any()
    assert [mark.name for mark in curve.marks] == [point.name for point in report.points]
    assert all(mark.x.low <= mark.x.value <= mark.x.high for mark in curve.marks)


def test_the_film_as_it_is_stands_in_its_place_among_the_changed(made):
    report = made[2]
    turned = [one.level for one in report.robustness if one.perturbation == "Rotation"]
    assert turned == ["-20", "-10", "-5", "0", "5", "10", "20"]
    squeezed = [one for one in report.robustness if one.perturbation.startswith("JPEG")]
    assert squeezed[-1].level == "as it is"
    assert squeezed[-1].changed.value == 0
    assert math.isnan(squeezed[-1].changed.low)


def test_the_worst_films_are_shown_as_they_are(made):
    evaluation, closer, report = made
    assert [case.name for case in report.missed] == [seen.film.path for seen in closer.worst.false_negatives]
    case = report.alarms[0]
    assert case.stated == "no pneumonia"
    assert case.probability >= evaluation.summary.bundle.threshold
    assert case.pixels.dtype == np.uint8
    assert min(case.pixels.shape) >= 200
    assert case.heatmap.shape == (7, 7)


def test_a_film_that_is_gone_is_told_without_its_picture(made, tmp_path):
    evaluation, closer, _ = made
    report = report_of(closer.added_to(evaluation.summary), evaluation.spec, root=tmp_path, closer=closer)
    assert report.alarms[0].pixels is None
    assert report.command == ""


def test_what_is_not_defined_becomes_nan(made, demo_films):
    manifest = open_manifest(demo_films)
    healthy = replace(manifest, films=tuple(film for film in manifest.only("test").films if film.label == 0))
    evaluation = evaluate(Predictor.open(), healthy, "test")
    report = report_of(evaluation.summary, evaluation.spec, root=evaluation.root)
    assert math.isnan(report.figures["auc"].value)
    assert report.roc is None
    assert report.heat is None
    assert report.prevalences == ()


def test_scores_without_a_bundle_have_no_report(made):
    import msgspec

    metrics = msgspec.structs.replace(made[0].summary, bundle=None)
    with pytest.raises(ValueError, match="of a bundle"):
        report_of(metrics, made[0].spec, root=Path())
