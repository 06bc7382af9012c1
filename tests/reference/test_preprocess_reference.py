"""Our preprocessing beside Pillow's and scikit-image's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pneumoscope.core import Radiograph
from pneumoscope.imaging import read
from pneumoscope.imaging.contrast import clahe, edges, equalise
from pneumoscope.imaging.preprocess import Preprocessing, resize
from tests.helpers import DEMO

SIDE = st.integers(16, 400)


def film(pixels: np.ndarray) -> Radiograph:
    height, width = pixels.shape
    return Radiograph(pixels=pixels, digest="", full_size=(height, width), container="png")


@settings(max_examples=150, deadline=None)
@given(st.tuples(SIDE, SIDE), st.tuples(st.integers(16, 99), st.integers(16, 99)), st.integers(0, 9))
def test_padding_and_cropping_are_pillows(film_size, size, seed):
    """Pillow takes (width, height), and cannot pad a film so narrow that nothing of it would be left."""
    pixels = np.random.default_rng(seed).random(film_size, np.float32)
    theirs = {"crop": ImageOps.fit}
    if min(film_size) / max(film_size) * min(size) > 1:
        theirs["pad"] = ImageOps.pad
    for aspect, pillow in theirs.items():
        expected = pillow(Image.fromarray(pixels), size[::-1], Image.Resampling.BILINEAR)
        ours = resize(film(pixels), Preprocessing(size=size, aspect=aspect))
        np.testing.assert_allclose(ours, np.asarray(expected), atol=1e-6)


@pytest.fixture(scope="module")
def greys() -> list[np.ndarray]:
    """Eight demo films at 224 x 224, in 8 bits."""
    if not DEMO.is_dir():
        pytest.skip(f"the demo films are not in {DEMO}")
    spec = Preprocessing(size=(224, 224))
    paths = sorted(DEMO.rglob("*.jpeg"))[::8]
    assert len(paths) == 8
    return [np.rint(255 * resize(read(path), spec)).astype(np.uint8) for path in paths]


def test_equalising_is_scikit_images(greys):
    """scikit-image maps a grey to the share of pixels up to it; OpenCV leaves those of the darkest grey out."""
    pytest.importorskip("cv2")
    exposure = pytest.importorskip("skimage.exposure")
    for picture in greys:
        share = exposure.equalize_hist(picture)
        darkest = share.min()
        expected = 255 * (share - darkest) / (1 - darkest)
        assert np.abs(equalise(picture) - expected).max() <= 0.5 + 1e-3


def test_clahe_does_what_scikit_images_does(greys):
    """Two implementations of one paper, which share out what they clip in different ways: nearly the same picture.

    An untouched film correlates with theirs by 0.96 at most.
    """
    pytest.importorskip("cv2")
    exposure = pytest.importorskip("skimage.exposure")
    for picture in greys:
        theirs = exposure.equalize_adapthist(picture, kernel_size=28, clip_limit=2 / 256)
        assert np.corrcoef(clahe(picture).ravel(), theirs.ravel())[0, 1] > 0.975


def test_edges_lie_where_scikit_images_do(greys):
    """They thin edges in different ways: as many of them, and nine in ten no more than a pixel from the other one's."""
    pytest.importorskip("cv2")
    canny = pytest.importorskip("skimage.feature").canny
    ndimage = pytest.importorskip("scipy.ndimage")
    near = np.ones((3, 3), bool)
    for picture in greys:
        ours = edges(picture) > 0
        theirs = canny(picture, sigma=0, low_threshold=50, high_threshold=150)
        assert ours.mean() == pytest.approx(theirs.mean(), rel=0.1)
        assert np.mean(ndimage.binary_dilation(theirs, near)[ours]) > 0.88
        assert np.mean(ndimage.binary_dilation(ours, near)[theirs]) > 0.88
