"""What follows from the answers to a label alone: other operating points, kinds of cases, other prevalences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from pneumoscope.bundle import OperatingPoint
from pneumoscope.evaluation.measured import share
from pneumoscope.evaluation.measures import Answers, decision_measures
from pneumoscope.evaluation.schema import Confusion, Figure, PointMetrics, SubtypeRecall
from pneumoscope.stats.bootstrap import numbered
from pneumoscope.stats.prevalence import PredictiveValues, predictive_values

PREVALENCES = (0.01, 0.05, 0.1, 0.2, 0.5)


def at_points(answers: Answers, points: Iterable[OperatingPoint]) -> tuple[PointMetrics, ...]:
    """What the answers would be worth at each of a bundle's operating points."""
    return tuple(_at_point(answers, point) for point in points)


def _at_point(answers: Answers, point: OperatingPoint) -> PointMetrics:
    metrics, counts = decision_measures(answers.at(point.threshold))
    return PointMetrics(name=point.name, threshold=point.threshold, rule=point.rule, metrics=metrics, confusion=counts)


def recall_by_subtype(answers: Answers, subtypes: Sequence[str]) -> tuple[SubtypeRecall, ...]:
    """How many films of each kind of case are found; ``subtypes`` (N,) are "" where none is stated."""
    return tuple(_recalls(answers, np.asarray(subtypes, np.str_)))


def _recalls(answers: Answers, subtypes: np.ndarray[tuple[int], np.dtype[np.str_]]) -> Iterator[SubtypeRecall]:
    patients, _ = numbered(answers.patients)
    for subtype in sorted(set(subtypes[answers.truth == 1]) - {""}):
        films = (answers.truth == 1) & (subtypes == subtype)
        found = answers.decisions[films] == 1
        recall = Figure.of(share(found, patients[films]), "")
        yield SubtypeRecall(subtype=str(subtype), films=len(found), found=int(found.sum()), recall=recall)


def elsewhere(counts: Confusion) -> tuple[PredictiveValues, ...]:
    """What an answer is worth at other prevalences; nothing if a class has no film."""
    c = counts
    if not (c.true_positive + c.false_negative and c.true_negative + c.false_positive):
        return ()
    return tuple(
        predictive_values(c.true_positive, c.false_negative, c.true_negative, c.false_positive, prevalence=prevalence)
        for prevalence in PREVALENCES
    )
