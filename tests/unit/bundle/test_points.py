from __future__ import annotations

from importlib import import_module

import msgspec
import numpy as np
import pytest

from pneumoscope.bundle.card import model_card
from pneumoscope.bundle.points import Rule, Scored, again, area, certainty, operating_points, rules
from pneumoscope.bundle.spec import BundleSpec, Certainty, Sample
from pneumoscope.stats.delong import delong_auc
from pneumoscope.stats.intervals import wilson
from pneumoscope.stats.operating_points import Guarantee
from tests.helpers import tiny_spec


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("pneumoscope.bundle.points"), "RESAMPLES", 50)


def scored(positive: int = 160, negative: int = 60, films: int = 1) -> Scored:
    """So many patients of each class with so many films each; positives' scores from 0.3, negatives' up to 0.7."""
    truth = np.repeat([1, 0], [positive, negative])
    scores = np.concatenate([np.linspace(0.3, 1, positive), np.linspace(0, 0.7, negative)])
    patients = [str(i) for i in range(len(truth)) for _ in range(films)]
    return Scored(
        "pneumonia", np.repeat(truth, films), np.repeat(scores, films), patients, 0.5, "made-up films", "2026-01-02"
    )


def test_each_point_says_what_it_promises_and_on_how_many():
    points = {point.name: point for point in operating_points(scored())}
    assert list(points) == ["balanced", "screening", "rule-in"]
    assert (points["balanced"].threshold, points["balanced"].aim) == (0.5, None)
    screening, rule_in = points["screening"], points["rule-in"]
    assert (screening.aim, screening.confidence, screening.threshold) == (0.98, 0.95, 0.3)
    assert (rule_in.aim, rule_in.threshold) == (0.95, np.nextafter(0.7, 1))
    assert screening.rule == (
        "finds all positive films of at least 98% of patients with pneumonia, with 95% confidence for patients to come "
        "(0 of 160 given up)"
    )
    assert rule_in.rule.endswith(
        "(0 of 60 given up); a higher aim was out of reach: a specificity of 0.98 with 95% confidence needs 149 "
        "patients with the label 0, got 60, who can promise 95.1%"
    )
    for point in points.values():
        assert point.positive == Sample(films=160, patients=160)
        assert point.negative == Sample(films=60, patients=60)
        assert (point.chosen, point.data) == ("2026-01-02", "made-up films")
    recall = wilson(int((np.linspace(0.3, 1, 160) >= 0.5).sum()), 160)
    assert points["balanced"].sensitivity.value == pytest.approx(recall.value)
    assert points["balanced"].sensitivity.low <= recall.low
    assert points["balanced"].sensitivity.high >= recall.high


def test_what_is_promised_is_the_lower_end_even_where_no_film_was_missed():
    screening = operating_points(scored(149, 60))[1]
    assert screening.sensitivity.value == 1
    assert screening.sensitivity.low <= 0.05 ** (1 / 149)


def test_an_area_without_an_error_is_not_known_for_sure():
    truth, scores = np.repeat([1, 0], [40, 60]), np.linspace(1, 0, 100)
    patients = [str(i // 2) for i in range(100)]
    found = area(truth, scores, patients)
    assert (found.value, found.high) == (1, 1)
    assert found.low == delong_auc(truth, scores, patients).low < 0.95
    noisy = area(truth, scores + np.random.default_rng(0).normal(0, 0.4, 100), patients)
    assert 0 < noisy.low < noisy.value < noisy.high < 1


def test_films_do_not_stand_in_for_patients():
    points = operating_points(scored(40, 20, films=5))
    assert [point.name for point in points] == ["balanced", "screening"]
    assert points[1].aim == 0.9
    assert points[1].sensitivity.low == wilson(40, 40).low  # of 200 films, all found
    assert points[0].positive == Sample(films=200, patients=40)
    assert "no rule-in point, as a specificity of 0.9 with 95% confidence needs 29 patients" in points[0].rule


def test_a_rule_can_be_followed_with_fewer_films():
    """Of 160 patients 98% can be promised; of 60 of them only 95%, which the lowest score gives."""
    whole = scored()
    screening = rules(whole)[1]
    some = whole.only(np.r_[100:160, 160:220])
    assert again(screening, some) == some.probabilities[:60].min()
    assert again(rules(whole)[0], some) == 0.5


def test_a_rule_that_other_films_leave_without_a_threshold_finds_nothing():
    """The healthiest 60 of 120 patients have a threshold below 1; of the others, who all reach 1, none has."""
    whole = scored(160, 120)
    whole.probabilities[-60:] = 1.0
    rule = Rule("rule-in", 0.7, "", Guarantee(0.7, 0.9, 0.95, 0.95, 60, 0))
    assert again(rule, whole.only(np.r_[0:160, 160:220])) < 1
    assert again(rule, whole.only(np.r_[0:160, 220:280])) == np.inf


def test_certainty_is_stated_if_there_are_enough_patients():
    known = certainty(scored())
    assert known is not None
    assert known.yes_from == pytest.approx(np.linspace(0.3, 1, 160)[7])  # floor(0.05 * 161) = 8
    assert known.no_to == pytest.approx(np.linspace(0, 0.7, 60)[-3])
    assert certainty(scored(19, 18)) is None


@pytest.mark.parametrize(
    ("probability", "positive", "sure"),
    [(0.1, False, True), (0.1, True, False), (0.5, True, False), (0.5, False, False), (0.9, True, True)],
)
@pytest.mark.parametrize(("yes_from", "no_to"), [(0.3, 0.7), (0.7, 0.3)], ids=["both possible", "none possible"])
def test_an_answer_is_sure_where_it_alone_is_possible(probability, positive, sure, yes_from, no_to):
    sample = Sample(films=1, patients=1)
    known = Certainty(
        yes_from=yes_from, no_to=no_to, error_rate=0.05, positive=sample, negative=sample, data="", chosen=""
    )
    assert known.sure(probability, positive) is sure


def test_the_card_tells_of_samples_and_certainty_and_the_spec_keeps_them():
    label = msgspec.structs.replace(tiny_spec().labels[0], certainty=certainty(scored()), calibration_rule="platt, as")
    spec = tiny_spec(labels=(label,), operating_points=operating_points(scored()))
    card = model_card(spec)
    assert "Chosen on 2026-01-02, with 160 films of 160 patients that show it and 60 films of 60 patients that" in card
    assert "Sensitivity and specificity (95% interval) are those of made-up films." in card
    assert "- pneumonia: platt, as." in card
    assert "yes is possible from a probability of 0.331, no up to 0.676" in card
    assert msgspec.json.decode(msgspec.json.encode(spec), type=BundleSpec) == spec
