from __future__ import annotations

import pytest

from pneumoscope.bundle.points import Rule
from pneumoscope.bundle.spec import Interval, OperatingPoint
from pneumoscope.evaluation.verdict import judge
from pneumoscope.stats.operating_points import Guarantee


def interval(low: float, high: float) -> Interval:
    return Interval(value=(low + high) / 2, low=low, high=high)


GOOD = interval(0.9, 0.99)


def least(bound: float, recall: Interval, specificity: Interval) -> tuple[Rule, OperatingPoint]:
    point = OperatingPoint(
        name="screening", threshold=0.2, rule="", sensitivity=recall, specificity=specificity, data=""
    )
    return Rule("screening", 0.2, "", Guarantee(0.2, 0.9, 0.95, bound, 60, 0)), point


def verdict(area: Interval, bound: float | None, recall: Interval = GOOD, specificity: Interval = GOOD) -> str:
    return judge(area, least(bound, recall, specificity) if bound is not None else None).outcome


@pytest.mark.parametrize(
    ("figures", "outcome"),
    [
        ((GOOD, 0.95), "usable"),
        ((interval(0.8, 0.9), 0.9), "usable"),
        ((interval(0.79, 0.9), 0.95), "not shown to be usable"),
        ((interval(0.7, 0.79), 0.95), "not usable"),
        ((GOOD, None), "not shown to be usable"),
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
    found = judge(GOOD, least(0.951, GOOD, interval(0.2, 0.5)))
    assert found.reasons == (
        "The AUC is 0.945 (0.900-0.990), at or above 0.80.",
        "From a probability of 0.200, a recall of 0.951 or more is promised with 95% confidence; films held back show "
        "0.945 (0.900-0.990), and 0.90 is asked for.",
        "The specificity from there is 0.350 (0.200-0.500), not clearly above 0.30.",
    )
