from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pneumoscope.cli import main
from pneumoscope.data import read_listing, read_manifest
from tests.helpers import flat


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["data", "index", *map(str, words)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, name in enumerate(["normal/ann-1", "normal/ann-2", "pneumonia/bob-1", "covid/carl-1"]):
        path = tmp_path / "films" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(flat(50 + i))
    return tmp_path / "films"


def test_a_known_folder_is_detected_and_summed_up(tmp_path, demo_films):
    done = run(demo_films, "--out", tmp_path / "m.csv")
    assert done.exit_code == 0, done.output
    assert "64 films of" in done.output
    assert "source kermany" in done.output
    assert "train         16 pneumonia, 16 no pneumonia (" in done.output
    manifest = read_manifest(tmp_path / "m.csv")
    assert Counter((film.split, film.label) for film in manifest.films)["test", 1] == 16
    assert all((manifest.root / film.path).is_file() for film in manifest.films)


def test_parquet_holds_the_same(tmp_path, demo_films):
    for ending in ("csv", "parquet"):
        assert run(demo_films, "--out", tmp_path / f"m.{ending}").exit_code == 0
    assert read_manifest(tmp_path / "m.csv") == read_manifest(tmp_path / "m.parquet")


def test_several_folders_make_one_manifest(tmp_path, demo_films, folder):
    done = run(demo_films, folder, "--out", tmp_path / "m.csv")
    assert done.exit_code == 0, done.output
    found = read_listing(tmp_path / "m.csv")
    assert Counter(film.source for film in found.films) == {"kermany": 64, "folder": 4}
    assert all((found.root / film.path).is_file() for film in found.films)
    assert run(folder, folder, "--out", tmp_path / "n.csv").exit_code == 2


def test_classes_and_patients_are_as_the_user_says(tmp_path, folder):
    done = run(folder, "--out", tmp_path / "m.csv", "--class", "covid=0", "--patient", r"(\w+)-\d+\.png")
    assert done.exit_code == 0, done.output
    films = {Path(film.path).stem: film for film in read_listing(tmp_path / "m.csv").films}
    assert {name: (film.label, film.patient) for name, film in films.items()} == {
        "ann-1": (0, "ann"),
        "ann-2": (0, "ann"),
        "bob-1": (1, "bob"),
        "carl-1": (0, "carl"),
    }


def test_a_class_of_no_known_meaning_is_not_guessed(tmp_path, folder):
    run(folder, "--out", tmp_path / "m.csv")
    (covid,) = [film for film in read_listing(tmp_path / "m.csv").films if "covid" in film.path]
    assert (covid.label, covid.findings) == (None, ("covid",))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--class", "covid=yes"], "expected NAME=1, NAME=0 or NAME=unknown, got covid=yes"),
        (["--class", "covid"], "expected NAME=VALUE, got covid"),
        (["--class", "corvid=1"], "no folder is called corvid"),
        (["--patient", "("], "expected a regular expression"),
        (["--source", "kermanny"], "expected one of"),
        (["--source", "kermany"], "expected the folders train/NORMAL"),
        (["--source", "kermany", "--class", "covid=1"], "source 'kermany' has no use for classes"),
    ],
)
def test_misuse_is_told_and_nothing_is_written(tmp_path, folder, words, message):
    done = run(folder, "--out", tmp_path / "m.csv", *words)
    assert done.exit_code == 2, done.output
    assert message in done.output
    assert not list(tmp_path.glob("*.csv"))


def test_folders_of_no_known_layout_are_told_with_all_layouts(tmp_path):
    (tmp_path / "films").mkdir()
    done = run(tmp_path / "films", "--out", tmp_path / "m.csv")
    assert done.exit_code == 2
    assert "kermany: train/NORMAL" in done.output
    assert run("--out", tmp_path / "m.csv").exit_code == 2
    assert run(tmp_path / "films").exit_code == 2


def test_a_film_that_cannot_be_opened_is_a_row_and_a_note(tmp_path, folder):
    (folder / "normal" / "gone.png").symlink_to("nowhere.png")
    done = run(folder, "--out", tmp_path / "m.csv")
    assert done.exit_code == 0, done.output
    assert "normal/gone.png: cannot be opened: No such file" in done.output
    (film,) = [film for film in read_listing(tmp_path / "m.csv").films if "gone" in film.path]
    assert (film.digest, film.note) == ("", "cannot be opened: No such file or directory")


def test_sources_are_listed():
    done = run("--list")
    assert done.exit_code == 0
    assert "kermany" in done.output
    assert "folder" in done.output


def test_what_is_not_listed_is_told(tmp_path):
    """A CSV that names more films than are there, and a column that the user says does not exist."""
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.png").write_bytes(flat(1))
    (tmp_path / "films" / "t.csv").write_text("path,label,split\na.png,1,odd\n")
    done = run(tmp_path / "films", "--source", "csv", "--out", tmp_path / "m.csv", "--column", "split=")
    assert done.exit_code == 0, done.output
    (film,) = read_listing(tmp_path / "m.csv").films
    assert (film.label, film.split) == (1, "")


def test_films_without_a_split_go_where_the_user_says(tmp_path, folder):
    (folder / "train" / "normal").mkdir(parents=True)
    (folder / "train" / "normal" / "eve-1.png").write_bytes(flat(9))
    done = run(folder, "--source", "folder", "--out", tmp_path / "m.csv", "--split", "test")
    assert done.exit_code == 0, done.output
    films = read_listing(tmp_path / "m.csv").films
    assert {film.path.rpartition("/")[2]: film.split for film in films} == {
        "ann-1.png": "test",
        "ann-2.png": "test",
        "bob-1.png": "test",
        "carl-1.png": "test",
        "eve-1.png": "train",
    }
    assert run(folder, "--source", "folder", "--out", tmp_path / "n.csv", "--split", "elsewhere").exit_code == 2
