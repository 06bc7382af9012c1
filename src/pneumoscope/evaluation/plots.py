"""The two curves that everybody asks for."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_curve

from pneumoscope.evaluation.measures import Answers


def curves(answers: Mapping[str, Answers], threshold: float) -> bytes:
    """ROC curve with the operating point, and reliability in ten equally filled bins, side by side as a PNG.

    A row for each label; all must have films with the label and without.
    """
    figure = Figure(figsize=(10, 5 * len(answers)), layout="constrained")
    rows = figure.subplots(len(answers), 2, squeeze=False)
    for (roc, reliability), (label, about) in zip(rows, answers.items(), strict=True):
        _roc(roc, about.truth, about.probabilities, threshold)
        _reliability(reliability, about.truth, about.probabilities)
        if len(answers) > 1:
            roc.set_title(f"{roc.get_title()}: {label}")
            reliability.set_title(f"{reliability.get_title()}: {label}")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue()


def _roc(axes: Any, labels: NDArray[np.int64], probabilities: NDArray[np.float64], threshold: float) -> None:
    false_alarms, found, _ = roc_curve(labels, probabilities)
    axes.plot(false_alarms, found)
    positive = probabilities >= threshold
    axes.plot(positive[labels == 0].mean(), positive[labels == 1].mean(), "o", label=f"probability >= {threshold:.3g}")
    axes.plot([0, 1], [0, 1], ":", color="grey")
    axes.set(title="ROC curve", xlabel="1 - specificity", ylabel="recall", aspect="equal")
    axes.legend(loc="lower right")


def _reliability(axes: Any, labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> None:
    share, mean = calibration_curve(labels, probabilities, n_bins=10, strategy="quantile")
    axes.plot(mean, share, "o-")
    axes.plot([0, 1], [0, 1], ":", color="grey")
    axes.set(title="Reliability", xlabel="mean probability", ylabel="share with the finding", aspect="equal")
