from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from pneumoscope import Predictor
from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Manifest
from pneumoscope.data import open_manifest
from pneumoscope.evaluation import evaluate, look_closer
from pneumoscope.evaluation.closer import CloserLook
from pneumoscope.evaluation.schema import Metrics


@pytest.fixture(scope="module")
def films(demo_films: Path) -> Manifest:
    """Six of the demo films, so that every pass is short."""
    whole = open_manifest(demo_films)
    test = whole.only("test").films
    return replace(whole, films=(*test[:3], *test[-3:]))


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.open()


@pytest.fixture(scope="module")
def look(predictor: Predictor, films: Manifest) -> CloserLook:
    return look_closer(predictor, films, "test", robustness_films=2)


def test_what_was_seen_survives_metrics_json(predictor, films, look):
    metrics = look.added_to(evaluate(predictor, films, "test").summary)
    assert msgspec.json.decode(msgspec.json.encode(metrics), type=Metrics) == metrics
    assert metrics.subgroups
    assert metrics.heat
    assert metrics.robustness


def test_outcomes_add_up_to_those_of_the_evaluation(predictor, films, look):
    counts = evaluate(predictor, films, "test").summary.confusion
    seen = {group.group: group.films for group in look.heat.by_outcome}
    assert {name.replace("_", " "): n for name, n in msgspec.structs.asdict(counts).items() if n} == seen
    assert look.worst.missed == counts.false_negative
    assert look.worst.alarms == counts.false_positive


def test_films_as_they_are_answer_as_in_the_evaluation(predictor, films, look):
    metrics = evaluate(predictor, films, "test").summary.metrics
    untouched = look.heat.blanked.untouched
    for name in ("auc", "recall", "specificity"):
        assert getattr(untouched, name).value == pytest.approx(metrics[name].value)


def test_robustness_may_be_left_out_and_each_pass_says_what_it_is(predictor, films):
    told: list[str] = []

    def progress(items, total, what):
        told.append(what)
        return items

    assert look_closer(predictor, films, "test", robustness_films=0, progress=progress).robustness is None
    assert told == ["heat maps", "painted over", "marks", "regions taken out"]


def test_a_split_that_is_not_there_is_refused(predictor, films):
    with pytest.raises(ManifestError, match="no films in split"):
        look_closer(predictor, films, "val")
