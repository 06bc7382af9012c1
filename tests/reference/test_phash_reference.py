"""Our perceptual hash against that of the library whose bits it promises."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from pneumoscope.data.duplicates import perceptual_hashes
from tests.helpers import DEMO

imagehash = pytest.importorskip("imagehash")


def theirs(thumbs: np.ndarray) -> list[int]:
    return [int(str(imagehash.phash(Image.fromarray(thumb))), 16) for thumb in thumbs]


def smooth(count: int) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=(count, 32, 32))
    return np.stack([np.clip(128 + 300 * gaussian_filter(one, 3), 0, 255).astype(np.uint8) for one in noise])


def plain() -> np.ndarray:
    """Flat films, ramps and a chessboard: many of their frequencies are 0, so rounding decides."""
    rows, columns = np.indices((32, 32))
    flats = [np.full((32, 32), grey) for grey in (0, 1, 7, 99, 128, 255)]
    return np.stack([*flats, rows * 8, columns * 8, 255 - rows - columns, (rows + columns) % 2 * 255]).astype(np.uint8)


FILMS = {
    "noise": np.random.default_rng(0).integers(0, 256, (300, 32, 32), np.uint8),
    "smooth": smooth(300),
    "plain": plain(),
}


@pytest.mark.parametrize("kind", FILMS)
def test_every_bit_is_that_of_imagehash(kind):
    assert perceptual_hashes(FILMS[kind]).tolist() == theirs(FILMS[kind])


def test_every_bit_is_that_of_imagehash_on_films():
    if not DEMO.is_dir():
        pytest.skip(f"the demo films are not in {DEMO}")
    films = [Image.open(path).convert("L") for path in sorted(DEMO.rglob("*.jp*g"))]
    thumbs = np.stack([np.asarray(film.resize((32, 32), Image.Resampling.BOX)) for film in films])
    assert perceptual_hashes(thumbs).tolist() == theirs(thumbs)
