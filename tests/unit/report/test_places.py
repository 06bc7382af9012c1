import numpy as np
import pytest

from pneumoscope.core import Region
from pneumoscope.report.places import evidence_text, where

SIZE = (1000, 1200)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((0, 0, 300, 400), "in the upper left of the picture"),
        ((0, 0, 300, 600), "in the upper left of the picture"),
        ((350, 450, 650, 750), "in the middle centre of the picture"),
        ((600, 700, 1000, 1200), "in the lower right of the picture"),
        ((600, 0, 1000, 1200), "in the lower part of the picture"),
        ((0, 0, 900, 400), "on the left of the picture"),
        ((100, 400, 900, 800), "down the centre of the picture"),
        ((0, 0, 1000, 1200), "over most of the picture"),
    ],
)
def test_where_a_box_lies(box, words):
    assert where(Region(*box, 0.5), SIZE) == words


def reading(item, *regions, probability=0.9):
    values = {"heat": np.ones((2, 2)), "film_size": SIZE, "strong_evidence": 10.4, "regions": regions}
    return item("a.png", probability, **values)[0]


LOWER_RIGHT, UPPER_LEFT = Region(600, 800, 1000, 1200, 0.712), Region(0, 0, 200, 300, 0.18)


def test_the_shares_are_told_largest_first_with_the_rest(item):
    assert evidence_text(reading(item, LOWER_RIGHT, UPPER_LEFT)) == (
        "71% of the evidence lies in the lower right of the picture (13% of its area), 18% in the upper left of the "
        "picture (5%), 11% elsewhere."
    )


def test_no_rest_is_told_where_there_is_none(item):
    whole = Region(0, 0, 900, 1200, 0.997)
    assert evidence_text(reading(item, whole)) == (
        "100% of the evidence lies over most of the picture (90% of its area)."
    )


def test_a_film_in_which_nothing_stands_out_says_so(item):
    assert evidence_text(reading(item)) == "The evidence is spread: no region of the picture stands out."


def test_a_film_that_is_positive_by_a_low_threshold_alone_has_no_evidence_that_could_be_spread(item):
    values = {"heat": np.zeros((2, 2)), "film_size": SIZE, "strong_evidence": 10.4}
    told = evidence_text(item("a.png", 0.6, **values)[0])
    assert told == "No region of the picture speaks for it more than against it."


def test_nothing_is_said_of_a_negative_film_or_where_nobody_looked(item):
    assert evidence_text(reading(item, probability=0.1)) == ""
    assert evidence_text(item("a.png", 0.9)[0]) == ""
