from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Box, Film, Listing, Manifest
from tests.helpers import row

ROOT = Path("root")


def manifest(*films: Film, root: Path = ROOT) -> Manifest:
    return Manifest(root, films)


def test_a_patient_in_two_splits_is_refused():
    with pytest.raises(ManifestError, match=r"2 with the same patient sit in two splits.*'ann'"):
        manifest(
            row("a", patient="ann"),
            row("b", patient="bob"),
            row("c", patient="ann", split="test"),
            row("d", patient="bob", split="val"),
            row("e", patient="carl", split="test"),
        )


def test_a_file_copied_into_another_split_is_refused():
    with pytest.raises(ManifestError, match=r"same file content sit in two splits \(for example b, "):
        manifest(row("a", digest="copy"), row("b", digest="copy", split="val"))


def test_a_path_listed_twice_is_refused():
    with pytest.raises(ManifestError, match=r"1 paths are listed more than once, the first is a/b\.png"):
        manifest(row("a/b.png"), row("a/b.png", digest="other"))


def test_a_patient_and_a_file_may_come_twice_in_one_split():
    assert len(manifest(row("a", patient="ann", digest="copy"), row("b", patient="ann", digest="copy"))) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"label": 2},
        {"label": -1},
        {"label": "1"},
        {"subtype": "Bacterial"},
        {"split": "valid"},
        {"split": "Test"},
        {"sex": "f"},
        {"age": -1},
    ],
)
def test_a_label_or_split_of_no_meaning_is_refused(change):
    with pytest.raises(ManifestError, match=rf"a\.png: {next(iter(change))}: expected"):
        row("a.png", **change)


def test_the_digest_knows_neither_order_nor_place():
    films = row("a"), row("b", label=None), row("c", split="test")
    assert manifest(*films).digest == manifest(*reversed(films), root=Path("/elsewhere")).digest


@pytest.mark.parametrize(
    "change",
    [
        {"path": "z"},
        {"digest": "z"},
        {"patient": "z"},
        {"label": 0},
        {"label": None},
        {"subtype": "viral"},
        {"split": "val"},
        {"source": "z"},
        {"findings": ("Effusion",)},
        {"view": "PA"},
        {"age": 0.0},
        {"sex": "F"},
        {"boxes": (Box(1, 2, 3, 4),)},
        {"note": "z"},
    ],
)
def test_the_digest_covers_every_column(change):
    film = row("a")
    assert manifest(film).digest != manifest(replace(film, **change)).digest


def test_a_listing_holds_what_a_manifest_refuses():
    films = row("a", patient="ann", digest="copy"), row("b", patient="ann", digest="copy", split="test")
    assert len(Listing(ROOT, films)) == 2
    with pytest.raises(ManifestError, match="listed more than once"):
        Listing(ROOT, (films[0], films[0]))


def test_films_that_could_not_be_opened_are_not_copies_of_each_other():
    assert len(manifest(row("a", digest=""), row("b", digest="", split="test"))) == 2


def test_patients_of_two_sources_are_not_taken_for_one_another():
    assert len(manifest(row("a", patient="1"), row("b", patient="1", split="test", source="other"))) == 2


def test_the_digest_of_the_packaged_models_films_has_not_changed_with_the_new_columns():
    """By hand: the seven first columns, joined as they always were."""
    said = "\x1f".join(["a", "00", "ann", "None", "", "train", "x"])
    film = row("a", digest="00", patient="ann", label=None, source="x")
    assert manifest(film).digest == sha256(said.encode()).hexdigest()


def test_films_without_a_split_leak_nothing():
    assert len(manifest(row("a", patient="ann"), row("b", patient="ann", split=""), row("c", split="test"))) == 3


def test_films_without_a_split_are_told_of():
    with pytest.raises(ManifestError, match=r"it has: no split \(1\); 'pneumoscope data split' assigns films"):
        manifest(row("a", split="")).only("train")


def test_the_digest_does_not_depend_on_where_one_value_ends_and_the_next_begins():
    assert manifest(row(digest="ab", patient="c")).digest != manifest(row(digest="a", patient="bc")).digest


def test_the_digest_takes_names_that_are_not_utf8():
    assert manifest(row("\udcff.png")).digest != manifest(row("\udcfe.png")).digest


def test_only_keeps_the_order_and_the_films_without_a_label():
    films = manifest(row("c"), row("b", split="test"), row("a", label=None))
    assert [film.path for film in films.only("train").films] == ["c", "a"]
    assert [film.path for film in films.labelled().films] == ["c", "b"]


def test_a_split_that_is_not_there_is_told_with_those_that_are():
    films = manifest(row("a"), row("b"), row("c", split="test"))
    with pytest.raises(ManifestError, match=r"no films in split 'val'; it has: train \(2\), test \(1\)"):
        films.only("val")
    with pytest.raises(ManifestError, match="no films at all"):
        manifest().only("train")
