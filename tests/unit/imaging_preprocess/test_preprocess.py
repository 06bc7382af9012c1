from __future__ import annotations

import msgspec
import numpy as np
import pytest

from pneumoscope.core import Radiograph
from pneumoscope.imaging.preprocess import Preprocessing, coarse, network_input, resize, standardise


def film(pixels: np.ndarray) -> Radiograph:
    shape = pixels.shape
    return Radiograph(pixels=pixels.astype(np.float32), digest="", full_size=(shape[0], shape[1]), container="png")


def spec(height: int, width: int, **options: float) -> Preprocessing:
    return Preprocessing(size=(height, width), **options)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).random((height, width), np.float32)


def test_a_film_of_the_right_size_is_not_touched():
    pixels = noise(24, 32)
    np.testing.assert_array_equal(resize(film(pixels), spec(24, 32)), pixels)


@pytest.mark.parametrize("size", [(17, 40), (24, 16), (500, 377), (24, 33)])
@pytest.mark.parametrize("grey", [0.0, 0.1, 1.0])
def test_one_grey_stays_that_grey(size, grey):
    resized = resize(film(np.full(size, grey)), spec(24, 32))
    np.testing.assert_array_equal(resized, np.full((24, 32), grey, np.float32))


def test_height_and_width_are_not_confused():
    """Bright above, dark below."""
    pixels = np.repeat([1.0, 0.0], 40)[:, np.newaxis] * np.ones(64)
    resized = resize(film(pixels), spec(20, 32))
    assert resized.shape == (20, 32)
    assert (resized[:9] == 1).all()
    assert (resized[11:] == 0).all()


@pytest.mark.parametrize("size", [(200, 300), (97, 64), (25, 1000), (20, 30), (24, 64)])
def test_resize_agrees_with_torch(size):
    torch = pytest.importorskip("torch")
    pixels = noise(*size)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(pixels)[None, None], (24, 32), mode="bilinear", antialias=True, align_corners=False
    )
    ours = resize(film(pixels), spec(24, 32))
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs[0, 0].numpy(), atol=1e-3)


def test_shrinking_does_not_alias():
    """Stripes one pixel wide become grey; taking every fourth pixel would leave them black or white."""
    stripes = np.tile([0.0, 1.0], (96, 64))
    resized = resize(film(stripes), spec(24, 32))
    assert np.abs(resized[:, 1:-1] - 0.5).max() < 0.02


def test_values_stay_in_their_range():
    edges = (noise(300, 300) > 0.5).astype(np.float32)
    resized = resize(film(edges), spec(299, 298))
    assert resized.min() >= 0
    assert resized.max() <= 1


def test_the_network_input_is_standardised():
    pixels = np.full((16, 16), 0.5)
    pixels[0, 0], pixels[0, 1] = 0.0, 1.0
    given = network_input(film(pixels), spec(16, 16, mean=0.25, std=0.125))
    assert (given.shape, given.dtype) == ((1, 16, 16), np.float32)
    assert (given[0, 0, 0], given[0, 0, 1], given[0, 5, 5]) == (-2, 6, 2)


def test_standardise_takes_any_shape():
    given = np.array([[[0.0]], [[1.0]]], np.float32)
    np.testing.assert_array_equal(standardise(given, spec(16, 16)), np.array([[[-1.0]], [[1.0]]], np.float32))


def test_coarse_is_the_mean_of_each_cell():
    pixels = np.kron(np.array([[0.0, 0.25, 0.5], [0.75, 1.0, 0.125]]), np.ones((10, 8))).astype(np.float32)
    pixels[0, 0] = 0.8  # 0.8 / 80 more in the first cell
    np.testing.assert_allclose(coarse(pixels, (2, 3)), [[0.01, 0.25, 0.5], [0.75, 1.0, 0.125]], atol=1e-7)


@pytest.mark.parametrize("options", [{"size": (15, 64)}, {"size": (64, 4097)}, {"std": 0.0}, {"std": -1.0}])
def test_impossible_values_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Preprocessing(**{"size": (16, 16)} | options)


@pytest.mark.parametrize(
    "text",
    [
        '{"size":[224,224],"crop":1}',
        '{"size":[224]}',
        '{"size":[224,224,3]}',
        '{"size":[10,10]}',
        '{"size":[224,224],"aspect":"letterbox"}',
        '{"size":[224,224],"resample":"bicubic"}',
        '{"size":[224,224],"std":0}',
        '{"size":[224,224],"mean":null}',
        "{}",
    ],
)
def test_stored_values_are_checked_too(text):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Preprocessing)
