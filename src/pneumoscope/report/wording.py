"""The words that every format uses for an answer, so that no two reports say it differently."""

from __future__ import annotations

from pneumoscope.core import Correction, Finding, Reading

NOT_SURE = "not sure: ask a reader"
NOT_SURE_WHICH = "not sure which"
NOT_ANSWERED = "not answered"


def decision(finding: Finding) -> str:
    """Return the label, or what it is otherwise, or ``no <label>``; of a second answer that is not sure, just that."""
    if finding.given is not None and finding.sure is False:
        return NOT_SURE_WHICH
    return finding.label if finding.positive else other(finding)


def certainty(finding: Finding) -> str:
    """Return ``sure`` or ``not sure: ask a reader``, and nothing where the bundle does not say.

    A second answer that is not sure is ``not sure which``.
    """
    if finding.sure is None:
        return ""
    doubt = NOT_SURE if finding.given is None else NOT_SURE_WHICH
    return "sure" if finding.sure else doubt


def other(finding: Finding) -> str:
    """Return what a film is of which the answer is no: viral, where it is not bacterial."""
    return finding.otherwise or f"no {finding.label}"


def second(finding: Finding) -> str:
    """Return a second answer in words, as softly as it is meant.

    >>> second(Finding("bacterial", 0.81, "balanced", 0.5, True, None, "pneumonia", "viral"))
    'if pneumonia: bacterial rather than viral, probability 81.0%'
    >>> second(Finding("bacterial", 0.45, "balanced", 0.5, False, False, "pneumonia", "viral"))
    'if pneumonia: not sure which, bacterial (45.0%) or viral (55.0%)'
    """
    p, names = finding.probability, (finding.label, other(finding))
    if finding.sure is False:
        return f"if {finding.given}: {NOT_SURE_WHICH}, {names[0]} ({percent(p)}) or {names[1]} ({percent(1 - p)})"
    (said, instead), share = (names, p) if finding.positive else (names[::-1], 1 - p)
    return f"if {finding.given}: {said} rather than {instead}, probability {percent(share)}"


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


def offer(correction: Correction) -> str:
    """Return what a film that is not answered would be read as, were it corrected."""
    asked = [finding for finding in correction.findings if finding.given is None]
    answers = ", ".join(f"{decision(finding)} ({percent(finding.probability)})" for finding in asked)
    return f"Read {correction.done}, the answer would be: {answers}."


def doubts(reading: Reading) -> list[str]:
    """Return the codes of all reasons for doubt, with marks where a film was answered in spite of one or corrected."""
    forced = "forced: " if reading.forced else ""
    righted = reading.correction.code if reading.correction and reading.corrected else None
    flags = (f"corrected: {flag.code}" if flag.code == righted else flag.code for flag in reading.flags)
    return [*(f"{forced}{reason.code}" for reason in reading.abstention), *flags]
