from __future__ import annotations

import base64
import re

import pytest

from pneumoscope.core import PneumoscopeError
from pneumoscope.report.text import one_line
from pneumoscope.report.tune_page import Axis, SearchReport, Trial, write_search_page
from tests.unit.report.conftest import HOSTILE
from tests.unit.report.test_html import Page

AXES = {"optimisation.optimiser": Axis(choices=("adamw", "sgd")), "optimisation.rate": Axis(log=True)}


def trial(number, value, state="complete", rate=1e-3, **more):
    values = {"optimisation.optimiser": "sgd", "optimisation.rate": rate}
    options = {"epochs": 4, "minutes": 1.5, "values": values, "run": f"run{number}"} | more
    return Trial(number, state, value, **options)


@pytest.fixture
def write(tmp_path):
    def _write(*trials, **changes):
        about = {
            "recipe": "small",
            "recipe_digest": "ab" * 32,
            "manifest_digest": "cd" * 32,
            "objective": "val_loss",
            "minimise": True,
            "seed": 7,
            "films": 1200,
            "patients": 310,
            "axes": AXES,
            "importances": {},
            "why_none": "Too few.",
        }
        write_search_page(SearchReport(trials=trials, **(about | changes)), tmp_path / "report.html")
        return Page((tmp_path / "report.html").read_text(encoding="utf-8"))

    return _write


def pictures(page):
    return [base64.b64decode(one["src"].partition(",")[2]).decode() for one in page.all("img")]


def points(picture):
    """How many markers each scatter of a picture has; matplotlib numbers them, and draws each marker as a use of its
    shape, but for the circle around the best."""
    groups = re.findall(r'id="PathCollection_\d+">(.*?)</g>', picture, re.DOTALL)
    return [group.count("<use ") for group in groups]


def test_the_page_says_what_was_measured_on_which_films(write):
    text = write(trial(1, 0.5)).text
    assert "Search around small" in text
    assert "Objective val_loss, lower is better, measured on the same 1,200 validation films of 310 patients" in text
    assert "seed 7" in text
    assert "optimistic" in text
    assert "Test films were not looked at." in text


@pytest.mark.parametrize(("minimise", "best"), [(True, 3), (False, 1)])
def test_the_best_trial_is_the_best_complete_one(write, minimise, best):
    trials = [trial(1, 0.9), trial(2, 0.5), trial(3, 0.4), trial(4, 0.4), trial(5, 0.01, "pruned")]
    page = write(*trials, trial(6, 2, "pruned"), trial(7, None, "failed"), minimise=minimise)
    value = f"{trials[best - 1].value:.4f}"
    assert f"Trial {best}: val_loss {value} . Its recipe is best.toml, its run trials/run{best}" in page.text
    assert "chosen among 6 trials" in page.text
    assert "complete 4 pruned 2 failed 1" in page.text
    assert f"{best} complete best {value}" in page.text
    assert page.text.count("complete best") == 1


def test_every_trial_has_a_row_with_what_it_had(write):
    page = write(
        trial(1, 0.5, rate=0.0012345678),
        trial(2, 0.75, "pruned", minutes=None, epochs=2),
        trial(3, None, "failed", minutes=None, epochs=1, message="diverged in epoch 2"),
        trial(4, None, "failed", minutes=None, epochs=0, values={}, run="", message="no such values"),
    )
    assert "trial state val_loss epochs minutes optimisation.optimiser optimisation.rate run" in page.text
    assert "1 complete best 0.5000 4 1.5 sgd 0.001235 run1" in page.text
    assert "2 pruned 0.7500 2 sgd 0.001 run2" in page.text
    assert "3 failed diverged in epoch 2 1 sgd 0.001 run3" in page.text
    assert "4 failed no such values 0" in page.text
    tags = [one["class"] for one in page.all("span") if "tag" in one.get("class", "")]
    assert tags == ["tag note", "tag warning", "tag error", "tag error"]


def test_trials_are_drawn_in_order_and_by_each_key(write):
    """Those that failed have no value to draw; the best one has a circle."""
    page = write(trial(1, 0.5), trial(2, 0.6, rate=1e-2), trial(3, 0.7, "pruned"), trial(4, None, "failed"))
    history, scatter = pictures(page)
    assert points(history)[:2] == [2, 1]
    assert points(scatter)[:5] == [2, 1, 0, 2, 1]


def test_values_far_off_do_not_flatten_the_others(write):
    """All but one lie within 0.1: they take most of the height."""
    values = [0.40, 0.42, 0.44, 0.46, 0.5, 1e12]
    history, _ = pictures(write(*[trial(i, value) for i, value in enumerate(values, start=1)]))
    group = re.search('id="PathCollection_1".*?</g>', history, re.DOTALL)[0]
    heights = [float(y) for y in re.findall(r'<use [^>]* y="([\d.]+)"', group)]
    assert len(heights) == 6
    assert heights[0] - heights[4] > 0.6 * (heights[0] - heights[5])


@pytest.mark.parametrize("values", [(0.5,), (0.5, 0.5), (0.0, 0.0, 1.0), (1.0, 1.0, 1.0, 0.5)])
def test_a_few_equal_values_can_be_drawn(write, values):
    for minimise in (True, False):
        page = write(*[trial(i, value) for i, value in enumerate(values, start=1)], minimise=minimise)
        assert points(pictures(page)[0])[0] == len(values)


def test_importances_are_drawn_or_their_absence_explained(write):
    shares = {"optimisation.rate": 0.75, "optimisation.optimiser": 0.25}
    assert "What mattered Too few." in write(trial(1, 0.5)).text
    page = write(trial(1, 0.5), importances=shares)
    assert "Too few." not in page.text
    assert "PED-ANOVA" in page.text
    assert len(page.all("img")) == 3


def test_a_search_without_complete_trials_has_a_page(write):
    assert "No trial is complete yet." in write().text
    page = write(trial(1, None, "failed", message="no memory"))
    assert "No trial is complete yet." in page.text
    assert "1 failed no memory" in page.text
    assert not page.all("img")


def test_text_from_outside_is_shown_and_never_acted_on(write, tmp_path):
    axes = {text: Axis(choices=(text, "other")) for text in HOSTILE}
    chosen = trial(1, 0.5, values={text: text for text in HOSTILE})
    failed = [trial(i, None, "failed", values={}, run=text, message=text) for i, text in enumerate(HOSTILE, start=2)]
    page = write(chosen, *failed, axes=axes, recipe=HOSTILE[0])
    for text in HOSTILE:
        assert " ".join(one_line(text).split()) in page.text
    assert len(page.all("script")) == 1
    assert not [one for one in page.elements if any(name.startswith("on") for name in one[1])]
    assert " style=" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written_is_named(write, tmp_path):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(PneumoscopeError, match="cannot write the report"):
        write(trial(1, 0.5))
