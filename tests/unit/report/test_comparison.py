from __future__ import annotations

import csv
import json
import math

import msgspec
import pytest

from pneumoscope.core import PneumoscopeError
from pneumoscope.report.comparison import MEASURES, Comparison, comparison_text, write_comparison
from pneumoscope.stats.intervals import Estimate
from tests.comparisons import FIGURES, SIDE_BY_SIDE, UNDEFINED, comparison, difference, entrant, pair
from tests.unit.report.conftest import HOSTILE


def test_the_terminal_shows_the_ranking_and_the_tests():
    figures = "0.988 (0.978-0.995)   0.990 (0.974-0.998)   0.868 (0.818-0.911)   0.167 (0.115-0.227)"
    third = pair("third", wins=1200, losses=3, differences=(difference("recall", 0.04, 0.08),))
    assert comparison_text(comparison(pairs=(pair("second"), third))).splitlines() == [
        "on the same 1,624 films of 1,428 patients, 1,390 of them with the label; by AUC, with 95% intervals",
        "                           AUC                   recall                specificity           log loss",
        f" 1 first                   {figures}",
        f" 2 second                  {figures}",
        "second against first: right where the other is wrong on 0 films, wrong where it is right on 0",
        "   AUC          -0.012 (-0.020 to +0.004), p 0.032  [a test]",
        "   log loss     -0.012 (-0.020 to +0.004), p < 0.001  [a test]",
        "third against first: right where the other is wrong on 1,200 films, wrong where it is right on 3",
        "   recall       -0.012 (-0.020 to +0.004), p 0.040, 0.080 with Holm's correction  [a test]",
    ]


def test_the_measure_that_ranks_is_shown_even_if_it_is_none_of_the_usual():
    assert "Brier score" in comparison_text(comparison(ranked_by="brier"))
    assert "Brier score" not in comparison_text(comparison())


def test_side_by_side_shows_no_rank_but_the_reason():
    one = entrant("one", films=40, positive=7, metrics={"log_loss": FIGURES["log_loss"]})
    lines = comparison_text(comparison(entrants=(one, entrant("two")), **SIDE_BY_SIDE)).splitlines()
    assert lines[0] == "not ranked: the test sets differ: 3 films are shared; with 95% intervals"
    assert lines[2].split() == ["one", "-", "-", "-", "0.167", "(0.115-0.227)"]
    assert lines[3].strip() == "40 films, 7 with the label"
    assert len(lines) == 6


def test_a_figure_without_an_interval_has_no_brackets():
    one = entrant("one", metrics={"auc": Estimate(0.9, math.nan, math.nan)})
    assert "one                     0.900   " in comparison_text(comparison(entrants=(one, entrant("two"))))


def test_films_set_aside_are_told():
    text = comparison_text(comparison(entrants=(entrant("one", set_aside=12), entrant("two"))))
    assert text.count("1,624 films, 1,390 with the label, 12 more set aside") == 1


def test_the_files_hold_it_all(tmp_path):
    found = comparison(pairs=(pair("second", differences=(UNDEFINED,)),))
    write_comparison(found, tmp_path / "out")
    text = (tmp_path / "out" / "comparison.json").read_bytes()
    told = json.loads(text)
    assert (told["format"], told["schema_version"]) == ("pneumoscope-comparison", 1)
    assert told["pairs"][0]["differences"][0]["p"] is None
    plain = comparison()
    assert msgspec.json.decode(msgspec.json.encode(plain), type=Comparison) == plain
    with (tmp_path / "out" / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["rank"], row["name"], row["films"]) for row in rows] == [
        ("1", "first", "1624"),
        ("2", "second", "1624"),
    ]
    for name in MEASURES:
        numbers = [float(rows[0][name + end]) for end in ("", "_low", "_high")]
        assert numbers == pytest.approx(msgspec.structs.astuple(FIGURES[name]))


def test_the_table_of_the_unranked_has_no_ranks_and_empty_cells(tmp_path):
    one = entrant("one", metrics={})
    write_comparison(comparison(entrants=(one, entrant("two")), **SIDE_BY_SIDE), tmp_path)
    with (tmp_path / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == ["", ""]
    assert rows[0]["auc"] == rows[0]["auc_low"] == ""


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.isprintable() and name])
def test_hostile_names_stay_one_cell_and_start_no_formula(tmp_path, name):
    write_comparison(comparison(entrants=(entrant(name), entrant("two"))), tmp_path)
    with (tmp_path / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert rows[0]["name"][0] not in "=+-@"
    assert name.removeprefix("'") in rows[0]["name"]


def test_a_name_with_control_characters_does_nothing_to_the_terminal():
    text = comparison_text(comparison(entrants=(entrant("a\x1b[31m\nb"), entrant("two")), pairs=(pair("\x07"),)))
    assert text.replace("\n", "").isprintable()
    assert len(text.splitlines()) == 7
    assert comparison_text(comparison(**SIDE_BY_SIDE | {"not_ranked": "b\x1b[2J"})).replace("\n", "").isprintable()


def test_a_place_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PneumoscopeError, match="cannot write the report"):
        write_comparison(comparison(), tmp_path / "file")
