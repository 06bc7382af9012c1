from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.core import Radiograph
from pneumoscope.imaging import read
from pneumoscope.imaging.orientation import negative, turned, turned_box
from pneumoscope.imaging.preprocess import Preprocessing, resize
from tests.helpers import picture

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


@pytest.mark.parametrize("quarters", [-2, -1, 0, 1, 2, 3])
def test_a_box_turns_with_its_film(quarters):
    came, pixels = (1, 2, 4, 7), np.zeros((5, 9), np.float32)
    pixels[1:4, 2:7] = 1
    whole = Radiograph(pixels=pixels, digest="", full_size=(5, 9), container="png")
    top, left, bottom, right = turned_box(came, (5, 9), quarters)
    box = turned(whole, quarters).pixels[top:bottom, left:right]
    assert box.size == pixels.sum()
    assert box.all()


@pytest.mark.parametrize("quarters", [-1, 1, 2])
def test_what_was_decoded_beyond_a_film_does_not_become_its_beginning(quarters):
    """3593 pixels at an eighth are 449.125: the network is to be shown the same, but turned."""
    squares = np.kron(np.random.default_rng(0).integers(0, 256, (36, 36)), np.ones((100, 100))).astype(np.uint8)
    film = read(picture(squares[:3593, :3593], "JPEG", quality=95), min_size=(224, 224))
    spec = Preprocessing(size=(224, 224))
    assert film.extent == (449.125, 449.125)
    shown, expected = resize(turned(film, quarters), spec), np.rot90(resize(film, spec), quarters)
    assert np.abs(shown - expected).max() < 0.1


def test_a_negative_of_a_negative_is_the_film():
    np.testing.assert_allclose(negative(film()).pixels, 1 - PIXELS)
    np.testing.assert_allclose(negative(negative(film())).pixels, PIXELS, atol=1e-7)
