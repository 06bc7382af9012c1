from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pneumoscope.stats.conformal import prediction_sets
from pneumoscope.stats.operating_points import Unachievable

LABELS = np.repeat([1, 0], [40, 60])


def films(rng: np.random.Generator, positive: int, negative: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Two alike films of each patient; the classes overlap."""
    labels = np.repeat([1, 0], [2 * positive, 2 * negative])
    person = np.repeat(rng.normal(np.repeat([1.0, -1.0], [positive, negative]), 1.0), 2)
    scores = 1 / (1 + np.exp(-(person + 0.3 * rng.normal(size=len(person)))))
    return labels, scores, [str(i // 2) for i in range(len(labels))]


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2])
def test_each_class_is_covered_as_promised_and_not_much_more(rate):
    """All films of a new patient keep the true answer with probability 1 - k / (n + 1), k = floor(rate * (n + 1)).

    Averaged over 600 samples of 99 and 59 patients, each judged by 400 new patients of each class.
    """
    rng = np.random.default_rng(11)
    covered = []
    for _ in range(600):
        found = prediction_sets(*films(rng, 99, 59), error_rate=rate)
        labels, scores, _ = films(rng, 400, 400)
        lowest, highest = scores[labels == 1].reshape(-1, 2).min(1), scores[labels == 0].reshape(-1, 2).max(1)
        covered.append(((lowest >= found.yes_from).mean(), (highest <= found.no_to).mean()))
    yes, no = np.mean(covered, axis=0)
    assert yes == pytest.approx(1 - np.floor(rate * 100 + 1e-9) / 100, abs=0.005)
    assert no == pytest.approx(1 - np.floor(rate * 60 + 1e-9) / 60, abs=0.005)
    assert min(yes, no) >= 1 - rate - 0.005


def test_the_thresholds_by_hand():
    """40 and 60 patients at 10%: the 4th lowest (0.1 * 41) of the one, the 6th highest (0.1 * 61) of the other."""
    scores = np.concatenate([np.arange(40) / 40, np.arange(60) / 60])
    found = prediction_sets(LABELS, scores, [str(i) for i in range(100)], error_rate=0.1)
    assert (found.yes_from, found.no_to) == (3 / 40, 54 / 60)
    assert (found.positive_patients, found.negative_patients) == (40, 60)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=100, max_size=100), st.sampled_from([0.05, 0.1, 0.3]))
def test_a_lower_error_rate_leaves_more_answers_possible(scores, rate):
    patients = [str(i) for i in range(100)]
    strict, lax = (prediction_sets(LABELS, np.array(scores), patients, error_rate=r) for r in (rate, 2 * rate))
    assert strict.yes_from <= lax.yes_from
    assert strict.no_to >= lax.no_to


def test_too_few_patients_are_told_how_many_are_needed():
    patients = ["a"] * 40 + [str(i) for i in range(60)]
    with pytest.raises(Unachievable, match=r"error rate of 0\.05 needs 19 patients with the label 1, got 1"):
        prediction_sets(LABELS, np.linspace(0, 1, 100), patients)
    enough = np.repeat([1, 0], [19, 19])
    assert prediction_sets(enough, np.linspace(1, 0, 38), [str(i) for i in range(38)]).yes_from == pytest.approx(
        19 / 37
    )


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_what_is_no_error_rate_is_refused(rate):
    with pytest.raises(ValueError, match="error_rate"):
        prediction_sets(LABELS, np.linspace(0, 1, 100), ["a"] * 100, error_rate=rate)
