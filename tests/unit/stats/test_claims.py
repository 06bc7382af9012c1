from __future__ import annotations

from fractions import Fraction

import pytest

from pneumoscope.stats.claims import LISTED, Alternative, Claim, Conflict, Matrix, check_claim
from pneumoscope.stats.printed import Bounds


@pytest.mark.parametrize(
    ("text", "rounding", "low", "high", "open_ends"),
    [
        ("0.93", "nearest", "0.925", "0.935", (False, False)),
        ("0.93", "truncate", "0.93", "0.94", (False, True)),
        ("0.93", "any", "0.925", "0.94", (False, True)),
        ("0.930", "nearest", "0.9295", "0.9305", (False, False)),
        (" 92.9% ", "nearest", "0.9285", "0.9295", (False, False)),
        ("93%", "truncate", "0.93", "0.94", (False, True)),
        ("1.0", "nearest", "0.95", "1.05", (False, False)),
        ("1", "nearest", "0.5", "1.5", (False, False)),
        (".5", "nearest", "0.45", "0.55", (False, False)),
        ("-0.20", "truncate", "-0.21", "-0.2", (True, False)),
        ("-0.20", "any", "-0.21", "-0.195", (True, False)),
        ("0.0", "truncate", "-0.1", "0.1", (True, True)),
    ],
)
def test_what_a_printed_number_stands_for(text, rounding, low, high, open_ends):
    bounds = Bounds.of(text, rounding, lowest=-1)
    assert (bounds.low, bounds.high) == (Fraction(low), Fraction(high))
    assert (bounds.low_open, bounds.high_open) == open_ends


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "as it was printed"),
        ("nan", "as it was printed"),
        ("0,93", "as it was printed"),
        ("93 %%", "as it was printed"),
        ("\u0660.\u0669", "as it was printed"),
        ("-0.2", "expected 0 to 1, got '-0.2'$"),
        ("1.2", "a percentage needs its sign"),
        ("101%", "expected 0 to 1, got '101%'$"),
        ("0." + 13 * "1", "at most 12 digits"),
    ],
)
def test_what_is_no_such_number_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        Bounds.of(text)


@pytest.mark.parametrize(
    ("counts", "figures", "rounding", "message"),
    [
        ((0, 5), {"accuracy": "0.5"}, "any", "positives: expected 1 to"),
        ((5, 2_000_000), {"accuracy": "0.5"}, "any", "negatives: expected 1 to"),
        ((5, 5), {}, "any", "at least one of the figures accuracy"),
        ((5, 5), {"auc": "0.5"}, "any", "auc: expected one of the figures"),
        ((5, 5), {"recall": "x"}, "any", "recall: expected a number"),
        ((5, 5), {"recall": "0.5"}, "up", "rounding: expected one of nearest, truncate, any"),
    ],
)
def test_a_claim_that_says_nothing_is_refused(counts, figures, rounding, message):
    with pytest.raises(ValueError, match=message):
        Claim(*counts, figures, rounding)


def test_the_figures_of_a_matrix_lead_back_to_it():
    """What the README says of the packaged model."""
    printed = {"accuracy": "0.944", "recall": "0.990", "specificity": "0.868", "precision": "0.926", "f1": "0.957"}
    found = check_claim(Claim(390, 234, printed))
    assert found.matrices == (Matrix(386, 4, 203, 31),)
    assert found.figures["mcc"].low == found.figures["mcc"].high
    assert (found.conflicts, found.nearest, found.alternatives) == ((), None, ())


@pytest.mark.parametrize(("rounding", "possible"), [("nearest", False), ("truncate", True), ("any", True)])
def test_a_figure_that_was_cut_off_is_told_from_a_rounded_one(rounding, possible):
    """2 of 3 is 0.667, or 0.666."""
    assert check_claim(Claim(3, 3, {"recall": "0.666"}, rounding)).possible is possible


@pytest.mark.parametrize("rounding", ["nearest", "any"])
def test_a_tie_may_be_rounded_up_and_down(rounding):
    """1 of 8 is 0.125: half up gives 0.13, half to even 0.12."""
    assert all(check_claim(Claim(8, 8, {"recall": text}, rounding)).possible for text in ("0.12", "0.13"))
    assert check_claim(Claim(8, 8, {"recall": "0.13"}, "truncate")).possible is False


def test_many_matrices_are_counted_and_told_as_ranges():
    found = check_claim(Claim(390, 234, {"accuracy": "0.93"}))
    assert found.count > LISTED
    assert found.matrices == ()
    assert (found.cells["true_positive"].low, found.cells["true_positive"].high) == (344, 390)
    few = check_claim(Claim(390, 234, {"accuracy": "0.929", "recall": "1.0"}))
    assert (few.count, len(few.matrices)) == (LISTED, LISTED)


def test_large_test_sets_are_no_trouble():
    """Counts whose products exceed 64 bits; the classes are exact to the last film."""
    printed = {"weighted_f1": "0.900000", "mcc": "0.800000", "recall": "0.900000", "specificity": "0.900000"}
    found = check_claim(Claim(100_000, 100_000, printed, "nearest"))
    assert found.matrices == (Matrix(90_000, 10_000, 90_000, 10_000),)


def test_a_figure_that_the_films_do_not_have_is_named_with_its_neighbours():
    """364 of 390 is 0.9333, 363 are 0.9308."""
    (conflict,) = check_claim(Claim(390, 234, {"recall": "0.932", "accuracy": "0.93"})).conflicts
    assert conflict.figures == ("recall",)
    assert (conflict.below, conflict.above) == (363 / 390, 364 / 390)


def test_figures_that_contradict_each_other_are_named():
    """Accuracy lies between recall and specificity; precision has no part in it."""
    printed = {"precision": "0.9", "recall": "0.50", "accuracy": "0.95", "specificity": "0.90"}
    found = check_claim(Claim(100, 100, printed))
    assert ("recall", "accuracy") in [conflict.figures for conflict in found.conflicts]
    assert all(len(conflict.figures) > 1 for conflict in found.conflicts)
    assert not any({"recall", "accuracy"} < set(conflict.figures) for conflict in found.conflicts)


def test_a_figure_that_is_impossible_alone_may_contradict_others_as_well():
    figures = {"accuracy": "0.928", "recall": "0.932", "specificity": "0.901"}
    found = check_claim(Claim(390, 234, figures))
    assert found.conflicts == (Conflict(("recall",), 363 / 390, 364 / 390), Conflict(tuple(figures)))


def test_common_slips_are_tried():
    """Of 30 and 10 films: recall and precision of the wrong class; averages called by the class's names."""
    exchanged = check_claim(Claim(30, 10, {"recall": "0.900", "specificity": "0.967"}))
    assert Alternative("the classes exchanged", 10, 30, 1) in exchanged.alternatives
    weighted = {"recall": "0.875", "accuracy": "0.875", "precision": "0.895"}  # (26, 4, 9, 1)
    readings = {one.reading: one.count for one in check_claim(Claim(30, 10, weighted)).alternatives}
    assert readings["weighted averages over the classes"] == 1
    macro = {"recall": "0.883", "accuracy": "0.875", "precision": "0.828"}
    readings = {one.reading: one.count for one in check_claim(Claim(30, 10, macro)).alternatives}
    assert readings["macro averages over the classes"] == 1


def test_averages_are_not_tried_where_they_are_stated_or_nothing_would_change():
    stated = {"recall": "0.9", "weighted_recall": "0.1", "macro_recall": "0.1"}
    for figures in (stated, {"accuracy": "0.911"}):
        readings = [one.reading for one in check_claim(Claim(10, 10, figures)).alternatives]
        assert readings == ["the classes exchanged"]


def test_other_test_sets_are_tried():
    found = check_claim(Claim(390, 234, {"recall": "0.932"}), [(398, 242), (395, 300)])
    assert found.alternatives[-2:] == (
        Alternative("another test set", 398, 242, 243),
        Alternative("another test set", 395, 300, 301),
    )
