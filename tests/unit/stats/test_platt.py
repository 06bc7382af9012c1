from __future__ import annotations

from math import isfinite, log

import numpy as np
import pytest

from pneumoscope.stats.platt import fit_platt


def films(positives: int, negatives: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.repeat([1, 0], [positives, negatives])
    return labels, rng.normal(np.where(labels == 1, 1.0, -0.5), 1.3)


def log_odds(probability: np.ndarray) -> np.ndarray:
    return np.log(probability / (1 - probability))


def test_at_the_films_own_share_the_probabilities_add_up_to_the_findings():
    """The score equation of the maximum: with 150 and 50 films Platt's targets are 151/152 and 1/52."""
    labels, logits = films(150, 50)
    probabilities = fit_platt(labels, logits, prevalence=0.75).probability(logits)
    assert probabilities.sum() == pytest.approx(150 * 151 / 152 + 50 / 52, abs=1e-3)


@pytest.mark.parametrize("prevalence", [0.01, 0.3, 0.9])
def test_another_prevalence_multiplies_the_odds(prevalence):
    labels, logits = films(150, 50)
    own, other = (fit_platt(labels, logits, p).probability(logits) for p in (0.75, prevalence))
    expected = log(prevalence / (1 - prevalence)) - log(3)
    assert log_odds(other) - log_odds(own) == pytest.approx(np.full(200, expected), abs=1e-9)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_the_unit_of_the_logits_does_not_matter(scale):
    labels, logits = films(60, 40)
    one, other = fit_platt(labels, logits, 0.5), fit_platt(labels, logits * scale, 0.5)
    assert other.probability(logits * scale) == pytest.approx(one.probability(logits), abs=1e-4)


def test_classes_that_do_not_overlap_have_a_finite_slope_and_no_certainty():
    """Six films, all told apart: the targets 4/5 and 1/5 keep the answers near them."""
    labels, logits = np.array([1, 1, 1, 0, 0, 0]), np.array([5.0, 5.0, 5.0, -5.0, -5.0, -5.0])
    calibration = fit_platt(labels, logits, 0.5)
    assert calibration.probability(logits) == pytest.approx([0.8] * 3 + [0.2] * 3, abs=1e-4)


def test_logits_far_out_do_not_overflow():
    labels, logits = films(50, 50)
    calibration = fit_platt(labels, np.concatenate([logits[:99] * 100, [-1e5]]), 0.5)
    assert isfinite(calibration.slope)
    assert isfinite(calibration.intercept)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_not_enough(label):
    with pytest.raises(ValueError, match="films of both classes"):
        fit_platt(np.full(4, label), np.arange(4.0), 0.5)


def test_logits_that_mean_the_opposite_are_refused():
    labels, logits = films(50, 50)
    with pytest.raises(ValueError, match="finite slope above 0"):
        fit_platt(labels, -logits, 0.5)
