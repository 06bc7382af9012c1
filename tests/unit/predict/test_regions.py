"""Where the evidence lies, worked out by hand, and what must hold whatever the evidence is: tests/properties."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.core import Radiograph, Reading, Region
from pneumoscope.imaging import read
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.predict.regions import regions_of
from tests.helpers import RAMP, flat, picture

SQUASH = Preprocessing(size=(48, 64))


def film(height: int, width: int, *, decoded: int = 1) -> Radiograph:
    pixels = np.zeros((height // decoded, width // decoded), np.float32)
    return Radiograph(pixels=pixels, digest="", full_size=(height, width), container="png")


def cells(rows: int = 6, columns: int = 8, **lit: float) -> np.ndarray:
    """A map of -1 but for the cells named ``r2c3=4.0``."""
    grid = np.full((rows, columns), -1.0)
    for name, value in lit.items():
        row, column = name[1:].split("c")
        grid[int(row), int(column)] = value
    return grid


def found(evidence: np.ndarray, size: tuple[int, int] = (600, 800), spec: Preprocessing = SQUASH) -> list[tuple]:
    boxes = regions_of(evidence, film(*size), spec)
    return [(box.top, box.left, box.bottom, box.right, round(box.share, 6)) for box in boxes]


def test_a_cell_is_a_box_with_all_the_evidence():
    assert found(cells(r1c6=2.0)) == [(100, 600, 200, 700, 1.0)]


def test_what_speaks_against_the_finding_takes_nothing_away():
    assert found(cells(r1c6=2.0) - np.eye(6, 8)) == [(100, 600, 200, 700, 1.0)]


def test_groups_are_boxes_and_the_weak_belongs_to_the_rest():
    """Cells of 6 and 3.5 touch at a corner; 4 lies apart. The mean is 0.344, so that half-way to 6 is 3.17."""
    assert found(cells(r0c0=6.0, r1c1=3.5, r4c6=4.0, r4c2=2.9, r2c4=0.1)) == [
        (0, 0, 200, 200, round(9.5 / 16.5, 6)),
        (400, 600, 500, 700, round(4 / 16.5, 6)),
    ]


def test_a_box_counts_all_that_lies_in_it():
    """An L of three strong cells has a weak one in its corner."""
    assert found(cells(r0c0=4.0, r1c0=4.0, r1c1=4.0, r0c1=1.0, r5c7=1.0)) == [(0, 0, 200, 200, round(13 / 14, 6))]


def test_boxes_that_overlap_are_one():
    """A ring of cells, and one in its middle that touches none of them."""
    ring = {f"r{row}c{column}": 2.0 for row in range(5) for column in range(5) if {row, column} & {0, 4}}
    assert found(cells(**ring, r2c2=2.0)) == [(0, 0, 500, 500, 1.0)]


def test_three_are_named_at_most_and_none_that_is_small():
    spots = {"r0c0": 10.0, "r0c7": 9.0, "r5c0": 8.0, "r5c7": 7.0}
    assert [share for *_, share in found(cells(**spots))] == [round(n / 34, 6) for n in (10, 9, 8)]
    many = np.full((6, 8), -1.0)
    many[::2, ::2] = 1.0  # twelve spots that touch nothing, each with a twelfth
    assert len(found(many)) == 3
    fine = np.full((12, 16), -1.0)
    fine[::2, ::2] = 1.0  # 48 spots
    assert found(fine) == []


def test_where_nothing_speaks_for_it_or_all_alike_there_is_no_region():
    assert found(cells()) == []
    assert found(np.zeros((6, 8))) == []
    assert found(np.full((6, 8), 5.0)) == []
    even = np.full((6, 8), 5.0)
    even[0, 0] = 5.5
    assert found(even) == []
    even[0, 0] = 6.0
    assert found(even) == []  # it stands out, but has a fortieth of the evidence
    even[0] = 6.0
    assert found(even) == [(0, 0, 100, 800, round(48 / 248, 6))]


@pytest.mark.parametrize(
    ("spec", "size", "cell", "box"),
    [
        (SQUASH, (400, 200), "r1c6", (66, 150, 134, 175)),  # a cell is 66.7 by 25 pixels: whole ones hold it
        # 200 x 400 becomes 32 x 64, on rows 8 to 40: row 2 of the map is the second of four
        (Preprocessing(size=(48, 64), aspect="pad"), (200, 400), "r2c6", (50, 300, 100, 350)),
        # 480 x 320 becomes 48 x 32, on columns 16 to 48
        (Preprocessing(size=(48, 64), aspect="pad"), (480, 320), "r4c3", (320, 80, 400, 160)),
        # of 300 x 800 the columns from 200 to 600 are shown
        (Preprocessing(size=(48, 64), aspect="crop"), (300, 800), "r1c6", (50, 500, 100, 550)),
        # of 600 x 400 the rows from 150 to 450 are shown
        (Preprocessing(size=(48, 64), aspect="crop"), (600, 400), "r4c1", (350, 50, 400, 100)),
    ],
)
def test_a_box_lies_where_the_network_saw_it(spec, size, cell, box):
    assert found(cells(**{cell: 3.0}), size, spec) == [(*box, 1.0)]


def test_a_cell_that_is_half_padding_is_cut_off_at_the_films_edge():
    """160 x 320 becomes 32 x 64, on rows 8 to 40 of 48: of cells 12 high, the first shows the film by a third."""
    spec = Preprocessing(size=(48, 64), aspect="pad")
    assert found(cells(4, 8, r0c0=3.0), (160, 320), spec) == [(0, 0, 20, 40, 1.0)]


def test_evidence_in_padding_is_in_no_box_but_counted():
    """Rows 0 and 5 of the map show padding alone. The strongest cell of the film sets the level."""
    spec = Preprocessing(size=(48, 64), aspect="pad")
    assert found(cells(r0c0=30.0, r2c6=6.0, r3c1=4.0), (200, 400), spec) == [
        (50, 300, 100, 350, 0.15),
        (100, 50, 150, 100, 0.1),
    ]
    assert found(cells(r0c0=30.0, r5c5=2.0), (200, 400), spec) == []


@pytest.mark.parametrize("decoded", [1, 2, 4, 8])
def test_a_film_decoded_at_a_reduced_scale_has_boxes_at_its_full_size(decoded):
    evidence = cells(r1c6=2.0, r2c6=2.0)
    assert regions_of(evidence, film(4800, 6400, decoded=decoded), SQUASH) == (Region(800, 4800, 2400, 5600, 1.0),)


@pytest.mark.parametrize(
    ("aspect", "full", "shape", "box"),
    [
        # 480.125 x 755.5 of 481 x 756 pixels become 142 of 224 rows, from 41 on: row 1 of the map is cut at row 41
        ("pad", (3841, 6044), (481, 756), (0, 3453, 623, 4318)),
        # the middle 506.125 of 701 columns are shown: cells are 578.4 pixels of the file
        ("crop", (4049, 5608), (507, 701), (578, 3093, 1157, 3672)),
    ],
)
def test_a_film_whose_size_a_reduced_scale_does_not_divide_has_boxes_where_the_network_saw_it(aspect, full, shape, box):
    """The last row and column that were decoded reach beyond the film: its shape is that of the file."""
    one = Radiograph(pixels=np.zeros(shape, np.float32), digest="", full_size=full, container="jpeg")
    spec = Preprocessing(size=(224, 224), aspect=aspect)
    (region,) = regions_of(cells(7, 7, r1c4=2.0), one, spec)
    assert (region.top, region.left, region.bottom, region.right) == box


def spot(size: tuple[int, int], rows: slice, columns: slice) -> np.ndarray:
    pixels = np.zeros(size, np.uint8)
    pixels[rows, columns] = 255
    return pixels


def test_a_large_jpeg_has_its_box_in_pixels_of_the_file(predictor):
    """The tiny network's map has 3 x 4 cells: the second of the bottom row is lit, over all of which 20 are bright."""
    data = picture(spot((480, 640), slice(320, 480), slice(160, 320)), "JPEG", quality=95)
    assert read(data, min_size=(24, 32)).pixels.shape == (60, 80)
    reading = lowered(predictor).read(data)
    assert reading.film_size == (480, 640)
    (region,) = reading.regions
    assert (region.top, region.left, region.bottom, region.right) == (320, 160, 480, 320)
    assert region.share == pytest.approx(1.0)


def test_boxes_lie_on_the_film_as_it_is_turned_upright(predictor):
    """EXIF orientation 6: the file's left bottom corner comes to its top left."""
    from PIL import Image

    exif = Image.Exif()
    exif[274] = 6
    data = picture(spot((640, 480), slice(480, 640), slice(0, 160)), "JPEG", quality=95, exif=exif.tobytes())
    reading = lowered(predictor).read(data)
    assert reading.film_size == (480, 640)
    (region,) = reading.regions
    assert (region.top, region.left, region.bottom, region.right) == (0, 0, 160, 160)


def lowered(predictor):
    """The same network at an operating point that calls every film positive."""
    import msgspec

    point = msgspec.structs.replace(predictor.operating_point, threshold=0.0)
    return type(predictor)(predictor.bundle, predictor.engine, point)


def test_only_a_positive_answer_has_regions_and_only_if_asked_for(predictor):
    half = picture(spot((24, 32), slice(0, 24), slice(0, 16)))
    bright, dark = predictor.read(half), predictor.read(picture((0.9 * RAMP).astype(np.uint8)))
    assert bright.finding.positive
    assert bright.regions == (Region(0, 0, 24, 16, 1.0),)
    assert bright.strong_evidence == 6.0
    assert not dark.finding.positive
    assert (dark.regions, dark.strong_evidence) == ((), 6.0)
    assert dark.heatmap.any()
    silent = predictor.read(half, heatmap=False)
    assert (silent.regions, silent.strong_evidence, silent.film_size) == ((), None, (24, 32))


def test_the_evidence_is_the_calibrated_one(predictor):
    """Of the ramp two columns of cells have log-odds above 0, the third not half-way from the mean to the fourth."""
    evidence = 8 * (2 * (RAMP / 255).reshape(3, 8, 4, 8).mean(axis=(1, 3)) - 1) + 0.5
    reading = predictor.read(picture(RAMP))
    assert reading.finding.positive
    (region,) = reading.regions
    speaking = np.maximum(evidence[0], 0)
    chosen = np.flatnonzero(speaking >= (speaking.mean() + speaking.max()) / 2)
    assert len(chosen) == 1
    assert (region.top, region.left, region.bottom, region.right) == (0, 8 * chosen[0], 24, 32)
    assert region.share == pytest.approx(speaking[chosen].sum() / speaking.sum(), abs=1e-6)
    assert reading.elsewhere == pytest.approx(1 - region.share)


@pytest.mark.parametrize(
    ("size", "regions", "message"),
    [
        (None, (Region(0, 0, 1, 1, 0.5),), "expected boxes on a film"),
        ((10, 10), (Region(0, 0, 11, 1, 0.5),), "expected boxes on a film"),
        ((10, 10), (Region(3, 0, 3, 1, 0.5),), "expected boxes on a film"),
        ((10, 10), (Region(0, 0, 1, 1, 0.3), Region(1, 1, 2, 2, 0.4)), "that fall"),
        ((10, 10), (Region(0, 0, 1, 1, 0.7), Region(1, 1, 2, 2, 0.4)), "add up to 1"),
        ((10, 10), (Region(0, 0, 1, 1, 0.0),), "above 0"),
        ((10, 10), (Region(0, 0, 1, 1, float("nan")),), "above 0"),
    ],
)
def test_a_reading_with_other_regions_does_not_exist(predictor, size, regions, message):
    reading = predictor.read(flat(204))
    values = {name: getattr(reading, name) for name in reading.__dataclass_fields__}
    with pytest.raises(ValueError, match=message):
        Reading(**(values | {"film_size": size, "regions": regions}))
