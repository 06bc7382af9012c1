"""The evaluation report as a document: what page and print both show, in the same order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pneumoscope.core.document import (
    Block,
    Code,
    Command,
    Document,
    Heading,
    Items,
    Line,
    Notice,
    Paragraph,
    Section,
    Table,
)
from pneumoscope.report.blocks import Counts, Films
from pneumoscope.report.cards import points as threshold_words
from pneumoscope.report.evaluation import plots, words
from pneumoscope.report.evaluation.cases import film_card
from pneumoscope.report.evaluation.content import CaseFilm, EvaluationReport, Heat, Perturbed, PointFigures, Subgroup
from pneumoscope.report.evaluation.second import second_answer
from pneumoscope.report.evaluation.words import figure, share
from pneumoscope.report.measure_names import name_of, ordered
from pneumoscope.report.plot_style import counted

_INTERVAL = "value (95% interval)"

Blocks = list[Block]


def evaluation_document(report: EvaluationReport) -> Document:
    """All that the report has to tell; what was not measured has no section."""
    about = report.measured
    title = f"Evaluation of {about.bundle} {about.version}"
    made = [(name, heading, make(report)) for name, (heading, make) in _SECTIONS.items()]
    sections = tuple(Section(name, heading, tuple(blocks)) for name, heading, blocks in made if blocks)
    return Document(title, tuple(_opening(report)), sections)


def _opening(report: EvaluationReport) -> Blocks:
    about = report.measured
    where: Line = (
        f"At the operating point {about.operating_point} (positive from {threshold_words(about.threshold)}), on split "
        f"{about.split} of {words.listed(about.sources)}. Bundle ",
        Code(about.digest[:16]),
        f", {about.date}.",
    )
    counts = {
        "films": about.films,
        f"with {about.label}": about.positives,
        "patients": about.patients,
        "cannot be read": about.unreadable,
    }
    boxes = Counts(tuple((what, f"{number:,}") for what, number in counts.items()))
    return [Paragraph(where, soft=True), boxes]


def _summary(report: EvaluationReport) -> Blocks:
    warnings = [Notice("warning", line) for line in words.warnings(report)]
    lines = words.summary(report)
    return [*([Items.of(*lines), Paragraph(words.IN_BRACKETS, soft=True)] if lines else []), *warnings]


def _headline(report: EvaluationReport) -> Blocks:
    blocks: Blocks = []
    chosen = report.measured.operating_point
    points = sorted(report.points, key=lambda point: point.name != chosen)
    if points:
        promise = "What a rule promises holds for films like those that its threshold was chosen on."
        blocks = [_points_table(report, points), Items.of(*map(_rule, points)), Paragraph(promise, soft=True)]
    if report.figures:
        rows = tuple((name_of(name), figure(report.figures[name])) for name in ordered(report.figures))
        head = ("of the probabilities themselves", _INTERVAL)
        blocks.append(Table(head, rows, "Figures that depend on no threshold", numbers=frozenset({1})))
    blocks += _several(report)
    return [*blocks, Paragraph(f"Intervals: {report.measured.intervals}.", soft=True)] if blocks else []


def _points_table(report: EvaluationReport, points: Sequence[PointFigures]) -> Table:
    """A column for each operating point."""
    about = report.measured
    head = [f"{point.name}, from {threshold_words(point.threshold)}" for point in points]
    measures = ordered(dict.fromkeys(name for point in points for name in point.figures))
    rows = [(name_of(name), *(figure(point.figures.get(name)) for point in points)) for name in measures]
    rows += [
        (f"Missed, of {about.positives:,} with {about.label}", *(_count(point.missed) for point in points)),
        (f"False alarms, of {about.negatives:,} without", *(_count(point.alarms) for point in points)),
    ]
    title = f"Figures (95% interval) at the operating point {about.operating_point}"
    title += ", and at the others" if len(points) > 1 else ""
    return Table(("measure", *head), tuple(rows), title, numbers=frozenset(range(1, len(points) + 1)))


def _count(number: int | None) -> str:
    return words.UNMEASURED if number is None else f"{number:,}"


def _rule(point: PointFigures) -> str:
    """How a threshold was chosen, and what it was worth there."""
    return f"{point.name}: {point.rule}." + (f" When it was chosen: {point.chosen}." if point.chosen else "")


def _several(report: EvaluationReport) -> Blocks:
    """Of a bundle with several labels, the figures of each; all other sections are about the first."""
    blocks: Blocks = []
    if report.labels:
        shown = ("auc", "recall", "specificity", "calibration_error")
        rows = tuple(
            (one.label, f"{one.films:,}", f"{one.positives:,}", *(figure(one.figures.get(name)) for name in shown))
            for one in report.labels
        )
        head = ("label", "films that state it", "with it", "AUC", "recall", "specificity", "calibration error")
        title = f"Every label (95% interval); all else in this report is about {report.measured.label}"
        blocks.append(Table(head, rows, title, numbers=frozenset(range(1, 7))))
    if report.choice:
        chosen = tuple((name_of(name), figure(report.choice[name])) for name in ordered(report.choice))
        title = "The most probable label, on films of which exactly one is true"
        blocks.append(Table(("measure", _INTERVAL), chosen, title, numbers=frozenset({1})))
    return blocks


def _curves(report: EvaluationReport) -> Blocks:
    if report.roc is None and report.precision_recall is None:
        return []
    about = report.measured
    caption = (
        f"Each point of a curve is a threshold; operating points are marked, with 95% intervals both ways. Dotted: "
        f"what chance would reach; for precision that is the share of films with {about.label}, "
        f"{about.positives / about.films:.1%} here, so precision elsewhere differs."
    )
    return [plots.curves(report.roc, report.precision_recall, about.positives / about.films, caption)]


def _calibration(report: EvaluationReport) -> Blocks:
    if not report.reliability:
        return []
    caption = (
        "Films in bins of about as many by the probability that they were given, against the share of them with the "
        "finding, with 95% intervals (Wilson's, films counted as independent). On the dotted line a probability means "
        f"what it says; below it, it is too high. {words.held(report.measured)} Where these two shares differ, the "
        "curve lies off the line for that alone."
    )
    rows = tuple((one.name, figure(one.error)) for one in report.reliability)
    head = ("calibration", "calibration error, equally filled bins (95% interval)")
    return [plots.reliability(report.reliability, caption), Table(head, rows, numbers=frozenset({1}))]


def _decision(report: EvaluationReport) -> Blocks:
    if report.decision is None:
        return []
    about = report.measured
    caption = (
        "Net benefit: found cases a film, less false alarms weighed as the threshold weighs them: who would act from "
        "10% on holds one missed case as bad as nine false alarms. The model helps where its curve is the highest; the "
        f"band is its 95% interval. All of it is told as if {report.decision.prevalence:.0%} of the films showed "
        f"{about.label}, where its probabilities hold; where it is rarer there is less to be had."
    )
    return [plots.decision(report.decision, about.threshold, caption)]


def _confusions(report: EvaluationReport) -> Blocks:
    blocks: Blocks = []
    if report.confusions:
        caption = (
            "Films by what the manifest states (rows) and what was answered (columns), and their share of the row."
        )
        blocks.append(plots.confusions(report.confusions, caption))
    if report.subtypes:
        rows = tuple((one.subtype, f"{one.films:,}", f"{one.found:,}", share(one.recall)) for one in report.subtypes)
        head = ("kind", "films", "found", "recall (95% interval)")
        blocks.append(Table(head, rows, "Recall by kind", numbers=frozenset({1, 2, 3})))
    return blocks


def _second(report: EvaluationReport) -> Blocks:
    return [block for one in report.second for block in second_answer(one)]


def _certainty(report: EvaluationReport) -> Blocks:
    known = report.certainty
    if known is None:
        return []
    label = report.measured.label
    said = (
        f"The bundle says of which answers it is sure; of the others a reader is to be asked. It promises that at most "
        f"{known.error_rate:.0%} of patients with {label} have a film that is surely answered no, and at most as many "
        f"of those without it one that is surely answered yes: on average, and for films like those that this was "
        f"found on. It does not promise that so few of the sure answers are wrong. Of the films here:"
    )
    rows = (
        ("all films, answered surely", share(known.sure)),
        (f"films with {label}, surely answered no", share(known.missed)),
        ("films without, surely answered yes", share(known.alarms)),
    )
    return [Paragraph(said), Table(("films", _INTERVAL), rows, numbers=frozenset({1}))]


def _refusals(report: EvaluationReport) -> Blocks:
    known = report.refusals
    if known is None:
        return []
    label = report.measured.label
    said = (
        "The bundle does not answer every film. Here all were answered to be measured: the figures of this report hold "
        "for all of them, and would not be better if more were refused."
    )
    rows = (
        ("all films", share(known.share)),
        (f"films with {label}", share(known.positive)),
        ("films without", share(known.negative)),
    )
    blocks: Blocks = [Paragraph(said), Table(("refused, of", _INTERVAL), rows, numbers=frozenset({1}))]
    if not known.refused:
        return blocks
    why = ", ".join(f"{count:,} {reason}" for reason, count in known.reasons.items())
    figures = tuple((name_of(name), figure(known.figures[name])) for name in ordered(known.figures))
    title = "Figures of the films that it answers"
    answered = Table(("", _INTERVAL), figures, title, numbers=frozenset({1}))
    return [*blocks, Paragraph(f"First reasons: {why}."), answered]


def _prevalences(report: EvaluationReport) -> Blocks:
    if not report.prevalences:
        return []
    about = report.measured
    rows = tuple((words.prevalence(one), share(one.ppv), share(one.npv)) for one in report.prevalences)
    head = ("share with the finding", "of yes answers, with it (PPV)", "of no answers, without it (NPV)")
    said = (
        f"Of the films measured here {about.positives / about.films:.1%} show {about.label}. What an answer is worth "
        f"depends on that share; with the recall and specificity found here, if they hold there too, it would be:"
    )
    title = "At the operating point, with 95% intervals that take the share as known"
    return [Paragraph(said), Table(head, rows, title, numbers=frozenset({1, 2}))]


def _subgroups(report: EvaluationReport) -> Blocks:
    groups = report.subgroups
    if not groups:
        return []
    overall = {**report.figures, **(report.point.figures if report.point else {})}
    caption = (
        "Dots with 95% intervals; dotted: all films together. Many groups are compared, so some lie apart by chance."
        + (" Grey: too few films to lean on." if any(group.few for group in groups) else "")
    )
    head = ("group", "films", "with", "AUC", "recall", "specificity")
    rows = tuple(_group_row(group) for group in groups)
    few = frozenset(i for i, group in enumerate(groups) if group.few)
    title = f"Value (95% interval) by group; of its films, so many with {report.measured.label}"
    table = Table(head, rows, title, numbers=frozenset(range(1, 6)), muted=few)
    return [plots.forest(groups, overall, caption), table, *_differences(report)]


def _differences(report: EvaluationReport) -> Blocks:
    if not report.differences:
        return []
    rows = tuple(
        (one.by, name_of(one.measure), f"{one.films:,}", f"{one.p:.3g}", f"{one.p_corrected:.3g}")
        for one in report.differences
    )
    head = ("groups by", "measure", "films", "p", "p, corrected")
    said = (
        f"By permutation of patients, corrected after Holm for {len(rows)} comparison{'s' * (len(rows) != 1)}. A small "
        f"p speaks for a difference; a large one is no proof that there is none."
    )
    table = Table(head, rows, "Differences between groups", numbers=frozenset({2, 3, 4}))
    return [table, Paragraph(said, soft=True)]


def _group_row(group: Subgroup) -> tuple[str, ...]:
    name = words.group_name(group) + (" (few films)" if group.few else "")
    figures = (figure(one) for one in (group.auc, group.recall, group.specificity))
    return name, f"{group.films:,}", f"{group.positives:,}", *figures


def _robustness(report: EvaluationReport) -> Blocks:
    if not report.robustness:
        return []
    read = "Films" if report.shaken is None else f"{report.shaken[0]:,} of the {report.shaken[1]:,} films"
    caption = (
        f"{read} changed in one way and read again at the same operating point, by how much from left to right, with "
        f"95% intervals. Dashed: the share of films whose decision changed."
    )
    head = ("change", "strength", "AUC", "recall", "specificity", "decisions changed")
    rows = tuple((one.perturbation, one.level, *_shaken_figures(one)) for one in report.robustness)
    table = Table(head, rows, "Value (95% interval) by change", numbers=frozenset(range(2, 6)))
    return [plots.robustness(report.robustness, caption), table, *_units(report)]


def _units(report: EvaluationReport) -> Blocks:
    """In what strengths are counted."""
    units = {one.perturbation: one.unit for one in report.robustness if one.unit}
    said = "; ".join(f"{name}: {unit}" for name, unit in units.items())
    return [Paragraph(f"Strengths. {said}.", soft=True)] if said else []


def _shaken_figures(one: Perturbed) -> tuple[str, ...]:
    return *(figure(part) for part in (one.auc, one.recall, one.specificity)), share(one.changed)


def _heat(report: EvaluationReport) -> Blocks:
    heat = report.heat
    if heat is None:
        return []
    blocks: Blocks = []
    if heat.shares:
        caption = (
            "How much of a film's heat lies in the middle, in the ring at its border and in its corners, where marks "
            "often are; means over films with 95% intervals. The places stand in for lungs that nobody outlined. Ring "
            "and corners overlap and there is something between ring and middle, so that they do not add up to all."
            + (" Dotted: a map without preference." if heat.even else "")
        )
        blocks = [plots.heat(heat.shares, heat.even, caption), _heat_table(heat)]
    if heat.blanked:
        rows = tuple((one.perturbation, *_shaken_figures(one)) for one in heat.blanked)
        head = ("painted over", "AUC", "recall", "specificity", "decisions changed")
        title = "With a part of every film painted over, alike on all films (95% interval)"
        blocks += [Table(head, rows, title, numbers=frozenset({1, 2, 3, 4})), Paragraph(_WITHOUT_MIDDLE, soft=True)]
    if heat.marks:
        blocks.append(_marks_table(heat))
    if heat.deletions:
        blocks.append(_deletions_table(heat))
    return [*blocks]


_WITHOUT_MIDDLE = (
    "Without the middle of the film the finding should be hard to tell. An AUC well above 0.5 there says that the rest "
    "of the film goes with it: how the films were taken, perhaps, or the outer parts of the lungs."
)


def _heat_table(heat: Heat) -> Table:
    rows = tuple(
        (f"{one.kind}s", f"{one.films:,}", share(one.centre), share(one.ring), share(one.corners), f"{one.without:,}")
        for one in heat.shares
    )
    head = ("answers", "films", "centre", "ring", "corners", "without heat")
    return Table(head, rows, "Share of the heat by place (95% interval)", numbers=frozenset(range(1, 6)))


def _marks_table(heat: Heat) -> Table:
    rows = tuple(
        (one.group, f"{one.films:,}", figure(one.marks), figure(one.control), figure(one.excess)) for one in heat.marks
    )
    head = ("films with marks", "number", "marks", "as much elsewhere", "difference")
    title = "Mean size of the change of the log-odds when burnt-in marks are painted over (95% interval)"
    return Table(head, rows, title, numbers=frozenset(range(1, 5)))


def _deletions_table(heat: Heat) -> Table:
    rows = tuple(
        (one.what, f"{one.films:,}", *map(figure, (one.region, one.control, one.excess)), share(one.more))
        for one in heat.deletions
    )
    head = ("in its place", "films", "strongest region", "as much elsewhere", "difference", "films lowered more")
    title = "Mean change of the log-odds of positive films when their strongest region is taken out (95% interval)"
    return Table(head, rows, title, numbers=frozenset(range(1, 6)))


def _cases(report: EvaluationReport) -> Blocks:
    label, point = report.measured.label, report.point
    of_missed, of_alarms = (point.missed, point.alarms) if point else (None, None)
    blocks = _worst(f"Missed {label}", report.missed, of_missed, "lowest probability first")
    blocks += _worst("False alarms", report.alarms, of_alarms, "highest probability first")
    if not blocks:
        return []
    words_on_heat = (
        "Each film as it is, and with its heat map: how strongly each place speaks for the finding, on one scale for "
        "every film, from pale yellow (20% of it) to dark red, which is what the strongest hundredth of places on "
        "positive films reach. A box on a film that was called positive has the share of the evidence that lies in it. "
        "A look at them tells more than a figure: some labels may be wrong."
    )
    return [Paragraph(words_on_heat), *blocks]


def _worst(title: str, films: tuple[CaseFilm, ...], total: int | None, order: str) -> Blocks:
    if not films:
        return []
    of = f" of {total:,}" if total is not None and total > len(films) else ""
    said = f"{len(films)}{of}, {order}, no patient twice."
    return [Heading(title), Paragraph(said, soft=True), Films(tuple(map(film_card, films)))]


def _limits(report: EvaluationReport) -> Blocks:
    blocks: Blocks = [Items.of(*words.limits(report))]
    if report.intended_use:
        blocks += [Heading("What the bundle says it is for"), Paragraph(report.intended_use)]
    if report.exclusions:
        blocks += [Heading("What the bundle says it is not for"), Items.of(*report.exclusions)]
    return blocks


def _facts(report: EvaluationReport) -> Blocks:
    about = report.measured
    rows: tuple[tuple[str, Line], ...] = (
        ("Bundle", f"{about.bundle} {about.version}, {about.precision}"),
        ("Bundle SHA-256", (Code(about.digest),)),
        ("Operating point", f"{about.operating_point}: positive from probability {about.threshold:.6g}"),
        (
            "Films",
            f"{counted(about.films)} of {counted(about.patients, 'patient')}, {about.positives:,} with "
            f"{about.label}; {about.unreadable:,} more cannot be read",
        ),
        ("Split and sources", f"{about.split} of {words.listed(about.sources)}"),
        ("Manifest SHA-256", (Code(about.manifest_digest),)),
        *([("Read from", about.read_from)] if about.read_from else []),
        ("Intervals", about.intervals),
        *_further_intervals(report),
        ("Made", f"{about.date}, {about.program}"),
    )
    return [Table((), rows)]


def _further_intervals(report: EvaluationReport) -> list[tuple[str, Line]]:
    what = "of kinds of cases, sure answers, groups, changed films and heat"
    return [("Further intervals", f"{what}: {report.further_intervals}")] if report.further_intervals else []


def _repeat(report: EvaluationReport) -> Blocks:
    if not report.command:
        return _facts(report)
    said = "The same bundle and films give the same figures with:"
    return [*_facts(report), Paragraph(said), Command(report.command)]


_SECTIONS: dict[str, tuple[str, Callable[[EvaluationReport], Blocks]]] = {
    "summary": ("In plain words", _summary),
    "figures": ("Figures", _headline),
    "curves": ("ROC and precision-recall", _curves),
    "calibration": ("Calibration", _calibration),
    "decision": ("Decision curve", _decision),
    "confusion": ("Right and wrong answers", _confusions),
    "certainty": ("Sure and not sure", _certainty),
    "second": ("The second answer", _second),
    "refusals": ("Not answered", _refusals),
    "prevalence": ("At other prevalences", _prevalences),
    "groups": ("Groups", _subgroups),
    "robustness": ("Films of poorer quality", _robustness),
    "heat": ("Where the heat lies", _heat),
    "cases": ("The worst answers", _cases),
    "limits": ("What this does not show", _limits),
    "repeat": ("What was measured, and how to repeat it", _repeat),
}
