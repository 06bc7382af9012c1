from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from pneumoscope.stats.operating_points import (
    Unachievable,
    achievable,
    highest_aim,
    patients_needed,
    rule_in,
    screening,
)

FILM = st.tuples(
    st.integers(0, 1),
    st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.500001, 0.9, 1.0]) | st.floats(0, 1),
    st.integers(0, 20),
)
FILMS = st.lists(FILM, min_size=1, max_size=120)
AIM = st.sampled_from([0.3, 0.5, 0.8, 0.9])
CONFIDENCE = st.sampled_from([0.5, 0.9, 0.95])


def columns(films: list[tuple[int, float, int]]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    labels, scores, patients = zip(*films, strict=True)
    return np.array(labels), np.array(scores), [f"p{i}" for i in patients]


def whole_patients(label: int, right: np.ndarray, labels: np.ndarray, patients: list[str]) -> np.ndarray:
    """Of each patient with films of the label, whether all of those are decided rightly."""
    names = np.asarray(patients)
    return np.array([right[(names == name) & (labels == label)].all() for name in sorted(set(names[labels == label]))])


@settings(deadline=None)
@given(FILMS, AIM, CONFIDENCE)
def test_screening_gives_up_as_many_as_it_says_and_the_next_higher_score_would_give_up_too_many(films, aim, confidence):
    labels, scores, patients = columns(films)
    try:
        found = screening(labels, scores, patients, aim=aim, confidence=confidence)
    except Unachievable:
        assert len({p for p, label in zip(patients, labels, strict=True) if label}) < patients_needed(aim, confidence)
        return
    kept = whole_patients(1, scores >= found.threshold, labels, patients)
    assert (~kept).sum() <= found.given_up
    assert (len(kept), found.aim, found.confidence) == (found.patients, aim, confidence)
    assert found.bound >= aim - 1e-9
    higher = scores[(labels == 1) & (scores > found.threshold)]
    assert not len(higher) or (~whole_patients(1, scores >= higher.min(), labels, patients)).sum() > found.given_up


@settings(deadline=None)
@given(FILMS, AIM, CONFIDENCE)
def test_rule_in_is_screening_of_the_other_class_from_the_other_side(films, aim, confidence):
    labels, scores, patients = columns(films)
    try:
        found = rule_in(labels, scores, patients, aim=aim, confidence=confidence)
    except Unachievable:
        too_few = len({p for p, y in zip(patients, labels, strict=True) if not y}) < patients_needed(aim, confidence)
        assert too_few or scores[labels == 0].max() == 1
        return
    mirrored = screening(1 - labels, -scores, patients, aim=aim, confidence=confidence)
    assert (found.given_up, found.patients, found.bound) == (mirrored.given_up, mirrored.patients, mirrored.bound)
    assert found.threshold == np.nextafter(-mirrored.threshold, 2)
    kept = whole_patients(0, scores < found.threshold, labels, patients)
    assert (~kept).sum() <= found.given_up


@settings(deadline=None)
@given(FILMS, st.permutations(range(21)))
def test_names_order_and_the_other_class_do_not_matter(films, names):
    labels, scores, patients = columns(films)
    try:
        found = screening(labels, scores, patients, aim=0.5, confidence=0.9)
    except Unachievable:
        return
    renamed = [f"q{names[int(p[1:])]}" for p in patients]
    order = np.random.default_rng(0).permutation(len(labels))
    again = screening(labels[order], scores[order], [renamed[i] for i in order], aim=0.5, confidence=0.9)
    own = labels == 1
    alone = screening(labels[own], scores[own], np.asarray(patients)[own].tolist(), aim=0.5, confidence=0.9)
    assert found == again == alone


def drawn(count: int, rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """Scores of ``count`` patients with two films each that are alike, uniform as patients."""
    lowest = rng.random(count)
    scores = np.stack([lowest, lowest + (1 - lowest) * rng.random(count)], axis=1)
    return scores.ravel(), [str(i // 2) for i in range(2 * count)]


@pytest.mark.parametrize(("patients", "aim"), [(149, 0.98), (200, 0.95), (60, 0.9)])
def test_the_promise_is_kept_and_not_much_more_than_that(patients, aim):
    """The lowest scores are uniform, so the share of patients found is 1 - threshold.

    Of 1,500 samples at least 95% less three standard errors (1.7 points) must find the aim. On average the share of
    patients given up is that of the order statistic, and giving up one more would promise too little.
    """
    rng = np.random.default_rng(7)
    labels = np.ones(2 * patients, np.int64)
    found = [screening(labels, *drawn(patients, rng), aim=aim) for _ in range(1500)]
    share, given_up = 1 - np.array([each.threshold for each in found]), found[0].given_up
    assert np.mean(share >= aim) >= 0.95 - 0.017
    assert np.mean(share >= found[0].bound) == pytest.approx(0.95, abs=0.017)  # exact for continuous scores
    assert 1 - share.mean() == pytest.approx((given_up + 1) / (patients + 1), rel=0.1)
    for missed, enough in ((given_up, True), (given_up + 1, False)):
        exact = binomtest(patients - missed, patients, alternative="greater").proportion_ci(0.95, method="exact")
        assert (exact.low >= aim) == enough


def test_films_counted_as_patients_would_break_the_promise():
    """Each patient has ten films of one score: 60 films of 6 patients look like enough for an aim of 0.95."""
    rng = np.random.default_rng(3)
    broken, samples = 0, 1000
    for _ in range(samples):
        scores = np.repeat(rng.random(6), 10)
        as_films = screening(np.ones(60, int), scores, [str(i) for i in range(60)], aim=0.95)
        broken += 1 - as_films.threshold < 0.95
        with pytest.raises(Unachievable):
            screening(np.ones(60, int), scores, [str(i // 10) for i in range(60)], aim=0.95)
    assert broken / samples > 0.2


def test_the_numbers_of_the_tables():
    """Sample sizes of one-sided tolerance limits (Wilks 1941; e.g. NIST/SEMATECH e-handbook 7.2.6.4): 59 for 95/95."""
    assert [patients_needed(aim) for aim in (0.9, 0.95, 0.98, 0.99)] == [29, 59, 149, 299]
    assert patients_needed(0.95, 0.99) == 90
    for aim in (0.9, 0.95, 0.98, 0.99):
        n = patients_needed(aim)
        assert achievable(n) >= aim > achievable(n - 1)


def test_too_few_are_told_how_many_are_needed_and_what_they_can_promise():
    with pytest.raises(Unachievable) as refusal:
        screening(np.ones(60, int), np.linspace(0, 1, 60), [str(i) for i in range(60)], aim=0.98)
    assert str(refusal.value) == (
        "a recall of 0.98 with 95% confidence needs 149 patients with the label 1, got 60, who can promise 95.1%"
    )
    with pytest.raises(Unachievable, match=r"specificity of 0\.9 .* needs 29 patients with the label 0, got 0$"):
        rule_in(np.ones(60, int), np.linspace(0, 1, 60), [str(i) for i in range(60)], aim=0.9)


def test_the_first_aim_that_can_be_promised_is_taken_and_the_reason_is_kept():
    labels, scores, patients = np.ones(60, int), np.linspace(0, 1, 60), [str(i) for i in range(60)]

    def choose(aim: float) -> Any:
        return screening(labels, scores, patients, aim=aim)

    found, why = highest_aim(choose, (0.98, 0.95, 0.9))
    assert found is not None
    assert (found.aim, found.threshold) == (0.95, 0.0)
    assert "149" in str(why)
    assert highest_aim(choose, (0.9,))[1] is None
    assert highest_aim(choose, (0.99, 0.98))[0] is None


@pytest.mark.parametrize(("aim", "confidence"), [(0.0, 0.95), (1.0, 0.95), (0.9, 1.0), (-1, 0.95)])
def test_what_is_no_aim_is_refused(aim, confidence):
    with pytest.raises(ValueError, match="between 0 and 1"):
        screening(np.ones(60, int), np.linspace(0, 1, 60), [str(i) for i in range(60)], aim=aim, confidence=confidence)


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="got NaN for 1 films"):
        screening(np.ones(3, int), np.array([0.1, np.nan, 0.3]), ["a", "b", "c"], aim=0.3)


def test_healthy_films_that_reach_one_leave_no_threshold():
    with pytest.raises(Unachievable, match="reach 1"):
        rule_in(np.zeros(59, int), np.ones(59), [str(i) for i in range(59)], aim=0.95)


def test_the_most_that_patients_can_promise_can_be_asked_for():
    """To the last digit: with fewer films, a rule is followed with the highest aim that they allow."""
    for patients in range(1, 400):
        scores, names = np.linspace(0, 1, patients), [str(i) for i in range(patients)]
        found = screening(np.ones(patients, int), scores, names, aim=achievable(patients))
        assert (found.given_up, found.threshold, found.bound) == (0, scores[0], found.aim)
