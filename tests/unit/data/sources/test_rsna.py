from __future__ import annotations

import shutil

import pytest

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Box, Film
from pneumoscope.data.sources import index
from tests.contract.source_fixtures import RSNA_COLUMNS, RSNA_EXAMS, films_in, rsna, write_table

NORMAL, OPAQUE, HIDDEN = RSNA_EXAMS
MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
TABLE = "stage_2_train_labels.csv"
BOX = ("264.0", "152.0", "213.0", "379.0")


def table(root, *rows, columns=RSNA_COLUMNS):
    return write_table(root / TABLE, columns, rows)


def test_films_are_listed_with_all_that_is_said_of_them(tmp_path):
    found = index(rsna(tmp_path))
    digests = [film.digest for film in found.films]
    kept = {"subtype": "", "split": "", "source": "rsna"}
    assert found.notes == ()
    assert found.films == (
        Film(
            path=f"stage_2_train_images/{NORMAL}.dcm",
            digest=digests[0],
            patient="3",
            label=0,
            findings=("No Lung Opacity / Not Normal",),
            view="PA",
            age=51.0,
            sex="F",
            **kept,
        ),
        Film(
            path=f"stage_2_train_images/{OPAQUE}.dcm",
            digest=digests[1],
            patient="28538",
            label=1,
            findings=("Lung Opacity",),
            view="AP",
            sex="M",
            boxes=(Box(264, 152, 213, 379), Box(562, 152, 256, 453)),
            note="age '148' cannot be",
            **kept,
        ),
        Film(
            path=f"stage_2_test_images/{HIDDEN}.dcm",
            digest=digests[2],
            patient="28538",
            label=None,
            view="AP",
            **kept,
        ),
    )


def test_without_the_mapping_each_exam_is_a_patient_and_that_is_told(tmp_path):
    root = rsna(tmp_path)
    (root / MAPPING).unlink()
    found = index(root)
    assert [film.patient for film in found.films] == list(RSNA_EXAMS)
    assert found.notes == (f"{MAPPING} is not there: each exam counts as a patient, although patients have several",)


def test_converted_pictures_will_do_and_a_normal_film_has_no_finding(tmp_path):
    table(tmp_path, (NORMAL, "", "", "", "", 0), (OPAQUE, *BOX, 1), (OPAQUE, *BOX, 1))
    write_table(tmp_path / "stage_2_detailed_class_info.csv", ("patientId", "class"), [(NORMAL, "Normal")])
    root = films_in(tmp_path, f"stage_2_train_images/{NORMAL}.png", f"stage_2_train_images/{OPAQUE}.jpg")
    assert [(film.label, film.findings, film.boxes, film.note) for film in index(root).films] == [
        (0, (), (), ""),
        (1, (), (Box(264, 152, 213, 379),), ""),
    ]


def test_absent_and_strange_films_are_told_of_and_not_listed(tmp_path):
    root = rsna(tmp_path)
    images = root / "stage_2_train_images"
    (images / f"{OPAQUE}.dcm").rename(images / "other.dcm")
    found = index(root)
    assert [film.path for film in found.films] == [
        f"stage_2_train_images/{NORMAL}.dcm",
        f"stage_2_test_images/{HIDDEN}.dcm",
    ]
    assert found.notes == (
        f"1 of 2 films in {TABLE} are not in the folder and are not listed",
        f"1 films in stage_2_train_images are not in {TABLE} and are not listed",
    )


def test_a_damaged_film_is_listed_with_a_note(tmp_path):
    root = rsna(tmp_path)
    (root / "stage_2_train_images" / f"{NORMAL}.dcm").write_bytes(b"no film")
    film = index(root).films[0]
    assert (film.label, film.patient, film.view) == (0, "3", "")
    assert film.note == "its header names no modality: damaged, cut short, or no film"


def test_a_film_and_its_conversion_side_by_side_are_refused(tmp_path):
    root = rsna(tmp_path)
    images = root / "stage_2_train_images"
    shutil.copy(images / f"{NORMAL}.dcm", images / f"{NORMAL}.png")
    with pytest.raises(ManifestError, match=f"two films are called {NORMAL}"):
        index(root)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([(NORMAL, "", "", "", "", 0), (NORMAL, *BOX, 1)], rf"line 3: {NORMAL} has another Target in a line above"),
        ([(NORMAL, "", "", "", "", 2)], "line 2: Target: expected 1 or 0, got '2'"),
        ([(NORMAL, "", "", "", "", "")], "line 2: Target: expected 1 or 0, got ''"),
        ([(OPAQUE, "", "", "", "", 1)], "line 2: expected four numbers for the box"),
    ],
)
def test_rows_that_say_too_little_or_contradict_are_refused(tmp_path, rows, says):
    table(tmp_path, *rows)
    with pytest.raises(ManifestError, match=says):
        index(films_in(tmp_path, f"stage_2_train_images/{NORMAL}.dcm"))


def test_missing_columns_and_an_empty_table_are_named(tmp_path):
    table(tmp_path, columns=["patientId", "Target"])
    with pytest.raises(ManifestError, match="missing: x, y, width, height; it has: patientId, Target"):
        index(tmp_path)
    (tmp_path / TABLE).write_text("")
    with pytest.raises(ManifestError, match="it has: nothing"):
        index(tmp_path)


@pytest.mark.parametrize("text", ["{}", '[{"img_id": "1_0.png"}]', "[", '[{"subset_img_id": 1, "img_id": "a"}]'])
def test_a_mapping_of_another_kind_is_refused(tmp_path, text):
    root = rsna(tmp_path)
    (root / MAPPING).write_text(text)
    with pytest.raises(ManifestError, match=rf"{MAPPING}: expected a list of subset_img_id with img_id: "):
        index(root)


def test_a_table_that_is_not_there_is_missed(tmp_path):
    with pytest.raises(ManifestError, match=rf"expected {TABLE}; .*; found no {TABLE}"):
        index(films_in(tmp_path, f"stage_2_train_images/{NORMAL}.dcm"), "rsna")
