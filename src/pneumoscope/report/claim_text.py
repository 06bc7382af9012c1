"""What published figures imply, in lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from pneumoscope.report.text import one_line
from pneumoscope.stats.claims import Alternative, ClaimCheck, Conflict, Matrix, Span

_ROUNDINGS = {"nearest": "rounded", "truncate": "cut off", "any": "rounded or cut off"}
_METHODS = {"wilson": "Wilson", "clopper_pearson": "Clopper-Pearson"}
_DERIVED = ("accuracy", "recall", "specificity", "precision", "npv", "f1", "mcc")
_SHORT = ("TP", "FN", "TN", "FP")


def claim_text(check: ClaimCheck) -> str:
    """All that is worth saying, a line each."""
    return "\n".join([_stated(check), *(_possible(check) if check.possible else _impossible(check))])


def figure_name(name: str) -> str:
    """A figure's name in words.

    >>> figure_name("weighted_f1"), figure_name("npv")
    ('weighted F1', 'NPV')
    """
    return " ".join(word.upper() if word in {"f1", "npv", "mcc"} else word for word in name.split("_"))


def conflict_text(conflict: Conflict, check: ClaimCheck) -> str:
    """Which figures cannot be reached, and, of a figure alone, what is nearest."""
    told = [f"{figure_name(name)} {one_line(check.stated[name])}" for name in conflict.figures]
    if len(told) == 1:
        around = [f"{value:.4f}" for value in (conflict.below, conflict.above) if value is not None]
        return f"{told[0]} alone cannot be reached; the nearest: {' and '.join(around)}"
    alone = {one.figures for one in check.conflicts}
    told = [
        f"{words} (or the nearest)" if (name,) in alone else words
        for name, words in zip(conflict.figures, told, strict=True)
    ]
    return f"{', '.join(told[:-1])} and {told[-1]} cannot be reached together"


def span_text(span: Span) -> str:
    """A figure to four digits, or its range."""
    return f"{span.low:.4f}" if span.low == span.high else f"{span.low:.4f} to {span.high:.4f}"


def _stated(check: ClaimCheck) -> str:
    figures = ", ".join(f"{figure_name(name)} {one_line(text)}" for name, text in check.stated.items())
    films = f"{check.positives:,} positive and {check.negatives:,} negative films"
    return f"{films}; {figures} ({_ROUNDINGS[check.rounding]})"


def _possible(check: ClaimCheck) -> Iterator[str]:
    yield f"possible: {_matrices(check.count)}"
    yield "  " + ", ".join(f"{short} {_whole(span)}" for short, span in zip(_SHORT, check.cells.values(), strict=True))
    if len(check.matrices) > 1:
        yield from (f"    {_cells(matrix)}" for matrix in check.matrices)
    for name in _DERIVED:
        yield f"  {figure_name(name):<12}{span_text(check.figures[name])}"
    over = "" if check.count == 1 else ", over all of these"
    for name, intervals in check.intervals.items():
        told = "; ".join(f"{_METHODS[method]} {span_text(ends)}" for method, ends in intervals.items())
        yield f"  95% interval of {name}{over}: {told}"


def _impossible(check: ClaimCheck) -> Iterator[str]:
    yield "impossible: no confusion matrix of these films gives these figures"
    yield from (f"  {conflict_text(conflict, check)}" for conflict in check.conflicts)
    if not check.conflicts:
        yield "  any three of them can be reached, all of them cannot"
    if check.nearest:
        values = ", ".join(f"{figure_name(name)} {value:.4f}" for name, value in check.nearest_figures.items())
        yield f"  the nearest matrix, {_cells(check.nearest)}, has {values}"
    for other in check.alternatives:
        outcome = f"possible, {_matrices(other.count)}" if other.count else "impossible too"
        yield f"  with {_reading(other)}: {outcome}"


def _reading(other: Alternative) -> str:
    return f"{other.reading} ({other.positives:,} positive, {other.negatives:,} negative)"


def _matrices(count: int) -> str:
    return f"{count:,} confusion {'matrix' if count == 1 else 'matrices'}"


def _cells(matrix: Matrix) -> str:
    cells = (matrix.true_positive, matrix.false_negative, matrix.true_negative, matrix.false_positive)
    return ", ".join(f"{short} {cell:,}" for short, cell in zip(_SHORT, cells, strict=True))


def _whole(span: Span) -> str:
    return f"{span.low:,.0f}" if span.low == span.high else f"{span.low:,.0f} to {span.high:,.0f}"
