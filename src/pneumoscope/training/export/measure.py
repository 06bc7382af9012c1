"""Calibration, operating points and metrics of a graph, from the validation films."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle.spec import Code, Interval, Label, OperatingPoint
from pneumoscope.stats.bootstrap import bootstrap
from pneumoscope.stats.calibration import Calibration
from pneumoscope.stats.intervals import Estimate, wilson
from pneumoscope.stats.metrics import proportions
from pneumoscope.stats.operating_points import sensitive_threshold
from pneumoscope.stats.weighted import ranked
from pneumoscope.training.export.graphs import PREVALENCE, calibrations, stated
from pneumoscope.training.export.task import Answers, Shown

_SHARES = {"sensitivity": "recall", "specificity": "specificity"}

_SNOMED_CT = {
    "pneumonia": ("233604007", "Pneumonia"),
    "bacterial": ("53084003", "Bacterial pneumonia"),
    "viral": ("75570004", "Viral pneumonia"),
    "tuberculosis": ("154283005", "Tuberculosis of lung"),
    "normal": ("17621005", "Normal"),
}
_LOCAL = "99PNEUMOSCOPE"
"""Coding scheme of other words; DICOM (PS3.3, section 8.2) has private schemes begin with 99."""


def measured(labels: tuple[str, ...], answers: Answers, films: Shown) -> dict[str, Any]:
    """The parts of the bundle's description that are measured. Operating points are those of the first label.

    Raises
    ------
    RunError : if a label cannot be calibrated.
    """
    fitted = calibrations(labels, films.targets, answers.logits)
    known, truth = stated(films.targets[:, 0])
    where = _where(films, known)
    return {
        "labels": tuple(
            _label(name, fitted[k], answers.cam[films.targets[:, k] == 1, k]) for k, name in enumerate(labels)
        ),
        "operating_points": _operating_points(labels[0], truth, fitted[0].probability(answers.logits[known, 0]), where),
        "default_operating_point": "balanced",
        "metrics": {
            f"auc_{name}" if k else "auc": _auc(films, films.targets[:, k], answers.logits[:, k])
            for k, name in enumerate(labels)
        },
        "metrics_data": where + _counts(labels, films.targets),
    }


def code(label: str) -> Code:
    """The label as a coded term.

    >>> code("viral").value
    '75570004'
    """
    if (word := label.casefold()) in _SNOMED_CT:
        value, meaning = _SNOMED_CT[word]
        return Code(scheme="SCT", value=value, meaning=meaning)
    return Code(scheme=_LOCAL, value=label, meaning=label)


def _where(films: Shown, known: NDArray[np.bool_]) -> str:
    sources = sorted({film.source for film, said in zip(films.films, known, strict=True) if said})
    return f"{int(known.sum())} validation films of {', '.join(sources)}, no patient of which was learned from"


def _counts(labels: tuple[str, ...], targets: NDArray[np.float32]) -> str:
    """How many films a further label is measured on, where they are others than the first label's."""
    known = ~np.isnan(targets)
    others = [f"{name} on {known[:, k].sum()}" for k, name in enumerate(labels) if (known[:, k] != known[:, 0]).any()]
    return f" ({', '.join(others)} of which it is stated)" if others else ""


def _label(name: str, calibration: Calibration, cells: NDArray[np.float32]) -> Label:
    strong = _strong_evidence(calibration.log_odds(cells))
    return Label(name=name, code=code(name), calibration=calibration, strong_evidence=strong)


def _strong_evidence(cells: NDArray[np.float64]) -> float:
    """The log-odds that one cell in a hundred exceeds, but no less than even odds tell apart from noise."""
    return max(float(np.quantile(cells, 0.99)), 1.0)


def _operating_points(
    label: str, truth: NDArray[np.int64], probabilities: NDArray[np.float64], where: str
) -> tuple[OperatingPoint, ...]:
    points = {
        "balanced": (PREVALENCE, f"the film made {label} more likely than it was: the most sensitivity + specificity"),
        "sensitive": (
            sensitive_threshold(truth, probabilities, 0.99),
            f"finds 99% of the validation films with {label}",
        ),
    }
    return tuple(
        OperatingPoint(
            name=name,
            threshold=threshold,
            rule=rule,
            data=where,
            **_performance(truth, probabilities >= threshold),
        )
        for name, (threshold, rule) in points.items()
    )


def _performance(truth: NDArray[np.int64], decisions: NDArray[np.bool_]) -> dict[str, Interval]:
    shares = proportions(truth, decisions.astype(np.int64))
    return {name: _interval(wilson(*shares[key])) for name, key in _SHARES.items()}


def _auc(films: Shown, answers: NDArray[np.float32], logits: NDArray[np.float32]) -> Interval:
    known, truth = stated(answers)
    patients = [patient for patient, said in zip(films.patients, known, strict=True) if said]
    return _interval(bootstrap(ranked(truth, logits[known]), patients, resamples=1000, seed=0)["auc"])


def _interval(estimate: Estimate) -> Interval:
    return Interval(value=estimate.value, low=estimate.low, high=estimate.high)
