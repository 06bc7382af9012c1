import numpy as np
import pytest
from PIL import Image

from pneumoscope.core import Region
from pneumoscope.report import colourise
from pneumoscope.report.drawing import LEAST_WIDTH, draw_regions, with_scale

BOX = Region(300, 400, 800, 1200, 0.71)
FILM = (1000, 2000)


def drawn(grey, *regions, size=(400, 200)):
    picture = Image.new("RGB", size, (grey,) * 3)
    draw_regions(picture, regions, FILM)
    return np.asarray(picture).astype(int)[..., 0]


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_box_can_be_seen_on_black_grey_and_white(grey):
    """A fifth of the film's size: rows 60 to 160, columns 80 to 240."""
    pixels = drawn(grey, BOX)
    for line in (pixels[158:161, 150], pixels[100, 79:83], pixels[100, 237:241]):
        assert line.max() - line.min() > 200 or abs(line - grey).max() > 200
    changed = np.argwhere(pixels != grey)
    assert changed.min(axis=0) == pytest.approx((60, 80), abs=1)
    assert changed.max(axis=0) == pytest.approx((159, 239), abs=1)


@pytest.mark.parametrize("grey", [0, 255])
def test_the_share_is_written_in_the_box_and_stands_out(grey):
    with_text = drawn(grey, BOX)[65:100, 85:130]
    without = np.full_like(with_text, grey)
    assert (with_text != without).sum() > 50
    assert with_text.min() < 60
    assert with_text.max() > 195


def test_different_shares_are_written_differently():
    one, other = (drawn(0, Region(300, 400, 800, 1200, share)) for share in (0.71, 0.17))
    assert (one != other).any()


def test_a_box_smaller_than_its_words_stays_on_the_picture():
    """The corners of a film of 40 x 20 pixels: nothing is drawn outside, and nothing fails."""
    for box in (Region(0, 0, 1, 1, 0.5), Region(999, 1999, 1000, 2000, 0.5), Region(0, 0, 1000, 2000, 1.0)):
        assert drawn(128, box, size=(40, 20)).shape == (20, 40)


def test_no_regions_leave_the_picture_as_it_is():
    assert (drawn(77) == 77).all()


def test_the_scale_is_that_of_the_colours_and_says_what_its_end_means():
    film = Image.new("RGB", (400, 200), (9, 9, 9))
    scaled = with_scale(film, 10.4)
    assert scaled.width == 400
    assert 210 < scaled.height < 260
    pixels = np.asarray(scaled)
    assert (pixels[:200] == 9).all()
    bar = pixels[206].astype(float)
    steps = colourise(np.linspace(0, 1, 400, dtype=np.float32)[None])[0].astype(float)
    opacity = steps[:, 3:] / 255
    np.testing.assert_allclose(bar, 106 * (1 - opacity) + steps[:, :3] * opacity, atol=2)


def test_the_scale_is_the_same_under_every_film_and_another_for_another_bundle():
    films = [Image.new("RGB", (400, 200), (grey,) * 3) for grey in (0, 200)]
    one, other = (np.asarray(with_scale(film, 10.4))[200:] for film in films)
    assert (one == other).all()
    assert (one != np.asarray(with_scale(films[0], 3.2))[200:]).any()


def test_a_film_too_narrow_for_words_has_no_scale():
    assert with_scale(Image.new("RGB", (LEAST_WIDTH - 1, 500)), 10.4).size == (LEAST_WIDTH - 1, 500)
    narrow = np.asarray(with_scale(Image.new("RGB", (LEAST_WIDTH, 500)), 10.4))
    words = narrow[-8:].max(axis=(0, 2)) > 100
    assert not words[0]  # cut off by neither edge
    assert not words[-1]
