"""What the figures mean, in words made from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from pneumoscope.core.document import Line, Strong
from pneumoscope.report.evaluation.content import AtPrevalence, EvaluationReport, Measured, Perturbed, Subgroup
from pneumoscope.report.plot_style import counted
from pneumoscope.report.wording import share as of_films
from pneumoscope.stats.intervals import Estimate

UNMEASURED, UNDEFINED = "not measured", "not defined"
FEW = 100
"""With fewer films of a class, a single one moves its figure by more than a point of 100."""
FEW_PATIENTS = 30
"""With fewer patients, drawing them again tells too little of how patients differ."""
_EVERYDAY = 0.10
"""The share with the finding that the summary speaks of."""


def figure(estimate: Estimate | None) -> str:
    """A figure with its interval, three digits each.

    >>> figure(Estimate(0.9439, 0.9218, 0.9629)), figure(None)
    ('0.944 (0.922 to 0.963)', 'not measured')
    """
    return _written(estimate, lambda value: f"{value:.3f}")


def share(estimate: Estimate | None) -> str:
    """A share in per cent with its interval; never a false 0% or 100%.

    >>> share(Estimate(0.9439, 0.9218, 0.9629)), share(Estimate(0.9996, 0.99, 1.0))
    ('94.4% (92.2% to 96.3%)', '>99.9% (99.0% to 100%)')
    """
    return _written(estimate, of_films)


def of_100(estimate: Estimate | None) -> str:
    """A share as so many of 100, with its interval; never a false 0 or 100.

    >>> of_100(Estimate(0.871, 0.82, 0.911)), of_100(Estimate(0.9974, 0.98, 1.0))
    ('87 (82 to 91)', '99.7 (98 to 100)')
    """
    return _written(estimate, _of_100)


def _of_100(value: float) -> str:
    for digits in range(3):
        text = f"{100 * value:.{digits}f}"
        if value in (0.0, 1.0) or float(text) not in (0.0, 100.0):
            return text
    return "fewer than 0.01" if value < 0.5 else "more than 99.99"


def _written(estimate: Estimate | None, shown: Callable[[float], str]) -> str:
    if estimate is None:
        return UNMEASURED
    if math.isnan(estimate.value):
        return UNDEFINED
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return shown(estimate.value)
    return f"{shown(estimate.value)} ({shown(estimate.low)} to {shown(estimate.high)})"


def told(estimate: Estimate | None) -> bool:
    """Whether there is a figure to tell."""
    return estimate is not None and not math.isnan(estimate.value)


def rest(estimate: Estimate) -> Estimate:
    """The share of all others.

    >>> rest(Estimate(0.75, 0.5, 1.0))
    Estimate(value=0.25, low=0.0, high=0.5)
    """
    return Estimate(value=1 - estimate.value, low=1 - estimate.high, high=1 - estimate.low)


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them.

    >>> listed(["one", "two", "three"])
    'one, two and three'
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


IN_BRACKETS = (
    "Two figures in brackets are a 95% interval: of 100 that are made in this way about 95 hold the true figure, if "
    "the films are drawn by chance from those to come."
)


def summary(report: EvaluationReport) -> list[Line]:
    """What was found, a line each, for who has never met the measures."""
    lines = [_found(report), _alarmed(report), _ranked(report), _subtypes(report), _everyday(report), _sure(report)]
    lines += [_weakest_group(report), _most_shaken(report)]
    return [line for line in lines if line is not None]


def _at_point(report: EvaluationReport, measure: str) -> Estimate | None:
    return report.point.figures.get(measure) if report.point else None


def _found(report: EvaluationReport) -> Line | None:
    recall = _at_point(report, "recall")
    if report.point is None or recall is None or not told(recall):
        return None
    about, missed = report.measured, report.point.missed
    here = "" if missed is None else f" Of the {about.positives:,} here it missed {missed:,}."
    return f"Of 100 films with {about.label} the model finds ", Strong(of_100(recall)), f".{here}"


def _alarmed(report: EvaluationReport) -> Line | None:
    specificity = _at_point(report, "specificity")
    if report.point is None or specificity is None or not told(specificity):
        return None
    about, alarms = report.measured, report.point.alarms
    here = "" if alarms is None else f" Of the {about.negatives:,} here {alarms:,} did."
    return f"Of 100 films without {about.label}, ", Strong(of_100(rest(specificity))), f" raise a false alarm.{here}"


def _ranked(report: EvaluationReport) -> Line | None:
    area = report.figures.get("auc")
    if area is None or not told(area):
        return None
    asked = f"Shown two films, one with {report.measured.label} and one without, it gives the one with it the higher "
    return f"{asked}probability ", Strong(of_100(area)), " times of 100."


def _subtypes(report: EvaluationReport) -> Line | None:
    found = [
        f"of 100 {one.subtype} films {of_100(one.recall)}, here {one.found:,} of {one.films:,}"
        for one in report.subtypes
        if told(one.recall)
    ]
    return f"By kind, it finds {'; '.join(found)}." if len(found) > 1 else None


def _everyday(report: EvaluationReport) -> Line | None:
    near = min(report.prevalences, key=lambda one: abs(one.prevalence - _EVERYDAY), default=None)
    if near is None or not (told(near.ppv) and told(near.npv)):
        return None
    rate, label = f"{100 * near.prevalence:.3g}", report.measured.label
    asked = f"If it did as well where {rate} of 100 films show {label}, then of 100 that it answers yes to "
    no = f" would show it, and of 100 that it answers no to {of_100(near.npv)} would not."
    return asked, Strong(of_100(near.ppv)), no


def _sure(report: EvaluationReport) -> Line | None:
    error = report.figures.get("calibration_error")
    if error is None or not told(error):
        return None
    about = report.measured
    words = "Of films that were given about the same probability, the share with "
    return f"{words}{about.label} differs from it by {of_100(error)} points of 100 on average. {held(about)}"


def held(about: Measured) -> str:
    """For which films the probabilities hold, and which these are."""
    here = f" Of the films here {about.positives / about.films:.1%} do." if about.films else ""
    return f"Its probabilities hold for films of which {100 * about.holds_at:.3g}% show {about.label}.{here}"


def _weakest_group(report: EvaluationReport) -> Line | None:
    groups = [(one.recall, one) for one in report.subgroups if one.recall and told(one.recall) and not one.few]
    if len(groups) < 2:
        return None
    recall, group = min(groups, key=lambda pair: pair[0].value)
    where = f"Of {len(groups)} groups with enough films, the one of which it finds the least is {group_name(group)}, "
    return f"{where}with {of_100(recall)} of 100. Some group comes last by chance alone."


def _most_shaken(report: EvaluationReport) -> Line | None:
    changed = [(one.changed, one) for one in report.robustness if one.changed and told(one.changed)]
    if not changed:
        return None
    share_of, worst = max(changed, key=lambda pair: pair[0].value)
    words = f"Of the changes to films that were tried, {worst.perturbation} at {strength(worst)} turns most decisions: "
    return f"{words}{of_100(share_of)} of 100."


def strength(one: Perturbed) -> str:
    """``"20 (degrees)"``: how much a film was changed, and in what that is counted."""
    return f"{one.level} ({one.unit})" if one.unit else one.level


def warnings(report: EvaluationReport) -> list[Line]:
    """What makes the figures less than they seem."""
    about = report.measured
    parts = (_known_films, _missing_class, _few, _few_patients, _origin, _unread)
    return [*(line for part in parts for line in part(about)), *report.warnings]


def _known_films(about: Measured) -> Iterator[Line]:
    if about.split in _KNOWN and set(about.sources) & set(about.learned_from):
        yield (
            f"Films of split {about.split} are those that {_KNOWN[about.split]}. If the bundle was made with these "
            f"very films, no figure here holds for films to come."
        )


_KNOWN = {
    "train": "a network learns from",
    "val": "epochs, calibration and thresholds are chosen by",
}


def _missing_class(about: Measured) -> Iterator[Line]:
    for number, what in ((about.positives, "with"), (about.negatives, "without")):
        if number == 0:
            yield (
                f"No film {what} {about.label}: nothing that needs both can be measured, such as AUC, accuracy over "
                f"both or precision."
            )


def _few(about: Measured) -> Iterator[Line]:
    for number, what, measure in (
        (about.positives, "with", "recall"),
        (about.negatives, "without", "specificity"),
    ):
        if 0 < number < FEW:
            yield (
                f"Only {counted(number)} {what} {about.label}: each is {100 / number:.1f} points of 100 of {measure}. "
                f"Read the intervals, not the figures."
            )


def _few_patients(about: Measured) -> Iterator[Line]:
    if 0 < about.patients < FEW_PATIENTS:
        yield f"Only {counted(about.patients, 'patient')}: intervals that are made by drawing patients are too narrow."


def _origin(about: Measured) -> Iterator[Line]:
    theirs, ours = set(about.sources), set(about.learned_from)
    known, new = sorted(theirs & ours), sorted(theirs - ours)
    if known:
        yield (
            f"Films of {listed(known)} are of a source that the model learned from, so the figures flatter it: films "
            f"of another place or scanner will be read less well."
        )
    if new and ours:
        yield (
            f"The network learned from films of {listed(sorted(ours))}, not of {listed(new)}: unless the bundle was "
            f"recalibrated on such films, its thresholds and probabilities need not hold here."
        )


def _unread(about: Measured) -> Iterator[Line]:
    if about.unreadable:
        them, are = ("film", "is") if about.unreadable == 1 else ("films", "are")
        yield f"{about.unreadable:,} {them} could not be read and {are} in none of the figures."


def limits(report: EvaluationReport) -> list[Line]:
    """What the figures do not show, and what was not measured."""
    lines: list[Line] = [
        "Whether it reads films of another hospital, scanner or age as well as these, or films as they come: "
        "collections often hold clearer cases than a ward.",
        "Whether it is better or worse than a reader: no reader saw these films for this report.",
        "Whether anybody is better off for its use.",
        "Whether the labels are right: they are taken as the truth, and intervals speak only of the chance in which "
        "films are drawn, not of wrong labels or of another training run.",
        "Whether the heat lies on the lungs, or on the disease: nobody outlined either on these films.",
    ]
    missing = [what for what, there in _parts(report) if not there]
    if missing:
        lines.append(f"Not measured here: {listed(missing)}.")
    return lines


def _parts(report: EvaluationReport) -> Iterator[tuple[str, bool]]:
    yield "whether probabilities mean what they say", bool(report.reliability)
    yield "kinds of the finding", bool(report.subtypes)
    yield "groups of patients", bool(report.subgroups)
    yield "films of poorer quality", bool(report.robustness)
    yield "where the heat lies", report.heat is not None


def group_name(group: Subgroup) -> str:
    """``"sex: F"``."""
    return f"{group.by}: {group.group}"


def prevalence(one: AtPrevalence) -> str:
    """A share of films in per cent, with as many digits as it was given."""
    return f"{100 * one.prevalence:.3g}%"


def perturbations(rows: Sequence[Perturbed]) -> dict[str, list[Perturbed]]:
    """The rows of each perturbation, in the order that they came in."""
    found: dict[str, list[Perturbed]] = {}
    for row in rows:
        found.setdefault(row.perturbation, []).append(row)
    return found
