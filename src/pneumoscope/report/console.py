"""Readings as columns for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from pneumoscope.core import Correction, Failure, Outcome
from pneumoscope.report.places import evidence_text
from pneumoscope.report.text import columns, one_line, pad, shorten
from pneumoscope.report.wording import NOT_ANSWERED, NOT_SURE, decision, doubts, percent, second

_NARROWEST = 60


def format_table(outcomes: Iterable[Outcome], width: int = 96) -> str:
    """Return a table for the terminal, ``width`` columns wide (60 at least); long names are cut in the middle."""
    return "\n".join([table_head(width), *(table_row(outcome, width) for outcome in outcomes)])


def table_head(width: int = 96) -> str:
    """Return the titles and a rule."""
    width = max(width, _NARROWEST)
    return _line("film", "probability", "decision", "remarks", width) + "\n" + "─" * width


def table_row(outcome: Outcome, width: int = 96) -> str:
    """Return the line of one outcome; below it one for each finding after the first, and where the evidence lies."""
    return "\n".join(_outcome_lines(outcome, max(width, _NARROWEST)))


def _outcome_lines(outcome: Outcome, width: int) -> Iterator[str]:
    if isinstance(outcome, Failure):
        yield _line(outcome.film, "-", "not read", f"{outcome.code}: {outcome.error}", width)
        return
    told = ", ".join(doubts(outcome))
    if not outcome.answered:
        offer = f"; {_offer(outcome.correction)}" if outcome.correction else ""
        yield _line(outcome.film, "-", NOT_ANSWERED, f"{told}{offer}", width)
        return
    for i, finding in enumerate(outcome.findings):
        film, why = ("", "") if i else (outcome.film, told)
        remarks = ", ".join(filter(None, (NOT_SURE if finding.sure is False else "", why)))
        if finding.given is None:
            yield _line(film, percent(finding.probability), decision(finding), remarks, width)
        else:
            yield from wrap(one_line(second(finding)), width, initial_indent="  ", subsequent_indent="  ")
    if place := evidence_text(outcome):
        yield f"  {_cut(place, width - 2)}"


def _offer(correction: Correction) -> str:
    first = correction.findings[0]
    return f"corrected: {decision(first)} {percent(first.probability)}"


def _line(film: str, probability: str, answer: str, remarks: str, width: int) -> str:
    """Lay out four cells. What the fixed ones leave, film and remarks share 5 to 4."""
    free = width - 11 - 14 - 6
    left = free * 5 // 9
    cells = (
        pad(shorten(one_line(film), left), left),
        probability.rjust(11),
        pad(_cut(one_line(answer), 14), 14),
        _cut(one_line(remarks), free - left),
    )
    return "  ".join(cells).rstrip()


def _cut(text: str, width: int) -> str:
    """Cut ``text`` at its end: a message says the most important thing first, such as the "no" of a decision."""
    while columns(text) > width:
        text = text[: -2 if text.endswith("…") else -1] + "…"
    return text
