"""Scores the shipped bundle on labelled films. What is evaluated is what ships."""

from pneumoscope.evaluation.evaluate import Evaluation, evaluate, write_evaluation

__all__ = ["Evaluation", "evaluate", "write_evaluation"]
