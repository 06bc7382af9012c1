from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pneumoscope.data.audit.bias import shift, shortcuts
from pneumoscope.stats.intervals import Estimate
from tests.phantoms import case, film, put, ward


def aucs(finding) -> dict[str, Estimate]:
    return {one.what: Estimate(value=one.value, low=one.low, high=one.high) for one in finding.figures}


def test_brightness_that_gives_the_class_away_is_a_warning(tmp_path):
    films = ward(tmp_path, greys={("train", 1): 0.65, ("test", 1): 0.65})
    (finding,) = shortcuts(case(tmp_path, films))
    assert (finding.code, finding.severity) == ("shortcuts", "warning")
    told = aucs(finding)
    assert told["AUC of brightness, train"].value > 0.95
    assert told["AUC of brightness, test"].value > 0.95
    assert told["AUC of texture, train"].low < 0.7
    assert finding.figures[0].value == max(figure.value for figure in finding.figures if "train" in figure.what)
    assert f"AUC {finding.figures[0].value:.2f}" in finding.title


def test_the_auc_of_a_half_hidden_shortcut_is_that_of_the_grey_itself(tmp_path):
    """Of the groups, brightness holds the mean grey; its AUC cannot be far from that of the mean grey alone."""
    rng = np.random.default_rng(3)
    films = []
    for i in range(240):
        label = i % 2
        grey = float(rng.normal(0.5 + 0.04 * label, 0.05))
        split = "train" if i < 160 else "test"
        films.append(put(tmp_path, f"{i}.png", film(i, grey), label=label, split=split))
    found = case(tmp_path, films)
    (finding,) = shortcuts(found)
    mean = found.survey.columns("mean")[:, 0]
    for split in ("train", "test"):
        chosen = found.splits == split
        expected = roc_auc_score(found.labels[chosen], mean[chosen])
        assert 0.65 < expected < 0.85
        assert aucs(finding)[f"AUC of brightness, {split}"].value == pytest.approx(expected, abs=0.05)


def test_a_planted_marker_is_a_shortcut_of_its_own(tmp_path):
    films = ward(tmp_path)
    found = case(tmp_path, films)
    rows = np.array(found.survey.rows)
    rows["markers"] = found.labels
    (finding,) = shortcuts(replace(found, survey=replace(found.survey, rows=rows)))
    assert aucs(finding)["AUC of markers, train"].value == 1
    assert aucs(finding)["AUC of all measurements, test"].value > 0.9


def test_what_the_header_says_is_a_shortcut_too(tmp_path):
    films = [replace(one, view="AP" if one.label else "PA", age=40.0 + one.label) for one in ward(tmp_path)]
    (finding,) = shortcuts(case(tmp_path, films))
    assert aucs(finding)["AUC of view, sex and age, test"].value == 1
    assert "view, sex and age" in finding.title


def test_ages_may_be_missing(tmp_path):
    films = [replace(one, age=None if i % 3 else 40.0 + one.label) for i, one in enumerate(ward(tmp_path))]
    (finding,) = shortcuts(case(tmp_path, films))
    assert 0.55 < aucs(finding)["AUC of view, sex and age, train"].value < 0.95


def test_the_source_is_a_shortcut_where_each_class_has_its_own(tmp_path):
    films = [replace(one, source=f"hospital {one.label}") for one in ward(tmp_path)]
    (finding,) = shortcuts(case(tmp_path, films))
    assert aucs(finding)["AUC of the source, train"].value == 1


def test_films_that_cannot_be_read_or_have_no_label_are_left_out(tmp_path):
    films = ward(tmp_path)
    films.append(put(tmp_path, "broken.png", b"no film", label=1))
    films.append(put(tmp_path, "open.png", film(9), label=None))
    found = case(tmp_path, films)
    (finding,) = shortcuts(found)
    assert {figure.films for figure in finding.figures} == {48}
    assert len(shift(found)) == 2


def test_facts_that_are_the_same_in_all_films_are_not_told(tmp_path):
    (finding,) = shortcuts(case(tmp_path, ward(tmp_path)))
    assert not {"size", "colour container", "markers", "the source"} & {
        figure.what.removeprefix("AUC of ").partition(",")[0] for figure in finding.figures
    }


@pytest.mark.parametrize("patients", [1, 4])
def test_too_few_patients_to_look_for_shortcuts_and_shifts(tmp_path, patients):
    found = case(tmp_path, ward(tmp_path, patients))
    assert shortcuts(found) is None
    assert shift(found) is None


def test_one_class_has_no_shortcut(tmp_path):
    assert shortcuts(case(tmp_path, [one for one in ward(tmp_path) if one.label])) is None


def test_a_planted_shift_of_one_class_is_found_in_that_class(tmp_path):
    warning, note = shift(case(tmp_path, ward(tmp_path, greys={("test", 0): 0.35})))
    assert (warning.code, warning.severity) == ("shift-train-test-no-pneumonia", "warning")
    assert (note.code, note.severity) == ("shift-train-test-pneumonia", "note")
    assert warning.figures[0].value > 0.95
    assert warning.figures[0].films == 48
    assert "mean (less in test: d -" in warning.meaning
    assert warning.title.startswith("Films of train and test without pneumonia differ: told apart with AUC ")
    assert note.title.startswith("Films of train and test with pneumonia are alike")
    assert note.remedy == "Nothing."


def test_a_shift_of_pneumonia_is_told_with_its_direction(tmp_path):
    warning, _ = shift(case(tmp_path, ward(tmp_path, greys={("test", 1): 0.6})))
    assert warning.code == "shift-train-test-pneumonia"
    assert "mean (more in test: d +" in warning.meaning
    assert warning.title.startswith("Films of train and test with pneumonia differ")


def test_three_splits_are_compared_two_by_two(tmp_path):
    films = ward(tmp_path)
    films += [replace(one, split="val") for one in ward(tmp_path / "more")]
    films = [replace(one, path=f"{'more/' if one.split == 'val' else ''}{one.path}", label=1) for one in films]
    found = shift(case(tmp_path, films))
    assert sorted(finding.code for finding in found) == [
        f"shift-{pair}-pneumonia" for pair in ("train-test", "train-val", "val-test")
    ]
