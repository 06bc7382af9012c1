from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pneumoscope.core import Radiograph
from pneumoscope.imaging.orientation import negative, turned
from pneumoscope.imaging.preprocess import Preprocessing, resize

PIXELS = np.array([[0.0, 0.1, 0.2], [0.3, 0.4, 0.5]], np.float32)


def film() -> Radiograph:
    return Radiograph(pixels=PIXELS.copy(), digest="d", full_size=(20, 30), container="dicom", spacing=(0.1, 0.2))


def test_a_quarter_anticlockwise_brings_the_right_side_to_the_top():
    one = turned(film(), 1)
    np.testing.assert_array_equal(one.pixels, np.array([[0.2, 0.5], [0.1, 0.4], [0.0, 0.3]], np.float32))
    assert (one.full_size, one.spacing, one.digest) == ((30, 20), (0.2, 0.1), "d")


@pytest.mark.parametrize("quarters", [-1, 1, 2, 3])
def test_turned_back_it_is_the_same(quarters):
    back = turned(turned(film(), quarters), -quarters)
    np.testing.assert_array_equal(back.pixels, PIXELS)
    assert (back.full_size, back.spacing) == ((20, 30), (0.1, 0.2))


@pytest.mark.parametrize("quarters", [-1, 1, 2, 3])
@pytest.mark.parametrize("left", [(1, 0), (0, 7), (5, 3)])
def test_what_a_reduced_scale_leaves_over_shifts_no_film_that_is_turned(quarters, left):
    """Ramps of 255 greys down and across, as means of 8 x 8: a shift by what is left over would be 2 to 3 of them."""
    size = (8 * 66 + left[0], 8 * 80 + left[1])
    spec = Preprocessing(size=(33, 33))
    for ramp in (np.linspace(0, 1, size[0])[:, np.newaxis], np.linspace(0, 1, size[1])):
        whole = np.broadcast_to(ramp, size).astype(np.float32)
        reduced = np.asarray(Image.fromarray(whole).reduce(8))
        films = (
            Radiograph(pixels=pixels, digest="", full_size=size, container="dicom")
            for pixels in (np.array(reduced), np.array(whole))
        )
        found, expected = (resize(turned(film, quarters), spec) for film in films)
        assert np.abs(found - expected).max() * 255 < 0.6


def test_white_stays_white_where_it_is_turned():
    white = Radiograph(pixels=np.ones((67, 67), np.float32), digest="", full_size=(529, 531), container="jpeg")
    assert (turned(white, 2).pixels == 1).all()


def test_a_negative_of_a_negative_is_the_film():
    np.testing.assert_allclose(negative(film()).pixels, 1 - PIXELS)
    np.testing.assert_allclose(negative(negative(film())).pixels, PIXELS, atol=1e-7)
