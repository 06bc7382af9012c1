from __future__ import annotations

import math

import pytest

from pneumoscope.core.document import plain
from pneumoscope.report.evaluation import EvaluationReport, Perturbed, Subgroup, SubtypeRecall, words
from pneumoscope.report.measure_names import name_of, ordered
from pneumoscope.stats.intervals import Estimate
from tests.evaluations import NAN, about, full_report, measured


def said(lines):
    return [plain(line) for line in lines]


def summary(**changes):
    return said(words.summary(full_report(**changes)))


def warnings(**changes):
    options = {"unreadable": 0, "learned_from": ()} | changes
    return said(words.warnings(EvaluationReport(measured=measured(**options))))


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.9439, 0.9218, 0.9629), "0.944 (0.922 to 0.963)"),
        (Estimate(-0.011, -0.015, -0.007), "-0.011 (-0.015 to -0.007)"),
        (Estimate(0.5, NAN, NAN), "0.500"),
        (Estimate(NAN, 0.0, 1.0), "not defined"),
        (None, "not measured"),
    ],
)
def test_a_figure_as_it_was_measured(estimate, text):
    assert words.figure(estimate) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "100"),
        (0.87, "87"),
        (0.9974, "99.7"),
        (0.99996, "more than 99.99"),
        (0.9999, "99.99"),
        (0.003, "0.3"),
        (0.00001, "fewer than 0.01"),
    ],
)
def test_of_100_never_says_none_or_all_falsely(value, text):
    assert words.of_100(Estimate(value, NAN, NAN)) == text


def test_shares_never_say_none_or_all_falsely():
    assert words.share(Estimate(0.9999, 0.99, 1.0)) == ">99.9% (99.0% to 100%)"
    assert words.share(Estimate(0.0, 0.0, 0.0001)) == "0% (0% to <0.1%)"


def test_the_summary_is_made_of_the_figures():
    found = summary()
    assert found[0] == "Of 100 films with pneumonia the model finds 99 (97 to 100). Of the 390 here it missed 4."
    # specificity 0.871, 0.851 to 0.887
    assert found[1] == "Of 100 films without pneumonia, 13 (11 to 15) raise a false alarm. Of the 234 here 30 did."
    assert found[2].endswith("the higher probability 99 (98 to 99.6) times of 100.")
    assert found[3] == (
        "By kind, it finds of 100 bacterial films 99.6 (99 to 100), here 241 of 242; of 100 viral films 98 (95 to "
        "100), here 145 of 148."
    )
    assert found[4].startswith(
        "If it did as well where 10 of 100 films show pneumonia, then of 100 that it answers yes to 43 (37 to 48) "
        "would show it, and of 100 that it answers no to 99.8"
    )
    assert "differs from it by 4 (3 to 5) points of 100 on average." in found[5]
    assert found[5].endswith("for films of which 50% show pneumonia. Of the films here 62.5% do.")
    assert "is age: 1 to 2 years, with 97 (96 to 98) of 100." in found[6]
    assert found[7].startswith(
        "Of the changes to films that were tried, noise at 0.1 (share of the grey range) turns most "
        "decisions: 9 (7 to 11) of 100."
    )


def test_it_follows_the_operating_point():
    found = summary(measured=measured(operating_point="rule-in"))
    assert found[0] == "Of 100 films with pneumonia the model finds 93 (91 to 95). Of the 390 here it missed 26."


def test_it_says_nothing_of_what_was_not_measured():
    assert words.summary(EvaluationReport(measured=measured())) == []
    nothing = Estimate(NAN, NAN, NAN)
    figures = {"auc": nothing, "calibration_error": nothing}
    assert len(summary(figures=figures, subtypes=(), prevalences=(), subgroups=(), robustness=())) == 2


def test_the_weakest_group_is_one_with_enough_films():
    groups = tuple(
        Subgroup("site", name, 200, 90, None, about(recall), None, few=few)
        for name, recall, few in (("A", 0.9, False), ("B", 0.8, False), ("C", 0.1, True))
    )
    (line,) = [line for line in summary(subgroups=groups) if "groups" in line]
    assert "Of 2 groups" in line
    assert "is site: B, with 80" in line
    assert not [line for line in summary(subgroups=groups[1:]) if "groups" in line]


def test_the_worst_change_is_the_one_that_turns_most_decisions():
    rows = tuple(Perturbed(kind, "2", changed=about(share)) for kind, share in (("blur", 0.2), ("noise", 0.1)))
    (line,) = [line for line in summary(robustness=rows) if "changes to films" in line]
    assert "blur at 2 turns most decisions: 20" in line


def test_kinds_that_are_not_defined_are_left_out():
    kinds = (SubtypeRecall("viral", 0, 0, Estimate(NAN, 0.0, 1.0)), SubtypeRecall("bacterial", 9, 9, about(0.9)))
    assert not [line for line in summary(subtypes=kinds) if line.startswith("By kind")]


def test_a_missing_class_is_a_warning():
    (line,) = warnings(films=390, positives=390)
    assert line.startswith("No film without pneumonia")
    (line,) = warnings(films=234, positives=0)
    assert line.startswith("No film with pneumonia")


def test_few_films_are_a_warning_that_says_what_one_is_worth():
    (line,) = warnings(films=440, positives=400)
    assert line == (
        "Only 40 films without pneumonia: each is 2.5 points of 100 of specificity. "
        "Read the intervals, not the figures."
    )
    assert len(warnings(films=2, positives=1)) == 2
    assert warnings(films=200, positives=100) == []


def test_where_films_come_from_is_a_warning_either_way():
    (same,) = warnings(sources=("kermany",), learned_from=("kermany",))
    assert "flatter" in same
    (other,) = warnings(sources=("nih",), learned_from=("kermany", "rsna"))
    assert other.startswith("The network learned from films of kermany and rsna, not of nih:")
    assert len(warnings(sources=("nih", "kermany"), learned_from=("kermany",))) == 2
    assert warnings(sources=("nih",), learned_from=()) == []


@pytest.mark.parametrize(("number", "start"), [(1, "1 film could not be read and is"), (3, "3 films could not be")])
def test_unreadable_films_are_a_warning(number, start):
    (line,) = warnings(unreadable=number)
    assert line.startswith(start)


@pytest.mark.parametrize(("split", "start"), [("train", "Films of split train"), ("val", "Films of split val")])
def test_films_that_had_a_say_in_the_bundle_are_a_warning(split, start):
    known = {"sources": ("kermany",), "learned_from": ("kermany",)}
    assert warnings(split=split, **known)[0].startswith(start)
    assert len(warnings(split=split, **known)) == len(warnings(split="test", **known)) + 1
    assert not [line for line in warnings(split=split, sources=("nih",), learned_from=("kermany",)) if start in line]


def test_few_patients_are_a_warning():
    (line,) = warnings(patients=29)
    assert line == "Only 29 patients: intervals that are made by drawing patients are too narrow."
    assert warnings(patients=30) == []


def test_the_callers_warnings_come_too():
    report = full_report(warnings=("These films are of adults.",))
    assert said(words.warnings(report))[-1] == "These films are of adults."


def test_what_was_not_measured_is_said():
    assert not [line for line in said(words.limits(full_report())) if line.startswith("Not measured")]
    missing = said(words.limits(full_report(robustness=(), heat=None)))[-1]
    assert missing == "Not measured here: films of poorer quality and where the heat lies."


def test_measures_come_in_one_order_and_unknown_ones_last():
    assert ordered(["weird_one", "auc", "recall", "accuracy"]) == ["accuracy", "recall", "auc", "weird_one"]
    assert name_of("weird_one") == "weird one"


def test_the_rest_of_a_share_keeps_its_interval():
    rest = words.rest(Estimate(0.871, 0.851, 0.887))
    assert (rest.value, rest.low, rest.high) == pytest.approx((0.129, 0.113, 0.149))
    assert math.isnan(words.rest(Estimate(NAN, 0.0, 1.0)).value)
