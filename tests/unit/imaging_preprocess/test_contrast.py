from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from pneumoscope.core import MissingExtra
from pneumoscope.core.files import sha256_bytes
from pneumoscope.imaging.contrast import CONTRASTS, clahe, edges, equalise

cv2 = pytest.importorskip("cv2")

STEPS = {"equalise": equalise, "clahe": clahe, "edges": edges}


def artificial(height: int, width: int) -> np.ndarray:
    """Slopes and a chequerboard, in whole numbers: the same everywhere."""
    y, x = np.mgrid[:height, :width]
    return ((x * x // 7 + 3 * y + x * y // 5 + 40 * ((x // 9 + y // 13) % 3)) % 256).astype(np.uint8)


@pytest.fixture
def threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


def test_equalised_greys_are_uniform():
    """Every grey occurs alike, but they are crowded in a quarter of the range: afterwards they fill all of it."""
    crowded = np.repeat(np.arange(64, 128), 40).reshape(64, 40).astype(np.uint8)
    spread = equalise(crowded)
    values, counts = np.unique(spread, return_counts=True)
    assert (counts == 40).all()
    np.testing.assert_array_equal(values, np.rint(np.arange(64) * 255 / 63))


def test_equalising_keeps_the_order_of_greys_and_makes_the_shares_even():
    skewed = np.rint(255 * np.random.default_rng(0).random((200, 200)) ** 3).astype(np.uint8)
    spread = equalise(skewed)
    by_grey = [np.unique(spread[skewed == grey]) for grey in np.unique(skewed)]
    assert all(len(values) == 1 for values in by_grey)
    assert (np.diff(np.concatenate(by_grey).astype(int)) >= 0).all()
    shares = [np.mean(spread <= level) for level in np.unique(spread)]
    np.testing.assert_allclose(shares, (np.unique(spread) * (1 - shares[0]) / 255) + shares[0], atol=0.5 / 255)


def test_clahe_is_the_clipped_equalisation_of_each_of_8_by_8_tiles():
    """With 64 tiles alike there is nothing to interpolate. A tile has 256 pixels, one a grey; the limit is two."""
    tile = np.full((16, 16), 100, np.uint8)
    tile[:4] = np.arange(64).reshape(4, 16)
    counts = np.minimum(np.bincount(tile.ravel(), minlength=256), 2)
    counts[:190] += 1  # grey 100 has 192 pixels: the 190 over the limit are too few for all greys and go to the first
    expected = np.rint(counts.cumsum() * 255 / 256).astype(np.uint8)[tile]
    np.testing.assert_array_equal(clahe(np.tile(tile, (8, 8))), np.tile(expected, (8, 8)))


def test_clahe_brings_out_what_is_faint_without_stretching_it_to_the_whole_range():
    rng = np.random.default_rng(0)
    film = np.where(np.arange(224) < 112, 200, 50) + rng.integers(-3, 4, (224, 224))
    changed = clahe(film.astype(np.uint8))
    for half in (slice(0, 80), slice(144, 224)):
        assert 1.5 * film[:, half].std() < changed[:, half].std() < 4 * film[:, half].std()


@pytest.mark.parametrize("grey", [0, 7, 255])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (16, 16), (97, 131)])
def test_a_film_of_one_grey_stays_flat_and_has_no_edges(grey, size):
    flat = np.full(size, grey, np.uint8)
    np.testing.assert_array_equal(equalise(flat), flat)
    assert len(np.unique(clahe(flat))) == 1
    assert not edges(flat).any()


@pytest.mark.parametrize("turned", [False, True])
def test_a_step_is_one_line(turned):
    film = np.where(np.arange(60) < 30, 60, 160)[np.newaxis].repeat(40, axis=0).astype(np.uint8)
    found = edges(np.ascontiguousarray(film.T)).T if turned else edges(film)
    columns = np.flatnonzero(found.any(axis=0))
    assert len(columns) == 1
    assert columns[0] in (29, 30)
    assert (found[:, columns[0]] == 255).all()


@pytest.mark.parametrize(("step", "seen"), [(37, False), (38, True), (100, True)])
def test_how_high_a_step_must_be(step, seen):
    film = np.where(np.arange(60) < 30, 80, 80 + step)[np.newaxis].repeat(40, axis=0).astype(np.uint8)
    assert edges(film).any() == seen


def test_an_edge_is_followed_where_it_gets_fainter_and_ends_below_the_lower_limit():
    """From 100 greys at the top to nothing at the bottom: a gradient of 50, 12.5 greys, is seven eighths down."""
    rows = 200
    heights = np.linspace(100, 0, rows)[:, np.newaxis]
    film = np.where(np.arange(60) < 30, 80, 80 + heights).astype(np.uint8)
    last = int(np.flatnonzero(edges(film).any(axis=1)).max())
    assert last == pytest.approx(rows * 7 / 8, abs=3)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (3, 5), (16, 16), (97, 131), (512, 300)])
def test_the_greys_given_are_left_alone_and_as_many_come_back(step, size):
    given = artificial(*size)
    before = given.copy()
    given.flags.writeable = False
    found = step(given)
    np.testing.assert_array_equal(given, before)
    assert (found.shape, found.dtype) == (size, np.uint8)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_neither_threads_nor_the_processor_matter(step):
    film = artificial(1024, 900)
    cv2.setNumThreads(1)
    expected = step(film)
    for count in (2, 3, 8):
        cv2.setNumThreads(count)
        for _ in range(3):
            np.testing.assert_array_equal(step(film), expected)
    cv2.setUseOptimized(False)
    try:
        np.testing.assert_array_equal(step(film), expected)
    finally:
        cv2.setUseOptimized(True)


@pytest.mark.parametrize(
    ("name", "digest"),
    [("equalise", "87011832e7b6"), ("clahe", "a01616af7114"), ("edges", "9813d6cc2de2")],
)
def test_a_name_means_the_same_in_every_version(name, digest):
    """Bundles hold the name alone. OpenCV 4.10 and 5.0 give these bytes."""
    assert sha256_bytes(STEPS[name](artificial(97, 131)).tobytes()).startswith(digest)


@pytest.mark.parametrize("name", STEPS)
def test_without_opencv_the_extra_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtra, match=rf"'{name}' needs the 'vision' extra: pip install 'pneumoscope\[vision\]'"):
        STEPS[name](artificial(20, 20))
    np.testing.assert_array_equal(CONTRASTS["none"](artificial(20, 20)), artificial(20, 20))
