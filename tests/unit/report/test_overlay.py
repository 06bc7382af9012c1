import io

import numpy as np
import pytest
from PIL import Image

from pneumoscope.core import Failure, PneumoscopeError, Radiograph, Region
from pneumoscope.report import HeatmapReport, colourise, heatmap_png, overlay
from pneumoscope.report.overlay import VISIBLE_FROM

SCALE = np.linspace(0, 1, 201, dtype=np.float32)[None, :]


def lightness(rgb):
    """CIE L* of (..., 3) sRGB bytes."""
    linear = rgb / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    y = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)


def test_the_scale_starts_transparent_and_rises():
    opacity = colourise(SCALE)[0, :, 3].astype(int)
    assert (opacity[SCALE[0] <= VISIBLE_FROM - 0.005] == 0).all()
    assert (opacity[SCALE[0] >= VISIBLE_FROM + 0.02] > 0).all()
    assert (np.diff(opacity) >= 0).all()
    assert opacity[-1] < 0.7 * 255


def test_the_scale_can_be_read_without_telling_red_from_green():
    light = lightness(colourise(SCALE)[0, :, :3].astype(float))
    assert (np.diff(light) <= 0.2).all()  # rounding to bytes wobbles by less
    assert light[0] - light[-1] > 45


def test_the_scale_is_absolute():
    faint, strong = np.full((3, 3), 0.15, np.float32), np.full((3, 3), 0.9, np.float32)
    faint[1, 1] = 0.18
    assert not colourise(faint)[..., 3].any()
    assert (colourise(strong) == colourise(strong[:1, :1])).all()


def test_the_ends_of_the_scale_are_yellow_and_red():
    low, high = colourise(np.array([[0.3, 1.0]], np.float32))[0, :, :3].astype(int)
    assert low[0] > 200
    assert low[1] > 200
    assert high[0] > 150
    assert high[1] < 60


@pytest.mark.parametrize("heat", [np.full((2, 2), np.nan), np.full((2, 2), 1.1), np.full((2, 2), -0.1)])
def test_what_is_no_probability_is_refused(heat):
    with pytest.raises(ValueError, match="expected values in"):
        colourise(heat.astype(np.float32))


@pytest.mark.parametrize("heat", [np.zeros(3), np.zeros((0, 3)), np.zeros((2, 2, 1))])
def test_what_is_no_grid_is_refused(heat):
    with pytest.raises(ValueError, match="expected a non-empty"):
        colourise(heat.astype(np.float32))


def test_rounding_of_a_probability_is_forgiven():
    assert (colourise(np.array([[1.0000001, -1e-7]], np.float32))[0, :, 3] == [158, 0]).all()


def test_the_png_is_the_grid():
    heat = np.array([[0.0, 0.5, 1.0], [0.3, 0.7, 0.9]], np.float32)
    picture = Image.open(io.BytesIO(heatmap_png(heat)))
    assert (picture.mode, picture.size) == ("RGBA", (3, 2))
    assert (np.asarray(picture) == colourise(heat)).all()
    assert Image.open(io.BytesIO(heatmap_png(heat, (30, 20)))).size == (30, 20)


def film(height=60, width=40):
    pixels = np.linspace(0, 1, height * width, dtype=np.float32).reshape(height, width)
    return Radiograph(pixels=pixels, digest="cd" * 32, full_size=(height, width), container="png")


def test_the_map_is_smooth_between_cells():
    png = heatmap_png(np.array([[0.0, 1.0]], np.float32), (200, 100))
    opacity = np.asarray(Image.open(io.BytesIO(png)))[50, :, 3].astype(int)
    assert np.diff(opacity).min() >= 0
    assert np.diff(opacity).max() <= 8


@pytest.mark.parametrize(("warm", "cold"), [(0.19, 0.0), (0.8, 0.0), (0.9, 0.5)])
def test_no_colour_says_more_or_less_than_the_cells(warm, cold):
    """A curve through the cells' values would swing beyond them: colour where no cell has any, 100% where none is."""
    heat = np.full((7, 7), cold, np.float32)
    heat[2:4, 3:5] = warm
    opacity = np.asarray(Image.open(io.BytesIO(heatmap_png(heat, (300, 300)))))[..., 3]
    cells = colourise(heat)[..., 3]
    assert (opacity.min(), opacity.max()) == (cells.min(), cells.max())


def test_a_cold_map_leaves_the_film_as_it_is():
    picture = np.asarray(overlay(film(), np.full((7, 7), 0.1, np.float32)))
    assert (picture == (film().pixels * 255 + 0.5).astype(np.uint8)[..., None]).all()


def test_a_hot_cell_colours_its_own_place():
    heat = np.zeros((3, 2), np.float32)
    heat[2, 1] = 1
    picture = np.asarray(overlay(film(), heat)).astype(int)
    coloured = picture.max(axis=2) - picture.min(axis=2) > 10
    assert coloured[55, 35]
    assert not coloured[:20].any()
    assert not coloured[:, :10].any()


@pytest.mark.parametrize(
    ("shape", "size"), [((60, 40), (40, 60)), ((1000, 500), (256, 512)), ((300, 1024), (512, 150))]
)
def test_the_picture_keeps_its_shape_and_is_never_enlarged(shape, size):
    picture = overlay(film(*shape), np.zeros((7, 7), np.float32))
    assert (picture.mode, picture.size) == ("RGB", size)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_one_picture_a_film_that_has_a_map(tmp_path, items, item, write):
    write(HeatmapReport(tmp_path / "new" / "maps"), [*items, item("no-map.png")])
    digests = [outcome.film_digest[:8] for outcome, _ in (items[1], items[0], items[3])]
    stems = ["high", "low", "middle"]
    assert names(tmp_path / "new" / "maps") == [f"{s}.{d}.heatmap.jpg" for s, d in zip(stems, digests, strict=True)]
    for path in (tmp_path / "new" / "maps").iterdir():
        with Image.open(path) as picture:
            picture.load()
            assert (picture.format, picture.size) == ("JPEG", (20, 24))


def test_films_of_one_stem_do_not_meet(tmp_path, item, write):
    films = [item(f"{folder}/film.png", 0.5, [[0.5]]) for folder in "abc"]
    write(HeatmapReport(tmp_path), films)
    first = names(tmp_path)
    write(HeatmapReport(tmp_path), films[::-1])
    assert names(tmp_path) == first
    assert len(first) == 3


def test_hostile_names_stay_in_the_folder(tmp_path, hostile, item, write):
    more = [item(name, 0.5, [[0.5]]) for name in ("../../up.png", "a" * 300 + ".png", "é" * 200, "..", "a:b*c?")]
    write(HeatmapReport(tmp_path / "maps"), hostile + more)
    assert names(tmp_path) == ["maps"]
    found = names(tmp_path / "maps")
    assert len(found) == len(hostile) // 2 + len(more)
    assert all(name.isprintable() and name.endswith(".heatmap.jpg") and len(name.encode()) < 200 for name in found)


def test_a_film_is_never_overwritten(tmp_path, item):
    reading, radiograph = item("film.png", 0.5, [[0.5]])
    there = tmp_path / f"film.{reading.film_digest[:8]}.heatmap.jpg"
    Image.new("L", (8, 8)).save(there)
    before = there.read_bytes()
    with HeatmapReport(tmp_path) as report, pytest.raises(PneumoscopeError, match="left alone"):
        report.add(report.render(reading, radiograph))
    assert there.read_bytes() == before
    assert names(tmp_path) == [there.name]


def test_a_failure_leaves_no_picture(tmp_path, write):
    write(HeatmapReport(tmp_path), [(Failure("x.png", "unreadable", "no"), None)])
    assert names(tmp_path) == []


def test_an_unwritable_folder_is_told_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PneumoscopeError, match="cannot write the report"):
        HeatmapReport(tmp_path / "file")


def test_the_regions_and_the_scale_are_drawn_on_a_film_with_room_for_them(tmp_path, item, write):
    heat = np.full((7, 7), 0.1, np.float32)  # uncoloured: what differs from the film has been drawn
    pixels = np.full((240, 320), 0.5, np.float32)
    large = Radiograph(pixels=pixels, digest="ab" * 32, full_size=(480, 640), container="jpeg")
    options = {"heat": heat, "film_size": (480, 640), "strong_evidence": 10.4}
    write(HeatmapReport(tmp_path / "with"), [(item(regions=(Region(80, 120, 400, 560, 0.8),), **options)[0], large)])
    write(HeatmapReport(tmp_path / "without"), [(item(**options)[0], large)])
    boxed, plain = (
        np.asarray(Image.open(next((tmp_path / name).iterdir()))).astype(int) for name in ("with", "without")
    )
    assert boxed.shape == plain.shape
    assert boxed.shape[0] > 240
    assert boxed.shape[1] == 320
    changed = np.argwhere(np.abs(boxed - plain).max(axis=2) > 60)
    assert changed.min(axis=0) == pytest.approx((40, 60), abs=2)
    assert changed.max(axis=0) == pytest.approx((199, 279), abs=2)
    assert (np.abs(plain[:230] - 128) < 8).all()
