"""The words that every format uses for an answer, so that no two reports say it differently."""

from __future__ import annotations

from pneumoscope.core import Correction, Finding, Reading


def decision(finding: Finding) -> str:
    """Return the label, or ``no <label>``."""
    return finding.label if finding.positive else f"no {finding.label}"


NOT_SURE = "not sure: ask a reader"
NOT_ANSWERED = "not answered"


def certainty(finding: Finding) -> str:
    """Return ``sure`` or ``not sure: ask a reader``, and nothing where the bundle does not say."""
    if finding.sure is None:
        return ""
    return "sure" if finding.sure else NOT_SURE


def percent(probability: float) -> str:
    """Return a probability for people, with one digit; never a false 0 % or 100 %.

    >>> percent(0.934), percent(0.99999), percent(0.00001)
    ('93.4%', '>99.9%', '<0.1%')
    """
    if probability > 0.999:
        return ">99.9%"
    return "<0.1%" if probability < 0.001 else f"{probability:.1%}"


def offer(correction: Correction) -> str:
    """Return what a film that is not answered would be read as, were it corrected."""
    answers = ", ".join(f"{decision(finding)} ({percent(finding.probability)})" for finding in correction.findings)
    return f"Read {correction.done}, the answer would be: {answers}."


def doubts(reading: Reading) -> list[str]:
    """Return the codes of all reasons for doubt; of a forced answer, those that it was given in spite of are marked."""
    mark = "forced: " if reading.forced else ""
    return [*(f"{mark}{reason.code}" for reason in reading.abstention), *(flag.code for flag in reading.flags)]
