from __future__ import annotations

import json
from math import nan

import msgspec
import numpy as np
import pytest

from pneumoscope.core import MetricsError
from pneumoscope.evaluation.schema import (
    AtPrevalence,
    Confusion,
    Data,
    Figure,
    Metrics,
    SubtypeRecall,
    read_metrics,
    write_metrics,
)
from pneumoscope.stats.curves import curves
from pneumoscope.stats.intervals import Estimate

NO_YES = Figure(value=None, low=None, high=None, reason="none was answered with yes")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(
        format="pneumoscope-metrics",
        schema_version=1,
        data=Data(films=3, positive=1, patients=2, unreadable=0),
        metrics={
            "auc": Figure(value=None, low=None, high=None, reason="no film has the label"),
            "accuracy": Figure(value=1 / 3, low=0.1, high=0.9),
        },
        confusion=Confusion(true_positive=1, false_positive=0, true_negative=0, false_negative=2),
        intervals="none",
        program="by hand",
    )


def test_what_is_written_is_read(metrics, tmp_path):
    write_metrics(metrics, tmp_path)
    assert read_metrics(tmp_path) == read_metrics(tmp_path / "metrics.json") == metrics


def test_what_has_no_value_is_not_in_the_file(metrics, tmp_path):
    write_metrics(metrics, tmp_path)
    assert list(json.loads((tmp_path / "metrics.json").read_text())) == [
        *("format", "schema_version", "data", "metrics", "confusion", "intervals", "program")
    ]


def test_curves_and_predictive_values_have_their_places(metrics, tmp_path):
    labels, p = np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.6, 1.0])
    filled = msgspec.structs.replace(
        metrics,
        curves={"pneumonia": curves(labels, p, labels)},
        prevalence=(AtPrevalence(prevalence=0.1, ppv=NO_YES, npv=Figure(value=0.9, low=0.8, high=1.0)),),
        subtypes=(SubtypeRecall(subtype="viral", films=3, found=2, recall=Figure(value=0.7, low=0.2, high=0.9)),),
    )
    write_metrics(filled, tmp_path)
    again = read_metrics(tmp_path)
    assert again.curves["pneumonia"].roc == filled.curves["pneumonia"].roc
    assert (again.prevalence, again.subtypes) == (filled.prevalence, filled.subtypes)
    assert again.prevalence[0].ppv.reason == "none was answered with yes"


def test_a_figure_is_an_estimate_or_a_reason():
    assert Figure.of(Estimate(0.5, 0.4, 0.6), "unused") == Figure(value=0.5, low=0.4, high=0.6)
    assert Figure.of(Estimate(0.5, nan, nan), "unused") == Figure(value=0.5, low=None, high=None)
    assert Figure.of(Estimate(nan, 0.0, 1.0), "why") == Figure(value=None, low=None, high=None, reason="why")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "something"}, "expected the format pneumoscope-metrics, got 'something'"),
        ({"schema_version": 2}, "version 2 of the format, and this program knows 1"),
        ({"metrics": {"auc": {"value": "high", "low": 0, "high": 1}}}, r"not a sound metrics.json: .*\$.metrics"),
        ({"metrcs": {}}, "not a sound metrics.json: .*metrcs"),
        ({"confusion": {"true_positive": -1}}, r"not a sound .*\$.confusion"),
    ],
)
def test_what_does_not_follow_the_schema_is_refused(metrics, tmp_path, changes, message):
    file = tmp_path / "metrics.json"
    file.write_text(json.dumps(msgspec.to_builtins(metrics) | changes))
    with pytest.raises(MetricsError, match=message):
        read_metrics(file)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\udcff"])
def test_what_is_no_json_object_is_refused(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text, errors="surrogateescape")
    with pytest.raises(MetricsError, match=r"expected a metrics\.json of pneumoscope evaluate"):
        read_metrics(tmp_path)


def test_a_folder_without_metrics_says_so(tmp_path):
    with pytest.raises(MetricsError, match=r"metrics\.json: expected a metrics\.json .*No such file"):
        read_metrics(tmp_path)


def test_a_file_of_before_the_schema_says_what_to_do(tmp_path):
    (tmp_path / "metrics.json").write_text('{"bundle": {}, "metrics": {}}')
    with pytest.raises(MetricsError, match="got ''; measure again with pneumoscope evaluate"):
        read_metrics(tmp_path)
