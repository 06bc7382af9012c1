"""Each perturbation against another implementation of it, mostly Pillow's own on 8 bits."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from scipy import ndimage

from pneumoscope.core import Radiograph
from pneumoscope.evaluation.perturb import PERTURBATIONS, perturbed
from pneumoscope.imaging.preprocess import Preprocessing, resize
from tests.phantoms import phantom

STEP = 1 / 255
LEVELS = [(name, level) for name, how in PERTURBATIONS.items() for level in how.levels]


def film_of(pixels: np.ndarray, digest: str = "d" * 64) -> Radiograph:
    greys = np.ascontiguousarray(pixels / np.float32(255), np.float32) if pixels.dtype == np.uint8 else pixels
    height, width = greys.shape
    return Radiograph(pixels=greys, digest=digest, full_size=(2 * height, 2 * width), container="png")


GREYS = phantom(1, side=224)
FILM = film_of(GREYS)
PICTURE = Image.fromarray(GREYS)


def eight_bits(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture, np.float32) / 255


@pytest.mark.parametrize("name", [name for name, how in PERTURBATIONS.items() if how.identity is not None])
def test_the_level_that_does_nothing_does_nothing(name):
    assert perturbed(FILM, name, PERTURBATIONS[name].identity) is FILM


@pytest.mark.parametrize(("name", "level"), LEVELS)
@pytest.mark.parametrize("shape", [(224, 224), (301, 417), (30, 41)])
def test_every_level_gives_a_film_and_leaves_the_first_alone(name, level, shape):
    film = film_of(np.asarray(Image.fromarray(phantom(2, side=256)).resize(shape[::-1])))
    before = film.pixels.copy()
    harmed = perturbed(film, name, level)
    assert harmed.digest == film.digest
    assert harmed.pixels.shape == film.pixels.shape or name == "crop"
    np.testing.assert_array_equal(film.pixels, before)
    np.testing.assert_array_equal(perturbed(film, name, level).pixels, harmed.pixels)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_levels_ascend_and_none_is_the_identity(name):
    how = PERTURBATIONS[name]
    assert list(how.levels) == sorted(set(how.levels))
    assert how.identity not in how.levels
    assert how.title
    assert how.unit


@pytest.mark.parametrize("degrees", [-20, 5, 10])
def test_rotation_is_scipys(degrees):
    ours = perturbed(FILM, "rotation", degrees).pixels
    theirs = ndimage.rotate(FILM.pixels, degrees, reshape=False, order=1)
    np.testing.assert_allclose(ours[40:-40, 40:-40], theirs[40:-40, 40:-40], atol=2e-3)
    assert ours[0, 0] == 0


@pytest.mark.parametrize("shift", [-0.2, 0.1])
def test_brightness_is_a_shift_that_stops_at_black_and_white(shift):
    expected = PICTURE.point([min(255, max(0, round(grey + 255 * shift))) for grey in range(256)])
    np.testing.assert_allclose(perturbed(FILM, "brightness", shift).pixels, eight_bits(expected), atol=0.6 * STEP)


@pytest.mark.parametrize("factor", [0.5, 1.5, 2])
def test_contrast_is_pillows(factor):
    expected = ImageEnhance.Contrast(PICTURE).enhance(factor)
    np.testing.assert_allclose(perturbed(FILM, "contrast", factor).pixels, eight_bits(expected), atol=2 * STEP)


@pytest.mark.parametrize("gamma", [0.5, 2])
def test_gamma_bends_the_greys_and_leaves_black_and_white(gamma):
    expected = PICTURE.point([round(255 * (grey / 255) ** gamma) for grey in range(256)])
    np.testing.assert_allclose(perturbed(FILM, "gamma", gamma).pixels, eight_bits(expected), atol=0.6 * STEP)
    ends = film_of(np.array([[0, 255]], np.uint8))
    assert perturbed(ends, "gamma", gamma).pixels.tolist() == [[0, 1]]


@pytest.mark.parametrize("sigma", [1, 3])
def test_blur_is_a_convolution_with_a_bell(sigma):
    reach = np.arange(-4 * sigma, 4 * sigma + 1)
    bell = np.exp(-(reach**2) / (2 * sigma**2))
    bell /= bell.sum()
    padded = np.pad(FILM.pixels.astype(np.float64), 4 * sigma, mode="edge")
    for axis in (0, 1):
        padded = np.apply_along_axis(np.convolve, axis, padded, bell, "valid")
    np.testing.assert_allclose(perturbed(FILM, "blur", sigma).pixels, padded, atol=1e-5)


def test_noise_is_normal_of_the_films_own_and_one_pattern_at_all_levels():
    grey = film_of(np.full((224, 224), 0.5, np.float32))
    weak, strong = (perturbed(grey, "noise", level).pixels - 0.5 for level in (0.02, 0.05))
    assert weak.std() == pytest.approx(0.02, rel=0.02)
    assert abs(weak.mean()) < 5e-4
    np.testing.assert_allclose(strong, 2.5 * weak, atol=1e-5)
    other = perturbed(film_of(grey.pixels, digest="e" * 64), "noise", 0.02).pixels - 0.5
    assert abs(np.corrcoef(weak.ravel(), other.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("quality", [5, 30, 75])
def test_jpeg_is_opencvs(quality):
    cv2 = pytest.importorskip("cv2")
    _, data = cv2.imencode(".jpg", GREYS, [cv2.IMWRITE_JPEG_QUALITY, quality])
    expected = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) / 255
    np.testing.assert_allclose(perturbed(FILM, "jpeg", quality).pixels, expected, atol=2 * STEP)


@pytest.mark.parametrize(("side", "factor"), [(112, 2), (56, 4)])
def test_resolution_averages_blocks_of_pixels(side, factor):
    expected = PICTURE.reduce(factor).resize(PICTURE.size, Image.Resampling.BILINEAR)
    np.testing.assert_allclose(perturbed(FILM, "resolution", side).pixels, eight_bits(expected), atol=2 * STEP)


def test_a_film_that_is_coarse_already_does_not_get_coarser():
    small = film_of(phantom(3, side=50))
    np.testing.assert_array_equal(perturbed(small, "resolution", 56).pixels, small.pixels)


def test_a_crop_is_pillows_and_the_file_counts_as_smaller():
    cropped = perturbed(FILM, "crop", 0.05)
    np.testing.assert_array_equal(cropped.pixels, eight_bits(ImageOps.crop(PICTURE, 11)))
    assert cropped.full_size == (404, 404)


def test_inversion_and_mirroring_are_pillows():
    np.testing.assert_allclose(perturbed(FILM, "inversion", 1).pixels, eight_bits(ImageOps.invert(PICTURE)), atol=1e-6)
    np.testing.assert_array_equal(perturbed(FILM, "flip", 1).pixels, eight_bits(ImageOps.mirror(PICTURE)))


@pytest.mark.parametrize(("share", "cutoff"), [(0.1, (0, 10)), (0.2, (0, 20)), (-0.1, (10, 0)), (-0.2, (20, 0))])
def test_exposure_is_pillows_autocontrast_with_one_end_held(share, cutoff):
    held = GREYS.copy()
    held[0, 0], held[0, 1] = 0, 255
    expected = ImageOps.autocontrast(Image.fromarray(held), cutoff)
    ours = perturbed(film_of(held), "exposure", share).pixels
    np.testing.assert_allclose(ours, eight_bits(expected), atol=3 * STEP)
    assert (ours == (share > 0)).mean() == pytest.approx(abs(share), abs=0.02)


def test_exposure_of_a_film_without_detail_is_no_fault():
    for grey in (0.0, 0.4, 1.0):
        for share in (-0.2, 0.2):
            assert perturbed(film_of(np.full((9, 9), grey, np.float32)), "exposure", share).pixels.shape == (9, 9)


@pytest.mark.parametrize("name", ["rotation", "brightness", "contrast", "gamma", "blur", "noise", "exposure"])
def test_the_further_from_the_identity_the_greater_the_harm(name):
    how = PERTURBATIONS[name]
    for side in (
        [level for level in how.levels if level > how.identity],
        [level for level in how.levels[::-1] if level < how.identity],
    ):
        harm = [np.abs(perturbed(FILM, name, level).pixels - FILM.pixels).mean() for level in side]
        assert harm == sorted(harm)
        assert all(harm)


@pytest.mark.parametrize("name", ["jpeg", "resolution"])
def test_the_lower_the_level_the_greater_the_harm(name):
    levels = PERTURBATIONS[name].levels
    harm = [np.abs(perturbed(FILM, name, level).pixels - FILM.pixels).mean() for level in levels]
    assert harm == sorted(harm, reverse=True)
    assert all(harm)


@pytest.mark.parametrize(("name", "level"), [("blur", 2), ("resolution", 56), ("rotation", 10)])
def test_a_level_means_the_same_on_a_larger_film(name, level):
    """What the network is shown of a film of twice the size, against that of the film itself."""
    large = film_of(np.asarray(Image.fromarray(FILM.pixels).resize((448, 448), Image.Resampling.BICUBIC)).clip(0, 1))
    spec = Preprocessing(size=(224, 224))
    seen, plain = (resize(one, spec) for one in (perturbed(large, name, level), large))
    ours = perturbed(film_of(plain), name, level).pixels
    inner = np.s_[45:-45, 45:-45]
    assert np.abs(seen - ours)[inner].mean() < 0.2 * np.abs(ours - plain)[inner].mean()


def test_the_grain_of_a_larger_film_is_as_coarse_and_is_seen_a_little_smoothed():
    """Shrinking by two mixes neighbours (1, 6, 1) / 8 each way, whatever the film shows."""
    grey = film_of(np.full((448, 448), 0.5, np.float32))
    seen = resize(perturbed(grey, "noise", 0.05), Preprocessing(size=(224, 224))) - 0.5
    ours = perturbed(film_of(np.full((224, 224), 0.5, np.float32)), "noise", 0.05).pixels - 0.5
    mixed = ndimage.convolve1d(ndimage.convolve1d(ours, [1 / 8, 6 / 8, 1 / 8], 0), [1 / 8, 6 / 8, 1 / 8], 1)
    np.testing.assert_allclose(seen[1:-1, 1:-1], mixed[1:-1, 1:-1], atol=1e-4)
