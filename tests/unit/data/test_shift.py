from __future__ import annotations

import re
from math import inf
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumoscope.core import ManifestError
from pneumoscope.data import shift
from pneumoscope.data.shift import domain_shift, moved, shift_by_class
from pneumoscope.data.shortcuts import shortcut_baselines

SCALARS = ("mean", "std", "gx", "gy", "sharp")


def keys(count: int) -> list[str]:
    return [f"p{i}" for i in range(count)]


def noise(films: int, columns: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(films, columns))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_domains_of_one_make_cannot_be_told_apart(seed):
    estimate = domain_shift(noise(600, 40, seed), np.arange(600) % 6 == 0, keys(600))
    assert estimate.low < 0.5 < estimate.high
    assert estimate.high - estimate.low < 0.2


def test_two_makes_are_told_apart():
    second = np.arange(300) % 3 == 0
    features = noise(300, 40)
    features[second, :5] += 5
    assert domain_shift(features, second, keys(300)).low > 0.99


def test_a_known_distance_gives_its_area():
    """Two unit normals 1 apart: AUC = Phi(1 / sqrt 2) = 0.760."""
    second = np.arange(4000) % 2 == 0
    estimate = domain_shift(noise(4000, 1) + second[:, np.newaxis], second, keys(4000))
    assert estimate.value == pytest.approx(0.760, abs=0.015)
    assert estimate.low < 0.760 < estimate.high


def test_films_of_a_patient_do_not_give_the_domain_away():
    """40 patients of 30 films alike, nothing but the patient tells the domain."""
    second = np.repeat(np.random.default_rng(0).permutation(40) % 2 == 0, 30)
    features = np.repeat(noise(40, 60), 30, axis=0)
    by_patient = domain_shift(features, second, np.repeat(keys(40), 30))
    assert by_patient.low < 0.5 < by_patient.high
    assert by_patient.high - by_patient.low > 0.2  # 40 patients, not 1,200 films
    assert domain_shift(features, second, keys(1200)).value > 0.95


def test_columns_that_are_not_stated_are_dropped():
    second = np.arange(200) % 2 == 0
    features = np.column_stack([np.where(second, np.nan, 1.0), np.full(200, 0.3)])
    estimate = domain_shift(features, second, keys(200), resamples=10)
    assert (estimate.low, estimate.value, estimate.high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("patients", [keys(4) * 10, [*(["x"] * 20), *keys(20)]])
def test_too_few_patients_are_refused(patients):
    with pytest.raises(ManifestError, match="at least 5 patients"):
        domain_shift(noise(40, 2), np.arange(40) >= 20, patients)


@pytest.mark.parametrize(("second", "drawn"), [(40, (160, 40)), (150, (100, 100)), (990, (10, 190))])
def test_many_films_are_thinned_without_losing_the_rare_ones(monkeypatch, second, drawn):
    monkeypatch.setattr(shift, "MOST_FILMS", 200)
    domain = np.arange(1000) < second
    films = shift._draw(domain, 0)
    assert ((~domain[films]).sum(), domain[films].sum()) == drawn
    assert len(set(films.tolist())) == 200
    np.testing.assert_array_equal(films, shift._draw(domain, 0))
    assert (films != shift._draw(domain, 1)).any()
    np.testing.assert_array_equal(shift._draw(domain[30:130], 0), np.arange(100))  # all of what fits
    seen = []
    monkeypatch.setattr(shift, "patient_folds", lambda labels, *_, **__: seen.append(len(labels)) or [])
    domain_shift(noise(1000, 2), domain, keys(1000), resamples=1)
    assert seen == [200]


def test_each_two_splits_of_each_class_are_compared():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 900)
    splits = rng.choice(["train", "val", "test"], 900)
    features = noise(900, 10)
    blurred = (labels == 0) & (splits == "test")
    features[blurred] += 2
    scalars = {"sharpness": np.where(blurred, -1.0, 1.0) + 0.1 * features[:, 0], "grey": noise(900, 1, 7)[:, 0]}
    found = shift_by_class(features, labels, splits.tolist(), keys(900), scalars=scalars, resamples=50)
    pairs = [("train", "val"), ("train", "test"), ("val", "test")]
    assert [(one.label, one.splits) for one in found] == [(label, pair) for label in (0, 1) for pair in pairs]
    for one in found:
        assert one.films == tuple(int(((labels == one.label) & (splits == split)).sum()) for split in one.splits)
        assert [name for name, _ in one.moved] in (["sharpness", "grey"], ["grey", "sharpness"])
        if one.label == 0 and "test" in one.splits:
            assert one.auc.low > 0.95
            assert one.moved[0][0] == "sharpness"
            assert one.moved[0][1] < -10
        else:
            assert one.auc.low < 0.5 < one.auc.high
            assert abs(one.moved[0][1]) < 0.3


def test_a_comparison_is_that_of_its_films_alone():
    labels, splits = np.arange(400) % 2, np.where(np.arange(400) % 3 == 0, "test", "train")
    features = noise(400, 5)
    one, _ = shift_by_class(features, labels, splits.tolist(), keys(400), resamples=20)
    order = np.concatenate([np.flatnonzero((labels == 0) & (splits == split)) for split in ("train", "test")])
    alone = domain_shift(features[order], splits[order] == "test", np.array(keys(400))[order], resamples=20)
    assert one.auc == alone
    assert one.moved == ()


@pytest.mark.parametrize(("val", "patients", "compared"), [(19, 19, 0), (20, 20, 1), (20, 5, 1), (20, 4, 0)])
def test_sides_too_small_to_speak_are_left_out(val, patients, compared):
    splits = ["train"] * 60 + ["val"] * val
    who = [*keys(60), *[f"v{i % patients}" for i in range(val)]]
    assert len(shift_by_class(noise(60 + val, 3), np.zeros(60 + val, int), splits, who, resamples=5)) == compared


def test_moved_is_cohens_d_the_furthest_first():
    """ "up": means 3 and 5, sums of squares 2 and 8 over 3 + 3 - 2 degrees of freedom: d = 2 / sqrt(10 / 4)."""
    second = np.array([False, False, False, True, True, True])
    scalars = {
        "little": np.array([0.0, 1, 2, 0, 1, 3]),
        "up": np.array([2.0, 3, 4, 3, 5, 7]),
        "down": np.array([20.0, 30, 40, 0, 20, 30]),
        "same": np.full(6, 0.1),
        "not stated": np.array([1.0, np.nan, 2, 3, 4, 5]),
        "switched": np.repeat([0.1, 0.7], 3),
    }
    found = dict(moved(scalars, second))
    assert list(found) == ["switched", "up", "down", "little"]
    assert found["switched"] == inf
    assert found["up"] == pytest.approx(2 / np.sqrt(10 / 4))
    assert found["down"] == pytest.approx((50 / 3 - 30) / np.sqrt((200 + 1400 / 3) / 4))
    assert {name: -d for name, d in moved(scalars, ~second)} == pytest.approx(found)


@pytest.mark.data
def test_figures_of_the_real_films(data_folder):
    """Only the normal films shift from train to test, by how sharp they are; texture alone tells the class."""
    paths = sorted((data_folder / "kermany224").rglob("*.jpeg"))
    assert len(paths) == 5840
    scalars, thumbnails = (np.array(column) for column in zip(*map(seen, paths), strict=True))
    labels = np.array([int(path.parent.name == "PNEUMONIA") for path in paths])
    splits = [path.parent.parent.name for path in paths]
    patients = [patient(path) for path in paths]

    (baseline,) = shortcut_baselines({"all": scalars}, labels, patients, splits, resamples=20)
    assert baseline.auc["train"].value == pytest.approx(0.943, abs=0.005)
    assert baseline.auc["test"].value == pytest.approx(0.814, abs=0.02)

    named = dict(zip(SCALARS, scalars.T, strict=True))
    features = np.hstack([thumbnails, scalars])
    normal, ill = shift_by_class(features, labels, splits, patients, scalars=named, resamples=20)
    assert (normal.splits, normal.films, ill.films) == (("train", "test"), (1341, 234), (3875, 390))
    assert normal.auc.value == pytest.approx(0.937, abs=0.015)
    assert ill.auc.value == pytest.approx(0.641, abs=0.025)
    assert normal.moved[0] == ("gy", pytest.approx(-0.87, abs=0.05))
    assert abs(ill.moved[0][1]) < 0.3


def seen(path: Path) -> tuple[list[float], np.ndarray]:
    """Grey and texture of a film, and its 16 x 16 thumbnail, flat; in [0, 1]."""
    with Image.open(path) as picture:
        grey = picture.convert("L")
    x = np.asarray(grey, np.float32) / 255
    laplacian = 4 * x[1:-1, 1:-1] - x[:-2, 1:-1] - x[2:, 1:-1] - x[1:-1, :-2] - x[1:-1, 2:]
    steps = np.abs(np.diff(x, axis=1)).mean(), np.abs(np.diff(x, axis=0)).mean()
    thumbnail = np.asarray(grey.resize((16, 16), Image.Resampling.BOX), np.float64).ravel() / 255
    return [float(v) for v in (x.mean(), x.std(), *steps, laplacian.std())], thumbnail


def patient(path: Path) -> str:
    match = re.match(r"person\d+_(bacteria|virus)", path.stem)
    return match[0] if match else path.stem
