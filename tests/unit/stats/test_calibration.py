from __future__ import annotations

from math import inf, log, nan

import msgspec
import numpy as np
import pytest

from pneumoscope.stats.calibration import Calibration


def test_known_probabilities():
    """Odds of 1, 3 and 1/4 by hand."""
    logits = np.array([0.5, (1 + log(3)) / 2, (1 - log(4)) / 2])
    assert Calibration(2.0, -1.0, 0.5).probability(logits) == pytest.approx([0.5, 0.75, 0.2], abs=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_logit_is_too_large(dtype):
    largest = np.finfo(dtype).max
    probabilities = Calibration(1.0, 0.5, 0.5).probability(np.array([-largest, -1000, 1000, largest], dtype))
    assert probabilities.tolist() == [0, 0, 1, 1]


def test_higher_logits_never_mean_less():
    probabilities = Calibration(0.7, -0.3, 0.5).probability(np.linspace(-60, 60, 5001))
    assert (np.diff(probabilities) >= 0).all()
    assert (probabilities >= 0).all()
    assert (probabilities <= 1).all()


def test_the_shape_is_that_of_the_logits():
    calibration = Calibration(1.0, 0.0, 0.5)
    assert calibration.probability(np.zeros((3, 4), np.float32)).shape == (3, 4)
    assert float(calibration.probability(np.float32(0))) == 0.5


@pytest.mark.parametrize("values", [(0.0, 0.0), (-1.0, 0.0), (nan, 0.0), (inf, 0.0), (1.0, nan), (1.0, -inf)])
def test_a_slope_that_turns_answers_round_or_no_number_is_refused(values):
    with pytest.raises(ValueError, match="finite slope above 0"):
        Calibration(*values, 0.5)


@pytest.mark.parametrize(
    "text",
    [
        '{"slope":1.0,"intercept":0.0,"prevalence":0.0}',
        '{"slope":1.0,"intercept":0.0,"prevalence":1.0}',
        '{"slope":-1.0,"intercept":0.0,"prevalence":0.5}',
        '{"slope":1.0,"intercept":null,"prevalence":0.5}',
        '{"slope":1.0,"intercept":1e999,"prevalence":0.5}',
        '{"slope":1.0,"intercept":0.0,"prevalence":0.5,"bias":0}',
        '{"slope":1.0,"intercept":0.0}',
    ],
)
def test_a_stored_calibration_is_checked_too(text):
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(text, type=Calibration)
