"""Scores the shipped bundle on labelled films, or a file of anybody's scores. What is evaluated is what ships."""

from pneumoscope.evaluation.closer import CloserLook, look_closer
from pneumoscope.evaluation.evaluate import Evaluation, evaluate, write_evaluation, write_figures
from pneumoscope.evaluation.release import check_release
from pneumoscope.evaluation.reporting import report_of
from pneumoscope.evaluation.schema import Metrics, read_metrics
from pneumoscope.evaluation.scores import matched, measure_scores, read_scores, write_scores_evaluation

__all__ = [
    "CloserLook",
    "Evaluation",
    "Metrics",
    "check_release",
    "evaluate",
    "look_closer",
    "matched",
    "measure_scores",
    "read_metrics",
    "read_scores",
    "report_of",
    "write_evaluation",
    "write_figures",
    "write_scores_evaluation",
]
