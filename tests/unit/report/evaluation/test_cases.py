from __future__ import annotations

import numpy as np

from pneumoscope.core import QualityFlag, Radiograph
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


def test_a_film_that_has_gone_is_a_case_without_a_picture(item):
    reading, _ = item("ward/a.png", 0.03)
    card = film_card(case_film(reading, None, "pneumonia"))
    assert card.picture is None
    assert card.absent == "cannot be read any more"
