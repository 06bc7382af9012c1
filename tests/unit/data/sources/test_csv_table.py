from __future__ import annotations

import re
from pathlib import Path

import pytest

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Film
from pneumoscope.data import write_manifest
from pneumoscope.data.sources import SOURCES, Options, detect, index
from tests.contract.source_fixtures import csv_table, films_in, write_film, write_table


def ward(tmp_path: Path, columns: str, *rows: str) -> Path:
    """A folder with the films a.png and b.png, and a table."""
    films_in(tmp_path, "a.png", "b.png")
    (tmp_path / "films.csv").write_text("\n".join([columns, *rows, ""]), encoding="utf-8")
    return tmp_path


def labels(root: Path, **options) -> dict[str, int | None]:
    return {film.path: film.label for film in index(root, "csv", Options(**options)).films}


def test_films_are_listed_with_all_that_is_said_of_them(tmp_path):
    found = index(csv_table(tmp_path))
    digests = [film.digest for film in found.films]
    assert found.films == (
        Film(
            path="films/a.png",
            digest=digests[0],
            patient="ann",
            label=1,
            subtype="viral",
            split="train",
            source="csv",
            findings=("consolidation", "effusion"),
            view="PA",
            age=58.0,
            sex="F",
        ),
        Film(
            path="films/b.png",
            digest=digests[1],
            patient="bob",
            label=0,
            subtype="",
            split="val",
            source="csv",
            view="AP",
            age=7.0,
            sex="M",
        ),
        Film(path="films/c.png", digest=digests[2], patient="ann", label=None, subtype="", split="train", source="csv"),
    )


@pytest.mark.parametrize("path", ["path", "FILENAME", "file", "Image", "image_path", "File Path"])
@pytest.mark.parametrize("patient", ["patient", "patient_id", "PatientID", "Subject ID"])
def test_columns_are_known_by_many_names(tmp_path, path, patient):
    (film,) = index(ward(tmp_path, f"{patient},{path},LABEL", "ann,a.png,1")).films
    assert (film.path, film.patient, film.label) == ("a.png", "ann", 1)


def test_the_user_says_what_a_column_is_called(tmp_path):
    root = ward(tmp_path, "where,who,Target,label,split,Split", "a.png,ann,1,x,3,4")
    columns = {"path": "where", "patient": "who", "label": "Target", "split": ""}
    (film,) = index(root, "csv", Options(columns=columns)).films
    assert (film.path, film.patient, film.label, film.split) == ("a.png", "ann", 1, "")


def test_a_table_elsewhere_is_taken_when_it_is_named(tmp_path):
    root = films_in(tmp_path / "films", "a.png")
    write_table(root / "other.csv", ["x"], [])
    table = write_table(tmp_path / "labels.csv", ["path", "label"], [("a.png", 0)])
    assert labels(root, table=table) == {"a.png": 0}


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("1", 1), ("0", 0), ("1.0", 1), ("0.0", 0), ("true", 1), ("FALSE", 0), ("Pneumonia", 1), ("NORMAL", 0),
        ("viral pneumonia", 1), ("No Finding", 0), ("no pneumonia", 0), ("", None), ("nan", None), ("Unknown", None),
    ],
)  # fmt: skip
def test_what_a_label_means(tmp_path, said, label):
    assert labels(ward(tmp_path, "path,label", f"a.png,{said}")) == {"a.png": label}


@pytest.mark.parametrize("said", ["-1", "2", "10", "1.5", "effusion", "not normal", "COVID-19", "pneumonia 1", "maybe"])
def test_a_label_of_no_known_meaning_is_refused(tmp_path, said):
    with pytest.raises(ManifestError, match=re.escape(f"got {said!r} (1 rows). Say what they mean with --class")):
        index(ward(tmp_path, "path,label", f"a.png,{said}", "b.png,1"))


def test_all_labels_of_no_known_meaning_are_named_with_counts(tmp_path):
    root = ward(tmp_path, "path,label", *(f"{n}.png,effusion" for n in range(12)), "a.png,tb", "b.png,normal")
    with pytest.raises(ManifestError, match=r"got 'effusion' \(12 rows\), 'tb' \(1 rows\)\. Say"):
        index(root)
    with pytest.raises(ManifestError, match=r"got 'tb' \(1 rows\)\. Say"):
        index(root, "csv", Options(classes={"effusion": 0}))


def test_the_user_says_what_a_label_means(tmp_path):
    root = ward(tmp_path, "path,label", "a.png,effusion", "b.png,0")
    assert labels(root, classes={"effusion": None, "0": 1}) == {"a.png": None, "b.png": 1}
    assert index(root, "csv", Options(classes={"effusion": None})).films[0].findings == ("effusion",)
    with pytest.raises(ManifestError, match="no row has the label efusion; it has: 'effusion', '0'"):
        index(root, "csv", Options(classes={"effusion": 0, "efusion": 1}))


def test_only_a_pneumonia_has_a_subtype(tmp_path):
    films = index(ward(tmp_path, "path,label,subtype", "a.png,1,Viral pneumonia", "b.png,0,virus")).films
    assert [film.subtype for film in films] == ["viral", ""]


def test_a_table_without_labels_is_refused_unless_the_user_says_so(tmp_path):
    root = ward(tmp_path, "path,Target", "a.png,1")
    with pytest.raises(ManifestError, match=r"the label\? Say --column label=NAME; it has: path, Target"):
        index(root, "csv")
    assert labels(root, columns={"label": ""}) == {"a.png": None}


@pytest.mark.parametrize(
    ("columns", "said", "says"),
    [
        ("where,label", {}, r"the path\? Say --column path=NAME; it has: where, label"),
        ("path,label", {"path": ""}, r"the path\? Say --column path=NAME; it has: path, label"),
        ("path,label", {"label": "Target"}, r"has no column 'Target'; it has: path, label"),
        ("path,label", {"labels": "label"}, r"column 'labels' says nothing here; expected one of path, patient, "),
        ("file,image,label", {}, r"file and image may each be the path; say --column path=NAME"),
        ("path,label,Label", {}, r"label and Label may each be the label"),
        ("", {}, r"the path\? .* it has: nothing"),
    ],
)
def test_columns_that_are_missing_or_could_be_either_are_named(tmp_path, columns, said, says):
    with pytest.raises(ManifestError, match=says):
        index(ward(tmp_path, columns), "csv", Options(columns=said))


@pytest.mark.parametrize(("said", "split"), [("Training", "train"), ("valid", "val"), ("TEST", "test"), ("", "")])
def test_splits_are_told_in_several_words(tmp_path, said, split):
    (film,) = index(ward(tmp_path, "path,label,split", f"a.png,1,{said}")).films
    assert film.split == split


def test_a_split_of_no_known_meaning_is_refused(tmp_path):
    root = ward(tmp_path, "path,label,split", "a.png,1,train", "b.png,0,fold3")
    with pytest.raises(ManifestError, match=r"films\.csv, line 3: split: expected one of train, .*, got 'fold3'"):
        index(root)
    assert len(index(root, "csv", Options(columns={"split": ""}))) == 2


def test_patients_come_from_the_pattern_the_table_or_the_path(tmp_path):
    root = ward(tmp_path, "path,label,patient", "a.png,1,ann", "b.png,0,")
    assert [film.patient for film in index(root).films] == ["ann", "b"]
    by_path = Options(patient_pattern=re.compile(r"^[ab]"))
    assert [film.patient for film in index(root, "csv", by_path).films] == ["a", "b"]


def test_a_film_that_is_not_there_is_listed_with_a_note(tmp_path):
    root = ward(tmp_path, "path,label,age", "a.png,1,200", "gone.png,0,50")
    assert [(film.path, film.note) for film in index(root).films] == [
        ("a.png", "age '200' cannot be"),
        ("gone.png", "cannot be opened: No such file or directory"),
    ]


def test_paths_of_another_folder_are_refused(tmp_path):
    root = ward(tmp_path, "path,label", "images/a.png,1", "images/b.png,0")
    with pytest.raises(ManifestError, match=r"none of its films is there; expected paths relative to .*, got images/a"):
        index(root)


def test_paths_come_in_several_spellings(tmp_path):
    elsewhere = write_film(tmp_path / "elsewhere" / "c.png")
    root = ward(tmp_path / "root", "path,label", "./a.png,1", "sub\\d.png,0", f"{elsewhere},0", "sub/../b.png,1")
    write_film(root / "sub" / "d.png")
    found = index(root)
    assert [film.path for film in found.films] == ["a.png", "sub/d.png", elsewhere.as_posix(), "b.png"]
    assert all(film.digest for film in found.films)


def test_a_film_in_two_rows_counts_once_unless_they_contradict(tmp_path):
    root = ward(tmp_path, "path,label", "a.png,1", "b.png,0", "./a.png,pneumonia")
    assert labels(root) == {"a.png": 1, "b.png": 0}
    with pytest.raises(ManifestError, match=r"films\.csv: lines 2 and 3 say different things of a\.png"):
        index(ward(tmp_path, "path,label", "a.png,1", "a.png,0"))


def test_a_row_without_a_path_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"films\.csv, line 3: expected the path of a film, got none"):
        index(ward(tmp_path, "path,label", "a.png,1", ",0"))


def test_no_table_or_two_are_refused(tmp_path):
    root = films_in(tmp_path, "a.png")
    with pytest.raises(ManifestError, match=r"expected one table \(\*\.csv\), found none; name it with --table"):
        index(root, "csv")
    for name in ("a.csv", "b.CSV"):
        write_table(root / name, ["path", "label"], [("a.png", 1)])
    with pytest.raises(ManifestError, match=r"found a\.csv, b\.CSV"):
        index(root, "csv")
    assert not SOURCES["csv"].recognises(root)


def test_a_table_in_another_encoding_is_refused_and_a_bom_is_not(tmp_path):
    root = ward(tmp_path, "path,label", "a.png,1")
    (root / "films.csv").write_bytes(b"\xef\xbb\xbfpath;label\r\na.png;1\r\n")
    assert labels(root) == {"a.png": 1}
    (root / "films.csv").write_bytes("path,label\na.png,1\nJos\xe9.png,0\n".encode("latin-1"))
    with pytest.raises(ManifestError, match="expected text in UTF-8"):
        index(root, "csv")


def test_a_table_without_rows_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"expected films \(one table .*found none"):
        index(ward(tmp_path, "path,label"), "csv")


def test_a_manifest_of_our_own_is_not_taken_for_a_table(tmp_path):
    """Or a folder's films would change their source when its manifest is written beside them."""
    root = films_in(tmp_path, "NORMAL/a.png", "PNEUMONIA/b.png")
    write_manifest(index(root), root / "manifest.csv")
    assert detect(root).name == "folder"
    assert labels(root) == {"NORMAL/a.png": 0, "PNEUMONIA/b.png": 1}
