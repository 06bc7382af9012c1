from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pneumoscope.core import Radiograph
from pneumoscope.imaging.contrast import clahe, edges, equalise
from pneumoscope.imaging.preprocess import (
    Preprocessing,
    box_over_film,
    coarse,
    network_input,
    planes,
    resize,
    standardise,
)


def film(pixels: np.ndarray) -> Radiograph:
    shape = pixels.shape
    return Radiograph(pixels=pixels.astype(np.float32), digest="", full_size=(shape[0], shape[1]), container="png")


def spec(height: int, width: int, **options: Any) -> Preprocessing:
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


@pytest.mark.parametrize("left", [1, 3, 5, 7])
def test_a_last_row_that_is_only_in_part_film_counts_as_that_part(left):
    """A film whose last rows are white, and means of 8 x 8 of its pixels: as good as the film."""
    pixels = np.full((8 * 96 + left, 8 * 96), 0.2, np.float32)
    pixels[-left:] = 1.0
    means = np.full((97, 96), 0.2, np.float32)
    means[-1] = 1.0
    for turn in (np.array, np.transpose):
        whole, reduced = turn(pixels), turn(means)
        size = (whole.shape[0], whole.shape[1])
        given_film = Radiograph(pixels=reduced, digest="", full_size=size, container="jpeg")
        found, expected = (resize(one, spec(32, 32)) for one in (given_film, film(whole)))
        assert np.abs(found - expected).max() < 0.03


@pytest.mark.parametrize("aspect", ["squash", "pad", "crop"])
@pytest.mark.parametrize("size", [(8 * 96 + 1, 8 * 64), (8 * 96, 8 * 64 + 1), (8 * 64 + 1, 8 * 64 + 7)])
def test_a_box_lies_on_a_film_where_it_does_whatever_scale_that_was_decoded_at(size, aspect):
    whole, reduced = (
        Radiograph(pixels=np.zeros(shape, np.float32), digest="", full_size=size, container="jpeg")
        for shape in (size, tuple(-(-side // 8) for side in size))
    )
    shown, grid = spec(32, 32, aspect=aspect), (4, 4)
    cells = [(slice(i, i + 1), slice(j, j + 1)) for i in range(4) for j in range(4)]
    for cell in cells:
        assert box_over_film(cell, grid, reduced, shown) == box_over_film(cell, grid, whole, shown)


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


NEEDS_OPENCV = ({"contrast": "equalise"}, {"contrast": "clahe"}, {"edges": True}, {"contrast": "clahe", "edges": True})


@settings(max_examples=60, deadline=None)
@given(
    film_size=st.tuples(st.integers(16, 300), st.integers(16, 300)),
    size=st.tuples(st.integers(16, 70), st.integers(16, 70)),
    aspect=st.sampled_from(["squash", "pad", "crop"]),
    steps=st.sampled_from([{}, *NEEDS_OPENCV]),
    top=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_any_film_becomes_planes_of_one_form(film_size, size, aspect, steps, top):
    if steps:
        pytest.importorskip("cv2")
    one = spec(*size, aspect=aspect, **steps)
    given_film = film(top * noise(*film_size))
    found = planes(given_film, one)
    assert (found.shape, found.dtype) == ((one.channels, *size), np.float32)
    assert found.min() >= 0
    assert found.max() <= 1
    np.testing.assert_array_equal(planes(given_film, one), found)
    np.testing.assert_array_equal(network_input(given_film, one), (found - np.float32(0.5)) / np.float32(0.5))


def test_a_plain_film_is_not_changed_after_resizing():
    given_film = film(noise(50, 60))
    for aspect in ("squash", "pad", "crop"):
        one = spec(24, 32, aspect=aspect)
        np.testing.assert_array_equal(planes(given_film, one), resize(given_film, one)[np.newaxis])


@pytest.mark.parametrize("aspect", ["squash", "crop"])
def test_contrast_is_changed_after_resizing_and_edges_are_those_of_the_film_itself(aspect):
    pytest.importorskip("cv2")
    given_film = film(noise(50, 60) ** 2)
    one = spec(24, 32, aspect=aspect)
    greys = np.rint(255 * resize(given_film, one)).astype(np.uint8)
    for name, step in (("none", lambda g: g), ("equalise", equalise), ("clahe", clahe)):
        found = planes(given_film, msgspec.structs.replace(one, contrast=name, edges=True))
        np.testing.assert_array_equal(found * 255, np.stack([step(greys), edges(greys)]).astype(np.float32))
        alone = planes(given_film, msgspec.structs.replace(one, contrast=name))
        np.testing.assert_allclose(alone[0], found[0], atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize("steps", NEEDS_OPENCV)
def test_padding_stays_black_and_changes_nothing_of_the_film(steps):
    """60 x 80 pixels fit into 24 x 32 of 32 x 32."""
    pytest.importorskip("cv2")
    given_film = film(0.2 + 0.6 * noise(60, 80))
    padded = planes(given_film, spec(32, 32, aspect="pad", **steps))
    assert not padded[:, :4].any()
    assert not padded[:, 28:].any()
    np.testing.assert_array_equal(padded[:, 4:28], planes(given_film, spec(24, 32, **steps)))
    assert padded[:, 4:28].any(axis=(1, 2)).all()


def test_a_film_of_the_networks_size_is_never_padded_or_cropped():
    pixels = noise(24, 32)
    for aspect in ("squash", "pad", "crop"):
        np.testing.assert_array_equal(resize(film(pixels), spec(24, 32, aspect=aspect)), pixels)


def test_channels_and_the_plain_film():
    full = spec(24, 32, aspect="pad", contrast="clahe", edges=True, mean=0.4, std=0.2)
    assert (spec(24, 32).channels, full.channels) == (1, 2)
    assert full.plain == spec(24, 32, mean=0.4, std=0.2)
    assert full.plain.plain == full.plain


def test_what_was_stored_before_there_were_choices_means_the_same():
    old = '{"size":[224,224],"aspect":"squash","resample":"bilinear","mean":0.5,"std":0.5}'
    found = msgspec.json.decode(old, type=Preprocessing)
    assert found == found.plain == Preprocessing(size=(224, 224))
    for choice in ({}, *NEEDS_OPENCV):
        one = spec(24, 32, aspect="crop", **choice)
        assert msgspec.json.decode(msgspec.json.encode(one), type=Preprocessing) == one


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
        '{"size":[224,224],"contrast":"CLAHE"}',
        '{"size":[224,224],"contrast":null}',
        '{"size":[224,224],"edges":1}',
        '{"size":[224,224],"std":0}',
        '{"size":[224,224],"mean":null}',
        "{}",
    ],
)
def test_stored_values_are_checked_too(text):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Preprocessing)
