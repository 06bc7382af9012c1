from __future__ import annotations

from math import log
from typing import get_args

import numpy as np
import pytest

from pneumoscope.stats.fit_calibration import FAMILIES, LEAST_PATIENTS, Family, fit, fit_calibration, out_of_fold
from pneumoscope.stats.folds import patient_folds
from pneumoscope.stats.platt import fit_platt

Films = tuple[np.ndarray, np.ndarray, list[str]]


def films(count: int, bent: str, seed: int = 0) -> Films:
    """Films of as many patients whose true log-odds are a known function of the logit, at equal shares."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0.0, 2.5, count)
    truth = {
        "straight": lambda x: 0.5 * x,
        "moved": lambda x: 0.5 * x + 1.5,
        "beta": lambda x: 0.3 * x + 1.2 * np.logaddexp(0, x) - 1.5,
        "steps": lambda x: 3.0 * np.tanh(4 * (x + 2)) + 3.0 * np.tanh(4 * (x - 2)),
    }[bent](logits)
    return (rng.random(count) < 1 / (1 + np.exp(-truth))).astype(np.int64), logits, [str(i) for i in range(count)]


@pytest.mark.parametrize(
    ("bent", "family"), [("straight", "temperature"), ("moved", "platt"), ("beta", "beta"), ("steps", "isotonic")]
)
def test_the_family_that_the_films_come_from_is_chosen(bent, family):
    fitted = fit_calibration(*films(4000, bent), 0.5)
    assert fitted.family == family
    assert fitted.rule.startswith(f"{family}, as from the simplest family on a richer one had to win")
    by_name = {candidate.family: candidate for candidate in fitted.candidates}
    assert by_name[family].behind == 0
    assert all(np.isfinite(candidate.log_loss) for candidate in fitted.candidates)


def test_a_gain_within_a_standard_error_is_no_reason_for_a_richer_family():
    """Over 30 samples of straight films, where Platt's extra number only fits noise."""
    chosen = [fit_calibration(*films(120, "straight", seed), 0.5).family for seed in range(30)]
    assert chosen.count("temperature") >= 24


def test_a_richer_family_needs_its_patients():
    labels, logits, _ = films(400, "steps")
    few = fit_calibration(labels, logits, [str(i // 40) for i in range(400)], 0.5)
    assert (few.family, few.folds) == ("temperature", 5)
    assert {c.family: c.remark for c in few.candidates} == {
        "temperature": "",
        "platt": "needs 20 patients of each class, got 10",
        "beta": "needs 30 patients of each class, got 10",
        "isotonic": "needs 200 patients of each class, got 10",
    }
    assert "too few films to compare others" in few.rule
    assert LEAST_PATIENTS.keys() == set(get_args(Family))


def test_nothing_can_be_held_back_of_one_patient():
    labels, logits, _ = films(40, "straight")
    alone = fit_calibration(labels, logits, ["a"] * 40, 0.5)
    assert (alone.family, alone.folds) == ("temperature", 0)
    assert np.isnan(alone.candidates[0].log_loss)


def test_films_of_one_patient_go_together():
    """Copies of each film bring nothing: neither another choice nor another standard error."""
    labels, logits, patients = films(150, "moved")
    once = fit_calibration(labels, logits, patients, 0.5, families=("temperature", "platt"))
    again = fit_calibration(
        np.tile(labels, 4), np.tile(logits, 4), patients * 4, 0.5, families=("temperature", "platt")
    )
    assert again.family == once.family
    for ours, theirs in zip(again.candidates, once.candidates, strict=True):
        assert ours.error == pytest.approx(theirs.error, rel=0.02, abs=1e-12)


@pytest.mark.parametrize("family", get_args(Family))
def test_every_family_keeps_the_order_of_all_films_and_cells(family):
    labels, logits, _ = films(300, "steps")
    calibration = fit(family, np.r_[labels, labels], np.r_[logits, logits], 0.5)
    assert (np.diff(calibration.log_odds(np.linspace(-60, 60, 20_001))) > 0).all()
    probabilities = calibration.probability(logits)
    assert 0 < probabilities.min() < probabilities.max() < 1


@pytest.mark.parametrize("family", get_args(Family))
@pytest.mark.parametrize("prevalence", [0.02, 0.9])
def test_another_prevalence_multiplies_the_odds_in_every_family(family, prevalence):
    labels, logits, _ = films(300, "moved")
    even, other = (fit(family, labels, logits, share).log_odds(logits) for share in (0.5, prevalence))
    np.testing.assert_allclose(other - even, log(prevalence / (1 - prevalence)), atol=1e-9)


@pytest.mark.parametrize("family", get_args(Family))
def test_one_class_and_classes_told_apart_perfectly(family):
    apart = np.r_[np.linspace(1, 5, 30), np.linspace(-5, -1, 30)]
    labels = np.repeat([1, 0], 30)
    probabilities = fit(family, labels, apart, 0.5).probability(apart)
    assert probabilities[:30].min() > 0.5 > probabilities[30:].max()
    assert 0 < probabilities.min() < probabilities.max() < 1
    with pytest.raises(ValueError, match="films of both classes"):
        fit(family, np.ones(60, int), apart, 0.5)


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_that_mean_the_opposite_are_refused(family):
    labels, logits, patients = films(300, "straight")
    with pytest.raises(ValueError, match="finite slope above 0"):
        fit(family, labels, -logits, 0.5)
    with pytest.raises(ValueError, match="finite slope above 0"):
        fit_calibration(labels, -logits, patients, 0.5)


def test_few_patients_with_films_of_both_classes_can_be_held_back():
    """Three patients have all films of label 0, and films of label 1 like everybody; each fold learns from two."""
    labels, logits, _ = films(60, "straight")
    healthy = np.flatnonzero(labels == 0)
    patients = [f"p{i}" for i in range(60)]
    for i in healthy:
        patients[i] = f"p{np.flatnonzero(labels == 1)[i % 3]}"
    fitted = fit_calibration(labels, logits, patients, 0.5)
    assert (fitted.family, fitted.folds) == ("temperature", 3)


def test_a_family_that_cannot_be_fitted_leaves_the_running():
    """Sick films alone are below 0, so no temperature above 0 fits; Platt's line does."""
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0], 100)
    logits = rng.normal(np.where(labels == 1, -2.0, -6.0), 1.0)
    skewed = np.r_[labels, np.ones(300, int)], np.r_[logits, rng.normal(-2.0, 1.0, 300)]
    fitted = fit_calibration(*skewed, [str(i) for i in range(500)], 0.5)
    assert fitted.family == "platt"
    assert "slope above 0" in fitted.candidates[0].remark


def test_out_of_fold_is_what_the_other_patients_say():
    labels, logits, patients = films(60, "straight")
    splits = patient_folds(labels, patients, 3, seed=0)
    found = out_of_fold("platt", labels, logits, splits, 0.5)
    for learned, held_back in splits:
        expected = fit_platt(labels[learned], logits[learned], 0.5).log_odds(logits[held_back])
        np.testing.assert_array_equal(found[held_back], expected)
