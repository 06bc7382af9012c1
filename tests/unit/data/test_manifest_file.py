from __future__ import annotations

import os
from pathlib import Path

import pytest

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Manifest
from pneumoscope.data import open_manifest, read_manifest, write_manifest
from tests.helpers import row

HEADER = "path,digest,patient,label,subtype,split,source\n"


def written(folder: Path, text: str) -> Path:
    (folder / "m.csv").write_text(HEADER + text, encoding="utf-8")
    return folder / "m.csv"


@pytest.mark.parametrize(
    "name",
    ["a/b c.png", 'say "ah".png', "one, two.png", "two\nlines\r.png", "胸部 é.png", "byte\udcff.png", " blank "],
    ids=ascii,
)
def test_every_name_comes_back(tmp_path, name):
    films = (row(name, patient=name, subtype="viral"), row("x", label=None), row("y", label=0, split="test"))
    write_manifest(Manifest(tmp_path, films), tmp_path / "m.csv")
    again = read_manifest(tmp_path / "m.csv")
    assert again.films == films
    assert again.root == tmp_path


def test_manifest_and_films_can_move_together(tmp_path):
    """Paths are relative to the manifest's folder, wherever the manifest's root was."""
    manifest = Manifest(tmp_path / "films", (row("test/a.png"),))
    write_manifest(manifest, tmp_path / "m.csv")
    write_manifest(manifest, tmp_path / "films" / "test" / "deeper" / "m.csv")
    assert read_manifest(tmp_path / "m.csv").films[0].path == "films/test/a.png"
    elsewhere = read_manifest(tmp_path / "films" / "test" / "deeper" / "m.csv")
    assert elsewhere.root / elsewhere.films[0].path == tmp_path / "films" / "test" / "a.png"


def test_films_outside_the_folder_keep_their_absolute_path(tmp_path):
    manifest = Manifest(tmp_path / "manifests", (row("/archive/a.png"), row("b.png")))
    write_manifest(manifest, tmp_path / "manifests" / "m.csv")
    again = read_manifest(tmp_path / "manifests" / "m.csv")
    assert [film.path for film in again.films] == ["/archive/a.png", "b.png"]


def test_a_relative_root_is_understood(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_manifest(Manifest(Path("films"), (row("a.png"),)), Path("m.csv"))
    again = read_manifest(Path("m.csv"))
    assert os.path.normpath(again.root / again.films[0].path) == "films/a.png"


def test_a_manifest_from_a_spreadsheet_is_read(tmp_path):
    """With a byte order mark, other line ends, another order of columns and one column more."""
    text = "remark,source,split,subtype,label,patient,digest,path\r\nfine,x,train,,1,ann,00,a.png\r\n"
    (tmp_path / "m.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_manifest(tmp_path / "m.csv").films == (row("a.png", digest="00", patient="ann", source="x"),)
    (tmp_path / "m.csv").write_bytes(b"\xef\xbb\xbf" + (HEADER + "a.png,00,ann,1,,train,x\n").encode())
    assert read_manifest(tmp_path / "m.csv").films == (row("a.png", digest="00", patient="ann", source="x"),)


def test_missing_columns_are_named(tmp_path):
    (tmp_path / "m.csv").write_text("path,label,split\na.png,1,train\n")
    with pytest.raises(ManifestError, match=r"m\.csv: .* missing: digest, patient, subtype, source"):
        read_manifest(tmp_path / "m.csv")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("b.png,01,bob,pneumonia,,train,x", "label: expected 1, 0 or nothing, got 'pneumonia'"),
        ("b.png,01,bob,1.0,,train,x", "label: expected 1, 0 or nothing, got '1.0'"),
        ("b.png,01,bob,1,", "expected 7 fields, the row is cut short"),
        ("b.png,01,bob,1,,training,x", "split: expected one of train, val, test, got 'training'"),
    ],
    ids=["word", "decimal", "short", "split"],
)
@pytest.mark.parametrize(
    ("before", "line"),
    [("a.png,00,ann,1,,train,x\n", 3), ('"a\n.png",00,ann,1,,train,x\n\n', 5)],
    ids=["third line", "after a name of two lines and an empty one"],
)
def test_a_bad_row_is_told_with_its_line(tmp_path, before, line, bad, message):
    path = written(tmp_path, before + bad + "\n")
    with pytest.raises(ManifestError) as refusal:
        read_manifest(path)
    assert f"line {line}" in str(refusal.value)
    assert message in str(refusal.value)


def test_rules_of_the_manifest_hold_for_files_too(tmp_path):
    with pytest.raises(ManifestError, match="same patient"):
        read_manifest(written(tmp_path, "a.png,00,ann,1,,train,x\nb.png,01,ann,1,,test,x\n"))


def test_no_file_and_other_files_are_refused(tmp_path):
    with pytest.raises(ManifestError, match="cannot be read as a manifest"):
        open_manifest(tmp_path / "none.csv")
    (tmp_path / "film.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    with pytest.raises(ManifestError, match="expected the columns"):
        open_manifest(tmp_path / "film.png")
    (tmp_path / "long.csv").write_text(HEADER + "x" * 200_000 + ",00,ann,1,,train,x\n")
    with pytest.raises(ManifestError, match="cannot be read as a manifest"):
        open_manifest(tmp_path / "long.csv")


def test_a_manifest_in_parquet_is_the_same_manifest(tmp_path):
    pytest.importorskip("pyarrow")
    films = (row("a.png"), row("b.png", patient="b", label=None))
    write_manifest(Manifest(tmp_path, films), tmp_path / "m.parquet")
    write_manifest(Manifest(tmp_path, films), tmp_path / "m.csv")
    assert read_manifest(tmp_path / "m.parquet") == read_manifest(tmp_path / "m.csv")


def test_a_damaged_or_foreign_parquet_file_is_refused(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ManifestError, match="cannot be read as a manifest"):
        read_manifest(tmp_path / "cut.parquet")
    parquet.write_table(pa.table({"path": ["a.png"]}), tmp_path / "short.parquet")
    with pytest.raises(ManifestError, match="missing"):
        read_manifest(tmp_path / "short.parquet")
