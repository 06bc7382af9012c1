from __future__ import annotations

import sys

import numpy as np
import pytest

from pneumoscope.core import ManifestError, MissingExtra
from pneumoscope.data.shortcuts import patient_folds, shortcut_baselines, shortcut_scores
from pneumoscope.stats.metrics import auc


def ward(patients: int, seed: int = 0, most: int = 4) -> tuple[np.ndarray, list[str]]:
    """Labels and patient keys; a patient has one to ``most`` films of one class."""
    rng = np.random.default_rng(seed)
    films = rng.integers(1, most + 1, patients)
    return np.repeat(rng.integers(0, 2, patients), films), np.repeat([f"p{i}" for i in range(patients)], films).tolist()


def halves(patients: list[str]) -> list[str]:
    return ["train" if int(patient[1:]) % 2 else "test" for patient in patients]


def noise(films: int, columns: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(films, columns))


def test_facts_that_know_nothing_give_an_interval_around_a_half():
    labels, patients = ward(400)
    (baseline,) = shortcut_baselines({"noise": noise(len(labels), 6)}, labels, patients, halves(patients))
    assert list(baseline.auc) == ["train", "test"]
    for estimate in baseline.auc.values():
        assert estimate.low < 0.5 < estimate.high
        assert 0.05 < estimate.high - estimate.low < 0.2


def test_facts_that_give_the_class_away_are_seen_in_each_group():
    labels, patients = ward(200)
    tell = noise(len(labels), 2) + 8.0 * labels[:, np.newaxis]
    groups = {"sharpness": tell, "noise": noise(len(labels), 2)}
    one, other = shortcut_baselines(groups, labels, patients, halves(patients))
    assert (one.name, one.columns, other.name, other.columns) == ("sharpness", 2, "noise", 2)
    for split in ("train", "test"):
        assert one.auc[split].low > 0.999
        assert other.auc[split].high < 0.75


def test_other_splits_are_scored_by_what_train_teaches():
    """Where the many test films say the opposite, the model of the few train films is wrong on all of them."""
    labels, patients = ward(200)
    splits = np.array(["test" if int(patient[1:]) % 4 else "train" for patient in patients])
    turned = np.where(splits == "test", 1 - labels, labels)
    tell = (8.0 * turned + noise(len(labels), 1)[:, 0])[:, np.newaxis]
    (baseline,) = shortcut_baselines({"turned": tell}, labels, patients, splits.tolist())
    assert baseline.auc["train"].low > 0.999
    assert baseline.auc["test"].high < 0.001


def test_alike_films_of_one_patient_do_not_inflate_the_score():
    """60 patients of 30 films that differ by a hair, features drawn by patient: by film it is a lesson by heart."""
    rng = np.random.default_rng(4)
    labels = np.repeat(rng.permutation(np.arange(60) % 2), 30)
    features = np.repeat(rng.normal(size=(60, 45)), 30, axis=0) + 1e-3 * noise(1800, 45)
    by_patient = shortcut_scores(features, labels, np.repeat([f"p{i}" for i in range(60)], 30).tolist(), 0)
    by_film = shortcut_scores(features, labels, [f"f{i}" for i in range(1800)], 0)
    assert auc(labels, by_film) > 0.85
    assert auc(labels, by_patient) < 0.6


def test_scores_are_log_odds_of_label_1():
    """Films of class 1 around +1, of class 0 around -1, both of unit spread: the log-odds are twice the feature."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 20_000)
    features = rng.normal(2.0 * labels - 1, 1)[:, np.newaxis]
    scores = shortcut_scores(features, labels, [f"p{i // 10}" for i in range(20_000)], 0)
    np.testing.assert_allclose(scores, 2 * features[:, 0], atol=0.3)


def test_units_do_not_matter():
    labels, patients = ward(100)
    features = noise(len(labels), 3) + labels[:, np.newaxis]
    scores = shortcut_scores(features, labels, patients)
    np.testing.assert_allclose(shortcut_scores(features * [1e-6, 1, 1e6] + 5, labels, patients), scores, atol=1e-5)


def test_columns_that_are_not_stated_or_all_the_same_are_dropped():
    labels, patients = ward(100)
    tell = 8.0 * labels + noise(len(labels), 1)[:, 0]
    missing = np.where(np.arange(len(labels)) == 7, np.nan, tell)
    endless = np.where(np.arange(len(labels)) == 7, np.inf, tell)
    mixed = np.column_stack([missing, endless, np.full(len(labels), 0.1), noise(len(labels), 1)])
    groups = {"mixed": mixed, "nothing": mixed[:, :3], "no columns": mixed[:, :0]}
    baselines = shortcut_baselines(groups, labels, patients, halves(patients), resamples=20)
    assert [baseline.columns for baseline in baselines] == [1, 0, 0]
    assert baselines[0].auc["train"].value < 0.7
    for baseline in baselines[1:]:
        assert {(e.low, e.value, e.high) for e in baseline.auc.values()} == {(0.5, 0.5, 0.5)}
    assert not shortcut_scores(mixed[:, :3], labels, patients).any()


def test_a_column_that_varies_in_one_film_alone_does_no_harm():
    """Then it is constant where four of the five models learn."""
    labels, patients = ward(100)
    lone = np.zeros((len(labels), 1))
    lone[3] = 1
    assert np.isfinite(shortcut_scores(lone, labels, patients)).all()


def test_more_facts_than_films_and_repeated_facts_are_no_trouble():
    labels, patients = ward(30)
    wide = noise(len(labels), 200)
    assert np.isfinite(shortcut_scores(np.hstack([wide, wide]), labels, patients)).all()


def test_train_films_alone_will_do():
    labels, patients = ward(50)
    groups = {"a": noise(len(labels), 2)}
    (baseline,) = shortcut_baselines(groups, labels, patients, ["train"] * len(labels), resamples=10)
    assert list(baseline.auc) == ["train"]


def test_splits_that_lack_a_class_are_left_out():
    labels, patients = ward(100)
    splits = np.where(labels == 1, "val", "train")
    splits[: len(labels) // 2] = "train"
    (baseline,) = shortcut_baselines({"a": noise(len(labels), 2)}, labels, patients, splits.tolist(), resamples=10)
    assert list(baseline.auc) == ["train"]


def test_the_same_seed_gives_the_same_answer():
    labels, patients = ward(100)
    features = noise(len(labels), 3)
    first, second, third = (shortcut_scores(features, labels, patients, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert (first != third).any()


@pytest.mark.parametrize("seed", [0, 1])
def test_folds_part_the_films_and_keep_patients_whole(seed):
    labels, patients = ward(80, seed)
    folds = patient_folds(labels, patients, seed=seed)
    assert sorted(np.concatenate(folds).tolist()) == list(range(len(labels)))
    homes = [{patients[film] for film in fold} for fold in folds]
    assert sum(map(len, homes)) == len(set(patients))
    for fold in folds:
        assert labels[fold].mean() == pytest.approx(labels.mean(), abs=0.08)


@pytest.mark.parametrize(
    ("labels", "patients", "told"),
    [
        ([1] * 20, range(20), "0: 0 patients, 1: 20 patients"),
        ([0] * 20 + [1] * 20, [*range(20), *([20, 21, 22, 23] * 5)], "0: 20 patients, 1: 4 patients"),
        ([0, 1, 2] * 20, range(60), "0: 20 patients, 1: 20 patients, 2: 20 patients"),
        ([], [], "0: 0 patients, 1: 0 patients"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(labels, patients, told):
    keys = [str(patient) for patient in patients]
    with pytest.raises(ManifestError, match=f"each of at least 5 patients.*{told}"):
        shortcut_scores(noise(len(labels), 2), np.array(labels), keys, 0)


def test_without_train_films_there_is_no_baseline():
    labels, patients = ward(50)
    with pytest.raises(ManifestError, match="0: 0 patients, 1: 0 patients"):
        shortcut_baselines({"a": noise(len(labels), 2)}, labels, patients, ["test"] * len(labels))


def test_the_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.model_selection", None)
    labels, patients = ward(50)
    with pytest.raises(MissingExtra, match=r"pneumoscope\[evaluate\]"):
        shortcut_scores(noise(len(labels), 2), labels, patients)
