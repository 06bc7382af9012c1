from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.data.audit.case import Case
from pneumoscope.data.audit.files import burnt_in_markers, colour_containers, row_notes, unreadable
from pneumoscope.data.survey import Survey
from tests.helpers import picture
from tests.phantoms import case, film, phantom, put


def colour(seed: int) -> bytes:
    """A grey film in a colour file."""
    return picture(np.repeat(phantom(seed)[..., np.newaxis], 3, axis=2))


def with_marks(found: Case, marks: list[int]) -> Case:
    """As if the detector had found so many marks on each film."""
    rows = np.array(found.survey.rows)
    rows["markers"] = marks
    return Case(Survey(found.survey.listing, rows), {}, 0, 20)


def figures(finding):
    return {figure.what: (figure.value, figure.films) for figure in finding.figures}


def test_films_that_cannot_be_read_are_named_with_the_reason(tmp_path):
    films = [put(tmp_path, f"{i}.png", film(i)) for i in range(2)]
    films.append(put(tmp_path, "text.png", b"not a film"))
    films.append(put(tmp_path, "cut.png", film(3)[:200]))
    films.append(put(tmp_path, "gone.png", film(4)))
    (tmp_path / "gone.png").unlink()
    found = case(tmp_path, films)
    (finding,) = unreadable(found)
    assert (finding.code, finding.severity, finding.action) == ("unreadable", "error", "drop")
    assert finding.groups == (("text.png",), ("cut.png",), ("gone.png",))
    assert finding.title == "3 films cannot be read"
    assert "there is no such file" in finding.remarks[2]
    assert all(finding.remarks)


def test_sound_files_give_no_finding(tmp_path):
    found = case(tmp_path, [put(tmp_path, f"{i}.png", film(i)) for i in range(3)])
    for check in (unreadable, row_notes, colour_containers, burnt_in_markers):
        assert check(found) == []


def test_colour_files_that_are_as_frequent_in_both_classes_are_a_note(tmp_path):
    films = [put(tmp_path, f"{i}.png", (colour if i < 4 else film)(i), label=i % 2) for i in range(10)]
    (finding,) = colour_containers(case(tmp_path, films))
    assert (finding.severity, finding.action) == ("note", "")
    assert finding.title.startswith("4 of 10 films")
    assert [path for (path,) in finding.groups] == [f"{i}.png" for i in range(4)]
    assert figures(finding) == {"share of train, pneumonia": (0.4, 5), "share of train, no pneumonia": (0.4, 5)}


def test_colour_files_in_one_class_are_a_warning(tmp_path):
    films = [put(tmp_path, f"{i}.png", (colour if i % 5 == 0 else film)(i), label=int(i < 10)) for i in range(20)]
    films += [put(tmp_path, f"test{i}.png", film(50 + i), label=i % 2, split="test") for i in range(2)]
    films = [one for one in films if one.path not in ("10.png", "15.png")]
    (finding,) = colour_containers(case(tmp_path, films))
    assert finding.severity == "warning"
    assert figures(finding) == {
        "share of train, pneumonia": (0.2, 10),
        "share of train, no pneumonia": (0.0, 8),
        "share of test, pneumonia": (0.0, 1),
        "share of test, no pneumonia": (0.0, 1),
    }


def test_where_all_films_are_in_colour_files_none_is_named(tmp_path):
    films = [put(tmp_path, f"{i}.png", colour(i), label=i % 2) for i in range(4)]
    films.append(put(tmp_path, "broken.png", b"no film"))
    (finding,) = colour_containers(case(tmp_path, films))
    assert finding.title.startswith("4 of 4 films")
    assert (finding.severity, finding.groups, finding.figures) == ("note", (), ())


@pytest.mark.parametrize(("marks", "severity"), [([1, 1, 0, 0], "note"), ([2, 0, 1, 0], "warning")])
def test_marks_are_a_warning_where_they_tell_the_class(tmp_path, marks, severity):
    films = [put(tmp_path, f"{i}.png", film(i), label=1 - i % 2) for i in range(4)]
    (finding,) = burnt_in_markers(with_marks(case(tmp_path, films), marks))
    assert (finding.code, finding.severity) == ("burnt-in-markers", severity)
    assert finding.title == "Marks are burnt into at least 2 of 4 films"
    shares = {"note": (0.5, 0.5), "warning": (1.0, 0.0)}[severity]
    assert [figure.value for figure in finding.figures] == list(shares)


def test_notes_of_the_source_are_passed_on(tmp_path):
    films = [put(tmp_path, f"{i}.png", film(i)) for i in range(2)]
    films.append(put(tmp_path, "odd.png", film(3), note="its name says viral pneumonia"))
    films.append(put(tmp_path, "gone.png", b"", digest="", note="cannot be opened"))
    (finding,) = row_notes(case(tmp_path, films))
    assert (finding.groups, finding.remarks) == ((("odd.png",),), ("its name says viral pneumonia",))
    assert finding.title.startswith("1 row has")
