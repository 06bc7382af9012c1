"""The evaluation report: plain content in, a page and a print out."""

from pneumoscope.report.evaluation.cases import case_film
from pneumoscope.report.evaluation.content import (
    AtPrevalence,
    CaseFilm,
    Confusion,
    Curve,
    Decision,
    EvaluationReport,
    GroupDifference,
    Heat,
    HeatShare,
    Mark,
    MarkTest,
    Measured,
    Perturbed,
    PointFigures,
    Reliability,
    Repeat,
    Subgroup,
    SubtypeRecall,
)
from pneumoscope.report.evaluation.write import write_evaluation_page, write_evaluation_pdf

__all__ = [
    "AtPrevalence",
    "CaseFilm",
    "Confusion",
    "Curve",
    "Decision",
    "EvaluationReport",
    "GroupDifference",
    "Heat",
    "HeatShare",
    "Mark",
    "MarkTest",
    "Measured",
    "Perturbed",
    "PointFigures",
    "Reliability",
    "Repeat",
    "Subgroup",
    "SubtypeRecall",
    "case_film",
    "write_evaluation_page",
    "write_evaluation_pdf",
]
