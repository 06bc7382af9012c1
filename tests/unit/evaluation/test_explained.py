from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.core.manifest import Manifest
from pneumoscope.evaluation import explained
from pneumoscope.evaluation.explained import check_explanation
from pneumoscope.evaluation.faithful import Deletion, Faithfulness
from pneumoscope.evaluation.heat import GroupHeat, RegionHeat
from pneumoscope.evaluation.labelled import LabelledFilms
from pneumoscope.evaluation.lungs import LungHeat
from pneumoscope.evaluation.occlusion import MarkerTest, PaintedOver, Shift
from pneumoscope.stats.intervals import Estimate
from tests.unit.evaluation.chests import chest


def about(value: float, half: float = 0.02) -> Estimate:
    return Estimate(value, value - half, value + half)


@pytest.mark.parametrize(("ratio", "passed"), [(1.0, False), (1.1, False), (1.4, True)])
def test_evidence_has_to_lie_on_the_lungs_more_than_by_chance(ratio, passed):
    check = explained._on_lungs(LungHeat(films=50, area=0.4, evidence=about(0.4 * ratio)))
    assert check.passed is passed
    assert f"{0.4 * explained.LEAST_ON_LUNGS:.1%}" in check.expected
    assert f"{ratio:.2f} times" in check.found


def test_the_end_of_the_interval_counts_not_the_figure():
    limit = 0.4 * explained.LEAST_ON_LUNGS
    for half, passed in ((0.01, True), (0.1, False)):
        found = LungHeat(films=9, area=0.4, evidence=about(limit + 0.05, half))
        assert explained._on_lungs(found).passed is passed


def heat(corners: float, ring: float, group: str = "true positive") -> GroupHeat:
    regions = tuple(
        RegionHeat(region=name, what=name, area=area, evidence=about(share, 0.01), cells=0.1, hottest=about(0.1))
        for name, area, share in (("centre", 0.49, 0.5), ("ring", 0.36, ring), ("corners", 0.09, corners))
    )
    return GroupHeat(group=group, films=50, without=0, regions=regions)


@pytest.mark.parametrize(
    ("corners", "ring", "passed"), [(0.03, 0.2, [True, True]), (0.2, 0.2, [False, True]), (0.03, 0.5, [True, False])]
)
def test_evidence_may_not_gather_in_corners_and_at_the_border(corners, ring, passed):
    others = heat(0.5, 0.9, "false positive")
    assert [check.passed for check in explained._at_the_border([others, heat(corners, ring)])] == passed


@pytest.mark.parametrize(("excess", "passed"), [(0.0, True), (-0.4, True), (1.0, False)])
def test_answers_may_not_hang_on_marks(excess, passed):
    shift = Shift(mean=about(0.1), size=about(0.2), lost=0, raised=0)
    group = PaintedOver(group="all", films=80, patients=70, marks=shift, control=shift, excess=about(excess))
    check = explained._marks(MarkerTest(films=100, marked=90, crowded=10, groups=(group,)), 10.0)
    assert check.passed is passed
    assert "on 80 films" in check.found


@pytest.mark.parametrize(("excess", "passed"), [(0.01, False), (-1.0, False), (2.0, True)])
def test_answers_have_to_hang_on_their_regions(excess, passed):
    deletions = tuple(
        Deletion(
            fill=fill,
            what=fill,
            region=about(-excess),
            control=about(0.0),
            excess=about(excess),
            more=about(0.9),
            lost=1,
            control_lost=0,
        )
        for fill in ("blurred", "typical")
    )
    found = Faithfulness(films=50, without=1, tested=49, patients=40, deletions=deletions)
    assert [check.passed for check in explained._faithful(found, 10.0)] == [passed] * 2


@pytest.mark.parametrize("steeper", [0.2, 1.0, 3.0])
def test_another_calibration_of_the_same_graph_is_judged_alike(steeper):
    """A steeper one makes all log-odds larger, strong evidence among them."""
    for excess, passed in ((0.08, True), (0.12, False)):
        shift = Shift(mean=about(0.1), size=about(0.2), lost=0, raised=0)
        group = PaintedOver(
            group="all",
            films=80,
            patients=70,
            marks=shift,
            control=shift,
            excess=about(steeper * excess, 0.01 * steeper),
        )
        found = MarkerTest(films=100, marked=90, crowded=10, groups=(group,))
        assert explained._marks(found, steeper * 10.0).passed is passed


def test_what_could_not_be_measured_has_not_been_passed():
    nothing = [
        explained._on_lungs(None),
        *explained._at_the_border([]),
        explained._marks(MarkerTest(films=3, marked=0, crowded=0, groups=()), 10.0),
        *explained._faithful(Faithfulness(films=0, without=0, tested=0, patients=0), 10.0),
    ]
    assert len({check.name for check in nothing}) == 5
    assert [(check.passed, check.found) for check in nothing] == [(False, "too few films to tell")] * 5


def test_all_is_asked_of_films(predictor, labelled):
    """Chests with an opaque lung, and a network that takes what is bright for ill. So few films tell little."""
    ill = [chest(i, opaque=True) for i in range(3)]
    healthy = [chest(i) for i in range(3)]
    films = labelled(*((1, one) for one in ill), *((0, one) for one in healthy))
    told: list[str] = []

    def progress(items, total, what):
        told.append(what)
        return items

    checks = {check.name: check for check in check_explanation(predictor, manifest(films), progress=progress)}
    assert told == ["mean film", "heat maps", "marks", "regions taken out"]
    assert {name: check.passed for name, check in checks.items()} == {
        "evidence on the lungs": True,
        "evidence in the corners": True,
        "evidence in the ring": True,
        "burnt-in marks": False,
        "faithfulness, blurred": False,
        "faithfulness, typical": False,
    }
    assert checks["burnt-in marks"].found == "too few films to tell"


def test_films_that_show_no_lungs_fail_one_line_and_end_nothing(predictor, labelled):
    """As films do that are no chests, or lie on their side."""
    films = labelled((1, np.full((24, 32), 200)), (0, np.full((24, 32), 20)))
    first, *others = check_explanation(predictor, manifest(films))
    assert (first.name, first.passed) == ("evidence on the lungs", False)
    assert "shows no lungs" in first.found
    assert len(others) == 4


def manifest(films: LabelledFilms) -> Manifest:
    return Manifest(films.root, films.films)
