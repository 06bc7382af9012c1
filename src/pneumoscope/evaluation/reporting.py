"""``metrics.json`` put in the report's terms, with the worst films as pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

import numpy as np

from pneumoscope.bundle import BundleSpec
from pneumoscope.core import FilmError
from pneumoscope.evaluation import robustness
from pneumoscope.evaluation.altered import Effect
from pneumoscope.evaluation.closer import CloserLook
from pneumoscope.evaluation.faithful import Faithfulness
from pneumoscope.evaluation.heat import GroupHeat, RegionHeat
from pneumoscope.evaluation.measured import INTERVALS
from pneumoscope.evaluation.measured import Measured as GroupMeasured
from pneumoscope.evaluation.schema import (
    BundleFacts,
    Confusion,
    Figure,
    Heat,
    Metrics,
    PointMetrics,
    Refusals,
    SecondAnswer,
    Sureness,
)
from pneumoscope.evaluation.seen import SeenFilm
from pneumoscope.evaluation.worst import pixels_of
from pneumoscope.report import evaluation as report
from pneumoscope.report.measure_names import SCORED
from pneumoscope.stats.curves import Curves, ReliabilityBin
from pneumoscope.stats.intervals import Estimate

_PICTURE = (320, 320)
"""Films are decoded at no less than this: they are shown smaller."""

Figures = dict[str, Estimate | None]
Kind = Literal["true positive", "false positive", "true negative", "false negative"]


def report_of(
    metrics: Metrics, spec: BundleSpec, *, root: Path, closer: CloserLook | None = None, command: str = ""
) -> report.EvaluationReport:
    """The report of a bundle's evaluation.

    Parameters
    ----------
    metrics : of that bundle, with ``closer`` added to it if there was a closer look.
    root : what the films' paths are relative to; the worst are read once more to be shown.
    command : that gives the same figures again.

    Raises
    ------
    ValueError : if the metrics are not those of a bundle.
    """
    if metrics.bundle is None:
        raise ValueError("expected the metrics of a bundle, got those of a file of scores")
    label = spec.labels[0].name
    curves = (metrics.curves or {}).get(label)
    points = [_point(point, spec) for point in metrics.points or ()]
    worst = closer.worst if closer else None
    return report.EvaluationReport(
        measured=_measured(metrics, metrics.bundle, spec),
        figures={name: _estimate(figure) for name, figure in metrics.metrics.items() if name in SCORED},
        points=tuple(points),
        roc=_roc(curves, points) if curves else None,
        precision_recall=_precision_recall(curves, points) if curves else None,
        reliability=tuple(_reliability(curves, metrics)) if curves else (),
        decision=_decision(curves) if curves else None,
        certainty=_certainty(metrics.sureness) if metrics.sureness else None,
        refusals=_refusals(metrics.refusals) if metrics.refusals else None,
        confusions=tuple(_confusions(metrics, label)),
        subtypes=tuple(
            report.SubtypeRecall(one.subtype, one.films, one.found, _estimate(one.recall))
            for one in metrics.subtypes or ()
        ),
        second=tuple(map(_second, metrics.second or ())),
        prevalences=tuple(
            report.AtPrevalence(one.prevalence, _estimate(one.ppv), _estimate(one.npv))
            for one in metrics.prevalence or ()
        ),
        subgroups=tuple(_subgroups(metrics)),
        differences=tuple(_differences(metrics)),
        robustness=tuple(_shaken(metrics.robustness)) if metrics.robustness else (),
        heat=_heat(metrics.heat) if metrics.heat else None,
        missed=tuple(_case(seen, root, label) for seen in worst.false_negatives) if worst else (),
        alarms=tuple(_case(seen, root, label) for seen in worst.false_positives) if worst else (),
        warnings=metrics.cautions,
        exclusions=spec.exclusions,
        intended_use=spec.intended_use,
        labels=tuple(_labels(metrics)),
        choice={name: _estimate(figure) for name, figure in metrics.argmax.metrics.items()} if metrics.argmax else {},
        shaken=(metrics.robustness.films, metrics.robustness.of) if metrics.robustness else None,
        further_intervals=INTERVALS,
        command=command,
    )


def _estimate(figure: Figure | None) -> Estimate:
    values = (figure.value, figure.low, figure.high) if figure else (None, None, None)
    return Estimate(*(math.nan if value is None else value for value in values))


def _measured(metrics: Metrics, bundle: BundleFacts, spec: BundleSpec) -> report.Measured:
    data, counts = metrics.data, metrics.confusion
    first = counts.true_positive + counts.false_negative, counts.true_negative + counts.false_positive
    return report.Measured(
        bundle=bundle.name,
        version=bundle.version,
        digest=bundle.digest,
        precision=bundle.precision,
        operating_point=bundle.operating_point,
        threshold=bundle.threshold,
        label=spec.labels[0].name,
        films=sum(first),
        positives=first[0],
        patients=data.patients,
        unreadable=data.unreadable,
        split=data.split or "",
        sources=data.sources,
        learned_from=tuple(source.name for source in spec.data),
        manifest_digest=data.manifest_digest or "",
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        program=metrics.program,
        intervals=metrics.intervals,
        holds_at=spec.labels[0].calibration.prevalence,
        read_from=data.read_from,
    )


def _point(point: PointMetrics, spec: BundleSpec) -> report.PointFigures:
    own = spec.operating_point(point.name)
    day = f" ({own.chosen})" if own.chosen else ""
    return report.PointFigures(
        name=point.name,
        threshold=point.threshold,
        rule=point.rule,
        figures={name: _estimate(figure) for name, figure in point.metrics.items()},
        missed=point.confusion.false_negative,
        alarms=point.confusion.false_positive,
        chosen=f"sensitivity {own.sensitivity} and specificity {own.specificity} on {own.data}{day}",
    )


def _labels(metrics: Metrics) -> Iterator[report.LabelFigures]:
    for label, measured in (metrics.labels or {}).items():
        figures = {name: _estimate(figure) for name, figure in measured.metrics.items()}
        counts = measured.confusion
        yield report.LabelFigures(label, measured.films, counts.true_positive + counts.false_negative, figures)


def _roc(curves: Curves, points: Sequence[report.PointFigures]) -> report.Curve:
    marks = tuple(_marks(points, "alarms", "recall"))
    return report.Curve(np.array(curves.roc.false_positive_rate), np.array(curves.roc.recall), marks=marks)


def _precision_recall(curves: Curves, points: Sequence[report.PointFigures]) -> report.Curve:
    found, marks = curves.precision_recall, tuple(_marks(points, "recall", "precision"))
    return report.Curve(np.array(found.recall), np.array(found.precision), marks=marks)


def _reliability(curves: Curves, metrics: Metrics) -> Iterator[report.Reliability]:
    """Before calibration, where that is known, and after."""
    if before := metrics.uncalibrated:
        yield _reliable("before calibration", before.reliability_filled, before.metrics)
    yield _reliable("as shipped", curves.reliability_filled, metrics.metrics)


def _reliable(name: str, bins: Sequence[ReliabilityBin], metrics: Mapping[str, Figure]) -> report.Reliability:
    return report.Reliability(
        name,
        np.array([one.mean for one in bins]),
        tuple(one.share for one in bins),
        tuple(one.films for one in bins),
        _estimate(metrics.get("calibration_error_filled")),
    )


def _decision(curves: Curves) -> report.Decision:
    decision = curves.decision
    value, low, high = np.array([(one.value, one.low, one.high) for one in decision.net_benefit], np.float64).T
    model = report.Curve(np.array(decision.thresholds), value, low, high)
    return report.Decision(model, np.array(decision.treat_all), decision.prevalence)


def _certainty(found: Sureness) -> report.Certainty:
    return report.Certainty(found.error_rate, _estimate(found.sure), _estimate(found.missed), _estimate(found.alarms))


def _refusals(found: Refusals) -> report.Refusals:
    return report.Refusals(
        refused=found.refused,
        reasons=found.reasons,
        share=_estimate(found.share),
        positive=_estimate(found.positive),
        negative=_estimate(found.negative),
        figures={name: _estimate(figure) for name, figure in found.metrics.items()},
    )


def _marks(points: Sequence[report.PointFigures], x: str, y: str) -> Iterator[report.Mark]:
    for point in points:
        figures = dict(point.figures)
        alarms = figures["specificity"]
        figures["alarms"] = Estimate(1 - alarms.value, 1 - alarms.high, 1 - alarms.low)
        if not any(math.isnan(figures[name].value) for name in (x, y)):
            yield report.Mark(point.name, figures[x], figures[y])


def _confusions(metrics: Metrics, label: str) -> Iterator[report.Confusion]:
    yield report.Confusion(f"{label} or not", (f"no {label}", label), _counts(metrics.confusion))
    if choice := metrics.argmax:
        yield report.Confusion("the most probable label", choice.labels, choice.confusion)


def _counts(c: Confusion) -> tuple[tuple[int, int], tuple[int, int]]:
    return (c.true_negative, c.false_positive), (c.false_negative, c.true_positive)


def _second(one: SecondAnswer) -> report.SecondAnswer:
    alone = report.Confusion(f"{one.label} or {one.otherwise}", (one.otherwise, one.label), _counts(one.confusion))
    whole = report.Confusion("both answers", one.whole.labels, one.whole.confusion)
    return report.SecondAnswer(
        label=one.label,
        otherwise=one.otherwise,
        given=one.given,
        films=one.films,
        figures={name: _estimate(figure) for name, figure in one.metrics.items()},
        whole_films=one.whole.films,
        whole={name: _estimate(figure) for name, figure in one.whole.metrics.items()},
        confusions=(alone, whole),
        certainty=_certainty(one.sureness) if one.sureness else None,
    )


def _triple(found: GroupMeasured) -> Figures:
    return {"auc": found.auc, "recall": found.recall, "specificity": found.specificity}


def _subgroups(metrics: Metrics) -> Iterator[report.Subgroup]:
    for group in metrics.subgroups.groups if metrics.subgroups else ():
        found = group.measured
        yield report.Subgroup(
            group.title, group.value, found.films, found.positive, **_triple(found), few=bool(group.caution)
        )


def _differences(metrics: Metrics) -> Iterator[report.GroupDifference]:
    for one in metrics.subgroups.differences if metrics.subgroups else ():
        yield report.GroupDifference(one.by, one.measure, one.films, one.p, one.p_holm)


def _shaken(found: robustness.Robustness) -> Iterator[report.Perturbed]:
    """Each perturbation from its lowest level to its highest, films as they are in their place among them."""
    untouched = Estimate(0.0, math.nan, math.nan)  # by definition, not by measurement
    for curve in found.curves:
        steps = [(one.level, f"{one.level:g}", _effect(one.effect)) for one in curve.levels]
        whole = {**_triple(found.unperturbed), "changed": untouched}
        as_it_is = math.inf if curve.identity is None else curve.identity
        steps.append((as_it_is, "as it is" if curve.identity is None else f"{as_it_is:g}", whole))
        for _, level, figures in sorted(steps, key=lambda step: step[0]):
            yield _perturbed(curve.title, level, figures, curve.unit)


def _effect(effect: Effect) -> Figures:
    return {**_triple(effect.measured), "changed": effect.changed}


def _perturbed(title: str, level: str, figures: Figures, unit: str = "") -> report.Perturbed:
    return report.Perturbed(title, level, **figures, unit=unit)


def _heat(found: Heat) -> report.Heat:
    groups = [group for group in found.by_outcome if group.regions]
    even = tuple(region.area for region in groups[0].regions) if groups else None
    return report.Heat(
        shares=tuple(map(_share, groups)),
        even=cast("tuple[float, float, float] | None", even),
        blanked=tuple(_perturbed(one.what, "", _effect(one.effect)) for one in found.blanked.regions),
        marks=tuple(
            report.MarkTest(one.group, one.films, one.marks.size, one.control.size, one.excess)
            for one in found.markers.groups
        ),
        deletions=tuple(_deletions(found.faithfulness)) if found.faithfulness else (),
    )


def _deletions(found: Faithfulness) -> Iterator[report.Deletion]:
    for one in found.deletions:
        yield report.Deletion(one.what, found.tested, one.region, one.control, one.excess, one.more)


def _share(group: GroupHeat) -> report.HeatShare:
    where: Mapping[str, RegionHeat] = {region.region: region for region in group.regions}
    return report.HeatShare(
        cast("Kind", group.group),
        group.films - group.without,
        centre=where["centre"].evidence,
        ring=where["ring"].evidence,
        corners=where["corners"].evidence,
        without=group.without,
    )


def _case(seen: SeenFilm, root: Path, label: str) -> report.CaseFilm:
    stated = label if seen.positive else f"no {label}"
    try:
        film = pixels_of(seen, root, _PICTURE)
    except FilmError:
        film = None
    return report.case_film(seen.reading, film, f"{stated}, {seen.film.subtype}" if seen.film.subtype else stated)
