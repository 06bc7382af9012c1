"""What films made on the spot measure, and that harm moves the number that is meant to tell of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pneumoscope.imaging.quality import MEASURES, half, measures, sharpness

SIDE = 224
RNG = np.random.default_rng(3)
TEXTURE = gaussian_filter(RNG.standard_normal((SIDE, SIDE)), 1.5, mode="wrap")
COARSE = gaussian_filter(RNG.standard_normal((SIDE, SIDE)), 20, mode="wrap")


def film() -> np.ndarray:
    """Broad shapes with fine ones on them, from 0.2 to 0.8."""
    greys = COARSE / COARSE.std() + 0.5 * TEXTURE / TEXTURE.std()
    return np.clip(0.5 + 0.1 * greys, 0.2, 0.8).astype(np.float32)


def found(pixels: np.ndarray) -> dict[str, float]:
    return dict(zip(MEASURES, measures(half(pixels.astype(np.float32))), strict=True))


def test_half_a_film_is_the_mean_of_two_by_two():
    pixels = film()
    np.testing.assert_allclose(half(pixels), pixels.reshape(112, 2, 112, 2).mean(axis=(1, 3)), atol=1e-6)
    np.testing.assert_array_equal(half(pixels[:223, :221]), half(pixels)[:111, :110])


def test_a_ramp_measures_what_it_is():
    ramp = np.tile(np.linspace(0, 1, SIDE, dtype=np.float32), (SIDE, 1))
    told = found(ramp)
    assert told["contrast"] == pytest.approx(0.9, abs=0.02)
    assert told["brightness"] == pytest.approx(0.5, abs=0.02)
    assert told["black"] == pytest.approx(0.02, abs=0.01)
    assert told["white"] == pytest.approx(0.02, abs=0.01)
    # a step of a ramp is as long as its cells are wide: 2 pixels to 8
    assert told["sharpness"] == pytest.approx(np.log((2 / 8) ** 2), abs=0.01)


def test_a_film_of_one_grey_has_no_sharpness():
    assert sharpness(np.full((SIDE, SIDE), 0.4, np.float32)) == 0.0


@pytest.mark.parametrize("sigma", [1.5, 2, 3, 5])
def test_the_more_a_film_is_blurred_the_less_sharp_it_is(sigma):
    less, more = (found(gaussian_filter(film(), s))["sharpness"] for s in (sigma - 0.5, sigma))
    assert more < less < found(film())["sharpness"] + 0.05


def test_neither_grain_nor_contrast_passes_for_sharpness():
    sharp, blurred = found(film())["sharpness"], gaussian_filter(film(), 3)
    grain = 0.01 * RNG.standard_normal(blurred.shape)
    assert found(blurred + grain)["sharpness"] < sharp - 0.5
    assert found(0.5 + 0.4 * (film() - 0.5))["sharpness"] == pytest.approx(sharp, abs=0.01)


def test_exposure_moves_its_own_measures():
    plain = found(film())
    assert found(np.clip(film() + 0.35, 0, 1))["white"] > plain["white"] + 0.05
    assert found(np.clip(film() - 0.35, 0, 1))["black"] > plain["black"] + 0.05
    assert found(0.5 * film())["brightness"] == pytest.approx(0.5 * plain["brightness"], abs=0.01)
    assert found(0.5 * film())["contrast"] == pytest.approx(0.5 * plain["contrast"], abs=0.01)
