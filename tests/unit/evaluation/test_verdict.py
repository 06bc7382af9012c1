from __future__ import annotations

import pytest

from pneumoscope.bundle.points import Rule
from pneumoscope.bundle.spec import Interval, OperatingPoint
from pneumoscope.evaluation.verdict import judge
from pneumoscope.stats.operating_points import Guarantee


def interval(low: float, high: float) -> Interval:
    return Interval(value=(low + high) / 2, low=low, high=high)


GOOD = interval(0.9, 0.99)


def verdict(area: Interval, bound: float | None, recall: Interval = GOOD, specificity: Interval = GOOD) -> str:
    name = "screening" if bound is not None else "balanced"
    guarantee = Guarantee(0.2, bound, 0.95, bound, 60, 0) if bound is not None else None
    point = OperatingPoint(name=name, threshold=0.2, rule="", sensitivity=recall, specificity=specificity, data="")
    return judge(area, [Rule(name, 0.2, "", guarantee)], [point]).outcome


@pytest.mark.parametrize(
    ("figures", "outcome"),
    [
        ((GOOD, 0.95), "usable"),
        ((interval(0.8, 0.9), 0.9), "usable"),
        ((interval(0.79, 0.9), 0.95), "not shown to be usable"),
        ((interval(0.7, 0.79), 0.95), "not usable"),
        ((GOOD, None), "not shown to be usable"),
        ((GOOD, 0.85), "not shown to be usable"),
        ((GOOD, 0.95, interval(0.7, 0.89)), "not usable"),
        ((GOOD, 0.95, interval(0.7, 0.91)), "usable"),
        ((GOOD, 0.95, GOOD, interval(0.2, 0.5)), "not shown to be usable"),
        ((GOOD, 0.95, GOOD, interval(0.05, 0.25)), "not usable"),
        ((interval(0.7, 0.9), 0.95, GOOD, interval(0.05, 0.25)), "not usable"),
        ((interval(0.7, 0.79), None), "not usable"),
    ],
)
def test_the_rule(figures, outcome):
    assert verdict(*figures) == outcome


def test_each_criterion_gives_its_figures_and_its_bar():
    point = OperatingPoint(
        name="screening", threshold=0.2, rule="", sensitivity=GOOD, specificity=interval(0.2, 0.5), data=""
    )
    found = judge(GOOD, [Rule("screening", 0.2, "", Guarantee(0.2, 0.95, 0.95, 0.951, 60, 0))], [point])
    assert found.reasons == (
        "The AUC is 0.945 (0.900-0.990), at or above 0.80.",
        "A recall of 0.951 or more when screening is promised with 95% confidence, and films held back show "
        "0.945 (0.900-0.990); 0.90 is asked for.",
        "The specificity when screening is 0.350 (0.200-0.500), not clearly above 0.30.",
    )
