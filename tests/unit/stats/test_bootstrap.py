from __future__ import annotations

from importlib import import_module
from math import isnan, nan, sqrt

import numpy as np
import pytest

from pneumoscope.stats.bootstrap import Measures, Weights, bootstrap, numbered, replicates
from pneumoscope.stats.weighted import scored


def mean_of(values: np.ndarray) -> Measures:
    return lambda weights: {"mean": float(weights @ values / weights.sum())}


def recorded(drawn: list[list[float]]) -> Measures:
    def measures(weights: Weights) -> dict[str, float]:
        drawn.append(weights.tolist())
        return {"films": float(weights.sum())}

    return measures


def test_patients_are_drawn_with_all_their_films():
    drawn: list[list[float]] = []
    bootstrap(recorded(drawn), ["b", "a", "b", "c", "a", "b"], resamples=50, seed=3)
    assert drawn[0] == [1] * 6  # the figure itself: every film once
    for times in drawn[1:]:
        assert times[0] == times[2] == times[5]
        assert times[1] == times[4]
        assert times[0] + times[1] + times[3] == 3  # as many patients as there are
    assert len({tuple(times) for times in drawn}) > 5


def test_each_patient_is_as_likely_as_another():
    """600 draws of 4 patients with one film: each comes up 600 times, give or take 21."""
    drawn: list[list[float]] = []
    replicates(recorded(drawn), "abcd", resamples=600, seed=0)
    assert np.sum(drawn, axis=0) == pytest.approx([600] * 4, abs=80)
    assert np.var(drawn) == pytest.approx(3 / 4, abs=0.1)  # of a count of 4 draws at 1 in 4


def test_weights_give_what_gathering_the_drawn_films_gives():
    """The definition of the bootstrap, film by film, against sorted and weighted figures."""
    from sklearn.metrics import log_loss, roc_auc_score

    rng = np.random.default_rng(0)
    labels, p = rng.integers(0, 2, 80), np.round(rng.random(80), 2).clip(0.01, 0.99)
    patients = rng.integers(0, 30, 80)
    drawn: list[list[float]] = []
    ours = replicates(scored(labels, p), patients, resamples=40, seed=9)
    replicates(recorded(drawn), patients, resamples=40, seed=9)
    films = [np.repeat(np.arange(80), np.array(times, int)) for times in drawn]
    assert ours["auc"] == pytest.approx([roc_auc_score(labels[i], p[i]) for i in films], abs=1e-9)
    assert ours["log_loss"] == pytest.approx([log_loss(labels[i], p[i]) for i in films], abs=1e-9)


def test_alike_films_of_a_patient_make_the_interval_wider():
    """Nine copies of each film teach nothing: drawing films instead would claim an interval a third as wide."""
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(size=200), 9)
    patients = np.repeat(np.arange(200), 9)

    def width(keys: np.ndarray) -> float:
        estimate = bootstrap(mean_of(values), keys, resamples=400, seed=1)["mean"]
        return estimate.high - estimate.low

    by_patient, by_film = width(patients), width(np.arange(1800))
    assert by_patient / by_film == pytest.approx(3, rel=0.15)
    assert by_patient == pytest.approx(2 * 1.96 * values.std() / sqrt(200), rel=0.1)


def test_bootstrap_is_repeatable_and_its_value_is_of_the_films_themselves():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    runs = [bootstrap(mean_of(values), "abcd", resamples=100, seed=seed)["mean"] for seed in (5, 5, 6)]
    assert runs[0].value == runs[2].value == 4.0
    assert runs[0] == runs[1] != runs[2]
    assert 1 <= runs[0].low < 4 < runs[0].high <= 9


def test_threads_change_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    values, patients = rng.normal(size=60), rng.integers(0, 20, 60)
    alone = replicates(mean_of(values), patients, resamples=30, seed=2)["mean"]
    module = import_module("pneumoscope.stats.bootstrap")
    monkeypatch.setattr(module, "_MANY", 1)
    monkeypatch.setattr(module, "usable_cores", lambda: 3)
    np.testing.assert_array_equal(replicates(mean_of(values), patients, resamples=30, seed=2)["mean"], alone)


def test_draws_without_a_value_are_left_out():
    def measures(weights: Weights) -> dict[str, float]:
        return {"a": nan if weights[0] == 0 else 7.0, "b": nan, "c": 1.0}

    found = bootstrap(measures, "abcd", resamples=100, seed=0)
    assert (found["a"].value, found["a"].low, found["a"].high) == (7, 7, 7)
    assert all(map(isnan, (found["b"].value, found["b"].low, found["b"].high)))
    assert list(found) == ["a", "b", "c"]


def test_patients_are_numbered_as_they_come():
    owners, count = numbered(np.array(["z", "a", "z", "b"]))
    assert (owners.tolist(), count) == ([0, 1, 0, 2], 3)


def clustered(rng: np.random.Generator, patients: int, films: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether each film was found, 90% on average; films of a patient are alike (intraclass correlation 0.5)."""
    share = rng.beta(0.9, 0.1, patients)
    owners = np.repeat(np.arange(patients), films)
    return (rng.random(patients * films) < share[owners]).astype(float), owners


def test_the_patient_bootstrap_covers_where_the_film_bootstrap_does_not():
    """200 studies of 80 patients with 6 films each. At 95% three standard errors are 4.6 points."""
    rng = np.random.default_rng(4)
    held = {"patients": 0, "films": 0}
    for seed in range(200):
        found, owners = clustered(rng, 80, 6)
        for name, keys in (("patients", owners), ("films", np.arange(480))):
            estimate = bootstrap(mean_of(found), keys, resamples=100, seed=seed)["mean"]
            held[name] += estimate.low <= 0.9 <= estimate.high
    assert 0.88 < held["patients"] / 200 < 0.99
    assert held["films"] / 200 < 0.80


def test_a_single_patient_does_not_tell_how_patients_differ():
    found = bootstrap(mean_of(np.array([1.0, 2.0, 6.0])), "aaa", resamples=20, seed=0)["mean"]
    assert found.value == 3
    assert isnan(found.low)
    assert isnan(found.high)
