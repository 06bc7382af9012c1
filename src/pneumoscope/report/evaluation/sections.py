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
    return [*([Items.of(*lines)] if lines else []), *warnings]


def _headline(report: EvaluationReport) -> Blocks:
    blocks: Blocks = []
    chosen = report.measured.operating_point
    points = sorted(report.points, key=lambda point: point.name != chosen)
    if points:
        blocks = [_points_table(points, chosen), Items.of(*(f"{point.name}: {point.rule}" for point in points))]
    if report.figures:
        rows = tuple((name_of(name), figure(report.figures[name])) for name in ordered(report.figures))
        head = ("of the probabilities themselves", _INTERVAL)
        blocks.append(Table(head, rows, "Figures that depend on no threshold", numbers=frozenset({1})))
    return [*blocks, Paragraph(f"Intervals: {report.measured.intervals}.", soft=True)] if blocks else []


def _points_table(points: Sequence[PointFigures], chosen: str) -> Table:
    """A column for each operating point."""
    head = [f"{point.name}, from {threshold_words(point.threshold)}" for point in points]
    measures = ordered(dict.fromkeys(name for point in points for name in point.figures))
    rows = [(name_of(name), *(figure(point.figures.get(name)) for point in points)) for name in measures]
    title = f"Figures at the operating point {chosen}" + (", and at the others" if len(points) > 1 else "")
    return Table(("measure", *head), tuple(rows), title, numbers=frozenset(range(1, len(points) + 1)))


def _curves(report: EvaluationReport) -> Blocks:
    if report.roc is None and report.precision_recall is None:
        return []
    about = report.measured
    caption = (
        f"Each point of a curve is a threshold. Dotted: what chance would reach; for precision that is the share of "
        f"films with {about.label}, {about.positives / about.films:.1%} here, so precision elsewhere differs."
    )
    return [plots.curves(report.roc, report.precision_recall, about.positives / about.films, caption)]


def _calibration(report: EvaluationReport) -> Blocks:
    if not report.reliability:
        return []
    caption = (
        "Films in bins by the probability that they were given, against the share of them with the finding. On the "
        "dotted line a probability means what it says; below it, it is too high."
    )
    rows = tuple((one.name, figure(one.error)) for one in report.reliability)
    table = Table(("calibration", "calibration error (95% interval)"), rows, numbers=frozenset({1}))
    return [plots.reliability(report.reliability, caption), table]


def _decision(report: EvaluationReport) -> Blocks:
    if report.decision is None:
        return []
    caption = (
        "Net benefit: found cases a film, less false alarms weighed as the threshold weighs them: who would act from "
        "10% on holds one missed case as bad as nine false alarms. The model helps where its curve is the highest."
    )
    return [plots.decision(report.decision, report.measured.threshold, caption)]


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
        f"The bundle says of which answers it is sure; of the others a reader is to be asked. It promises that of "
        f"films with {label} at most {known.error_rate:.0%} are surely answered no, and of films without as few surely "
        f"yes, on average and for films like those that this was found on."
    )
    rows = (
        ("all films, answered surely", share(known.sure)),
        (f"films with {label}, surely answered no", share(known.missed)),
        ("films without, surely answered yes", share(known.alarms)),
    )
    return [Paragraph(said), Table(("", _INTERVAL), rows, numbers=frozenset({1}))]


def _prevalences(report: EvaluationReport) -> Blocks:
    if not report.prevalences:
        return []
    about = report.measured
    rows = tuple((words.prevalence(one), share(one.ppv), share(one.npv)) for one in report.prevalences)
    head = ("share with the finding", "of those called ill, ill (PPV)", "of those called healthy, healthy (NPV)")
    said = (
        f"Of the films measured here {about.positives / about.films:.1%} show {about.label}. What an answer is worth "
        f"depends on that share; with the recall and specificity found here it would be:"
    )
    return [Paragraph(said), Table(head, rows, numbers=frozenset({1, 2}))]


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
    table = Table(head, rows, "Value (95% interval) by group", numbers=frozenset(range(1, 6)), muted=few)
    return [plots.forest(groups, overall, caption), table, *_differences(report)]


def _differences(report: EvaluationReport) -> Blocks:
    if not report.differences:
        return []
    rows = tuple(
        (one.by, name_of(one.measure), f"{one.films:,}", f"{one.p:.3g}", f"{one.p_corrected:.3g}")
        for one in report.differences
    )
    head = ("groups by", "measure", "films", "p", "p, corrected")
    title = "Differences between groups: a small p speaks for one"
    return [Table(head, rows, title, numbers=frozenset({2, 3, 4}))]


def _group_row(group: Subgroup) -> tuple[str, ...]:
    name = words.group_name(group) + (" (few films)" if group.few else "")
    figures = (figure(one) for one in (group.auc, group.recall, group.specificity))
    return name, f"{group.films:,}", f"{group.positives:,}", *figures


def _robustness(report: EvaluationReport) -> Blocks:
    if not report.robustness:
        return []
    caption = (
        "Every film changed in one way and read again at the same operating point, by how much from left to right. "
        "Dashed: the share of films whose decision changed."
    )
    head = ("change", "strength", "AUC", "recall", "specificity", "decisions changed")
    kinds = words.perturbations(report.robustness)
    rows = tuple(_shaken_row(one, first=one is levels[0]) for levels in kinds.values() for one in levels)
    table = Table(head, rows, "Value (95% interval) by change", numbers=frozenset(range(2, 6)))
    return [plots.robustness(report.robustness, caption), table]


def _shaken_row(one: Perturbed, *, first: bool) -> tuple[str, ...]:
    """The change is named once, above its strengths."""
    return one.perturbation if first else "", one.level, *_shaken_figures(one)


def _shaken_figures(one: Perturbed) -> tuple[str, ...]:
    return *(figure(part) for part in (one.auc, one.recall, one.specificity)), share(one.changed)


def _heat(report: EvaluationReport) -> Blocks:
    heat = report.heat
    if heat is None:
        return []
    blocks: Blocks = []
    if heat.shares:
        caption = (
            "How much of a film's heat lies in the central field, where most of the lungs are, in the ring at its "
            "border and in its corners, where marks are." + (" Dotted: a map without preference." if heat.even else "")
        )
        blocks = [plots.heat(heat.shares, heat.even, caption), _heat_table(heat)]
    if heat.blanked:
        rows = tuple((one.perturbation, *_shaken_figures(one)) for one in heat.blanked)
        head = ("painted over", "AUC", "recall", "specificity", "decisions changed")
        blocks.append(Table(head, rows, "With a part of every film painted over", numbers=frozenset({1, 2, 3, 4})))
    if heat.marks:
        blocks.append(_marks_table(heat))
    return blocks


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
    title = "Mean change of the log-odds when burnt-in marks are painted over (95% interval)"
    return Table(head, rows, title, numbers=frozenset(range(1, 5)))


def _cases(report: EvaluationReport) -> Blocks:
    label = report.measured.label
    blocks = _worst(f"Missed {label}", report.missed, report.of_missed, "lowest probability first")
    blocks += _worst("False alarms", report.alarms, report.of_alarms, "highest probability first")
    if not blocks:
        return []
    words_on_heat = (
        "Each film as it is, and with its heat map: how strongly each region speaks for the finding, on one scale for "
        "every film. A look at them tells more than a figure: some labels may be wrong."
    )
    return [Paragraph(words_on_heat), *blocks]


def _worst(title: str, films: tuple[CaseFilm, ...], total: int | None, order: str) -> Blocks:
    if not films:
        return []
    of = f" of {total:,}" if total is not None and total > len(films) else ""
    said = f"{len(films)}{of}, {order}."
    return [Heading(title), Paragraph(said, soft=True), Films(tuple(map(film_card, films)))]


def _limits(report: EvaluationReport) -> Blocks:
    blocks: Blocks = [Items.of(*words.limits(report))]
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
        ("Intervals", about.intervals),
        ("Made", f"{about.date}, {about.program}"),
    )
    return [Table((), rows)]


def _repeat(report: EvaluationReport) -> Blocks:
    blocks, repeat = _facts(report), report.repeat
    if repeat is None:
        return blocks
    rows: list[tuple[Line, ...]] = [(f"SHA-256 of {what}", (Code(digest),)) for what, digest in repeat.digests.items()]
    rows += [(f"Seed of {what}", f"{seed}") for what, seed in repeat.seeds.items()]
    said = "The same bundle, films and seeds give the same figures:"
    return [*blocks, Paragraph(said), Command("\n".join(repeat.commands)), *([Table((), tuple(rows))] if rows else [])]


_SECTIONS: dict[str, tuple[str, Callable[[EvaluationReport], Blocks]]] = {
    "summary": ("In plain words", _summary),
    "figures": ("Figures", _headline),
    "curves": ("ROC and precision-recall", _curves),
    "calibration": ("Calibration", _calibration),
    "decision": ("Decision curve", _decision),
    "confusion": ("Right and wrong answers", _confusions),
    "certainty": ("Sure and not sure", _certainty),
    "second": ("The second answer", _second),
    "prevalence": ("At other prevalences", _prevalences),
    "groups": ("Groups", _subgroups),
    "robustness": ("Films of poorer quality", _robustness),
    "heat": ("Where the heat lies", _heat),
    "cases": ("The worst answers", _cases),
    "limits": ("What this does not show", _limits),
    "repeat": ("What was measured, and how to repeat it", _repeat),
}
