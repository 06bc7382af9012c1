"""The two curves that everybody asks for."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from pneumoscope.evaluation.measures import Answers
from pneumoscope.stats.curves import reliability, roc


def curves(answers: Mapping[str, Answers]) -> bytes:
    """ROC curve with the operating point, and reliability in ten equally filled bins, side by side as a PNG.

    A row for each label; all must have films with the label and without.
    """
    figure = Figure(figsize=(10, 5 * len(answers)), layout="constrained")
    rows = figure.subplots(len(answers), 2, squeeze=False)
    for (left, right), (label, about) in zip(rows, answers.items(), strict=True):
        _roc(left, about)
        _reliability(right, about)
        if len(answers) > 1:
            left.set_title(f"{left.get_title()}: {label}")
            right.set_title(f"{right.get_title()}: {label}")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue()


def _roc(axes: Any, about: Answers) -> None:
    curve = roc(about.truth, about.probabilities)
    axes.plot(curve.false_positive_rate, curve.recall)
    yes = about.decisions == 1
    axes.plot(yes[about.truth == 0].mean(), yes[about.truth == 1].mean(), "o", label="the decisions")
    axes.plot([0, 1], [0, 1], ":", color="grey")
    axes.set(title="ROC curve", xlabel="1 - specificity", ylabel="recall", aspect="equal")
    axes.legend(loc="lower right")


def _reliability(axes: Any, about: Answers) -> None:
    bins = reliability(about.truth, about.probabilities, strategy="filled")
    axes.plot([each.mean for each in bins], [each.share.value for each in bins], "o-")
    axes.plot([0, 1], [0, 1], ":", color="grey")
    axes.set(title="Reliability", xlabel="mean probability", ylabel="share with the finding", aspect="equal")
