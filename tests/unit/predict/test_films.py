from __future__ import annotations

import os
from pathlib import Path

import pytest

from pneumoscope.predict.films import Films


@pytest.fixture
def ward(tmp_path: Path, monkeypatch) -> Path:
    """Nested folders with films, other files and hidden ones; the current folder."""
    for name in (
        "b.png",
        "a.JPEG",
        "notes.txt",
        ".hidden.png",
        "._a.JPEG",
        "a.0123abcd.heatmap.jpg",
        "z/2.dcm",
        "z/10.dcm",
        "c/deep/er/x.tiff",
        "c/y.webp",
        "empty/notes.txt",
    ):
        path = tmp_path / "ward" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("film")
    (tmp_path / "ward" / "IM0001").write_bytes(b"\0" * 128 + b"DICM")
    (tmp_path / "ward" / "README").write_bytes(b"\0" * 132)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "ward"


ALL = ["IM0001", "a.JPEG", "b.png", "c/y.webp", "c/deep/er/x.tiff", "z/10.dcm", "z/2.dcm"]


def found(*named: str | Path) -> list[str]:
    films = Films(named)
    paths = [str(path) for path in films]
    assert films.count() == len(paths)
    assert [str(path) for path in films] == paths  # once more, the same
    return paths


def test_a_folder_is_searched_to_any_depth_in_order(ward):
    assert found("ward") == [f"ward/{name}" for name in ALL]
    assert found(ward) == [str(ward / name) for name in ALL]
    assert found("ward/empty") == []


def test_a_named_file_is_a_film_whatever_it_is_called(ward):
    assert found("ward/notes.txt", "ward/.hidden.png", "ward/a.0123abcd.heatmap.jpg") == [
        "ward/notes.txt",
        "ward/.hidden.png",
        "ward/a.0123abcd.heatmap.jpg",
    ]


def test_folders_are_searched_in_order_too(tmp_path):
    for name in "gbhdcafe":
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.png").write_text("film")
    assert [Path(path).parent.name for path in found(tmp_path)] == list("abcdefgh")


def test_hidden_folders_are_passed_over_unless_named(tmp_path):
    """Such as .snapshot, in which some file servers show every film a second time."""
    for name in ("a.png", ".snapshot/a.png", "b/.trash/c/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("film")
    assert found(tmp_path) == [str(tmp_path / "a.png")]
    assert found(tmp_path / ".snapshot") == [str(tmp_path / ".snapshot" / "a.png")]


def test_names_keep_the_order_they_were_given_in(ward):
    assert found("ward/z", "ward/b.png", "ward/c/deep") == [
        "ward/z/10.dcm",
        "ward/z/2.dcm",
        "ward/b.png",
        "ward/c/deep/er/x.tiff",
    ]


def test_globs(ward):
    assert found("ward/*.png", "ward/z/?.dcm") == ["ward/b.png", "ward/z/2.dcm"]
    assert found("ward/**/*.dcm") == ["ward/z/10.dcm", "ward/z/2.dcm"]
    assert found("ward/[cz]") == [f"ward/{name}" for name in ALL[3:]]


def test_a_name_with_brackets_is_a_name_if_there_is_such_a_file(ward):
    (ward / "film [1].png").write_text("film")
    (ward / "film 1.png").write_text("film")
    assert found("ward/film [1].png") == ["ward/film [1].png"]
    (ward / "film [1].png").unlink()
    assert found("ward/film [1].png") == ["ward/film 1.png"]


@pytest.mark.parametrize("name", ["ward/none.png", "ward/*.gif", "nowhere", "ward/[", ""])
def test_a_name_that_means_nothing_is_refused_at_once(ward, name):
    with pytest.raises(FileNotFoundError, match="nothing matches it as a glob"):
        Films(["ward/b.png", name])


def test_links_in_a_ring_end(ward):
    (ward / "c" / "up").symlink_to(ward, target_is_directory=True)
    (ward / "loop.png").symlink_to(ward / "loop.png")
    (ward / "gone.png").symlink_to(ward / "nothing")
    (ward / "link.png").symlink_to(ward / "b.png")
    names = [*ALL[:3], "gone.png", "link.png", "loop.png", *ALL[3:]]
    assert found("ward") == [f"ward/{name}" for name in names]  # a broken link becomes a row that says so
    (ward.parent / "there").symlink_to(ward / "z", target_is_directory=True)
    assert found("there") == ["there/10.dcm", "there/2.dcm"]


def test_a_folder_that_may_not_be_looked_into_becomes_a_row(ward, monkeypatch):
    def scandir(path: str) -> object:
        if Path(path).name == "c":
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    original = os.scandir
    monkeypatch.setattr(os, "scandir", scandir)
    assert sorted(found("ward")) == sorted([*(f"ward/{name}" for name in ALL if not name.startswith("c/")), "ward/c"])


def test_films_that_come_later_are_found_by_the_next_search(ward):
    films = Films(["ward/z"])
    assert films.count() == 2
    (ward / "z" / "3.dcm").write_text("film")
    assert [path.name for path in films] == ["10.dcm", "2.dcm", "3.dcm"]
