"""Regions, whatever the evidence and the film."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pneumoscope.core import Radiograph, Region
from pneumoscope.imaging.placing import place
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.predict.regions import EVEN, LEAST, LEVEL, MOST, regions_of

SIDES = st.integers(1, 300)
ASPECTS = st.sampled_from(["squash", "pad", "crop"])
MAPS = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.integers(-4, 8).map(float),  # whole numbers: levels and ties are met exactly
)


def film(height: int, width: int, scale: int = 1, beyond: int = 0) -> Radiograph:
    """Decoded at a scale, of which so many pixels of the file's, less than one decoded one, lie beyond the film."""
    pixels = np.zeros((height, width), np.float32)
    full_size = (height * scale - beyond, width * scale - beyond)
    return Radiograph(pixels=pixels, digest="", full_size=full_size, container="png")


def spec(aspect: str) -> Preprocessing:
    return Preprocessing(size=(48, 64), aspect=aspect)


def level(evidence: np.ndarray) -> float:
    """From where cells stand out."""
    speaking = np.maximum(evidence, 0)
    return speaking.mean() + LEVEL * (speaking.max() - speaking.mean()) - 1e-9


def overlap(one: Region, other: Region) -> tuple[int, int]:
    """Rows and columns that both have."""
    rows = min(one.bottom, other.bottom) - max(one.top, other.top)
    return rows, min(one.right, other.right) - max(one.left, other.left)


@settings(deadline=None)
@given(MAPS, SIDES, SIDES, ASPECTS, st.sampled_from([(1, 0), (2, 0), (2, 1), (8, 0), (8, 3), (8, 7)]))
def test_boxes_are_on_the_film_apart_and_share_the_evidence(evidence, height, width, aspect, scale):
    one = film(height, width, *scale)
    found = regions_of(evidence, one, spec(aspect))
    assert len(found) <= MOST
    assert all(region.within(one.full_size) for region in found)
    shares = [region.share for region in found]
    assert shares == sorted(shares, reverse=True)
    assert all(share >= LEAST for share in shares)
    assert sum(shares) <= 1 + 1e-9
    for i, region in enumerate(found):
        assert all(min(overlap(region, other)) <= 1 for other in found[:i])  # a pixel of rounding


@settings(deadline=None)
@given(MAPS, SIDES, SIDES)
def test_shares_are_those_of_the_cells_in_the_box(evidence, rows, columns):
    """On a film of which each cell has whole pixels, against the pixels themselves."""
    height, width = evidence.shape
    one = film(height * rows, width * columns)
    pixels = np.kron(np.maximum(evidence, 0), np.ones((rows, columns)))
    for region in regions_of(evidence, one, spec("squash")):
        inside = pixels[region.top : region.bottom, region.left : region.right]
        assert region.share == pytest.approx(inside.sum() / pixels.sum())
        for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
            assert edge.max() >= level(evidence)  # no box is larger than it must be


@settings(deadline=None)
@given(MAPS, st.integers(1, 40), st.integers(1, 40))
def test_the_strongest_cell_is_in_a_box_unless_all_are_small(evidence, rows, columns):
    height, width = evidence.shape
    found = regions_of(evidence, film(height * rows, width * columns), spec("squash"))
    speaking = np.maximum(evidence, 0)
    if speaking.max() - speaking.mean() < EVEN * speaking.max() or not speaking.any():
        assert found == ()
    elif speaking.max() / speaking.sum() >= LEAST and (speaking >= level(evidence)).sum() <= MOST:
        row, column = np.unravel_index(speaking.argmax(), speaking.shape)
        assert any(
            region.top <= row * rows < region.bottom and region.left <= column * columns < region.right
            for region in found
        )


@settings(deadline=None)
@given(MAPS, SIDES, SIDES, ASPECTS)
def test_a_mirrored_film_has_mirrored_boxes(evidence, height, width, aspect):
    one = film(height, width)
    untied = evidence + 1e-3 * np.sqrt(np.arange(2, 2 + evidence.size)).reshape(evidence.shape)
    plain, mirrored = (regions_of(grid, one, spec(aspect)) for grid in (untied, untied[:, ::-1]))
    columns, side = place((height, width), spec(aspect).size, aspect).columns, spec(aspect).size[1]
    assume(columns.start + columns.stop == side)  # padding of an odd width has no middle: the picture is not mirrored

    def turned(region: Region) -> tuple[int, int, int, int]:
        return region.top, width - region.right, region.bottom, width - region.left

    assert [turned(region) for region in plain] == [(r.top, r.left, r.bottom, r.right) for r in mirrored]
    assert [r.share for r in plain] == pytest.approx([r.share for r in mirrored])


@settings(deadline=None)
@given(
    arrays.arrays(np.float64, (3, 3), elements=st.integers(0, 8).map(float)),
    st.integers(0, 6),
    st.integers(0, 6),
)
def test_evidence_that_moves_takes_its_boxes_along(patch, down, across):
    """On a map of 9 x 9 cells, and a film with ten pixels a cell."""

    def at(row: int, column: int) -> tuple[Region, ...]:
        evidence = np.full((9, 9), -1.0)
        evidence[row : row + 3, column : column + 3] = patch
        return regions_of(evidence, film(90, 90), spec("squash"))

    def moved(r: Region) -> Region:
        rows, columns = 10 * down, 10 * across
        return Region(r.top + rows, r.left + columns, r.bottom + rows, r.right + columns, r.share)

    assert at(down, across) == tuple(map(moved, at(0, 0)))


@settings(deadline=None)
@given(MAPS, SIDES, SIDES, ASPECTS)
def test_the_scale_of_the_evidence_does_not_matter(evidence, height, width, aspect):
    one = film(height, width)
    plain, scaled = (regions_of(grid, one, spec(aspect)) for grid in (evidence, 2.0 * evidence))
    assert plain == scaled
