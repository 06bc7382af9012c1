from __future__ import annotations

import msgspec
import numpy as np
import pytest

from pneumoscope.data import open_manifest
from pneumoscope.evaluation.heat import GroupHeat, evidence_in, heat_by_outcome
from pneumoscope.evaluation.labelled import LabelledFilms
from pneumoscope.evaluation.regions import REGIONS, cover, middles
from pneumoscope.evaluation.seen import look_at
from pneumoscope.predict import Predictor

AREAS = {"centre": 0.49, "ring": 0.36, "corners": 0.09, "inside the ring": 0.64}


def spot(row: int, column: int, size: int = 7) -> np.ndarray:
    heat = np.zeros((size, size), np.float32)
    heat[row, column] = 0.5
    return heat


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("shape", [(1, 1), (7, 7), (8, 5), (28, 28), (224, 200)])
def test_a_region_has_its_share_of_any_grid(region, shape):
    part = cover(region, shape)
    assert part.shape == shape
    assert part.min() > -1e-12
    assert part.max() < 1 + 1e-12
    assert part.mean() == pytest.approx(AREAS[region])
    assert evidence_in(region, np.full(shape, 0.3, np.float32)) == pytest.approx(AREAS[region])


def test_regions_drawn_pixel_by_pixel():
    y, x = ((np.arange(200) + 0.5) / 200 for _ in range(2))
    from_edge_y, from_edge_x = (np.minimum(place, 1 - place) for place in (y, x))
    near = np.minimum.outer(from_edge_y, from_edge_x)
    drawn = {
        "centre": near > 0.15,
        "ring": near < 0.1,
        "corners": np.maximum.outer(from_edge_y, from_edge_x) < 0.15,
        "inside the ring": near > 0.1,
    }
    for region, pixels in drawn.items():
        np.testing.assert_allclose(cover(region, (200, 200)), pixels, atol=1e-9)
        np.testing.assert_array_equal(middles(region, (200, 200)), pixels)


def test_ring_and_inside_are_the_whole_film():
    np.testing.assert_allclose(cover("ring", (7, 9)) + cover("inside the ring", (7, 9)), 1)


def test_evidence_in_one_cell_lies_where_the_cell_does():
    assert evidence_in("centre", spot(3, 3)) == pytest.approx(1)
    assert evidence_in("corners", spot(0, 6)) == pytest.approx(1)
    assert evidence_in("ring", spot(0, 3)) == pytest.approx(0.7)  # a cell is 1/7 deep, the ring 1/10
    assert evidence_in("centre", spot(0, 3)) == 0


def test_films_are_sorted_by_outcome_and_weigh_the_same(seen):
    films = [
        seen("a", True, 0.9, spot(3, 3)),
        seen("b", True, 0.8, 0.1 * spot(0, 0)),
        seen("c", False, 0.7, spot(0, 3)),
        seen("d", False, 0.1, np.zeros((7, 7))),
    ]
    found = {group.group: group for group in heat_by_outcome(films)}
    assert list(found) == ["true positive", "false positive", "true negative"]
    regions = {region.region: region for region in found["true positive"].regions}
    assert regions["centre"].evidence.value == pytest.approx(0.5)
    assert regions["corners"].evidence.value == pytest.approx(0.5)
    assert regions["ring"].hottest.value == 0.5
    assert (regions["ring"].cells, regions["corners"].cells) == (pytest.approx(24 / 49), pytest.approx(4 / 49))
    assert regions["ring"].area == pytest.approx(0.36)
    assert found["false positive"].regions[1].evidence.value == pytest.approx(0.7)


def test_cells_that_are_as_hot_have_the_same_chance(seen):
    """Evidence is cut off at 1: the topmost of several such cells is no hotter than the others."""
    both = np.maximum(spot(0, 3), spot(3, 3))
    (group,) = heat_by_outcome([seen(str(i), True, 0.9, both) for i in range(200)])
    centre, ring, _ = (region.hottest.value for region in group.regions)
    assert centre + ring == 1
    assert 0.4 < ring < 0.6


def test_a_film_without_evidence_has_no_share(seen):
    (group,) = heat_by_outcome([seen("d", False, 0.1, np.zeros((7, 7)))])
    assert (group.films, group.without, group.regions) == (1, 1, ())


def test_one_patients_films_do_not_say_how_sure_one_may_be(seen):
    films = [seen(name, True, 0.9, spot(3, 3), patient="p") for name in "ab"]
    (group,) = heat_by_outcome(films)
    evidence = group.regions[0].evidence
    assert (evidence.value, evidence.low, evidence.high) == (pytest.approx(1), 0.0, 1.0)


def test_the_packaged_bundles_evidence_for_pneumonia_is_more_central_than_chance(demo_films):
    predictor = Predictor.open()
    films = LabelledFilms.of(open_manifest(demo_films).only("test"), predictor.bundle.spec)
    looked = look_at(predictor, films.only([16, 17, 18, 19]), jobs=1)
    assert {one.outcome for one in looked} == {"true positive"}
    (group,) = heat_by_outcome(looked)
    centre, _, corners = group.regions
    assert centre.evidence.value > centre.area
    assert corners.evidence.value < corners.area
    assert msgspec.json.decode(msgspec.json.encode(group), type=GroupHeat) == group
