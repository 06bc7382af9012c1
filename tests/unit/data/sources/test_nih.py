from __future__ import annotations

import shutil

import pytest

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Box, Film
from pneumoscope.data.sources import index
from tests.contract.source_fixtures import BOX_COLUMNS, NIH_COLUMNS, films_in, nih, nih_row, write_film, write_table

A, B, C = "00000001_000.png", "00000001_001.png", "00000013_005.png"


def table(root, *rows, columns=NIH_COLUMNS):
    return write_table(root / "Data_Entry_2017.csv", columns, rows)


def test_films_are_listed_with_all_that_is_said_of_them(tmp_path):
    found = index(nih(tmp_path))
    digests = [film.digest for film in found.films]
    kept = {"subtype": "", "source": "nih"}
    assert found.notes == ()
    assert found.films == (
        Film(
            path=f"images_001/images/{A}",
            digest=digests[0],
            patient="1",
            label=1,
            split="train",
            findings=("Cardiomegaly", "Pneumonia"),
            view="PA",
            age=58.0,
            sex="M",
            boxes=(Box(225.1, 547.0, 86.8, 79.2), Box(1, 2, 3, 4)),
            **kept,
        ),
        Film(
            path=f"images_001/images/{B}",
            digest=digests[1],
            patient="1",
            label=0,
            split="train",
            view="PA",
            age=58.0,
            **kept,
        ),
        Film(
            path=f"images_002/images/{C}",
            digest=digests[2],
            patient="13",
            label=None,
            split="test",
            findings=("Infiltration",),
            view="AP",
            note="age '414' cannot be",
            **kept,
        ),
    )


def test_a_table_alone_will_do(tmp_path):
    """The first table, its other word for the sex, and all films in one folder."""
    columns = [name.replace("Gender", "Sex") for name in NIH_COLUMNS]
    table(tmp_path, nih_row(A, "No Finding", **{"Patient Sex": "F"}), columns=[*columns, ""])
    (film,) = index(films_in(tmp_path, f"images/{A}")).films
    assert (film.label, film.split, film.sex, film.age, film.boxes) == (0, "", "F", None, ())


@pytest.mark.parametrize(
    ("findings", "label"),
    [("Pneumonia", 1), ("Edema|Pneumonia", 1), ("No Finding", 0), ("Consolidation|Infiltration", None), ("", None)],
)
def test_other_findings_than_pneumonia_state_no_label(tmp_path, findings, label):
    table(tmp_path, nih_row(A, findings))
    assert index(films_in(tmp_path, f"images/{A}")).films[0].label == label


def test_absent_and_strange_films_are_told_of_and_not_listed(tmp_path):
    root = nih(tmp_path)
    shutil.rmtree(root / "images_002")
    write_film(root / "images_001" / "images" / "00000099_000.png")
    found = index(root)
    assert [film.path.rpartition("/")[2] for film in found.films] == [A, B]
    assert found.notes == (
        "1 of 3 films in Data_Entry_2017_v2020.csv are not in the folder and are not listed",
        "1 films in the folder are not in Data_Entry_2017_v2020.csv and are not listed",
    )


def test_no_film_at_all_is_refused_with_the_reason(tmp_path):
    table(tmp_path, nih_row(A, "No Finding"))
    with pytest.raises(ManifestError, match=r"found none; 1 of 1 films in .* are not in the folder"):
        index(tmp_path)


def test_other_folders_of_pictures_are_left_alone(tmp_path):
    table(tmp_path, nih_row(A, "Pneumonia"))
    found = index(films_in(tmp_path, f"images_012/images/{A}", f"images_224/{A}", f"images-small/{A}", f"x/{A}"))
    assert [film.path for film in found.films] == [f"images_012/images/{A}"]
    assert found.notes == ()


def test_two_films_of_one_name_are_refused(tmp_path):
    table(tmp_path, nih_row(A, "Pneumonia"))
    with pytest.raises(ManifestError, match=f"two films are called {A}"):
        index(films_in(tmp_path, f"images_001/images/{A}", f"images_002/images/{A}"))


def test_a_line_that_comes_twice_counts_once_unless_it_contradicts(tmp_path):
    root = films_in(tmp_path, f"images/{A}")
    table(root, nih_row(A, "Pneumonia"), nih_row(A, "Pneumonia"))
    assert len(index(root)) == 1
    table(root, nih_row(A, "Pneumonia"), nih_row(A, "No Finding"))
    with pytest.raises(ManifestError, match=f"lines 2 and 3 say different things of {A}"):
        index(root)


def test_a_film_in_both_lists_is_refused(tmp_path):
    root = nih(tmp_path)
    (root / "test_list.txt").write_text(f"{C}\n{A}\n")
    with pytest.raises(ManifestError, match=rf"test_list\.txt: {A} is in train_val_list\.txt and in test_list\.txt"):
        index(root)


def test_a_box_that_is_none_is_refused(tmp_path):
    root = nih(tmp_path)
    write_table(root / "BBox_List_2017.csv", BOX_COLUMNS, [(A, "Mass", 1, 2, "wide", 4)])
    with pytest.raises(ManifestError, match=r"BBox_List_2017\.csv, line 2: expected four numbers .*'wide'"):
        index(root)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Image Index,Finding Labels\n", "missing: Patient ID; it has: Image Index, Finding Labels"),
        ("", "missing: Image Index, Finding Labels, Patient ID; it has: nothing"),
        (",".join(NIH_COLUMNS), "found none; 1 films in the folder are not in"),
        ("Image Index,Finding Labels,Patient ID\n00000001_000.png,\xe9,1\n", "expected text in UTF-8"),
    ],
    ids=["a column missing", "empty", "no rows", "latin-1"],
)
def test_a_bad_table_is_refused(tmp_path, text, says):
    root = films_in(tmp_path, f"images/{A}")
    (root / "Data_Entry_2017.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(ManifestError, match=says):
        index(root)


def test_a_table_that_is_not_there_is_missed(tmp_path):
    with pytest.raises(ManifestError, match=r"expected Data_Entry_2017_v2020\.csv or .*; found no table"):
        index(films_in(tmp_path, f"images/{A}"), "nih")
