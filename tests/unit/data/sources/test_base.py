from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from pneumoscope.core import ManifestError
from pneumoscope.data.sources import SOURCES, index
from pneumoscope.data.sources.base import (
    Entry,
    age_of,
    by_name,
    has_columns,
    home_of,
    one_each,
    sex_of,
    table_columns,
    table_rows,
    told,
    walk,
)
from tests.contract.source_fixtures import FIXTURES, films_in

WALKING = ["kermany", "nih", "rsna", "dicom", "folder"]


def rows(path: Path, *required: str) -> list[tuple[int, dict[str, str]]]:
    return list(table_rows(path, *required))


def table(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_films_are_found_to_any_depth_in_order(tmp_path):
    root = films_in(tmp_path, "b/2.png", "b/1.png", "a/c/d/3.jpeg", "4.dcm", ".hidden/5.png", "._6.png", "e/IM7")
    (root / "notes.txt").write_text("no film")
    (root / "README").write_text("no film")
    (root / "folder.png").mkdir()
    assert [path.relative_to(root).as_posix() for path in walk(root)] == [
        "4.dcm", "a/c/d/3.jpeg", "b/1.png", "b/2.png", "e/IM7",
    ]  # fmt: skip


def test_a_link_to_a_folder_above_ends_no_run(tmp_path):
    root = films_in(tmp_path, "a/1.png")
    (root / "a" / "loop").symlink_to(root, target_is_directory=True)
    (root / "self").symlink_to("self")
    assert [path.name for path in walk(root)] == ["1.png"]


@pytest.mark.parametrize("name", WALKING)
def test_a_folder_that_may_not_be_looked_into_is_named(name, tmp_path, monkeypatch):
    """The tests may run as root, who may look into any: so the answer of the system is made up."""
    root = FIXTURES[name](tmp_path)
    shut = root / index(root, name).films[0].path
    scandir = os.scandir

    def refuse(path="."):
        if os.fspath(path) == os.fspath(shut.parent):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ManifestError, match=r"the folder cannot be read \(Permission denied\)"):
        index(root, name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into any folder")
def test_a_folder_without_permission_is_named(tmp_path):
    root = films_in(tmp_path, "NORMAL/1.png", "PNEUMONIA/2.png")
    (root / "NORMAL").chmod(0)
    try:
        with pytest.raises(ManifestError, match=r"NORMAL: the folder cannot be read"):
            index(root, "folder")
    finally:
        (root / "NORMAL").chmod(0o755)


def test_a_home_is_the_folder_or_the_only_one_in_it(tmp_path):
    assert home_of(tmp_path, "t.csv") is None
    (tmp_path / "inner").mkdir()
    (tmp_path / ".git").mkdir()
    table(tmp_path / "inner" / "t.csv", "a")
    assert home_of(tmp_path, "other.csv", "t.csv") == tmp_path / "inner"
    (tmp_path / "second").mkdir()
    assert home_of(tmp_path, "t.csv") is None
    table(tmp_path / "t.csv", "a")
    assert home_of(tmp_path, "t.csv") == tmp_path


@pytest.mark.parametrize(
    "text",
    ["a,b\n1 ,2\n\n,\n3,\n", "\ufeffa,b\r\n1,2\r\n\r\n,\r\n3\r\n", "a;b\n1;2\n\n;\n3;\n", "a\tb\n1\t2\n\n\t\n3\t\n"],
    ids=["commas", "BOM and CRLF", "semicolons", "tabs"],
)
def test_tables_come_in_several_kinds(tmp_path, text):
    path = table(tmp_path / "t.csv", text)
    assert table_columns(path) == ["a", "b"]
    assert rows(path, "b") == [(2, {"a": "1", "b": "2"}), (5, {"a": "3", "b": ""})]


def test_quoted_commas_and_fields_too_many_are_borne(tmp_path):
    assert rows(table(tmp_path / "t.csv", 'a,b\n"1, or\n2",x,y,z\n')) == [(3, {"a": "1, or\n2", "b": "x"})]


def test_missing_columns_are_named_with_what_is_there(tmp_path):
    with pytest.raises(ManifestError, match="expected the columns b, a, c; missing: a, c; it has: A, b"):
        rows(table(tmp_path / "t.csv", "A,b\n"), "b", "a", "c")
    with pytest.raises(ManifestError, match="missing: a; it has: nothing"):
        rows(table(tmp_path / "empty.csv", ""), "a")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,Jos\xe9\n".encode("latin-1"), "expected text in UTF-8"),
        (b"a,b\n" + b"1,2\n" * 9000 + b"\xff\xfe,1\n", "expected text in UTF-8"),
        (b"\xff\xfea\x00,\x00b\x00", "expected text in UTF-8"),
        (b"a\n" + b"x" * 200_000, "cannot be read as a table"),
    ],
    ids=["latin-1", "later on", "UTF-16", "a field without end"],
)
def test_what_is_no_table_is_refused(tmp_path, text, says):
    path = table(tmp_path / "t.csv", text)
    with pytest.raises(ManifestError, match=says):
        rows(path)


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"cannot be read as a table: .*No such file"):
        rows(tmp_path / "t.csv")
    assert not has_columns(tmp_path / "t.csv", "a")
    assert not has_columns(tmp_path, "a")
    assert not has_columns(table(tmp_path / "t.csv", b"\xff"), "a")
    assert has_columns(table(tmp_path / "t.csv", "b,a\n"), "a")


def test_two_films_of_one_name_are_both_named():
    films = [Path("x/1.png"), Path("y/2.png"), Path("y/1.dcm")]
    assert by_name(films) == {"1.png": films[0], "2.png": films[1], "1.dcm": films[2]}
    with pytest.raises(ManifestError, match=r"two films are called 1: x/1\.png and y/1\.dcm"):
        by_name(films, key=lambda path: path.stem)


def test_lines_may_repeat_and_may_not_contradict():
    first, same = (Entry(path=Path("a.png"), patient="ann", label=1) for _ in range(2))
    second = Entry(path=Path("b.png"), patient="ann", label=1)
    other = Entry(path=Path("a.png"), patient="ann", label=0)
    assert list(one_each(Path("t.csv"), [(2, first), (3, second), (4, same)])) == [first, second]
    with pytest.raises(ManifestError, match=r"t\.csv: lines 2 and 5 say different things of a\.png"):
        list(one_each(Path("t.csv"), [(2, first), (5, other)]))


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("58", 58),
        ("058Y", 58),
        ("29.5", 29.5),
        ("006M", 0.5),
        ("003W", 0.06),
        ("012D", 0.03),
        ("000Y", 0),
        ("130y", 130),
    ],
)
def test_ages_are_told_in_years(text, years):
    assert age_of(text) == (years, "")


@pytest.mark.parametrize("text", ["131", "414Y", "-1", "abc", "5 or 6", "1e2", "nan"])
def test_an_age_that_cannot_be_is_none(text):
    assert age_of(text) == (None, f"age {text!r} cannot be")
    assert age_of("") == (None, "")


def test_sexes_and_counts():
    assert [sex_of(word) for word in ("F", "female", "m", "Male", "O", "", "other")] == ["F", "F", "M", "M", "", "", ""]
    assert told(Counter({"view L": 3, "modality CT": 84})) == "84 of modality CT, 3 of view L"


def test_an_unknown_source_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=f"source: expected one of {', '.join(SOURCES)}, got 'nhi'"):
        index(tmp_path, "nhi")
