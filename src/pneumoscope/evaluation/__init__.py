"""Scores the shipped bundle on labelled films, or a file of anybody's scores. What is evaluated is what ships."""

from pneumoscope.evaluation.evaluate import Evaluation, evaluate, write_evaluation
from pneumoscope.evaluation.schema import Metrics, read_metrics
from pneumoscope.evaluation.scores import matched, measure_scores, read_scores, write_scores_evaluation

__all__ = [
    "Evaluation",
    "Metrics",
    "evaluate",
    "matched",
    "measure_scores",
    "read_metrics",
    "read_scores",
    "write_evaluation",
    "write_scores_evaluation",
]
