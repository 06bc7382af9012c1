from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.core import ManifestError
from pneumoscope.evaluation.lungs import heat_on_lungs, lung_zone, share_on, zone_of
from tests.unit.evaluation.chests import SIDE, chest, lungs

MEAN = np.mean([chest(i) for i in range(20)], axis=0) / 255


def inside(zone: np.ndarray, drawn: np.ndarray) -> float:
    """Share of what is drawn that the zone holds."""
    return float(zone[drawn].mean())


def test_the_zone_of_a_mean_film_holds_the_lungs_and_what_is_between_them():
    zone = zone_of(MEAN)
    assert inside(zone, lungs()) > 0.9
    assert zone[SIDE // 2, SIDE // 2]
    row, column = np.mgrid[:SIDE, :SIDE] / SIDE
    between = lungs() | ((abs(row - 0.5) < 0.3) & (abs(column - 0.5) < 0.21))
    assert inside(between, zone) > 0.85
    edge = np.ones((SIDE, SIDE), bool)
    edge[8:-8, 8:-8] = False
    assert not zone[edge].any()


@pytest.mark.parametrize("side", [64, 112, 224])
def test_the_zone_does_not_depend_on_the_films_size(side):
    zone = zone_of(chest(0, side=side) / 255)
    assert zone.mean() == pytest.approx(zone_of(MEAN).mean(), abs=0.03)


def test_air_beside_the_body_is_no_lung():
    """The dark that reaches the film's edge stays out, however dark it is."""
    black = zone_of(MEAN)[:, : SIDE // 20]
    assert not black.any()


ROW, COLUMN = np.mgrid[:SIDE, :SIDE] / SIDE
ONE_FIELD = np.where(((ROW - 0.5) / 0.3) ** 2 + ((COLUMN - 0.4) / 0.2) ** 2 < 1, 0.3, 0.8)
"""Across the middle, as on lateral films."""


@pytest.mark.parametrize("film", [np.full((SIDE, SIDE), 0.5), np.tile(np.linspace(0, 1, SIDE), (SIDE, 1)), ONE_FIELD])
def test_a_mean_without_lungs_is_refused(film):
    with pytest.raises(ManifestError, match="no lungs"):
        zone_of(film)


def test_the_zone_comes_from_films_without_the_finding(predictor, labelled):
    """Those with it have one lung, which would be the whole of the zone."""
    films = labelled(*((0, chest(i)) for i in range(3)), *((1, chest(i, opaque=True)) for i in range(9)), (0, b"none"))
    zone = lung_zone(predictor, films)
    assert zone.shape == (SIDE, SIDE)
    assert inside(zone, lungs()) > 0.9


def test_without_films_that_lack_the_finding_there_is_no_zone(predictor, labelled):
    with pytest.raises(ManifestError, match="without the finding"):
        lung_zone(predictor, labelled((1, chest(0))))


def test_the_share_on_a_zone_is_that_of_the_pixels():
    rng = np.random.default_rng(0)
    zone, heat = rng.random((112, 112)) < 0.4, rng.random((7, 8)).astype(np.float32)
    pixels = np.kron(heat, np.ones((16, 14)))
    assert share_on(zone, heat) == pytest.approx((pixels * zone).sum() / pixels.sum(), rel=1e-5)


def spot(row: int, column: int) -> np.ndarray:
    heat = np.zeros((7, 7), np.float32)
    heat[row, column] = 0.7
    return heat


def test_true_positives_are_measured_and_weigh_the_same(seen):
    zone = np.zeros((112, 112), bool)
    zone[:56] = True
    films = [
        seen("a", True, 0.9, spot(0, 0)),
        seen("b", True, 0.9, 0.1 * spot(6, 6)),
        seen("c", True, 0.9, spot(3, 3)),
        seen("d", False, 0.9, spot(6, 0)),
        seen("e", True, 0.1, spot(6, 0)),
        seen("f", True, 0.9, np.zeros((7, 7))),
    ]
    found = heat_on_lungs(films, zone)
    assert (found.films, found.area) == (3, 0.5)
    assert found.evidence.value == pytest.approx((1 + 0 + 0.5) / 3)
    assert found.evidence.low < found.evidence.value < found.evidence.high


def test_too_few_patients_tell_nothing(seen):
    films = [seen(name, True, 0.9, spot(0, 0), patient="p") for name in "ab"]
    assert heat_on_lungs(films, np.ones((112, 112), bool)) is None
    assert heat_on_lungs([], np.ones((112, 112), bool)) is None
