"""The words that every format uses for an answer, so that no two reports say it differently."""

from __future__ import annotations

from pneumoscope.core import Finding


def decision(finding: Finding) -> str:
    """Return the label, or ``no <label>``."""
    return finding.label if finding.positive else f"no {finding.label}"


NOT_SURE = "not sure: ask a reader"


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


def share(of_films: float) -> str:
    """Return a share of films for people; unlike a probability it may be 0 % or 100 %.

    >>> share(0.9439), share(1.0), share(0.9996)
    ('94.4%', '100%', '>99.9%')
    """
    return f"{of_films:.0%}" if of_films in {0.0, 1.0} else percent(of_films)
