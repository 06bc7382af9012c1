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


KNOTS = ((-2.0, -3.0), (0.0, 0.5), (1.0, 4.0))


def test_knots_are_joined_by_straight_lines_that_go_on():
    calibration = Calibration(2.0, 1.0, 0.5, knots=KNOTS)
    logits = np.array([-4.0, -2.0, -1.0, 0.0, 0.5, 1.0, 2.0])
    joined = np.array([-6.5, -3.0, -1.25, 0.5, 2.25, 4.0, 7.5])
    np.testing.assert_allclose(calibration.log_odds(logits), 2 * joined + 1, rtol=1e-15)
    assert calibration.log_odds(np.zeros((2, 3))).shape == (2, 3)
    assert float(calibration.log_odds(np.float32(0.5))) == 5.5


@pytest.mark.parametrize(
    "calibration",
    [Calibration(2.0, 1.0, 0.3), Calibration(2.0, 1.0, 0.3, bend=-1.5), Calibration(2.0, 1.0, 0.3, knots=KNOTS)],
    ids=lambda calibration: calibration.family,
)
def test_every_family_can_be_stored_and_followed_by_another(calibration):
    assert msgspec.json.decode(msgspec.json.encode(calibration), type=Calibration) == calibration
    logits = np.linspace(-30, 30, 101)
    then = calibration.then(0.5, -2.0)
    np.testing.assert_allclose(then.log_odds(logits), 0.5 * calibration.log_odds(logits) - 2.0, atol=1e-12)
    assert (then.prevalence, then.family) == (0.3, calibration.family)


@pytest.mark.parametrize(
    "calibration",
    [
        Calibration(2.0, 1.0, 0.3),
        Calibration(2.0, 1.0, 0.3, bend=-1.99),
        Calibration(0.1, -3.0, 0.3, bend=5.0),
        Calibration(2.0, 1.0, 0.3, knots=KNOTS),
    ],
)
def test_logits_are_found_again(calibration):
    logits = np.array([-700.0, -30.0, -2.5, -1e-3, 0.0, 0.7, 4.0, 30.0, 700.0])
    np.testing.assert_allclose(calibration.logits(calibration.log_odds(logits)), logits, rtol=1e-9, atol=1e-9)


def test_a_straight_line_is_stored_as_it_always_was():
    text = b'{"slope":2.0,"intercept":1.0,"prevalence":0.5}'
    assert msgspec.json.encode(msgspec.json.decode(text, type=Calibration)) == text


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"bend": -1.0}, "bend above -slope"),
        ({"bend": nan}, "bend above -slope"),
        ({"bend": 1.0, "knots": KNOTS}, "a bend or knots"),
        ({"knots": KNOTS[:1]}, "two or more"),
        ({"knots": (*KNOTS, (0.5, 9.0))}, "higher than the one before"),
        ({"knots": (*KNOTS, (3.0, 4.0))}, "higher than the one before"),
        ({"knots": (*KNOTS, (3.0, inf))}, "higher than the one before"),
    ],
)
def test_a_curve_that_does_not_rise_is_refused(more, says):
    with pytest.raises(ValueError, match=says):
        Calibration(1.0, 0.0, 0.5, **more)
