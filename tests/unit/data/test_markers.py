from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from pneumoscope.data.markers import Marker, _opened, find_markers
from pneumoscope.imaging import read

SIDE = 224
GREY = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
# A bright trunk with two dark lungs, as smooth as bodies are: nothing on it is a mark.
BODY = np.float32(0.1) + sum(
    np.float32(weight) * np.exp(-(((GREY[0] - y) / height) ** 2) - ((GREY[1] - x) / width) ** 2)
    for weight, y, x, height, width in [(0.7, 130, 112, 120, 60), (-0.4, 110, 75, 60, 20), (-0.4, 110, 150, 60, 20)]
).astype(np.float32)
TOLERANCE = 2.5 / SIDE


def with_text(film: np.ndarray, text: str, top: int, left: int, size: int = 14) -> tuple[np.ndarray, Marker]:
    """The film with near-white text drawn four times as large and averaged down, and where its ink lies."""
    fine = Image.new("L", (4 * SIDE, 4 * SIDE))
    ImageDraw.Draw(fine).text((4 * left, 4 * top), text, fill=255, font=ImageFont.load_default(4 * size))
    ink = np.asarray(fine.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32) / 255
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0.5), np.flatnonzero(ink.max(axis=0) > 0.5)
    box = np.array([rows[0], columns[0], np.ptp(rows) + 1, np.ptp(columns) + 1]) / SIDE
    return film * (1 - ink) + np.float32(0.95) * ink, Marker(*box.tolist())


def is_close(found: Marker, planted: Marker) -> bool:
    ours, theirs = ([m.top, m.left, m.top + m.height, m.left + m.width] for m in (found, planted))
    return bool(np.abs(np.subtract(ours, theirs)).max() <= TOLERANCE)


@pytest.mark.parametrize("letter", ["R", "L", "D", "A-P", "KV59"])
@pytest.mark.parametrize(("top", "left"), [(3, 5), (8, 180), (110, 4), (200, 180)])
def test_a_planted_letter_is_found_where_it_is(letter, top, left):
    film, planted = with_text(BODY, letter, top, left)
    (found,) = find_markers(film)
    assert is_close(found, planted)
    assert (found.row, found.column) == pytest.approx((planted.row, planted.column), abs=TOLERANCE)


@pytest.mark.parametrize("size", [9, 12, 18, 26])
def test_letters_of_many_sizes_are_found(size):
    film, planted = with_text(BODY, "R", 4, 6, size)
    (found,) = find_markers(film)
    assert is_close(found, planted)


def test_marks_come_from_the_top_down_and_a_date_is_one():
    film, date = with_text(BODY, "12:04:59", 205, 150, 10)
    film, letter = with_text(film, "R", 4, 6)
    found = find_markers(film)
    assert [is_close(mark, planted) for mark, planted in zip(found, (letter, date), strict=True)] == [True, True]


def test_an_arrow_is_found():
    fine = Image.new("L", (4 * SIDE, 4 * SIDE))
    ImageDraw.Draw(fine).line([(60, 60), (60, 120)], fill=255, width=10)
    ImageDraw.Draw(fine).line([(40, 80), (60, 58), (80, 80)], fill=255, width=10)
    ink = np.asarray(fine.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32) / 255
    (found,) = find_markers(np.maximum(BODY, ink))
    assert is_close(found, Marker(14 / SIDE, 9.5 / SIDE, 16 / SIDE, 11 / SIDE))


def test_a_letter_that_the_edge_cuts_is_found():
    film, _ = with_text(BODY, "R", 30, 10)
    (found,) = find_markers(film[:, 14:])
    assert found.left == 0.0


def test_the_mirror_image_has_the_mirrored_marks():
    film, _ = with_text(BODY, "R", 4, 6)
    (found,), (mirrored,) = find_markers(film), find_markers(np.ascontiguousarray(film[:, ::-1]))
    assert mirrored.left == pytest.approx(1 - found.left - found.width)
    assert (mirrored.top, mirrored.height, mirrored.width) == (found.top, found.height, found.width)


def is_dark(film: np.ndarray) -> bool:
    """Whether there is air where a letter is to be planted."""
    return bool(film[145:175, 200:].max() < 0.3)


def test_a_letter_planted_on_real_films_is_found(demo_films):
    paths = sorted(demo_films.rglob("*.jpeg"))
    films = [film for path in paths if is_dark(film := read(path).pixels)]
    assert len(films) >= 20
    for film in films:
        marked, planted = with_text(film, "L", 150, 208)
        assert any(is_close(mark, planted) for mark in find_markers(marked))
        assert not any(is_close(mark, planted) for mark in find_markers(film))


FLAT = {
    "black": np.zeros((SIDE, SIDE), np.float32),
    "white": np.ones((SIDE, SIDE), np.float32),
    "ramp": GREY[0] / SIDE,
    "body": BODY,
    "noise": np.random.default_rng(1).normal(0.5, 0.05, (SIDE, SIDE)).clip(0, 1).astype(np.float32),
    "half": np.repeat(np.array([0.0, 1.0], np.float32), SIDE // 2)[np.newaxis] * np.ones((SIDE, 1), np.float32),
}


@pytest.mark.parametrize("name", FLAT)
def test_nothing_is_found_where_nothing_is(name):
    assert find_markers(FLAT[name]) == ()


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (2, 300), (3, 3), (5, 7), (30, 20)])
@pytest.mark.parametrize("grey", [0.0, 1.0])
def test_tiny_films_have_no_marks(shape, grey):
    film = np.full(shape, grey, np.float32)
    film[0, 0] = 1 - grey
    assert find_markers(film) == ()


def test_a_blurred_spot_and_a_cable_are_no_marks():
    """As bright and as small as a letter, or as thin as its strokes."""
    spot = 0.1 + 0.5 * np.exp(-(((GREY[0] - 30) / 2.5) ** 2) - ((GREY[1] - 20) / 3) ** 2)
    cable = BODY.copy()
    cable[20:22, :] = 0.95
    assert find_markers(spot.astype(np.float32)) == find_markers(cable) == ()


@pytest.mark.parametrize(("rim", "found"), [(0, 1), (1, 1), (2, 0)])
def test_a_bright_core_may_be_smeared_by_one_pixel_but_not_rise_from_more(rim, found):
    film = 0.5 * BODY
    film[30 - rim : 34 + rim, 20 - rim : 25 + rim] += 0.18
    film[30:34, 20:25] = 0.5 + 0.5 * BODY[30:34, 20:25]
    assert len(find_markers(film)) == found


def test_a_piece_of_cable_is_no_mark():
    """Small and sharp, but its rectangle is nearly empty."""
    film, (rows, columns) = BODY.copy(), np.divmod(np.arange(50), 2)
    film[20 + rows, 10 + rows + columns] = 0.95
    assert find_markers(film) == ()


@pytest.mark.parametrize(
    ("rows", "columns", "found"),
    [
        (slice(60, 88), slice(5, 9), 1),  # as tall as a large letter
        (slice(60, 95), slice(5, 9), 0),
        (slice(212, 216), slice(150, 200), 1),  # as wide as a date
        (slice(212, 216), slice(140, 200), 0),
        (slice(60, 64), slice(5, 7), 0),  # a speck
        (slice(60, 64), slice(0, 4), 0),  # a speck that the edge cuts
        (slice(60, 66), slice(0, 6), 1),
        (slice(80, 90), slice(30, 34), 1),
        (slice(80, 90), slice(40, 44), 0),  # too far from the edge, over dark lung
    ],
)
def test_size_and_place_of_a_mark(rows, columns, found):
    film = 0.5 * BODY
    film[rows, columns] = 0.95
    assert len(find_markers(film)) == found


def test_a_film_gives_the_same_marks_again_and_is_left_alone():
    film, _ = with_text(BODY, "R", 4, 6)
    film.flags.writeable = False
    assert find_markers(film) == find_markers(film.copy()) != ()


@pytest.mark.parametrize("side", [3, 8, 9])
def test_the_opening_is_that_of_scipy_away_from_the_edge(side):
    film = np.random.default_rng(2).random((60, 70), np.float32)
    inner = (slice(side, -side), slice(side, -side))
    np.testing.assert_array_equal(_opened(film, side)[inner], ndimage.grey_opening(film, side)[inner])
