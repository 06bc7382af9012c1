"""Calibration, operating points and metrics of a graph, from the validation films."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle.points import BALANCED, Scored, area, balanced_point, certainty, operating_points
from pneumoscope.bundle.spec import Code, Interval, Label
from pneumoscope.core.manifest import otherwise
from pneumoscope.stats.fit_calibration import Fitted, fit_calibration
from pneumoscope.training.export.graphs import PREVALENCE, not_calibrated, stated
from pneumoscope.training.export.task import Answers, Shown

_SNOMED_CT = {
    "pneumonia": ("233604007", "Pneumonia"),
    "bacterial": ("53084003", "Bacterial pneumonia"),
    "viral": ("75570004", "Viral pneumonia"),
    "tuberculosis": ("154283005", "Tuberculosis of lung"),
    "normal": ("17621005", "Normal"),
}
_LOCAL = "99PNEUMOSCOPE"
"""Coding scheme of other words; DICOM (PS3.3, section 8.2) has private schemes begin with 99."""


def measured(
    labels: tuple[str, ...], answers: Answers, films: Shown, given: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The parts of the bundle's description that are measured. Operating points are those of the first label; labels
    that are asked only where another is true (``given``) have a point of their own.

    What the points promise holds for films that had no say in the network: where the validation films have chosen its
    epoch or its recipe, or have calibrated the members of an ensemble, it is a little too good.

    Raises
    ------
    RunError : if a label cannot be calibrated.
    """
    conditions = [(given or {}).get(name) for name in labels]
    pairs = (_scored(k, labels[k], answers, films, conditions[k]) for k in range(len(labels)))
    scored, fitted = zip(*pairs, strict=True)
    return {
        "labels": tuple(
            _label(each, fit, answers.cam[films.targets[:, k] == 1, k], conditions[k])
            for k, (each, fit) in enumerate(zip(scored, fitted, strict=True))
        ),
        "operating_points": operating_points(scored[0]),
        "default_operating_point": BALANCED,
        "metrics": {
            f"auc_{name}" if k else "auc": _auc(films, films.targets[:, k], answers.logits[:, k])
            for k, name in enumerate(labels)
        },
        "metrics_data": scored[0].data + _counts(labels, films.targets),
    }


def _scored(k: int, label: str, answers: Answers, films: Shown, condition: str | None = None) -> tuple[Scored, Fitted]:
    """The films that state a label, with its calibrated probabilities."""
    known, truth = stated(films.targets[:, k])
    patients = [patient for patient, said in zip(films.patients, known, strict=True) if said]
    logits = answers.logits[known, k]
    try:
        fitted = fit_calibration(truth, logits, patients, PREVALENCE)
    except ValueError as error:
        raise not_calibrated(label, error) from error
    probabilities = fitted.calibration.probability(logits)
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    return Scored(label, truth, probabilities, patients, PREVALENCE, _where(films, known, condition), today), fitted


def code(label: str) -> Code:
    """The label as a coded term.

    >>> code("viral").value
    '75570004'
    """
    if (word := label.casefold()) in _SNOMED_CT:
        value, meaning = _SNOMED_CT[word]
        return Code(scheme="SCT", value=value, meaning=meaning)
    return Code(scheme=_LOCAL, value=label, meaning=label)


def _where(films: Shown, known: NDArray[np.bool_], condition: str | None) -> str:
    sources = sorted({film.source for film, said in zip(films.films, known, strict=True) if said})
    having = f" with {condition}" if condition else ""
    return f"{int(known.sum())} validation films of {', '.join(sources)}{having}, no patient of which was learned from"


def _counts(labels: tuple[str, ...], targets: NDArray[np.float32]) -> str:
    """How many films a further label is measured on, where they are others than the first label's."""
    known = ~np.isnan(targets)
    others = [f"{name} on {known[:, k].sum()}" for k, name in enumerate(labels) if (known[:, k] != known[:, 0]).any()]
    return f" ({', '.join(others)} of which it is stated)" if others else ""


def _label(scored: Scored, fitted: Fitted, cells: NDArray[np.float32], condition: str | None) -> Label:
    """One that is asked on a ``condition`` has a threshold of its own, and a name for its no."""
    return Label(
        name=scored.label,
        code=code(scored.label),
        calibration=fitted.calibration,
        strong_evidence=_strong_evidence(fitted.calibration.log_odds(cells)),
        calibration_rule=fitted.rule,
        certainty=certainty(scored),
        given=condition,
        otherwise=otherwise(scored.label) if condition else "",
        point=balanced_point(scored) if condition else None,
    )


def _strong_evidence(cells: NDArray[np.float64]) -> float:
    """The log-odds that one cell in a hundred exceeds, but no less than even odds tell apart from noise."""
    return max(float(np.quantile(cells, 0.99)), 1.0)


def _auc(films: Shown, answers: NDArray[np.float32], logits: NDArray[np.float32]) -> Interval:
    known, truth = stated(answers)
    patients = [patient for patient, said in zip(films.patients, known, strict=True) if said]
    return area(truth, logits[known], patients)
