from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss, recall_score

from pneumoscope.bundle import load_bundle
from pneumoscope.evaluation.details import PREVALENCES, at_points, elsewhere, recall_by_subtype, sureness, uncalibrated
from pneumoscope.evaluation.measures import Answers
from pneumoscope.stats.calibration import Calibration


@pytest.fixture
def answers() -> Answers:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, 60)
    p = np.clip(rng.normal(0.35 + 0.3 * truth, 0.25), 0, 1)
    return Answers(truth, p, (p >= 0.5).astype(np.int64), [f"{i // 2}" for i in range(60)])


def test_each_operating_point_decides_by_its_own_threshold(answers):
    points = load_bundle().spec.operating_points
    found = at_points(answers, points)
    assert [(one.name, one.threshold, one.rule) for one in found] == [(p.name, p.threshold, p.rule) for p in points]
    for one in found:
        c = one.confusion
        theirs = confusion_matrix(answers.truth, answers.probabilities >= one.threshold)
        assert [[c.true_negative, c.false_positive], [c.false_negative, c.true_positive]] == theirs.tolist()
        recall = one.metrics["recall"]
        assert recall.value == pytest.approx(recall_score(answers.truth, answers.probabilities >= one.threshold))
        assert recall.low <= recall.value <= recall.high


def test_kinds_of_cases_are_counted_among_those_with_the_label(answers):
    kinds = np.where(np.arange(60) % 3 == 0, "viral", "bacterial")
    kinds[5] = ""
    found = recall_by_subtype(answers, kinds.tolist())
    assert [one.subtype for one in found] == ["bacterial", "viral"]
    for one in found:
        films = (answers.truth == 1) & (kinds == one.subtype)
        assert one.films == films.sum()
        assert one.found == answers.decisions[films].sum()
        assert one.recall.value == pytest.approx(one.found / one.films)


def test_no_stated_kind_makes_no_rows(answers):
    assert recall_by_subtype(answers, [""] * 60) == ()


def test_other_prevalences_need_both_classes(answers):
    found = elsewhere(answers)
    assert [one.prevalence for one in found] == list(PREVALENCES)
    recall = answers.decisions[answers.truth == 1].mean()
    alarms = answers.decisions[answers.truth == 0].mean()
    assert found[2].ppv.value == pytest.approx(0.1 * recall / (0.1 * recall + 0.9 * alarms))
    assert found[2].ppv.low < found[2].ppv.value < found[2].ppv.high
    assert elsewhere(replace(answers, truth=np.ones(60, np.int64))) == ()


def test_an_answer_that_nobody_got_has_no_worth_elsewhere_but_a_reason(answers):
    found = elsewhere(replace(answers, decisions=np.zeros(60, np.int64)))
    assert {(one.ppv.value, one.ppv.reason) for one in found} == {(None, "none was answered with yes")}
    assert all(one.npv.value == pytest.approx(1 - one.prevalence) for one in found)
    found = elsewhere(replace(answers, decisions=np.ones(60, np.int64)))
    assert {(one.npv.value, one.npv.reason) for one in found} == {(None, "all were answered with yes")}


def test_sure_answers_are_counted_among_all_films_and_wrong_ones_by_class(answers):
    sure = (np.abs(answers.probabilities - 0.5) > 0.2).tolist()
    found = sureness(answers, sure, 0.05)
    wrong = np.array(sure) & (answers.decisions != answers.truth)
    assert found.sure.value == pytest.approx(np.mean(sure))
    assert found.missed.value == pytest.approx(wrong[answers.truth == 1].mean())
    assert found.alarms.value == pytest.approx(wrong[answers.truth == 0].mean())
    assert found.sure.low < found.sure.value < found.sure.high


def test_without_a_class_its_errors_are_not_defined(answers):
    healthy = replace(answers, truth=np.zeros_like(answers.truth))
    found = sureness(healthy, [True] * 60, 0.05)
    assert (found.missed.value, found.missed.reason) == (None, "no such film")
    assert found.alarms.value == pytest.approx(answers.decisions.mean())


@pytest.mark.parametrize("bend", [0.0, 1.5])
def test_before_calibration_are_the_networks_own_probabilities(answers, bend):
    logits = np.random.default_rng(1).normal(3 * answers.truth - 1.5, 2)
    calibration = Calibration(0.5, 0.3, 0.5, bend=bend)
    given = replace(answers, probabilities=calibration.probability(logits))
    found = uncalibrated(given, calibration)
    own = 1 / (1 + np.exp(-logits))
    assert found.metrics["log_loss"].value == pytest.approx(log_loss(answers.truth, own))
    assert found.metrics["brier"].value == pytest.approx(brier_score_loss(answers.truth, own))
    assert sum(one.films for one in found.reliability_filled) == 60


def test_films_of_one_class_show_no_calibration(answers):
    assert uncalibrated(replace(answers, truth=np.ones_like(answers.truth)), Calibration(1.0, 0.0, 0.5)) is None
