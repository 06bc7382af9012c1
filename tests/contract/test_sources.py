"""What every source of films must do, and what it must refuse."""

from __future__ import annotations

import inspect
import re
import shutil
from pathlib import Path

import pytest

from pneumoscope.core import ManifestError
from pneumoscope.core.files import sha256_file
from pneumoscope.core.manifest import Listing, Manifest
from pneumoscope.data import read_listing, write_manifest
from pneumoscope.data.sources import SOURCES, Options, detect, index
from tests.contract.source_fixtures import FIXTURES, OPTIONS

pytestmark = pytest.mark.parametrize("name", SOURCES)


@pytest.fixture
def root(name: str, tmp_path: Path) -> Path:
    if name not in FIXTURES:
        pytest.fail(f"source '{name}' has no fixture; add one to tests/contract/source_fixtures.py")
    return FIXTURES[name](tmp_path)


def listed(name: str, root: Path) -> Listing:
    return index(root, name, OPTIONS[name](root) if name in OPTIONS else None)


def a_film(name: str, root: Path) -> Path:
    return root / listed(name, root).films[0].path


def test_its_folder_is_known_for_what_it_is(name, root):
    assert detect(root).name == name
    assert {film.source for film in index(root).films} == {name}


def test_rows_say_what_is_there(name, root):
    films = listed(name, root).films
    assert films
    for film in films:
        assert film.digest == sha256_file(root / film.path)
        assert film.source == name
        assert film.patient
    assert {film.label for film in films} >= {0, 1}


def test_the_same_folder_elsewhere_has_the_same_listing(name, root, tmp_path):
    copy = shutil.copytree(root, tmp_path / "elsewhere" / root.name)
    assert listed(name, copy).digest == listed(name, root).digest
    assert [film.path for film in listed(name, copy).films] == [film.path for film in listed(name, root).films]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_listing_survives_being_written(name, root, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    found = listed(name, root)
    write_manifest(found, root / f"manifest.{ending}")
    again = read_listing(root / f"manifest.{ending}")
    assert again.films == found.films
    assert again.digest == found.digest


def test_its_films_make_a_manifest(name, root):
    found = listed(name, root)
    assert len(Manifest(found.root, found.films)) == len(found)


def test_files_that_are_no_films_of_it_change_nothing(name, root):
    before, film = listed(name, root), a_film(name, root)
    shutil.copy(film, film.with_name(f"._{film.name}"))
    (film.parent / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (film.parent / "notes.txt").write_text("notes")
    (film.parent / "again").symlink_to(root, target_is_directory=True)
    assert listed(name, root).films == before.films


def test_a_film_that_cannot_be_opened_is_listed_with_a_note(name, root):
    before = listed(name, root)
    film = next(path for one in before.films if (path := root / one.path).suffix)  # without one a dead link is no film
    film.unlink()
    film.symlink_to("nowhere.dcm")
    after = listed(name, root)
    assert len(after) == len(before)
    (lost,) = [one for one in after.films if not one.digest]
    assert root / lost.path == film
    assert "cannot be opened" in lost.note


def test_a_film_that_is_gone_costs_no_other(name, root):
    before, film = listed(name, root), a_film(name, root)
    film.unlink()
    after = listed(name, root)
    kept = {one.path: one.digest for one in after.films if one.digest}
    assert kept == {one.path: one.digest for one in before.films if root / one.path != film}


def test_names_that_are_not_utf8_are_kept(name, root):
    film = a_film(name, root)
    strange = film.with_name(b"f\xfcnf_".decode("utf-8", "surrogateescape") + film.name)
    shutil.copy(film, strange)
    found = listed(name, root)
    write_manifest(found, root / "manifest.csv")
    assert read_listing(root / "manifest.csv").films == found.films
    paths = {root / one.path for one in found.films}
    assert strange in paths or name in ("covid-chestxray", "nih", "rsna", "csv")  # their tables do not name it


def test_an_empty_folder_is_refused(name, tmp_path):
    for folder in (tmp_path / "empty", tmp_path / "gone"):
        if folder.name == "empty":
            folder.mkdir()
        with pytest.raises(ManifestError, match=re.escape(str(folder))):
            index(folder, name)


def test_an_option_that_it_has_no_use_for_is_refused(name, root):
    given = Options(table=root / "a.csv", columns={"label": "l"}, classes={"a": 1}, patient_pattern=re.compile("a"))
    assert SOURCES[name].options <= given.given()
    for strange in given.given() - SOURCES[name].options:
        with pytest.raises(ManifestError, match=f"'{name}' has no use for {strange}"):
            index(root, name, Options(**{strange: getattr(given, strange)}))


def test_a_data_set_says_whose_it_is_and_what_it_is_good_for(name):
    source = SOURCES[name]
    told = inspect.getdoc(inspect.getmodule(source.recognises)) or ""
    if not source.citation:
        assert not source.download
        assert "Known faults" in told
        return
    assert all((source.licence, source.homepage, source.download, source.intended_use, source.exclusions))
    assert all(place.page.startswith("https://") for place in source.download)
    parts = re.findall(r"^(Citation|Licence|Counts|Download|Known faults)$", told, re.MULTILINE)
    assert parts == ["Citation", "Licence", "Counts", "Download", "Known faults"]
