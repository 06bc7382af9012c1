from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from pneumoscope.core.document import Command, Heading, Items, Notice, Paragraph, Table, plain
from pneumoscope.report.blocks import Counts, Films, Picture
from pneumoscope.report.evaluation import EvaluationReport, LabelFigures, Subgroup
from pneumoscope.report.evaluation.sections import evaluation_document
from pneumoscope.stats.intervals import Estimate
from tests.evaluations import NAN, about, case, full_report, measured, second_answer


def sections(report):
    return {section.name: section for section in evaluation_document(report).sections}


def blocks(report, section, kind):
    return [block for block in sections(report)[section].blocks if isinstance(block, kind)]


def texts(table):
    return [tuple(plain(cell) for cell in row) for row in table.rows]


def test_every_part_has_its_section_in_order():
    assert list(sections(full_report())) == [
        *("summary", "figures", "curves", "calibration", "decision", "confusion", "certainty", "second"),
        *("prevalence", "groups", "robustness", "heat", "cases", "limits", "repeat"),
    ]


def test_a_report_of_nothing_but_what_was_measured_is_a_report():
    found = sections(EvaluationReport(measured=measured(learned_from=(), unreadable=0)))
    assert list(found) == ["limits", "repeat"]


@pytest.mark.parametrize(
    ("part", "section"),
    [
        ({"points": (), "figures": {}}, "figures"),
        ({"roc": None, "precision_recall": None}, "curves"),
        ({"reliability": ()}, "calibration"),
        ({"decision": None}, "decision"),
        ({"confusions": (), "subtypes": ()}, "confusion"),
        ({"second": ()}, "second"),
        ({"prevalences": ()}, "prevalence"),
        ({"subgroups": ()}, "groups"),
        ({"robustness": ()}, "robustness"),
        ({"heat": None}, "heat"),
        ({"missed": (), "alarms": ()}, "cases"),
    ],
)
def test_a_part_that_is_missing_has_no_section(part, section):
    everything = list(sections(full_report()))
    everything.remove(section)
    assert list(sections(full_report(**part))) == everything


def test_it_opens_with_what_was_measured():
    opening = evaluation_document(full_report()).opening
    (line,) = [plain(block.line) for block in opening if isinstance(block, Paragraph)]
    assert line == (
        "At the operating point balanced (positive from 50%), on split test of kermany. Bundle e7e7e7e7e7e7e7e7, "
        "2026-11-20."
    )
    (counts,) = [block.pairs for block in opening if isinstance(block, Counts)]
    assert counts == (("films", "624"), ("with pneumonia", "390"), ("patients", "428"), ("cannot be read", "2"))


def test_warnings_stand_beside_the_summary():
    kinds = [block.kind for block in blocks(full_report(), "summary", Notice)]
    assert kinds == ["warning", "warning"]


def test_the_chosen_operating_point_comes_first_and_all_figures_are_there():
    at_points, scored = blocks(full_report(), "figures", Table)
    assert at_points.head == ("measure", "balanced, from 50%", "screening, from 3.52%", "rule-in, from 91%")
    rows = texts(at_points)
    assert rows[2] == (
        "Recall (sensitivity)",
        *("0.990 (0.970 to 1.000)", "0.997 (0.977 to 1.000)", "0.933 (0.913 to 0.949)"),
    )
    assert rows[8:] == [
        ("Missed, of 390 with pneumonia", "4", "1", "26"),
        ("False alarms, of 234 without", "30", "51", "11"),
    ]
    assert texts(scored)[0] == ("AUC (area under the ROC curve)", "0.988 (0.978 to 0.996)")
    (rules,) = blocks(full_report(), "figures", Items)
    assert plain(rules.items[0].line) == (
        "balanced: the most sensitivity + specificity on validation. When it was chosen: sensitivity 0.965 "
        "(0.945-0.978) and specificity 0.982 (0.949-0.994) on 652 validation films."
    )


def test_a_measure_that_one_point_lacks_is_not_measured_there():
    report = full_report()
    points = (report.points[1], type(report.points[0])(name="bare", threshold=0.1, rule="", figures={}))
    table, _ = blocks(full_report(points=points), "figures", Table)
    assert {row[2] for row in texts(table)} == {"not measured"}


def test_kinds_and_prevalences_are_told_in_per_cent():
    (kinds,) = blocks(full_report(), "confusion", Table)
    assert texts(kinds)[1] == ("viral", "148", "145", "98.0% (95.0% to 100%)")
    (prevalences,) = blocks(full_report(), "prevalence", Table)
    assert [row[0] for row in texts(prevalences)] == ["1%", "5%", "10%", "20%", "50%"]
    (words,) = blocks(full_report(), "prevalence", Paragraph)
    assert "62.5% show pneumonia" in plain(words.line)


def test_small_groups_are_grey_and_named_so():
    groups = (
        Subgroup("sex", "F", 200, 90, about(0.9), about(0.8), about(0.7)),
        Subgroup("view", "PA", 9, 9, None, about(0.9, 0.3), Estimate(NAN, NAN, NAN), few=True),
    )
    figures, differences = blocks(full_report(subgroups=groups), "groups", Table)
    assert figures.muted == {1}
    assert texts(figures)[1][:4] == ("view: PA (few films)", "9", "9", "not measured")
    assert texts(figures)[1][5] == "not defined"
    assert texts(differences) == [("sex", "Recall (sensitivity)", "370", "0.21", "0.84")]


def test_robustness_and_heat_have_their_figures():
    (table,) = blocks(full_report(), "robustness", Table)
    assert len(table.rows) == 15
    assert [row[:2] for row in texts(table)[:2]] == [("noise", "0"), ("noise", "0.02")]
    (units,) = blocks(full_report(), "robustness", Paragraph)
    assert plain(units.line) == "Strengths. noise: share of the grey range."
    assert texts(table)[0][5] == "0%"
    (curves,) = blocks(full_report(), "robustness", Picture)
    assert plain(curves.caption).startswith("200 of the 624 films changed in one way")
    shares, blanked, marks, deletions = blocks(full_report(), "heat", Table)
    assert texts(deletions) == [
        (
            *("the film itself", "386", "-0.700 (-0.720 to -0.680)", "-0.300 (-0.320 to -0.280)"),
            *("0.400 (0.380 to 0.420)", "81.0% (79.0% to 82.6%)"),
        )
    ]
    assert texts(shares)[0][:3] == ("true positives", "386", "71.0% (69.0% to 72.6%)")
    assert texts(blanked)[0][0] == "the middle 70% each way"
    assert texts(marks)[0][4] == "0.190 (-0.020 to 0.400)"


def test_the_worst_films_are_shown_with_their_heat():
    missed, alarms = blocks(full_report(), "cases", Films)
    assert [len(missed.cards), len(alarms.cards)] == [4, 6]
    card = missed.cards[0]
    assert card.title == "kermany224/test/P…ength/person1_virus_1.jpeg"
    assert [plain(line) for line in card.lines] == [
        "Probability 2.0%. Stated: pneumonia, viral.",
        "Doubt: The film is small.",
        "sha256 0101010101010101",
    ]
    assert card.heat_alt == "Heat map: highest in the upper right of the picture, 90.0% of the scale"
    film, heat = (Image.open(io.BytesIO(data)) for data in (card.picture, card.heat))
    assert film.size == heat.size == card.size == (180, 140)
    assert (film.mode, heat.mode) == ("L", "RGB")
    said = [plain(block.line) for block in blocks(full_report(), "cases", Paragraph)]
    assert said[1:] == [
        "4, lowest probability first, no patient twice.",
        "6 of 30, highest probability first, no patient twice.",
    ]
    assert [block.text for block in blocks(full_report(), "cases", Heading)] == ["Missed pneumonia", "False alarms"]


def test_a_film_may_have_no_picture_or_no_heat():
    without, bare = blocks(
        full_report(missed=(case(1, pixels=None), case(2, heatmap=None)), alarms=()), "cases", Films
    )[0].cards
    assert without.picture is None
    assert without.heat is None
    assert bare.picture is not None
    assert bare.heat is None


def test_large_films_are_made_small():
    (films,) = blocks(full_report(missed=(case(1, pixels=np.zeros((900, 1200), np.uint8)),), alarms=()), "cases", Films)
    assert films.cards[0].size == (320, 240)


def test_it_says_how_to_get_the_same_again():
    report = full_report(measured=measured(read_from="prepared films"), command="pneumoscope evaluate --x")
    (facts,) = blocks(report, "repeat", Table)
    assert ("Bundle SHA-256", "e7" * 32) in texts(facts)
    assert ("Manifest SHA-256", "9c" * 32) in texts(facts)
    assert ("Read from", "prepared films") in texts(facts)
    assert dict(texts(facts))["Further intervals"].endswith("heat: 95%; Wilson's score interval by patients")
    (command,) = blocks(report, "repeat", Command)
    assert command.text == "pneumoscope evaluate --x"
    assert blocks(full_report(command=""), "repeat", Command) == []


def test_every_label_of_several_has_its_figures_and_the_first_is_named():
    figures = {"auc": about(0.9), "recall": about(0.8)}
    labels = (LabelFigures("pneumonia", 624, 390, figures), LabelFigures("effusion", 1200, 60, {}))
    tables = blocks(full_report(labels=labels, choice={"macro_auc": about(0.7)}), "figures", Table)
    each, choice = tables[2:]
    assert each.title.endswith("all else in this report is about pneumonia")
    intervals = ("0.900 (0.880 to 0.916)", "0.800 (0.780 to 0.816)")
    assert texts(each)[0][:5] == ("pneumonia", "624", "390", *intervals)
    assert texts(each)[1] == ("effusion", "1,200", "60", *["not measured"] * 4)
    assert texts(choice) == [("macro auc", "0.700 (0.680 to 0.716)")]


def test_it_says_for_which_films_the_probabilities_hold():
    (curves,) = blocks(full_report(measured=measured(holds_at=0.25)), "calibration", Picture)
    said = plain(curves.caption)
    assert "Its probabilities hold for films of which 25% show pneumonia. Of the films here 62.5% do." in said


def test_what_the_bundle_is_for_and_not_for_is_told():
    assert [block.text for block in blocks(full_report(), "limits", Heading)] == [
        "What the bundle says it is for",
        "What the bundle says it is not for",
    ]


def test_no_answer_is_called_ill_or_healthy():
    """A no says nothing of anything but the finding."""
    document = evaluation_document(full_report(exclusions=(), intended_use=""))
    everything = [block for section in document.sections for block in section.blocks]
    said = " ".join(str(block) for block in everything if not isinstance(block, Films))
    assert not re.search(r"\b(ill|healthy|sick|diseased)\b", said)


def test_pictures_say_in_words_what_they_show():
    document = evaluation_document(full_report())
    alts = [block.alt for section in document.sections for block in section.blocks if isinstance(block, Picture)]
    assert len(alts) == 8
    assert "operating points marked: balanced, screening" in alts[0]
    assert "4 pneumonia read as no pneumonia" in alts[3]


def test_films_without_the_finding_have_a_report_too():
    report = full_report(measured=measured(films=5, positives=0))
    assert "curves" in sections(report)


def test_a_second_answer_is_told_with_the_recall_of_either_kind():
    alone, whole = blocks(full_report(), "second", Table)
    rows = dict(texts(alone))
    assert rows["Recall of bacterial"] == "0.910 (0.890 to 0.926)"
    assert rows["Recall of viral"] == "0.800 (0.780 to 0.816)"
    assert rows["Calibration error (lower is better)"] == "not measured"
    assert rows["Told, and not left at 'not sure which'"] == "61.0% (59.0% to 62.6%)"
    assert dict(texts(whole))["macro auc"] == "0.950 (0.930 to 0.966)"
    said = " ".join(plain(block.line) for block in blocks(full_report(), "second", Paragraph))
    assert "the 390 films that have pneumonia and of which it is stated which" in said
    assert "tell one of no pneumonia, bacterial, viral, of 624 films" in said
    assert "Where a reading says 'not sure which', the kind on whose side" in said
    (tables,) = blocks(full_report(), "second", Picture)
    assert "30 viral read as bacterial" in tables.alt


def test_a_second_answer_that_says_nothing_of_certainty_has_no_rows_for_it():
    report = full_report(second=(second_answer(certainty=None),))
    assert not [block for block in blocks(report, "second", Paragraph) if "not sure" in plain(block.line)]
    alone, _ = blocks(report, "second", Table)
    assert not [row for row in texts(alone) if "sure" in row[0]]


def test_the_summary_is_about_the_first_answer_alone():
    """What is said in plain words must not be outshouted by a lesser answer."""
    assert blocks(full_report(), "summary", Items) == blocks(full_report(second=()), "summary", Items)
