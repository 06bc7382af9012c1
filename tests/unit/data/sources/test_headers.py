from __future__ import annotations

import random
import warnings
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from pneumoscope.data.sources.headers import Header, headers
from tests.contract.source_fixtures import write_film

NO_FILM = "its header names no modality: damaged, cut short, or no film"


def header(tmp_path: Path, **elements) -> Header:
    (found,) = headers([write_film(tmp_path / "film.dcm", **elements)])
    return found


def test_what_a_header_tells(tmp_path):
    found = header(
        tmp_path,
        Modality="CR",
        BodyPartExamined="Chest ",
        ViewPosition="pa",
        PatientAge="034Y",
        PatientSex="F",
        PatientID=" 4711",
        IssuerOfPatientID="St. Ann",
        StudyInstanceUID="1.2",
        SOPInstanceUID="1.2.3",
        AccessionNumber="A1",
    )
    assert found == Header(
        modality="CR",
        body_part="CHEST",
        view="PA",
        age=34.0,
        sex="F",
        patient_id="4711",
        issuer="St. Ann",
        study_instance_uid="1.2",
        sop_instance_uid="1.2.3",
        accession_number="A1",
    )
    assert not {"4711", "St. Ann", "A1", "1.2"} & set(repr(found).split("'"))


@pytest.mark.parametrize(
    ("elements", "age", "note"),
    [
        ({"PatientAge": "006M"}, 0.5, ""),
        ({"PatientAge": "003W"}, 0.06, ""),
        ({"PatientAge": "012D"}, 0.03, ""),
        ({"PatientAge": "51"}, 51.0, ""),
        ({"PatientAge": "155"}, None, "age '155' cannot be"),
        ({"PatientBirthDate": "19400305", "StudyDate": "20040826"}, 64.48, ""),
        ({"PatientBirthDate": "20040825", "StudyDate": "20040826"}, 0.0, ""),
        ({"PatientAge": "060Y", "PatientBirthDate": "19400305", "StudyDate": "20040826"}, 60.0, ""),
        ({"PatientBirthDate": "18000101", "StudyDate": "20080504"}, None, "age '208.33' cannot be"),
        ({"PatientBirthDate": "19400230", "StudyDate": "20040826"}, None, ""),
        ({"PatientBirthDate": "20040827", "StudyDate": "20040826"}, None, ""),
        ({"PatientBirthDate": "", "StudyDate": "20040826"}, None, ""),
        ({"StudyDate": "20040826"}, None, ""),
        ({}, None, ""),
    ],
)
def test_ages(tmp_path, elements, age, note):
    found = header(tmp_path, **elements)
    assert (found.age, found.note) == (age, note)


def code(meaning: str) -> list[Dataset]:
    item = Dataset()
    item.CodeMeaning = meaning
    return [item]


@pytest.mark.parametrize(
    ("elements", "view"),
    [
        ({"ViewPosition": "AP", "ViewCodeSequence": code("postero-anterior")}, "AP"),
        ({"ViewCodeSequence": code("postero-anterior")}, "PA"),
        ({"ViewCodeSequence": code("Antero-posterior")}, "AP"),
        ({"ViewCodeSequence": code("left lateral")}, "LATERAL"),
        ({"ViewCodeSequence": code("cranio-caudal")}, ""),
        ({"ViewCodeSequence": []}, ""),
        ({"PatientOrientation": ["P", "F"]}, "LATERAL"),
        ({"PatientOrientation": ["L", "F"]}, ""),
        ({"PatientOrientation": "L"}, ""),
        ({}, ""),
    ],
)
def test_views(tmp_path, elements, view):
    assert header(tmp_path, **elements).view == view


def test_odd_values_warn_nobody_and_are_read(tmp_path, capfd):
    """Warnings are errors in these tests."""
    odd = {"SpecificCharacterSet": "ISO_IR 999", "PatientID": "1" * 99, "StudyInstanceUID": "x", "PatientAge": "9"}
    found = header(tmp_path, **odd)
    assert (found.patient_id, found.study_instance_uid, found.age) == ("1" * 99, "x", 9.0)
    assert capfd.readouterr() == ("", "")
    with warnings.catch_warnings(record=True, action="always") as heard:
        dcmread(tmp_path / "film.dcm").get("PatientID")
    assert "Unknown encoding 'ISO_IR 999'" in str(heard[0].message)


def test_a_file_without_a_preamble_is_read(tmp_path):
    path = write_film(tmp_path / "film.dcm", PatientID="4711")
    path.write_bytes(path.read_bytes()[132:])
    assert headers([path])[0].patient_id == "4711"


@pytest.mark.parametrize(
    "data", [b"", b"no film", b"\0" * 500, b"\xff\xd8\xff\xe0" * 50], ids=["", "text", "0", "jpeg"]
)
def test_what_is_no_dicom_says_so(tmp_path, data):
    (tmp_path / "film.dcm").write_bytes(data)
    assert headers([tmp_path / "film.dcm"]) == [Header(damage=NO_FILM)]


def test_what_cannot_be_opened_says_so(tmp_path):
    assert headers([tmp_path / "gone.dcm"]) == [Header(damage="its header cannot be read (FileNotFoundError)")]


def test_a_list_of_files_is_no_damaged_film(tmp_path):
    """The file called DICOMDIR on every patient's disc."""
    listing = Dataset()
    listing.file_meta = FileMetaDataset()
    listing.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    listing.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    listing.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    listing.FileSetID = "DISC"
    listing.save_as(tmp_path / "DICOMDIR", enforce_file_format=True)
    assert headers([tmp_path / "DICOMDIR"]) == [Header(modality="DICOMDIR")]


def test_damaged_headers_end_no_run(tmp_path):
    """Cut anywhere, or with bytes changed: something is told, nothing is raised, and each in its place."""
    sound = write_film(tmp_path / "sound.dcm", PatientID="4711", StudyInstanceUID="1.2.3").read_bytes()
    films = []
    for seed in range(300):
        chance = random.Random(seed)
        data = bytearray(sound[: chance.randrange(len(sound))] if seed % 2 else sound)
        for _ in range(chance.randrange(1, 20) if data else 0):
            data[chance.randrange(len(data))] = chance.randrange(256)
        films += [tmp_path / f"{seed}.dcm", tmp_path / "sound.dcm"]
        films[-2].write_bytes(data)
    with warnings.catch_warnings(action="error"):
        found = headers(films)
    assert {one.patient_id for one in found[1::2]} == {"4711"}
    assert any(one.damage for one in found[::2])
