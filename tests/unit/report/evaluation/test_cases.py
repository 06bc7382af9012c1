from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pneumoscope.core import QualityFlag, Radiograph, Region
from pneumoscope.report.evaluation import case_film
from pneumoscope.report.evaluation.cases import film_card


def test_a_reading_becomes_a_case_with_a_small_picture(item):
    heat = [[0.1, 0.9], [0.0, 0.2]]
    reading, _ = item("ward/a.png", 0.03, heat, flags=(QualityFlag("small", "The film is small."),))
    pixels = np.full((900, 1200), 0.5, np.float32)
    film = Radiograph(pixels=pixels, digest=reading.film_digest, full_size=(900, 1200), container="png")
    case = case_film(reading, film, "pneumonia, viral")
    assert (case.name, case.probability, case.stated) == ("ward/a.png", 0.03, "pneumonia, viral")
    assert (case.digest, case.flags) == (reading.film_digest, ("The film is small.",))
    assert case.pixels.shape == (240, 320)
    assert case.pixels.dtype == np.uint8
    assert set(np.unique(case.pixels)) == {128}
    np.testing.assert_array_equal(case.heatmap, np.float32(heat))
    assert film_card(case).size == (320, 240)


def test_the_regions_of_a_false_alarm_are_drawn_and_told(item):
    options = {"heat": [[0.1]], "film_size": (900, 1200), "strong_evidence": 10.4}
    film = Radiograph(pixels=np.full((900, 1200), 0.5, np.float32), digest="", full_size=(900, 1200), container="png")
    box = Region(450, 600, 900, 1200, 0.71)
    boxed, plain = (
        film_card(case_film(item("ward/a.png", 0.9, regions=regions, **options)[0], film, "no pneumonia"))
        for regions in ((box,), ())
    )
    assert boxed.lines[1] == (
        "71% of the evidence lies in the lower right of the picture (25% of its area), 29% elsewhere."
    )
    assert plain.lines[1].startswith("The evidence is spread")
    one, other = (np.asarray(Image.open(io.BytesIO(card.heat))).astype(int) for card in (boxed, plain))
    changed = np.argwhere(np.abs(one - other).max(axis=2) > 60)
    assert changed.min(axis=0) == pytest.approx((120, 160), abs=2)
    assert changed.max(axis=0) == pytest.approx((239, 319), abs=2)


def test_a_film_that_has_gone_is_a_case_without_a_picture(item):
    reading, _ = item("ward/a.png", 0.03)
    card = film_card(case_film(reading, None, "pneumonia"))
    assert card.picture is None
    assert card.absent == "cannot be read any more"
