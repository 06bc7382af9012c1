from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pneumoscope.imaging.placing import over_film, place

SIDE = st.integers(16, 5000)
FILM = st.tuples(SIDE, SIDE)
PICTURE = st.tuples(st.integers(16, 600), st.integers(16, 600))
ASPECT = st.sampled_from(["squash", "pad", "crop"])


@given(FILM, PICTURE, ASPECT)
def test_what_is_shown_lies_within_the_film_and_the_picture(film, picture, aspect):
    (left, top, right, bottom), rows, columns = place(film, picture, aspect)
    assert 0 <= left < right <= film[1] + 1e-6
    assert 0 <= top < bottom <= film[0] + 1e-6
    assert 0 <= rows.start < rows.stop <= picture[0]
    assert 0 <= columns.start < columns.stop <= picture[1]


@given(FILM, PICTURE)
def test_padding_and_cropping_keep_the_shape_of_things(film, picture):
    """A pixel of the film becomes as high as wide, but for the padded film's rounding to whole pixels."""
    _, rows, columns = place(film, picture, "pad")
    scale = min(picture[0] / film[0], picture[1] / film[1])
    assert rows.stop - rows.start == pytest.approx(max(1, scale * film[0]), abs=0.5 + 1e-9)
    assert columns.stop - columns.start == pytest.approx(max(1, scale * film[1]), abs=0.5 + 1e-9)
    (left, top, right, bottom), _, _ = place(film, picture, "crop")
    assert picture[0] / (bottom - top) == pytest.approx(picture[1] / (right - left))


@given(FILM, PICTURE)
def test_padding_loses_nothing_cropping_fills_the_picture_and_both_keep_to_the_middle(film, picture):
    box, rows, columns = place(film, picture, "pad")
    assert box == (0, 0, film[1], film[0])
    assert rows == slice(0, picture[0]) or columns == slice(0, picture[1])
    assert abs(rows.start + rows.stop - picture[0]) <= 1
    assert abs(columns.start + columns.stop - picture[1]) <= 1
    (left, top, right, bottom), rows, columns = place(film, picture, "crop")
    assert (rows, columns) == (slice(0, picture[0]), slice(0, picture[1]))
    assert left + right == pytest.approx(film[1])
    assert top + bottom == pytest.approx(film[0])
    assert right - left == pytest.approx(film[1]) or bottom - top == pytest.approx(film[0])


def test_a_map_of_a_film_that_fills_the_picture_is_that_of_the_film():
    grid = np.random.default_rng(0).random((7, 5), np.float32)
    np.testing.assert_array_equal(over_film(grid, (300, 100), (224, 224), "squash"), grid)
    for aspect in ("pad", "crop"):
        np.testing.assert_array_equal(over_film(grid, (900, 600), (300, 200), aspect), grid)


def test_padding_is_cut_away():
    """A film twice as wide as high is shown on the middle half of a square: of 4 rows of cells it lies under 2."""
    grid = np.array([[9, 9], [1, 0], [0, 0], [9, 9]], np.float32)
    placed = over_film(grid, (100, 200), (64, 64), "pad")
    assert placed.shape == (16, 8)
    down = np.interp((np.arange(16) + 0.5) / 8, [0.75, 1.25], [1, 0])
    across = np.interp((np.arange(8) + 0.5) / 4, [0.75, 1.25], [1, 0])
    np.testing.assert_allclose(placed, np.outer(down, across), atol=1e-6)


@given(FILM, PICTURE, st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_cells_of_padding_alone_add_nothing(film, picture, cells):
    _, rows, columns = place(film, picture, "pad")
    padding = np.zeros(cells, np.float32)
    for i in range(cells[0]):
        padding[i] += (i + 1) * picture[0] <= rows.start * cells[0] or i * picture[0] >= rows.stop * cells[0]
    for j in range(cells[1]):
        padding[:, j] += (j + 1) * picture[1] <= columns.start * cells[1] or j * picture[1] >= columns.stop * cells[1]
    placed = over_film(padding, film, picture, "pad")
    assert placed.max() == 0


def test_outside_the_crop_is_nothing():
    """Of a film twice as wide as high, a square shows the middle half."""
    placed = over_film(np.ones((3, 4), np.float32), (100, 200), (64, 64), "crop")
    assert placed.shape == (12, 16)
    expected = np.zeros((12, 16))
    expected[:, 4:12] = 1
    np.testing.assert_allclose(placed, expected)


@given(FILM, PICTURE, ASPECT, st.tuples(st.integers(1, 9), st.integers(1, 9)), st.floats(0.1, 1))
def test_a_map_of_one_value_keeps_it_wherever_the_film_is_seen(film, picture, aspect, cells, value):
    placed = over_film(np.full(cells, value, np.float32), film, picture, aspect)
    assert placed.dtype == np.float32
    seen = placed if aspect != "crop" else placed[placed > 0]
    np.testing.assert_allclose(seen, value, rtol=1e-6)
    assert placed.shape in (cells, (4 * cells[0], 4 * cells[1]))


@pytest.mark.parametrize("aspect", ["squash", "pad", "crop"])
@pytest.mark.parametrize("film", [(300, 500), (500, 300), (224, 224), (100, 1000)])
def test_a_map_of_what_is_shown_where_is_right(film, aspect):
    """The map holds each cell's place on the film, worked out from the box: it must end up in that place."""
    picture, cells = (224, 192), 32
    (left, _, right, _), _, columns = place(film, picture, aspect)
    middles = (np.arange(cells) + 0.5) / cells * picture[1]
    on_film = left + (middles - columns.start) / (columns.stop - columns.start) * (right - left)
    grid = np.tile(on_film / film[1], (cells, 1)).astype(np.float32)
    placed = over_film(grid, film, picture, aspect)
    there = (np.arange(placed.shape[1]) + 0.5) / placed.shape[1]
    cell = (right - left) / (columns.stop - columns.start) * picture[1] / cells / film[1]
    inside = (there > left / film[1] + cell) & (there < right / film[1] - cell)  # half a cell at the border is flat
    row = placed[placed.shape[0] // 2]
    assert inside.any()
    np.testing.assert_allclose(row[inside], there[inside], atol=cell / 4 + 1e-6)
    assert abs(np.mean(row[inside] - there[inside])) < cell / 20
