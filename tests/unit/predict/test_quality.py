"""Each flag with a film that asks for it, and one just short of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pneumoscope.core import Radiograph
from pneumoscope.imaging import read
from pneumoscope.imaging.preprocess import Preprocessing, coarse, resize
from pneumoscope.predict.quality import correlation, quality_flags
from tests.helpers import SIZE, tiny_spec

ACROSS = np.tile(np.linspace(-1, 1, SIZE[1]), (SIZE[0], 1))
DOWN = np.tile(np.linspace(-1, 1, SIZE[0])[:, np.newaxis], SIZE[1])


def codes(pixels: np.ndarray, **header: Any) -> list[str]:
    values = {"digest": "", "full_size": pixels.shape, "container": "png"} | header
    film = Radiograph(pixels=pixels.astype(np.float32), **values)
    spec = tiny_spec()
    return [flag.code for flag in quality_flags(film, resize(film, spec.preprocessing), spec)]


def film(across: float = 0.5, down: float = 0.0) -> np.ndarray:
    """Grey in the middle, getting brighter to the right by ``across`` and downwards by ``down``."""
    return 0.5 + across * ACROSS + down * DOWN


def test_a_good_film_has_no_flags():
    assert codes(film(), modality="DX", body_part="CHEST", view="PA") == []


@pytest.mark.parametrize(
    ("half_range", "expected"),
    [(0.0, ["blank"]), (0.02, ["blank"]), (0.04, ["low-contrast"]), (0.125, ["low-contrast"]), (0.15, [])],
)
def test_contrast(half_range, expected):
    """Nine tenths of the range lie between the quantiles: 0.05 is blank, 0.25 low."""
    assert codes(film(half_range)) == expected


def test_a_few_bright_pixels_are_no_contrast():
    pixels = np.full(SIZE, 0.3)
    pixels[:4, :8] = 1.0  # a letter on the film
    assert "blank" in codes(pixels)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (1 - film(), ["inverted"]),
        (film(across=-0.12, down=0.35), ["inverted"]),
        (film(across=-0.02, down=0.4), []),
        (film(across=0.0, down=0.5), []),
        (film(across=0.12, down=-0.35), []),
    ],
    ids=["negative", "rather negative", "hardly negative", "neither", "rather positive"],
)
def test_a_negative_is_noticed(pixels, expected):
    assert codes(pixels) == expected


@pytest.mark.parametrize(
    ("full_size", "expected"),
    [((23, 400), ["too-small"]), ((400, 23), ["too-small"]), ((24, 32), []), ((2400, 3200), [])],
)
def test_size_is_that_of_the_file(full_size, expected):
    assert codes(film(), full_size=full_size) == expected


@pytest.mark.parametrize(("chroma", "expected"), [(0.0, []), (0.004, ["not-greyscale"])])
def test_what_the_colours_tell(chroma, expected):
    assert codes(film(), chroma=chroma) == expected


def test_messages_name_what_was_found():
    pixels = film().astype(np.float32)
    given = Radiograph(pixels=pixels, digest="", full_size=(20, 300), container="dicom", chroma=0.031)
    messages = {flag.code: flag.message for flag in quality_flags(given, pixels, tiny_spec())}
    assert "300 x 20" in messages["too-small"]
    assert "32 x 24" in messages["too-small"]
    assert "3.1%" in messages["not-greyscale"]


def test_real_films_and_their_negatives_are_told_apart(demo_films):
    """With the mean of the demo's train films as the typical one."""
    spec = Preprocessing(size=(224, 224))
    train, test = (
        [resize(read(path), spec) for path in sorted((demo_films / split).rglob("*.jpeg"))]
        for split in ("train", "test")
    )
    typical = tuple(map(tuple, coarse(np.mean(train, axis=0), (8, 8)).tolist()))
    bundle = tiny_spec(typical_film=typical, preprocessing=spec)

    def flagged(pixels: np.ndarray) -> list[str]:
        given = Radiograph(pixels=pixels, digest="", full_size=(224, 224), container="jpeg")
        return [flag.code for flag in quality_flags(given, pixels, bundle)]

    assert len(test) == 32
    assert [flagged(pixels) for pixels in test] == [[]] * 32
    assert [flagged(1 - pixels) for pixels in test] == [["inverted"]] * 32


def test_correlation_is_pearsons():
    rng = np.random.default_rng(0)
    one, other = rng.random((3, 4)), rng.random((3, 4))
    assert correlation(one, other) == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1])
    assert correlation(one, 2 - 3 * one) == pytest.approx(-1)
    assert correlation(one, np.full((3, 4), 0.7)) == 0
