"""Operating points and certainty of a bundle, from labelled films that it has not learned from.

Export chooses them on the validation films, recalibration on a site's. It needs the ``evaluate`` extra, as the runtime
does not: no other module of this room imports it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle.spec import Certainty, Interval, OperatingPoint, Sample
from pneumoscope.stats.bootstrap import bootstrap
from pneumoscope.stats.conformal import prediction_sets
from pneumoscope.stats.delong import delong_auc
from pneumoscope.stats.intervals import Estimate, widest, wilson_by_patient
from pneumoscope.stats.operating_points import (
    Guarantee,
    Unachievable,
    achievable,
    highest_aim,
    rule_in,
    screening,
)
from pneumoscope.stats.weighted import ranked

BALANCED: Final = "balanced"
SCREENING: Final = "screening"
RULE_IN: Final = "rule-in"

AIMS: Final = (0.98, 0.95, 0.9)
"""Shares of patients that screening finds, and that rule-in spares: the first that the films can promise."""

ERROR_RATE: Final = 0.05
RESAMPLES = 1000

_CHOOSE: Final = {SCREENING: screening, RULE_IN: rule_in}
_MEANING: Final = {
    SCREENING: "finds all positive films of at least {aim:.0%} of patients with {label}",
    RULE_IN: "raises no false alarm for at least {aim:.0%} of patients without {label}",
}


@dataclass(frozen=True, eq=False)
class Scored:
    """N films with the truth about a label (0 or 1), the label's calibrated probability, and the film's patient.

    ``prevalence`` is the share of films with the finding that the probabilities hold for, ``data`` says whose films
    these are, ``today`` is the day.
    """

    label: str
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    patients: Sequence[str]
    prevalence: float
    data: str
    today: str

    def only(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Scored:
        """Some of the films."""
        patients = [str(name) for name in np.asarray(self.patients)[chosen]]
        truth, probabilities = self.truth[chosen], self.probabilities[chosen]
        return Scored(self.label, truth, probabilities, patients, self.prevalence, self.data, self.today)

    def sample(self, truth: int) -> Sample:
        """How many films have the label (1), or do not (0), and of how many patients they are."""
        chosen = self.truth == truth
        return Sample(films=int(chosen.sum()), patients=len(np.unique(np.asarray(self.patients)[chosen])))


@dataclass(frozen=True)
class Rule:
    """A threshold, how it was chosen, and what it promises, if anything."""

    name: str
    threshold: float
    words: str
    guarantee: Guarantee | None = None


def rules(scored: Scored) -> tuple[Rule, ...]:
    """The thresholds: ``balanced`` always, ``screening`` and ``rule-in`` where the patients can promise enough.

    A point whose aim had to be lowered says why; of one that had to be left out, ``balanced`` says it.
    """
    found = {name: promising(name, scored, AIMS) for name in (SCREENING, RULE_IN)}
    missing = "".join(f"; no {name} point, as {why}" for name, (rule, why) in found.items() if not rule)
    return _balanced(scored, missing), *(rule for rule, _ in found.values() if rule)


def _balanced(scored: Scored, missing: str = "") -> Rule:
    words = f"the film made {scored.label} more likely than it was: the most sensitivity + specificity{missing}"
    return Rule(BALANCED, scored.prevalence, words)


def promising(name: str, scored: Scored, aims: Sequence[float]) -> tuple[Rule | None, Unachievable | None]:
    """The screening or rule-in point with the first of the falling ``aims`` that can be promised, and why no earlier
    one can."""
    guarantee, why = highest_aim(partial(promised, name, scored), aims)
    if not guarantee:
        return None, why
    return Rule(name, guarantee.threshold, _words(name, scored.label, guarantee, why), guarantee), why


def promised(name: str, scored: Scored, aim: float) -> Guarantee:
    """The threshold of the screening or rule-in point for this aim.

    Raises
    ------
    Unachievable : if the patients cannot promise it.
    """
    return _CHOOSE[name](scored.truth, scored.probabilities, scored.patients, aim=aim)


def again(rule: Rule, scored: Scored) -> float:
    """The threshold by the same rule from other films, for judging the rule by films held back.

    Where they are too few for the aim, the highest that they can promise takes its place. Infinite, so that no film is
    positive, where films without the finding reach a probability of 1 and rule-in has no threshold.
    """
    if rule.guarantee is None:
        return rule.threshold
    patients = scored.sample(1 if rule.name == SCREENING else 0).patients
    try:
        return promised(rule.name, scored, min(rule.guarantee.aim, achievable(patients))).threshold
    except Unachievable:
        return math.inf


def described(rule: Rule, scored: Scored, decisions: NDArray[np.bool_]) -> OperatingPoint:
    """The operating point, with what ``decisions`` about these films are worth.

    Intervals are the wider, at each end, of Wilson's and of a bootstrap by patient. They never claim more than is
    promised: the lower end is at most the bound.
    """
    shares = {truth: _share(decisions[scored.truth == truth] == truth, scored, truth) for truth in (1, 0)}
    promise = rule.guarantee
    if promise:
        side = 1 if rule.name == SCREENING else 0
        kept = shares[side]
        shares[side] = Interval(value=kept.value, low=min(kept.low, promise.bound), high=kept.high)
    return OperatingPoint(
        name=rule.name,
        threshold=rule.threshold,
        rule=rule.words,
        sensitivity=shares[1],
        specificity=shares[0],
        data=scored.data,
        aim=promise.aim if promise else None,
        confidence=promise.confidence if promise else None,
        positive=scored.sample(1),
        negative=scored.sample(0),
        chosen=scored.today,
    )


def operating_points(scored: Scored) -> tuple[OperatingPoint, ...]:
    """The points of :func:`rules`, described by the films that they were chosen on."""
    return tuple(described(rule, scored, scored.probabilities >= rule.threshold) for rule in rules(scored))


def balanced_point(scored: Scored) -> OperatingPoint:
    """The one point of a label that has a threshold of its own, described by the films that it was chosen on."""
    rule = _balanced(scored)
    return described(rule, scored, scored.probabilities >= rule.threshold)


def certainty(scored: Scored) -> Certainty | None:
    """From where answers are sure; None if there are too few patients of a class to say."""
    try:
        sets = prediction_sets(scored.truth, scored.probabilities, scored.patients, error_rate=ERROR_RATE)
    except Unachievable:
        return None
    return Certainty(
        yes_from=sets.yes_from,
        no_to=sets.no_to,
        error_rate=sets.error_rate,
        positive=scored.sample(1),
        negative=scored.sample(0),
        data=scored.data,
        chosen=scored.today,
    )


def area(truth: NDArray[np.int64], scores: NDArray[np.floating], patients: Sequence[str]) -> Interval:
    """The area under the ROC curve, with the wider, at each end, of DeLong's interval and a bootstrap by patient."""
    drawn = bootstrap(ranked(truth, scores), patients, resamples=RESAMPLES, seed=0)["auc"]
    return interval(widest(delong_auc(truth, scores, patients), drawn))


def interval(estimate: Estimate) -> Interval:
    """As a bundle writes it."""
    return Interval(value=estimate.value, low=estimate.low, high=estimate.high)


def _words(name: str, label: str, guarantee: Guarantee, why: Unachievable | None) -> str:
    meaning = _MEANING[name].format(aim=guarantee.aim, label=label)
    given_up = f"{guarantee.given_up} of {guarantee.patients} given up"
    lowered = f"; a higher aim was out of reach: {why}" if why else ""
    return f"{meaning}, with {guarantee.confidence:.0%} confidence for patients to come ({given_up}){lowered}"


def _share(hits: NDArray[np.bool_], scored: Scored, truth: int) -> Interval:
    patients = np.asarray(scored.patients)[scored.truth == truth]
    right = hits.astype(np.float64)
    drawn = bootstrap(lambda w: {"share": float(w @ right / w.sum())}, patients, resamples=RESAMPLES, seed=0)
    return interval(widest(wilson_by_patient(hits, patients), drawn["share"]))
