"""What the network is shown of a film, and where its map lies on the film, whatever the bundle's preprocessing."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from pneumoscope.bundle import load_bundle
from pneumoscope.core import MissingExtra, Radiograph
from pneumoscope.engines import OnnxRuntimeEngine, Outputs, golden_film
from pneumoscope.imaging.preprocess import Preprocessing, network_input
from pneumoscope.predict import Predictor
from pneumoscope.report import overlay
from tests.helpers import OUTPUTS, SIZE, tiny_contents, tiny_golden, tiny_graph, write_tiny

CELLS = (6, 8)


class Lit:
    """An engine that keeps what it was shown, and answers with a map on which one cell is lit."""

    name = "lit"

    def __init__(self, cell: tuple[int, int]) -> None:
        self.cam = np.full((1, 1, *CELLS), -100, np.float32)
        self.cam[0, 0, *cell] = 100
        self.shown: list[np.ndarray] = []

    def run(self, films: np.ndarray) -> Outputs:
        self.shown.append(films)
        return Outputs(np.zeros((1, 1), np.float32), np.zeros((1, 3), np.float32), self.cam)


@pytest.fixture
def lit(predictor):
    """``lit(cell, **preprocessing)``: a predictor whose network always sees the finding in that cell."""

    def with_engine(cell: tuple[int, int] = (0, 0), **preprocessing: Any) -> Predictor:
        spec = Preprocessing(**{"size": (48, 64)} | preprocessing)
        bundle = replace(predictor.bundle, spec=msgspec.structs.replace(predictor.bundle.spec, preprocessing=spec))
        return Predictor(bundle, Lit(cell))

    return with_engine


def film(height: int, width: int, pixels: np.ndarray | None = None) -> Radiograph:
    if pixels is None:
        pixels = np.random.default_rng(0).random((height, width))
    return Radiograph(pixels=pixels.astype(np.float32), digest="", full_size=(height, width), container="png")


def middle(values: np.ndarray) -> tuple[float, float]:
    """Centre of mass, in shares of height and width."""
    weights = np.asarray(values, np.float64)
    down, across = ((np.arange(side) + 0.5) / side for side in weights.shape)
    return tuple(float((weights.sum(axis=axis) * at).sum() / weights.sum()) for axis, at in ((1, down), (0, across)))


class Case(NamedTuple):
    aspect: str
    size: tuple[int, int]
    cell: tuple[int, int]
    middle: tuple[float, float]
    share: float


# A picture of 48 x 64 pixels has cells of 8 x 8. Worked out by hand: the lit cell's middle, and its share of the film.
CASES = {
    "squashed": Case("squash", (400, 200), (1, 6), (1.5 / 6, 6.5 / 8), 1 / 48),
    # 200 x 400 becomes 32 x 64, on rows 8 to 40: row 2 of the map is the second of four
    "padded above and below": Case("pad", (200, 400), (2, 6), (1.5 / 4, 6.5 / 8), 1 / 32),
    # 480 x 320 becomes 48 x 32, on columns 16 to 48: column 3 of the map is the second of four
    "padded at the sides": Case("pad", (480, 320), (4, 3), (4.5 / 6, 1.5 / 4), 1 / 24),
    # of 300 x 800 the columns from 200 to 600 are shown
    "cropped at the sides": Case("crop", (300, 800), (1, 6), (1.5 / 6, (200 + 400 * 6.5 / 8) / 800), 1 / 96),
    # of 600 x 400 the rows from 150 to 450 are shown
    "cropped above and below": Case("crop", (600, 400), (4, 1), ((150 + 300 * 4.5 / 6) / 600, 1.5 / 8), 1 / 96),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_heat_map_lies_on_the_film_where_the_network_saw_it(lit, case):
    heat = lit(case.cell, aspect=case.aspect).read_film(film(*case.size), name="a").heatmap
    assert heat.dtype == np.float32
    assert heat.max() == 1
    assert middle(heat) == pytest.approx(case.middle, abs=1e-6)
    assert heat.mean() == pytest.approx(case.share)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_reports_paint_it_there(lit, case):
    black = film(*case.size, np.zeros(case.size))
    heat = lit(case.cell, aspect=case.aspect).read_film(black, name="a").heatmap
    painted = np.asarray(overlay(black, heat)).max(axis=2)
    assert painted.shape[0] / painted.shape[1] == pytest.approx(case.size[0] / case.size[1], rel=0.02)
    assert middle(painted) == pytest.approx(case.middle, abs=0.01)
    assert np.mean(painted > painted.max() / 2) == pytest.approx(case.share, rel=0.7)


@pytest.mark.parametrize("cell", [(0, 3), (5, 3)])
def test_what_lies_on_the_padding_alone_is_not_on_the_film(lit, cell):
    assert lit(cell, aspect="pad").read_film(film(200, 400), name="a").heatmap.max() == 0


def test_a_cell_that_is_half_padding_still_counts(lit):
    """160 x 320 becomes 32 x 64, on rows 8 to 40 of 48: of cells 12 high, the first shows the film by a third."""
    predictor = lit((0, 0), aspect="pad")
    predictor.engine.cam = np.full((1, 1, 4, 8), -100, np.float32)
    predictor.engine.cam[..., 0, :] = 100
    heat = predictor.read_film(film(160, 320), name="a").heatmap
    assert (heat[0] > 0.5).all()
    assert (heat[4:] == 0).all()


def test_outside_the_crop_nothing_is_told(lit):
    predictor = lit(aspect="crop")
    predictor.engine.cam[:] = 100
    heat = predictor.read_film(film(300, 800), name="a").heatmap
    assert (heat[:, 8:24] == 1).all()
    assert heat.sum() == heat[:, 8:24].sum()


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"aspect": "pad"},
        {"aspect": "crop", "mean": 0.3, "std": 0.2},
        {"contrast": "equalise"},
        {"aspect": "pad", "contrast": "clahe", "edges": True},
    ],
)
def test_the_network_is_shown_all_planes_standardised(lit, choice):
    if "contrast" in choice:
        pytest.importorskip("cv2")
    predictor = lit(**choice)
    predictor.read_film(film(100, 300), name="a")
    (shown,) = predictor.engine.shown
    spec = predictor.bundle.spec.preprocessing
    assert shown.shape == (1, spec.channels, 48, 64)
    np.testing.assert_array_equal(shown[0], network_input(film(100, 300), spec))


@pytest.mark.parametrize("aspect", ["squash", "pad", "crop"])
@pytest.mark.parametrize("contrast", ["none", "equalise", "clahe"])
def test_flags_are_about_the_film_and_not_about_what_was_made_of_it(lit, aspect, contrast):
    """Padding would lend contrast to a blank film, equalising to a faint one; a crop would hide what is at the side."""
    if contrast != "none":
        pytest.importorskip("cv2")
    predictor = lit(aspect=aspect, contrast=contrast)

    def codes(pixels: np.ndarray) -> list[str]:
        return [flag.code for flag in predictor.read_film(film(*pixels.shape, pixels), name="a").flags]

    across = np.tile(np.linspace(0, 1, 900), (100, 1))
    assert codes(np.full((100, 900), 0.5)) == ["blank"]
    assert codes(0.4 + 0.2 * across) == ["low-contrast"]
    assert codes(across) == []
    assert codes(1 - across) == ["inverted"]
    sides = np.where(np.abs(across - 0.5) > 0.4, across, 0.5)  # grey in the middle
    assert codes(sides) == []


def test_what_is_prepared_already_is_read_as_it_is(lit):
    pytest.importorskip("cv2")
    predictor = lit(aspect="pad", contrast="clahe", edges=True)
    seen = np.random.default_rng(1).random((2, 48, 64), np.float32)
    blank = film(48, 64, np.full((48, 64), 0.5))
    reading = predictor.read_prepared(blank, seen, name="b")
    np.testing.assert_array_equal(predictor.engine.shown, [(seen[np.newaxis] - np.float32(0.5)) / np.float32(0.5)])
    assert (reading.film, reading.heatmap, [flag.code for flag in reading.flags]) == ("b", None, ["blank"])


@pytest.mark.parametrize("choice", [{"contrast": "clahe"}, {"contrast": "equalise"}])
def test_a_bundle_that_needs_opencv_is_refused_without_it(tmp_path, monkeypatch, choice):
    monkeypatch.setitem(sys.modules, "cv2", None)
    path = write_tiny(tmp_path / "a", preprocessing=Preprocessing(size=SIZE, **choice))
    with pytest.raises(MissingExtra, match=r"pneumoscope\[vision\]"):
        Predictor.open(path)


def test_a_bundle_with_another_contrast_opens_and_reads_films(tmp_path: Path):
    pytest.importorskip("cv2")
    spec, films = Preprocessing(size=SIZE, aspect="pad", contrast="clahe"), tiny_golden().films
    engine = OnnxRuntimeEngine(tiny_graph())
    answers = [engine.run(network_input(golden_film(one), spec)[np.newaxis]) for one in films]
    golden = type(tiny_golden())(films, {name: np.concatenate([getattr(a, name) for a in answers]) for name in OUTPUTS})
    path = write_tiny(tmp_path / "a", tiny_contents(golden=golden.to_bytes()), preprocessing=spec)
    assert load_bundle(path).spec.preprocessing == spec
    assert Predictor.open(path).read_film(film(50, 70), name="a").heatmap.shape == (12, 16)
