from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from pneumoscope.stats import curves
from pneumoscope.stats.intervals import wilson
from pneumoscope.stats.weighted import scored


def sample(films: int, seed: int = 0, digits: int = 9) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, films)
    return labels, np.round(expit(rng.normal(2 * labels - 1, 1.0)), digits)


@pytest.mark.parametrize("digits", [1, 9])
def test_the_roc_curve_is_that_of_sklearn(digits):
    labels, p = sample(150, digits=digits)
    ours = curves.roc(labels, p)
    x, y, thresholds = sk.roc_curve(labels, p, drop_intermediate=False)
    assert set(zip(ours.false_positive_rate, ours.recall, strict=True)) <= set(zip(x.tolist(), y.tolist(), strict=True))
    assert sk.auc(ours.false_positive_rate, ours.recall) == pytest.approx(sk.roc_auc_score(labels, p), abs=1e-12)
    reached = {t: (fpr, tpr) for fpr, tpr, t in zip(x, y, thresholds, strict=True)}
    assert (ours.thresholds[0], ours.false_positive_rate[0], ours.recall[0]) == (None, 0, 0)
    for threshold, fpr, tpr in list(zip(ours.thresholds, ours.false_positive_rate, ours.recall, strict=True))[1:]:
        assert reached[threshold] == (fpr, tpr)


@pytest.mark.parametrize("digits", [1, 9])
def test_the_precision_recall_curve_is_that_of_sklearn(digits):
    labels, p = sample(150, digits=digits)
    ours = curves.precision_recall(labels, p, points=10_000)
    precision, recall, thresholds = sk.precision_recall_curve(labels, p)
    theirs = {t: (r, q) for r, q, t in zip(recall, precision, thresholds, strict=False)}
    for threshold, r, q in zip(ours.thresholds, ours.recall, ours.precision, strict=True):
        assert (r, q) == pytest.approx(theirs[threshold])
    assert ours.recall[-1] == 1
    steps = np.diff(ours.recall, prepend=0) @ np.array(ours.precision)
    assert steps == pytest.approx(sk.average_precision_score(labels, p), abs=1e-12)  # what is left out lies on a line


def test_a_long_curve_is_thinned_to_where_nobody_sees_it():
    labels, p = sample(200_000)
    whole, thin = curves.roc(labels, p, points=10**6), curves.roc(labels, p)
    assert len(whole.recall) > 10_000
    assert len(thin.recall) <= curves.POINTS
    (u, v), (thin_u, thin_v) = (
        (np.add(c.recall, c.false_positive_rate), np.subtract(c.recall, c.false_positive_rate)) for c in (whole, thin)
    )
    assert np.abs(np.interp(u, thin_u, thin_v) - v).max() < 0.002  # at right angles to the diagonal
    assert sk.auc(thin.false_positive_rate, thin.recall) == pytest.approx(sk.roc_auc_score(labels, p), abs=1e-4)
    assert np.diff(thin_u).max() <= 2 / (curves.POINTS - 1) + np.diff(u).max()
    both = curves.precision_recall(labels, p)
    assert len(both.recall) <= curves.POINTS
    assert (both.recall[-1], both.thresholds[-1]) == (1, p[labels == 1].min())


@pytest.mark.parametrize(("strategy", "theirs"), [("width", "uniform"), ("filled", "quantile")])
def test_reliability_is_that_of_sklearn(strategy, theirs):
    labels, p = sample(300)
    ours = curves.reliability(labels, p, strategy=strategy)
    share, mean = calibration_curve(labels, p, n_bins=10, strategy=theirs)
    assert [each.share.value for each in ours] == pytest.approx(share.tolist())
    assert [each.mean for each in ours] == pytest.approx(mean.tolist())
    assert sum(each.films for each in ours) == 300
    first = ours[0]
    assert first.share == wilson(round(first.share.value * first.films), first.films)
    assert all(each.low <= each.mean <= each.high for each in ours)


def test_bins_without_films_are_left_out_and_the_ends_belong_to_a_bin():
    bins = curves.reliability(np.array([0, 1, 1]), np.array([0.0, 0.5, 1.0]))
    assert [each.films for each in bins] == [1, 1, 1]
    assert [each.low for each in bins] == pytest.approx([0, 0.5, 0.9])


def test_a_film_on_a_border_is_in_the_upper_bin_as_it_is_for_the_calibration_error():
    """Six films at 0.3, five of which have the finding, and four at 0.25 with one: errors of 3.2 and 0 films of 10."""
    labels, p = np.array([1, 1, 1, 1, 1, 0, 1, 0, 0, 0]), np.repeat([0.3, 0.25], [6, 4])
    bins = curves.reliability(labels, p)
    assert [(each.films, each.mean) for each in bins] == [(4, 0.25), (6, pytest.approx(0.3))]
    error = sum(each.films * abs(each.mean - each.share.value) for each in bins) / 10
    assert scored(labels, p)(np.ones(10))["calibration_error"] == pytest.approx(error)


def test_net_benefit_by_hand():
    """Ten films, four with the finding; at 0.2 three are found with two alarms: 3/10 - 2/10 * 0.2 / 0.8."""
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    p = np.array([0.9, 0.6, 0.2, 0.1, 0.7, 0.3, 0.1, 0.1, 0.1, 0.1])
    curve = curves.decision_curve(labels, p, np.arange(10), thresholds=(0.2, 0.8), resamples=50)
    assert [e.value for e in curve.net_benefit] == pytest.approx([0.3 - 0.2 / 4, 0.1])
    assert curve.treat_all == pytest.approx((0.4 - 0.6 / 4, 0.4 - 0.6 * 4))
    assert curve.prevalence == 0.4
    assert all(e.low <= e.value <= e.high for e in curve.net_benefit)


def test_net_benefit_is_as_vickers_and_elkin_write_it():
    """True positives / n - false positives / n * t / (1 - t), their formula, threshold by threshold."""
    labels, p = sample(400, seed=3)
    curve = curves.decision_curve(labels, p, np.arange(400), resamples=2)
    assert len(curve.thresholds) == 99
    for t, found, everybody in zip(curve.thresholds, curve.net_benefit, curve.treat_all, strict=True):
        yes = p >= t
        assert found.value == pytest.approx((yes & (labels == 1)).mean() - (yes & (labels == 0)).mean() * t / (1 - t))
        assert everybody == pytest.approx((labels == 1).mean() - (labels == 0).mean() * t / (1 - t))


def test_films_count_as_among_those_that_the_probabilities_are_about():
    """Half the films have the finding; where one in ten has, a healthy film counts nine times."""
    labels = np.repeat([0, 1], 200)
    p = expit(np.random.default_rng(1).normal(2 * labels - 1, 1.0) + np.log(0.1 / 0.9))
    curve = curves.decision_curve(labels, p, np.arange(400), prevalence=0.1, resamples=2)
    films = np.repeat(np.arange(400), np.where(labels == 0, 9, 1))
    counted = curves.decision_curve(labels[films], p[films], films, resamples=2)
    assert curve.prevalence == counted.prevalence == 0.1
    assert curve.treat_all == pytest.approx(counted.treat_all)
    assert [e.value for e in curve.net_benefit] == pytest.approx([e.value for e in counted.net_benefit])


def test_a_single_patient_says_nothing_of_others():
    """The least net benefit is that of alarms alone, the most that of finding all without an alarm."""
    curve = curves.decision_curve(np.array([0, 1, 1, 1]), np.array([0.1, 0.9, 0.4, 0.8]), "aaaa", thresholds=(0.5,))
    assert (curve.net_benefit[0].low, curve.net_benefit[0].high) == (-0.25, 0.75)


def test_intervals_of_net_benefit_are_over_patients():
    """Six copies of each film teach nothing."""
    labels, p = sample(100)
    curve = {}
    for name, patients in (("patients", np.repeat(np.arange(100), 6)), ("films", np.arange(600))):
        curve[name] = curves.decision_curve(np.repeat(labels, 6), np.repeat(p, 6), patients, thresholds=(0.5,))
    wide, narrow = (curve[name].net_benefit[0].high - curve[name].net_benefit[0].low for name in ("patients", "films"))
    assert wide / narrow > 1.8


def test_all_curves_of_films_together():
    labels, p = sample(120)
    found = curves.curves(labels, p, np.arange(120), 0.3)
    assert found.decision == curves.decision_curve(labels, p, np.arange(120), prevalence=0.3)
    assert found.roc == curves.roc(labels, p)
    assert found.precision_recall == curves.precision_recall(labels, p)
    assert len(found.reliability_filled) == 10


@pytest.mark.parametrize("labels", [[1, 1], [0, 0], []])
def test_one_class_has_no_curve(labels):
    truth, p = np.array(labels, np.int64), np.full(len(labels), 0.5)
    for curve in (curves.roc, curves.precision_recall):
        with pytest.raises(ValueError, match="films of both classes"):
            curve(truth, p)
    with pytest.raises(ValueError, match="films of both classes"):
        curves.decision_curve(truth, p, truth)


def test_a_threshold_of_one_is_refused():
    with pytest.raises(ValueError, match="less than 1"):
        curves.decision_curve(np.array([0, 1]), np.array([0.1, 0.9]), "ab", thresholds=(0.5, 1.0))
