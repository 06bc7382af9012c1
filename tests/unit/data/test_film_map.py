from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from pneumoscope.core.files import sha256_bytes
from pneumoscope.core.manifest import Listing
from pneumoscope.data import open_listing
from pneumoscope.data import stated as stated_module
from pneumoscope.data.film_map import Features, film_map, oddest, sampled
from pneumoscope.data.stated import Stated
from pneumoscope.data.survey import SCALARS, survey
from tests.helpers import picture, row
from tests.surveys import listed, made_survey


@pytest.fixture(autouse=True)
def _one_thread():
    """As ``explore`` has it."""
    with threadpool_limits(1):
        yield


def everything(found):
    return np.flatnonzero(found.readable)


def test_a_small_group_stays_in_the_sample():
    films = [row(f"{i}", label=i % 2) for i in range(500)]
    films += [row(f"rare {i}", split="val") for i in range(7)] + [row(f"less rare {i}", source="b") for i in range(30)]
    stated = Stated.of(made_survey(films, unreadable=range(0, 500, 5)))
    chosen = sampled(stated, 150)
    assert len(chosen) == 150
    assert (np.diff(chosen) > 0).all()
    assert stated.readable[chosen].all()
    assert set(range(500, 507)) <= set(chosen.tolist())
    assert (chosen >= 507).sum() >= 20
    np.testing.assert_array_equal(sampled(stated, 150), chosen)
    assert sampled(stated, 150, seed=1).tolist() != chosen.tolist()


def test_few_films_are_all_in_the_sample():
    stated = Stated.of(made_survey(listed(30), unreadable=[4]))
    assert sampled(stated, 100).tolist() == [i for i in range(30) if i != 4]
    assert sampled(stated, 10).tolist() == sorted(set(sampled(stated, 10).tolist()))


def test_measurements_are_told_in_usual_spreads_and_sizes_by_factors():
    rng = np.random.default_rng(0)
    mean = rng.normal(5, 2, 1500)
    width = 2.0 ** rng.normal(9, 1, 1500)
    mean[0], width[1], mean[2] = 5 + 2 * 7, 2.0**12, 1e6
    found = made_survey(listed(1500), mean=mean, width=width, height=300)
    features = Features.of(found, everything(found))
    assert "height" not in features.names
    z = features.z(found, np.array([0, 1]))
    assert z[0, features.names.index("mean")] == pytest.approx(7, rel=0.1)  # one silly value has not moved the scale
    assert z[1, features.names.index("width")] == pytest.approx(3, rel=0.1)


def test_a_measurement_that_only_one_film_has_is_not_overlooked():
    found = made_survey(listed(300), colour=np.arange(300) == 7)
    features = Features.of(found, everything(found))
    assert features.z(found, np.array([7]))[0, features.names.index("colour")] > 10


def test_looks_and_measurements_weigh_the_same():
    found = made_survey(listed(400))
    features = Features.of(found, everything(found))
    variance = features(found, everything(found)).var(axis=0)
    scalars = variance[-len(features.names) :].sum()
    assert scalars == pytest.approx(1, rel=0.1)
    assert variance.sum() - scalars == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("chunk", [1, 9])
def test_features_come_in_parts(monkeypatch, chunk):
    found = made_survey(listed(40))
    features = Features.of(found, everything(found))
    whole = features(found, everything(found))
    monkeypatch.setattr(stated_module, "_CHUNK", chunk)
    np.testing.assert_allclose(features(found, everything(found)), whole, atol=1e-6)


def test_two_makes_of_films_are_two_islands():
    kind = np.arange(120) % 3 == 0
    columns = {name: np.random.default_rng(3).normal(8.0 * kind + 20, 1) for name in SCALARS}
    films = [row(f"{i}", label=int(kind[i]), split=("train", "test")[i % 2]) for i in range(120)]
    found = made_survey(films, **columns)
    chosen = everything(found)
    mapped = film_map(found, Stated.of(found), Features.of(found, chosen), chosen)
    assert mapped.points.shape == (120, 2)
    assert (mapped.points.min(), mapped.points.max()) == (0.0, 1.0)
    assert silhouette_score(mapped.points, kind) > 0.5
    share, chance = mapped.company["class"]
    assert share > 0.99
    assert chance == pytest.approx((1 / 3) ** 2 + (2 / 3) ** 2)
    share, chance = mapped.company["split"]
    assert share == pytest.approx(0.5, abs=0.08)
    assert chance == pytest.approx(0.5)
    assert "source" not in mapped.company


DARK, SHARP = ("mean", "top", "bottom", "left"), ("sharpness", "grain_x", "grain_y", "std")


def planted():
    """Three films that differ from 200 others by much; two of them are one file."""
    columns = {name: np.random.default_rng(i).normal(10, 1, 203) for i, name in enumerate((*DARK, *SHARP))}
    for name in DARK:
        columns[name][[11, 150]] = 0.5
    for name in SHARP:
        columns[name][77] = 30
    columns["mean"][[11, 150]] = 0.1
    columns["sharpness"][77] = 40
    films = listed(203)
    films[150] = row("copy.png", digest=films[11].digest)
    found = made_survey(films, unreadable=[5], **columns)
    found.rows["thumb"][150] = found.rows["thumb"][11]
    return found


def test_planted_films_are_the_oddest_and_it_is_said_why():
    found = planted()
    chosen = everything(found)
    odd = oddest(found, Features.of(found, chosen), chosen, most=2)
    assert sorted(one.film for one in odd) in ([11, 77], [77, 150])
    assert odd[0].distance >= odd[1].distance > 1
    for one in odd:
        names, sign = (SHARP, 1) if one.film == 77 else (DARK, -1)
        assert one.extremes[0].measure == names[0]
        assert [extreme.z * sign > 3 for extreme in one.extremes] == [True] * 4
        assert {extreme.measure for extreme in one.extremes} == set(names)
        assert one.extremes[0].value == found.rows[names[0]][one.film]
        np.testing.assert_allclose([one.extremes[0].low, one.extremes[0].high], [8.4, 11.6], atol=0.4)


def test_of_two_copies_one_is_told():
    found = planted()
    chosen = everything(found)
    odd = [one.film for one in oddest(found, Features.of(found, chosen), chosen)]
    assert len(set(odd)) == 16
    assert (11 in odd) != (150 in odd)


@pytest.mark.parametrize("chunk", [50, 8192])
def test_distances_are_those_of_all_pairs(monkeypatch, chunk):
    monkeypatch.setattr(stated_module, "_CHUNK", chunk)
    found = planted()
    chosen = everything(found)
    reference = chosen[::2]
    features = Features.of(found, reference)
    x, among = features(found, chosen), features(found, reference)
    pairs = np.linalg.norm(x[:, np.newaxis].astype(float) - among, axis=2)
    pairs[chosen[:, np.newaxis] == reference] = np.inf
    nearest = np.sort(pairs, axis=1)[:, :10].mean(axis=1)
    expected = nearest / np.median(nearest)
    odd = oddest(found, features, reference, most=20)
    assert len(odd) == 20
    for one in odd:
        assert one.distance == pytest.approx(expected[np.searchsorted(chosen, one.film)], rel=1e-4)
    assert odd[0].distance == pytest.approx(expected.max(), rel=1e-4)


def test_at_most_one_film_in_ten_is_odd():
    found = made_survey(listed(50))
    assert len(oddest(found, Features.of(found, everything(found)), everything(found))) == 5
    few = made_survey(listed(39))
    assert oddest(few, Features.of(few, everything(few)), everything(few)) == []


def test_films_that_do_not_belong_are_found_among_real_ones(demo_films, tmp_path):
    """An inverted film, a turned one and noise, among the demo's 64."""
    listing = open_listing(demo_films)
    films = [row(str(demo_films / film.path), digest=film.digest, label=film.label) for film in listing.films]
    with Image.open(demo_films / listing.films[3].path) as opened:
        one = opened.convert("L")
    noise = np.random.default_rng(0).integers(0, 256, (224, 224), dtype=np.uint8)
    strange = {"inverted": np.asarray(ImageOps.invert(one)), "turned": np.asarray(one.rotate(90)), "noise": noise}
    for name, pixels in strange.items():
        (tmp_path / f"{name}.png").write_bytes(picture(pixels))
        films.append(row(str(tmp_path / f"{name}.png"), digest=sha256_bytes(picture(pixels))))
    found = survey(Listing(tmp_path, tuple(films)), tmp_path / "cache")
    chosen = everything(found)
    odd = oddest(found, Features.of(found, chosen), chosen, most=3)
    assert {one.film for one in odd} == {64, 65, 66}
