from __future__ import annotations

from math import log

import msgspec
import numpy as np
import pytest

from pneumoscope.core import Radiograph
from pneumoscope.data.markers import Marker
from pneumoscope.evaluation.occlusion import (
    Blanked,
    MarkerTest,
    _touch,
    blank_regions,
    blanked,
    controls,
    paint_markers,
    painted,
)
from pneumoscope.evaluation.regions import REGIONS, cover
from pneumoscope.evaluation.seen import look_at, markers_on
from tests.helpers import SIZE, flat
from tests.phantoms import phantom

H = np.full((224, 224), 51, np.uint8)
H[20:32, 10:12] = H[20:32, 16:18] = H[25:27, 10:18] = 230


def film_of(pixels: np.ndarray) -> Radiograph:
    grey = np.divide(pixels, 255, dtype=np.float32)
    return Radiograph(pixels=grey, digest="d" * 64, full_size=grey.shape, container="png")


@pytest.mark.parametrize("scale", [1, 3])
def test_a_mark_painted_over_is_gone_and_nothing_else(scale):
    film = film_of(np.kron(H, np.ones((scale, scale), np.uint8)))
    (mark,) = markers_on(film)
    without = painted(film, [mark])
    np.testing.assert_allclose(without.pixels, 0.2, atol=1e-6)
    assert markers_on(without) == ()
    away = painted(film, [Marker(0.5, 0.5, 0.1, 0.1)])
    np.testing.assert_array_equal(away.pixels, film.pixels)


def test_paint_is_the_median_of_what_is_around():
    pixels = np.tile(np.linspace(0, 1, 224, dtype=np.float32), (224, 1))
    film = Radiograph(pixels=pixels, digest="d" * 64, full_size=(224, 224), container="png")
    box = Marker(top=100 / 224, left=50 / 224, height=10 / 224, width=20 / 224)
    changed = painted(film, [box]).pixels != pixels
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (99, 110, 49, 70)
    rim = np.concatenate([pixels[97:99, 47:73].ravel(), pixels[111:113, 47:73].ravel()])
    rim = np.concatenate([rim, pixels[99:111, 47:49].ravel(), pixels[99:111, 71:73].ravel()])
    assert painted(film, [box]).pixels[105, 60] == np.median(rim)


@pytest.mark.parametrize("mark", [Marker(0, 0, 0.1, 0.1), Marker(0.9, 0.9, 0.1, 0.1), Marker(0.4, 0.95, 0.1, 0.05)])
def test_a_mark_at_the_very_edge_can_be_painted(mark):
    assert painted(film_of(phantom(0, side=100)), [mark]).pixels.shape == (100, 100)


def test_a_control_is_the_mark_mirrored_where_that_is_free():
    assert controls([Marker(0.1, 0.05, 0.1, 0.05)]) == (Marker(0.1, 0.9, 0.1, 0.05),)


@pytest.mark.parametrize(
    "marks",
    [
        [Marker(0.1, 0.05, 0.1, 0.05), Marker(0.1, 0.9, 0.1, 0.05)],
        [Marker(0.02, 0.45, 0.05, 0.1)],
        [Marker(0.02, 0.02, 0.05, 0.1), Marker(0.02, 0.88, 0.05, 0.1), Marker(0.93, 0.4, 0.05, 0.2)],
    ],
)
def test_controls_keep_clear_of_marks_and_each_other_as_near_to_the_edge(marks):
    found = controls(marks)
    assert len(found) == len(marks)
    everything = [*marks, *found]
    assert not any(_touch(one, other) for i, one in enumerate(everything) for other in everything[:i])
    for mark, control in zip(marks, found, strict=True):
        assert (control.height, control.width) == (mark.height, mark.width)
        to_edge = [min(m.row, 1 - m.row, m.column, 1 - m.column) for m in (mark, control)]
        assert to_edge[0] == pytest.approx(to_edge[1], abs=1e-9)
        assert 0 <= control.top <= 1 - control.height
        assert 0 <= control.left <= 1 - control.width


def test_a_crowded_border_leaves_no_room():
    crowd = [Marker(i / 10, left, 0.09, 0.05) for i in range(10) for left in (0.02, 0.93)]
    assert len(controls(crowd)) < len(crowd)


def odds(grey_sum_change: float) -> float:
    """Change of the tiny bundle's log-odds when the sum of greys (0 to 255) over 224 x 224 pixels changes so much."""
    return 2 * 4 * 2 * grey_sum_change / 255 / 224**2


def test_what_a_mark_does_by_hand(predictor, labelled):
    """On a flat film the control paints grey over the same grey: the mark alone changes the answer."""
    films = labelled((1, H), (0, H[::-1]), (0, np.full((224, 224), 60)), (1, b"nothing"))
    result = paint_markers(predictor, films)
    assert (result.films, result.marked, result.crowded) == (3, 2, 0)
    [whole] = result.groups  # of a single patient with the finding, and one without, nothing can be said
    assert (whole.group, whole.films) == ("all", 2)
    expected = odds(-(H.astype(int) - 51).sum())
    assert whole.marks.mean.value == pytest.approx(expected, rel=0.01)
    assert whole.marks.size.value == pytest.approx(-expected, rel=0.01)
    assert whole.control.size.value == pytest.approx(0, abs=1e-4)
    assert whole.excess.value == pytest.approx(-expected, rel=0.01)
    assert (whole.marks.lost, whole.marks.raised) == (0, 0)
    assert msgspec.json.decode(msgspec.json.encode(whole), type=type(whole)) == whole


def test_a_mark_on_which_the_answer_hangs_is_told(predictor, labelled):
    """Positive from a mean grey of 119.53 on: the film has 119.5, and a white mark makes the difference."""
    film = np.where(H > 100, 255, 119)
    film[112:] = 120
    result = paint_markers(predictor, labelled((0, film), (1, film)))
    assert (result.groups[0].marks.lost, result.groups[0].marks.raised) == (2, 0)
    assert (result.groups[0].control.lost, result.groups[0].control.raised) == (0, 0)


def test_without_marks_there_are_no_groups(predictor, labelled):
    result = paint_markers(predictor, labelled((1, flat(99))))
    assert result == MarkerTest(films=1, marked=0, crowded=0, groups=())


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("shape", [(224, 224), (100, 180)])
def test_a_blanked_region_knows_nothing_of_the_film(region, shape):
    typical = np.random.default_rng(0).random((3, 4)).astype(np.float32)
    greys = [np.random.default_rng(i).integers(0, 255, shape) for i in (1, 2)]
    one, other = (blanked(film_of(grey), region, typical).pixels for grey in greys)
    there = cover(region, shape)
    np.testing.assert_allclose(one[there > 1 - 1e-9], other[there > 1 - 1e-9], atol=1e-6)
    np.testing.assert_allclose(one[there < 1e-9], film_of(greys[0]).pixels[there < 1e-9], atol=1e-6)
    assert len(np.unique(one[there > 1 - 1e-9])) > 10


def test_a_class_written_at_the_border_is_found_without_the_centre(predictor, labelled):
    """The films' middles are alike, their rims bright or dark: the shortcut that this test is for."""
    rim = np.ones(SIZE, bool)
    rim[2:-2, 3:-3] = False
    films = labelled(*((i % 2, np.where(rim, (20 + i, 220 + i)[i % 2], 100)) for i in range(8)))
    result = blank_regions(predictor, films)
    by_region = {region.region: region.effect for region in result.regions}
    assert list(by_region) == list(REGIONS)
    assert result.untouched.auc.value == 1.0
    assert by_region["centre"].measured.auc.value == 1.0
    assert by_region["inside the ring"].measured.auc.value == 1.0
    assert by_region["ring"].measured.auc.value == 0.5
    assert by_region["ring"].changed.value == 0.5
    assert msgspec.json.decode(msgspec.json.encode(result), type=Blanked) == result


def test_seen_films_know_their_marks_and_what_they_were(predictor, labelled):
    (one, other) = look_at(predictor, labelled((1, H), (0, flat(30, (50, 60))), (1, b"nothing")))
    assert (one.markers, one.full_size, one.container, one.positive) == (1, (224, 224), "png", True)
    assert (other.markers, other.full_size, other.outcome) == (0, (50, 60), "true negative")
    assert one.reading.heatmap is not None
    assert log(one.reading.finding.probability) < 0
