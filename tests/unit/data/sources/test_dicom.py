from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Film
from pneumoscope.data import write_manifest
from pneumoscope.data.sources import Options, detect, index
from tests.contract.source_fixtures import dicom, dicom_table, films_in, write_film, write_table


def key(*words: str) -> str:
    return hashlib.sha256("\x1f".join(words).encode()).hexdigest()[:16]


def table(tmp_path: Path, columns: str, *rows: str) -> Path:
    return write_table(tmp_path / "labels.csv", columns.split(","), [row.split(",") for row in rows])


def labels(root: Path, table: Path, **options) -> dict[str, int | None]:
    return {film.path: film.label for film in index(root, "dicom", Options(table=table, **options)).films}


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Two films of one patient and one of another."""
    root = tmp_path / "archive"
    ann = {"PatientID": "4711", "AccessionNumber": "A1", "StudyInstanceUID": "1.2.1"}
    write_film(root / "ann" / "IM1.dcm", **ann, SOPInstanceUID="1.2.1.1")
    write_film(root / "ann" / "IM2.dcm", **ann, SOPInstanceUID="1.2.1.2")
    bob = {"PatientID": "4712", "AccessionNumber": "B1", "StudyInstanceUID": "1.2.2"}
    write_film(root / "bob" / "IM3.dcm", **bob, SOPInstanceUID="1.2.2.1")
    return root


def test_films_are_listed_with_all_that_is_said_of_them(tmp_path):
    root = dicom(tmp_path)
    found = index(root, "dicom", dicom_table(root))
    digests = [film.digest for film in found.films]
    kept = {"subtype": "", "split": "", "source": "dicom"}
    assert found.films == (
        Film(path="ann/IM1", digest=digests[0], patient=key("", "4711"), label=1, view="PA", age=34.0, **kept),
        Film(path="bob/1/IM1.dcm", digest=digests[1], patient=key("study", "1.2.2"), label=0, age=0.5, **kept),
    )
    assert found.notes == (
        "2 DICOM files are no frontal chest films and are not listed: 1 of modality CT, 1 of view LL",
    )


def test_without_a_table_no_label_is_stated(two):
    found = index(two)
    assert [film.label for film in found.films] == [None] * 3
    assert found.notes == ()


def test_patients_are_kept_apart_and_never_named(tmp_path, two):
    write_film(two / "eve.dcm", PatientID="4711", IssuerOfPatientID="St. Eve", PatientName="Doe^Eve")
    write_film(two / "nobody.dcm", StudyInstanceUID="")
    found = index(two)
    patients = {film.path: film.patient for film in found.films}
    assert patients == {
        "ann/IM1.dcm": key("", "4711"),
        "ann/IM2.dcm": key("", "4711"),
        "bob/IM3.dcm": key("", "4712"),
        "eve.dcm": key("St. Eve", "4711"),
        "nobody.dcm": "nobody",
    }
    write_manifest(found, tmp_path / "manifest.csv")
    assert not re.search("4711|4712|Doe|1\\.2\\.1", (tmp_path / "manifest.csv").read_text())


def test_films_of_one_patient_alone_are_told_of(tmp_path):
    write_film(tmp_path / "p1_a.dcm", PatientID="ANONYMOUS")
    assert index(tmp_path).notes == ()
    write_film(tmp_path / "p2_b.dcm", PatientID="ANONYMOUS")
    found = index(tmp_path)
    assert len({film.patient for film in found.films}) == 1
    assert "all films are of one patient" in found.notes[0]
    found = index(tmp_path, "dicom", Options(patient_pattern=re.compile(r"p\d")))
    assert [film.patient for film in found.films] == ["p1", "p2"]
    assert found.notes == ()


@pytest.mark.parametrize(
    ("elements", "kept"),
    [
        ({"Modality": "CR"}, True),
        ({"Modality": "DX"}, True),
        ({"Modality": "DR"}, True),
        ({"Modality": "RG"}, True),
        ({"Modality": "MG"}, False),
        ({"Modality": "SR"}, False),
        ({"Modality": ""}, False),
        ({"BodyPartExamined": ""}, True),
        ({"BodyPartExamined": "Thorax"}, True),
        ({"BodyPartExamined": "CHESTABDOMEN"}, True),
        ({"BodyPartExamined": "HAND"}, False),
        ({"ViewPosition": "AP"}, True),
        ({"ViewPosition": "XX"}, True),
        ({"ViewPosition": "LL"}, False),
        ({"ViewPosition": "RL"}, False),
        ({"ViewPosition": "RL ERECT"}, False),
        ({"ViewPosition": "LLD"}, False),
        ({"ViewPosition": "RLO"}, False),
        ({"ViewPosition": "LATERAL"}, False),
        ({"ViewPosition": "L DECUB"}, False),
        ({"PatientOrientation": ["A", "F"]}, False),
    ],
)
def test_which_films_are_kept(tmp_path, elements, kept):
    write_film(tmp_path / "other.dcm")
    write_film(tmp_path / "film.dcm", **elements)
    found = index(tmp_path)
    assert ("film.dcm" in {film.path for film in found.films}) == kept
    assert bool(found.notes) != kept


def test_damaged_files_are_listed_and_pictures_are_not(two):
    (two / "damaged.dcm").write_bytes(b"no film")
    films_in(two, "scan.png")
    found = index(two)
    (damaged,) = [film for film in found.films if film.path == "damaged.dcm"]
    assert (damaged.label, damaged.patient) == (None, "damaged")
    assert damaged.note == "its header names no modality: damaged, cut short, or no film"
    assert found.notes == ("1 pictures are no DICOM files and are not listed",)


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        ("sop_instance_uid,label", ["1.2.1.1,1", "1.2.1.2,1", "1.2.2.1,0"]),
        ("StudyInstanceUID,Label", ["1.2.1,pneumonia", "1.2.2,normal"]),
        ("Accession Number,label", ["A1,1", "B1,0"]),
        ("PatientID,label", ["4711,1", "4712,0"]),
        ("path,label", ["ann/IM1.dcm,1", "./ann/IM2.dcm,1", "bob/IM3.dcm,0"]),
        ("File Name,label", ["IM1.dcm,1", "IM2.dcm,1", "IM3.dcm,0"]),
        ("patient_id,sop_instance_uid,label", ["x,1.2.1.1,1", "x,1.2.1.2,1", "x,1.2.2.1,0"]),
    ],
)
def test_a_table_names_films_in_several_ways(tmp_path, two, columns, rows):
    assert labels(two, table(tmp_path, columns, *rows)) == {"ann/IM1.dcm": 1, "ann/IM2.dcm": 1, "bob/IM3.dcm": 0}


def test_the_user_says_what_columns_and_labels_mean(tmp_path, two):
    made = table(tmp_path, "case,dx,label", "A1,CAP,0", "B1,clear lungs,0")
    said = {"columns": {"accession_number": "case", "label": "dx"}, "classes": {"CAP": 1, "clear lungs": 0}}
    assert labels(two, made, **said) == {"ann/IM1.dcm": 1, "ann/IM2.dcm": 1, "bob/IM3.dcm": 0}


def test_a_table_may_state_subtype_split_and_findings(tmp_path, two):
    made = table(tmp_path, "patient_id,label,subtype,split,findings", "4711,1,virus,test,opacity|effusion", "4712,0,,,")
    films = index(two, "dicom", Options(table=made)).films
    assert [(film.subtype, film.split, film.findings) for film in films] == [
        *[("viral", "test", ("opacity", "effusion"))] * 2,
        ("", "", ()),
    ]


def test_rows_and_films_without_each_other_are_told_of(tmp_path, two):
    found = index(two, "dicom", Options(table=table(tmp_path, "sop_instance_uid,label", "1.2.1.1,1", "9.9,0", ",1")))
    assert [film.label for film in found.films] == [1, None, None]
    assert found.notes == (
        "2 rows of labels.csv name no film that is listed",
        "2 films are not in labels.csv and have no label",
    )


def test_a_row_without_a_name_is_of_no_film(tmp_path):
    write_film(tmp_path / "archive" / "film.dcm", AccessionNumber="")
    assert labels(tmp_path / "archive", table(tmp_path, "accession_number,label", ",1")) == {"film.dcm": None}


def test_rows_may_repeat_and_may_not_contradict(tmp_path, two):
    assert labels(two, table(tmp_path, "patient_id,label", "4711,1", "4711,1"))["ann/IM2.dcm"] == 1
    with pytest.raises(ManifestError, match=r"labels\.csv: lines 2 and 3 contradict each other about one patient_id"):
        labels(two, table(tmp_path, "patient_id,label", "4711,1", "4711,0"))


def test_a_row_that_may_mean_several_films_or_patients_is_refused(tmp_path, two):
    write_film(two / "bob" / "IM1.dcm", PatientID="4711", IssuerOfPatientID="St. Eve")
    with pytest.raises(ManifestError, match=r"line 2: its path .* several .* \(ann/IM1\.dcm and bob/IM1\.dcm\)"):
        labels(two, table(tmp_path, "path,label", "IM1.dcm,1"))
    with pytest.raises(ManifestError, match=r"line 2: its patient_id is that of several films or patients") as error:
        labels(two, table(tmp_path, "patient_id,label", "4711,1"))
    assert "4711" not in str(error.value)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (
            "patient_id,dx",
            r"expected the column label and one of path, .*; it has: patient_id, dx\. Say",
        ),
        ("patient,label", r"it has: patient, label\. Say"),
        ("", r"it has: nothing\. Say"),
    ],
)
def test_missing_columns_are_named(tmp_path, two, columns, says):
    with pytest.raises(ManifestError, match=says):
        labels(two, table(tmp_path, columns))


def test_labels_of_no_known_meaning_are_named(tmp_path, two):
    with pytest.raises(ManifestError, match=r"got 'tb' \(1 rows\)\. Say what they mean with --class"):
        labels(two, table(tmp_path, "patient_id,label", "4711,tb"))


def test_columns_and_classes_without_a_table_are_refused(two):
    for option in ({"columns": {"label": "dx"}}, {"classes": {"tb": 0}}):
        with pytest.raises(ManifestError, match="speak of a table; name it with --table"):
            index(two, "dicom", Options(**option))


def test_archives_number_their_folders_and_classes_have_names(tmp_path):
    """A study called 1 is no class of pneumonias, a folder called PNEUMONIA is."""
    assert detect(films_in(tmp_path / "a", "0/IM1", "1/IM1")).name == "dicom"
    assert detect(films_in(tmp_path / "b", "NORMAL/1.dcm", "PNEUMONIA/1.dcm")).name == "folder"
    assert detect(films_in(tmp_path / "c", "0/a.png", "1/b.png")).name == "folder"


def test_real_headers_are_read(data_folder):
    """What others say of these files: docs of the collections, and pydicom's own dump."""
    found = index(data_folder / "dicom_chest", "dicom")
    films = {film.path: film for film in found.films}
    assert len(films) == 13
    film = films["nema_RG1_J2KI_mono1_15bit.dcm"]
    assert (film.view, film.age, film.sex) == ("PA", 64.48, "F")
    assert film.patient == films["nema_RG1_JLSN_mono1_15bit.dcm"].patient
    assert film.patient != films["rsna_c64d5667_target0.dcm"].patient
    assert (films["rsna_c64d5667_target0.dcm"].view, films["rsna_c64d5667_target0.dcm"].age) == ("AP", 68.0)
    assert found.notes[0].endswith("not listed: 1 of body part RIBCAGE, 1 of modality CT")
    others = index(data_folder / "dicom_not_chest", "dicom")
    assert {film.path for film in others.films} == {"cr_chest_header_no_pixels.dcm", "dental_CR_modalityLUT_mono1.dcm"}
