"""What is found out about a claim is what trying every confusion matrix finds, in fractions, or in 40 digits."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from itertools import combinations, product
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pneumoscope.stats import claims
from pneumoscope.stats.claims import Claim, Matrix, check_claim
from pneumoscope.stats.figures import FIGURES

WIDE = Context(prec=40)


def share(hits: int, of: int) -> Fraction:
    return Fraction(hits, of) if of else Fraction(0)


def exact(tp: int, fn: int, tn: int, fp: int) -> dict[str, Fraction]:
    """All figures, written out once more."""
    p, n = tp + fn, tn + fp
    recall, specificity, precision, npv = share(tp, p), share(tn, n), share(tp, tp + fp), share(tn, tn + fn)
    f1, f1_negative = (
        2 * a * b / (a + b) if a + b else Fraction(0) for a, b in ((recall, precision), (specificity, npv))
    )
    accuracy = share(tp + tn, p + n)
    square = (tp + fp) * (tn + fn) * p * n
    mcc = WIDE.divide(Decimal(tp * tn - fp * fn), WIDE.sqrt(Decimal(square))) if square else Decimal(0)
    return {
        "accuracy": accuracy,
        "recall": recall,
        "specificity": specificity,
        "precision": precision,
        "npv": npv,
        "f1": f1,
        "f1_negative": f1_negative,
        "mcc": Fraction(mcc).limit_denominator(10**30),
        "balanced_accuracy": (recall + specificity) / 2,
        "macro_precision": (precision + npv) / 2,
        "macro_recall": (recall + specificity) / 2,
        "macro_f1": (f1 + f1_negative) / 2,
        "weighted_precision": (p * precision + n * npv) / (p + n),
        "weighted_recall": accuracy,
        "weighted_f1": (p * f1 + n * f1_negative) / (p + n),
    }


def decimal(value: Fraction) -> Decimal:
    return WIDE.divide(Decimal(value.numerator), Decimal(value.denominator))


def every_matrix(positives: int, negatives: int) -> list[tuple[int, int, int, int]]:
    return [(i, positives - i, j, negatives - j) for i, j in product(range(positives + 1), range(negatives + 1))]


names = st.lists(st.sampled_from(list(FIGURES)), min_size=1, max_size=4, unique=True)
films = st.integers(1, 12)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 60), names, st.integers(1, 6), st.data())
def test_what_a_real_matrix_gives_is_possible_however_it_is_shortened(positives, negatives, chosen, digits, data):
    tp, tn = data.draw(st.integers(0, positives)), data.draw(st.integers(0, negatives))
    matrix = (tp, positives - tp, tn, negatives - tn)
    figures = exact(*matrix)
    unit = Decimal(1).scaleb(-digits)
    printed = {}
    for name in chosen:
        shorten = data.draw(st.sampled_from([ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN, "binary"]))
        if shorten == "binary":
            printed[name] = f"{float(figures[name]):.{digits}f}"
        else:
            printed[name] = f"{decimal(figures[name]).quantize(unit, shorten):f}"
    with patch.object(claims, "LISTED", 10**6):
        found = check_claim(Claim(positives, negatives, printed))
    assert found.possible
    assert Matrix(*matrix) in found.matrices


@settings(deadline=None, max_examples=60)
@given(films, films, names, st.integers(0, 3), st.data())
def test_the_matrices_are_those_that_trying_all_finds(positives, negatives, chosen, digits, data):
    """Any end of an interval is hit often: figures of so few films lie on them."""
    rounding = data.draw(st.sampled_from(["nearest", "truncate", "any"]))
    number = st.integers(0, 10**digits).map(lambda i: f"{Decimal(i).scaleb(-digits):f}")
    printed = {name: data.draw(number) for name in chosen}

    def gives(value: Fraction, text: str) -> bool:
        stated, unit = Fraction(text), Fraction(1, 10**digits)
        near = abs(value - stated) <= unit / 2
        cut = abs(value) < unit if stated == 0 else stated <= value < stated + unit
        return {"nearest": near, "truncate": cut, "any": near or cut}[rounding]

    tried = {matrix: exact(*matrix) for matrix in every_matrix(positives, negatives)}
    wanted = {
        Matrix(*matrix)
        for matrix, figures in tried.items()
        if all(gives(figures[name], text) for name, text in printed.items())
    }
    with patch.object(claims, "LISTED", 10**6):
        found = check_claim(Claim(positives, negatives, printed, rounding))
    assert set(found.matrices) == wanted
    assert (found.possible, found.count) == (bool(wanted), len(wanted))
    if wanted:
        for name, span in found.figures.items():
            values = [float(tried[tuple(cells(matrix))][name]) for matrix in wanted]
            assert (span.low, span.high) == pytest.approx((min(values), max(values)), abs=1e-12)
        for name, span in found.cells.items():
            values = [getattr(matrix, name) for matrix in wanted]
            assert (span.low, span.high) == (min(values), max(values))


def cells(matrix: Matrix) -> list[int]:
    return [getattr(matrix, name) for name in matrix.__struct_fields__]


@settings(deadline=None, max_examples=60)
@given(films, films, names, st.integers(1, 3), st.data())
def test_what_is_said_of_the_impossible_holds(positives, negatives, chosen, digits, data):
    number = st.integers(0, 10**digits).map(lambda i: f"{Decimal(i).scaleb(-digits):f}")
    claim = Claim(positives, negatives, {name: data.draw(number) for name in chosen}, "nearest")
    found = check_claim(claim)
    if found.possible:
        return
    tried = [exact(*matrix) for matrix in every_matrix(positives, negatives)]
    alone = {name for conflict in found.conflicts if len(conflict.figures) == 1 for name in conflict.figures}

    def off(figures: dict[str, Fraction]) -> float:
        bounds = {name: claim.bounds(name) for name in chosen}
        return float(max(max(b.low - figures[n], figures[n] - b.high, Fraction(0)) for n, b in bounds.items()))

    assert off(exact(*cells(found.nearest))) == pytest.approx(min(map(off, tried)), abs=1e-12)
    for name in alone:
        conflict = next(one for one in found.conflicts if one.figures == (name,))
        stated = float(claim.figures[name])
        values = {float(figures[name]) for figures in tried}
        assert not any(claim.bounds(name).low <= value <= claim.bounds(name).high for value in values)
        below, above = (
            (max((v for v in values if v < stated), default=None)),
            min((v for v in values if v > stated), default=None),
        )
        assert (conflict.below, conflict.above) == pytest.approx((below, above), abs=1e-12)

    def possible(chosen: tuple[str, ...]) -> bool:
        return check_claim(Claim(positives, negatives, {n: claim.figures[n] for n in chosen}, "nearest")).possible

    for conflict in found.conflicts:
        assert not possible(conflict.figures)
        if not alone & set(conflict.figures):
            assert all(possible(rest) for rest in combinations(conflict.figures, len(conflict.figures) - 1) if rest)
