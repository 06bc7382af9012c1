"""Comparisons made up for their page and tables."""

from __future__ import annotations

import math
from typing import Any

from pneumoscope.report.comparison import Comparison, Difference, Disagreement, Entrant, Pair
from pneumoscope.stats.intervals import Estimate

FIGURES = {
    "auc": Estimate(0.9881, 0.9781, 0.9954),
    "accuracy": Estimate(0.9439, 0.9218, 0.9629),
    "recall": Estimate(0.9897, 0.9739, 0.9976),
    "specificity": Estimate(0.8675, 0.8181, 0.9110),
    "precision": Estimate(0.9257, 0.8932, 0.9527),
    "f1": Estimate(0.9566, 0.9379, 0.9720),
    "log_loss": Estimate(0.1666, 0.1148, 0.2273),
    "brier": Estimate(0.0453, 0.0306, 0.0618),
}


def entrant(name: str, **changes: Any) -> Entrant:
    values: dict[str, Any] = {
        "about": f"about {name}",
        "films": 1624,
        "positive": 1390,
        "patients": 1428,
        "set_aside": 0,
        "metrics": FIGURES,
    }
    return Entrant(name=name, **(values | changes))


def difference(measure: str, p: float, p_holm: float | None = None) -> Difference:
    return Difference(measure=measure, method="a test", difference=-0.0123, low=-0.02, high=0.004, p=p, p_holm=p_holm)


UNDEFINED = Difference(
    measure="auc", method="DeLong", difference=0.1, low=math.nan, high=math.nan, p=math.nan, p_holm=None
)


def film(name: str, digest: str = "", label: int = 1) -> Disagreement:
    return Disagreement(film=name, film_sha256=digest, label=label, probability=0.934, probability_against=0.0004)


def pair(name: str, **changes: Any) -> Pair:
    values: dict[str, Any] = {
        "differences": (difference("auc", 0.0321), difference("log_loss", 0.00001)),
        "wins": 0,
        "losses": 0,
        "won": (),
        "lost": (),
    }
    return Pair(name=name, **(values | changes))


def comparison(**changes: Any) -> Comparison:
    values: dict[str, Any] = {
        "entrants": (entrant("first"), entrant("second")),
        "ranked_by": "auc",
        "against": "first",
        "films": 1624,
        "positive": 1390,
        "patients": 1428,
        "pairs": (pair("second"),),
        "intervals": "95%; somehow",
        "program": "pneumoscope 0.1.0",
    }
    return Comparison(**(values | changes))


SIDE_BY_SIDE: dict[str, Any] = {
    "not_ranked": "the test sets differ: 3 films are shared",
    "against": "",
    "films": 0,
    "positive": 0,
    "patients": 0,
    "pairs": (),
}
