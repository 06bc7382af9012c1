"""Whether a model may be used at a site, and whether one may take another's place: rules stated beforehand.

A criterion is met when the whole interval lies at or above its bar, failed when the whole interval lies below, and open
otherwise. A model is *usable* if all are met, *not usable* if one has failed, else *not shown to be usable*: more films
would tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from pneumoscope.bundle.points import Rule
from pneumoscope.bundle.spec import Interval, OperatingPoint
from pneumoscope.evaluation.site_films import SiteFilms
from pneumoscope.stats.paired import paired_bootstrap
from pneumoscope.stats.weighted import ranked

USABLE: Final = "usable"
NOT_SHOWN: Final = "not shown to be usable"
NOT_USABLE: Final = "not usable"

LEAST_AUC: Final = 0.8
LEAST_RECALL: Final = 0.9
LEAST_SPECIFICITY: Final = 0.3
"""Of the ranking, and from the threshold that promises the recall: one that calls nearly every film positive spares
nobody."""

MARGIN: Final = 0.02
"""How much AUC a newer model may lose and still count as no worse."""

RESAMPLES = 2000


@dataclass(frozen=True)
class Verdict:
    """What was concluded, and a sentence for each criterion."""

    outcome: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Whether a newer model may take the place of the one in use, and why."""

    may_replace: bool
    outcome: str
    difference: Interval
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _Criterion:
    """A figure that must reach a bar; ``met`` is None while it is open."""

    met: bool | None
    reason: str


def judge(area: Interval, least: tuple[Rule, OperatingPoint] | None) -> Verdict:
    """The verdict by AUC, and by what a threshold that promises a recall of ``LEAST_RECALL`` spares.

    ``least`` is that threshold, the highest there is, described by films held back; None if too few patients can
    promise one. It need not be the site's screening point: where that promises more, it costs more.
    """
    criteria = [_against("the AUC", area, LEAST_AUC), *(_screening(*least) if least else [_NO_PROMISE])]
    reasons = tuple(criterion.reason for criterion in criteria)
    if any(criterion.met is False for criterion in criteria):
        return Verdict(NOT_USABLE, reasons)
    return Verdict(USABLE if all(criterion.met for criterion in criteria) else NOT_SHOWN, reasons)


_NO_PROMISE = _Criterion(None, f"There are too few patients to promise a recall of {LEAST_RECALL:.2f}.")


def _screening(rule: Rule, point: OperatingPoint) -> list[_Criterion]:
    """Recall is promised by the rule, and has failed only if films held back contradict that."""
    bound = rule.guarantee.bound if rule.guarantee else 0.0
    kept = _Criterion(
        point.sensitivity.high >= LEAST_RECALL,
        f"From a probability of {rule.threshold:.3f}, a recall of {bound:.3f} or more is promised with 95% confidence; "
        f"films held back show {point.sensitivity}, and {LEAST_RECALL:.2f} is asked for.",
    )
    return [kept, _against("the specificity from there", point.specificity, LEAST_SPECIFICITY)]


def _against(what: str, figure: Interval, bar: float) -> _Criterion:
    met = True if figure.low >= bar else False if figure.high < bar else None
    said = {True: "at or above", False: "below", None: "not clearly above"}[met]
    return _Criterion(met, f"{what[:1].upper()}{what[1:]} is {figure}, {said} {bar:.2f}.")


def compare(new: SiteFilms, old: SiteFilms, verdict: Verdict) -> Comparison:
    """Whether ``new`` may take the place of ``old``, both having read the same films.

    It may if it is usable and the whole interval of the difference in AUC lies above ``-MARGIN``. The AUC is asked, as
    it has no part in calibration and thresholds: those of the old model may have been set on these very films.
    """
    ours, theirs = (ranked(films.truth, films.scores) for films in (new, old))
    found = paired_bootstrap(ours, theirs, new.patients, resamples=RESAMPLES, seed=0)["auc"]
    measured = Interval(value=found.difference, low=found.low, high=found.high)
    as_good = measured.low >= -MARGIN
    said = "no worse" if as_good else "worse" if measured.high < -MARGIN else "not shown to be as good"
    moved = int(np.sum(new.decisions != old.decisions))
    reasons = (
        f"The newer model's AUC less the older one's is {measured}, {said} by a margin of {MARGIN:.2f}.",
        f"The newer model is {verdict.outcome}.",
        f"{moved} of {len(new.truth)} films are decided otherwise.",
    )
    may = as_good and verdict.outcome == USABLE
    return Comparison(may, "may take its place" if may else "may not take its place", measured, reasons)
