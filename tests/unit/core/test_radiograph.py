from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pneumoscope.core import Radiograph


def film(pixels: np.ndarray) -> Radiograph:
    return Radiograph(pixels=pixels, digest="", full_size=(2, 3), container="png")


def with_one(value: float) -> np.ndarray:
    pixels = np.zeros((2, 3), np.float32)
    pixels[1, 2] = value
    return pixels


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.nextafter(np.float32(1), np.float32(2)), -1e-30])
def test_one_pixel_out_of_range_is_refused(value):
    with pytest.raises(ValueError, match=r"values in \[0, 1\]"):
        film(with_one(value))


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((2, 3), np.float64),
        np.zeros((2, 3), np.uint8),
        np.zeros((2, 3, 1), np.float32),
        np.zeros(6, np.float32),
        np.zeros((0, 3), np.float32),
    ],
)
def test_another_type_or_shape_is_refused(pixels):
    with pytest.raises(ValueError, match="non-empty"):
        film(pixels)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_both_ends_of_the_range_belong_to_it(value):
    assert film(with_one(value)).pixels[1, 2] == value


def test_nothing_about_a_film_can_be_changed():
    made = film(with_one(0.5))
    with pytest.raises(ValueError, match="read-only"):
        made.pixels[0, 0] = 1
    with pytest.raises(FrozenInstanceError):
        made.view = "PA"


def of_size(full: tuple[int, int], shown: tuple[int, int]) -> Radiograph:
    return Radiograph(pixels=np.zeros(shown, np.float32), digest="", full_size=full, container="jpeg")


@given(shown=st.tuples(st.integers(32, 300), st.integers(32, 300)), scale=st.integers(1, 16), data=st.data())
def test_the_extent_of_a_reduced_film_is_its_size_over_the_scale(shown, scale, data):
    """At a scale of 4, 1023 pixels come as 256, of which 255.75 are film."""
    height, width = (scale * side - data.draw(st.integers(0, scale - 1)) for side in shown)
    assert of_size((height, width), shown).extent == (height / scale, width / scale)


@pytest.mark.parametrize("full", [(40, 50), (64, 50), (97, 131), (30, 20)])
def test_all_pixels_are_film_unless_a_scale_says_otherwise(full):
    assert of_size(full, (40, 50)).extent == (40, 50)
