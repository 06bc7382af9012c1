from __future__ import annotations

import pytest

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Film
from pneumoscope.data.sources import detect, index
from tests.contract.source_fixtures import COVID_COLUMNS, covid_chestxray, films_in, write_table

XRAY = {"patientid": 1, "modality": "X-ray", "view": "PA", "folder": "images", "finding": "Pneumonia"}


def collection(tmp_path, *rows):
    """A collection with these rows; each row's picture is there unless it is called "gone"."""
    rows = [{**XRAY, **row} for row in rows]
    write_table(tmp_path / "metadata.csv", COVID_COLUMNS, rows)
    (tmp_path / "images").mkdir()
    return films_in(tmp_path, *{f"images/{row['filename']}" for row in rows if not row["filename"].startswith("gone")})


def test_frontal_films_are_listed_with_all_that_is_said_of_them(tmp_path):
    found = index(covid_chestxray(tmp_path))
    kept = {"source": "covid-chestxray", "split": ""}
    assert found.films == (
        Film(
            path="images/nejmc2001573_f1a.jpeg",
            digest=found.films[0].digest,
            patient="4",
            label=1,
            subtype="viral",
            findings=("Pneumonia/Viral/COVID-19",),
            view="PA",
            age=52.0,
            sex="F",
            **kept,
        ),
        Film(
            path="images/ARDSSevere.png",
            digest=found.films[1].digest,
            patient="5",
            label=1,
            subtype="bacterial",
            findings=("Pneumonia/Bacterial/Streptococcus",),
            view="AP SUPINE",
            **kept,
        ),
        Film(
            path="images/02b973.jpeg",
            digest=found.films[2].digest,
            patient="6",
            label=0,
            subtype="",
            view="AP ERECT",
            sex="M",
            **kept,
        ),
        Film(
            path="images/tb.jpg",
            digest=found.films[3].digest,
            patient="7",
            label=None,
            subtype="",
            findings=("Tuberculosis",),
            view="AP",
            **kept,
        ),
    )
    assert found.notes == (
        "2 rows of metadata.csv are not frontal X-rays and are not listed: 1 of view L, 1 of modality CT",
    )


@pytest.mark.parametrize(
    ("finding", "label", "subtype"),
    [
        ("Pneumonia", 1, ""),
        ("Pneumonia/Lipoid", 1, ""),
        ("Pneumonia/Fungal/Pneumocystis", 1, ""),
        ("Pneumonia/Viral/Influenza/H1N1", 1, "viral"),
        ("Pneumonia/Viral/Herpes ", 1, "viral"),
        ("No Finding", 0, ""),
        ("COVID-19", None, ""),
        ("todo", None, ""),
        ("Unknown", None, ""),
        ("", None, ""),
    ],
)
def test_the_first_level_is_the_label_and_the_second_the_subtype(tmp_path, finding, label, subtype):
    (film,) = index(collection(tmp_path, {"finding": finding, "filename": "a.png"})).films
    assert (film.label, film.subtype) == (label, subtype)
    assert film.findings == ((finding.strip(),) if finding not in ("", "No Finding") else ())


@pytest.mark.parametrize("view", ["L", "Axial", "Coronal", ""])
def test_other_views_are_left_out(tmp_path, view):
    found = index(collection(tmp_path, {"filename": "a.png"}, {"view": view, "filename": "b.png"}))
    assert [film.path for film in found.films] == ["images/a.png"]
    assert found.notes[0].endswith(f"1 of view {view or '(none)'}")


def test_a_picture_that_is_not_there_is_listed_with_a_note(tmp_path):
    found = index(collection(tmp_path, {"filename": "a.png"}, {"filename": "gone.png", "age": 250}))
    assert [(film.path, bool(film.digest), film.note) for film in found.films] == [
        ("images/a.png", True, ""),
        ("images/gone.png", False, "age '250' cannot be; cannot be opened: No such file or directory"),
    ]


def test_a_picture_under_two_patients_is_listed_once_with_a_note(tmp_path):
    """As three pictures of one case are in the table of spring 2020."""
    root = collection(
        tmp_path,
        {"patientid": 285, "filename": "000001-24.jpg"},
        {"patientid": 285, "filename": "000001-24.jpg"},
        {"patientid": 339, "filename": "000001-24.jpg"},
    )
    (film,) = index(root).films
    assert (film.patient, film.note) == ("285", "line 4 of metadata.csv gives it to patient 339")


def test_a_picture_with_two_findings_is_refused(tmp_path):
    root = collection(tmp_path, {"filename": "a.png"}, {"filename": "a.png", "finding": "No Finding"})
    with pytest.raises(ManifestError, match=r"metadata\.csv, line 3: a\.png has another finding in a line above"):
        index(root)


def test_another_table_of_that_name_is_not_taken_for_it(tmp_path):
    root = films_in(tmp_path, "images/a.png")
    write_table(root / "metadata.csv", ["path", "label"], [("images/a.png", 1)])
    assert detect(root).name == "csv"
    with pytest.raises(ManifestError, match=r"missing: patientid, finding, .*; it has: path, label"):
        index(root, "covid-chestxray")


def test_a_table_of_other_views_alone_is_told_of(tmp_path):
    root = collection(tmp_path, {"filename": "a.png", "view": "L"})
    with pytest.raises(ManifestError, match=r"found none; 1 rows of metadata\.csv are not frontal X-rays"):
        index(root)


def test_a_table_that_is_not_there_is_missed(tmp_path):
    with pytest.raises(ManifestError, match=r"expected metadata\.csv with the columns .*; found no metadata\.csv"):
        index(films_in(tmp_path, "images/a.png"), "covid-chestxray")
