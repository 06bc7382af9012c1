from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pneumoscope.core import ManifestError
from pneumoscope.core.files import sha256_bytes
from pneumoscope.data import open_listing, open_manifest
from pneumoscope.data.sources import index


def lay_out(root: Path, *paths: str) -> Path:
    """Files with these paths; each holds its own path, so that no two are alike."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    return root


def listed(root: Path) -> dict[str, tuple[str, int | None, str, str]]:
    return {f.path: (f.split, f.label, f.patient, f.subtype) for f in index(root, "kermany").films}


def test_the_demo_films_are_indexed(demo_films):
    manifest = open_manifest(demo_films)
    assert Counter((film.split, film.label) for film in manifest.films) == {
        ("train", 0): 16,
        ("train", 1): 16,
        ("test", 0): 16,
        ("test", 1): 16,
    }
    films = {film.path: film for film in manifest.films}
    film = films["test/PNEUMONIA/person124_bacteria_590.jpeg"]
    assert (film.patient, film.subtype, film.source) == ("person124/bacteria", "bacterial", "kermany")
    film = films["train/PNEUMONIA/person124_virus_250.jpeg"]  # another child, of the same number
    assert (film.patient, film.subtype) == ("person124/virus", "viral")
    film = films["test/NORMAL/NORMAL2-IM-0173-0001-0001.jpeg"]
    assert (film.patient, film.subtype) == ("NORMAL2-IM-0173", "")
    assert film.digest == sha256_bytes((demo_films / film.path).read_bytes())


def test_names_tell_patients_and_subtypes(tmp_path):
    root = lay_out(
        tmp_path,
        "train/NORMAL/IM-0115-0001.jpeg",
        "train/NORMAL/IM-0115-0002.jpeg",
        "train/NORMAL/NORMAL2-IM-0115-0001-0002.jpeg",
        "train/PNEUMONIA/person7_bacteria_20.jpeg",
        "train/PNEUMONIA/person7_bacteria_21.jpeg",
        "train/PNEUMONIA/person7_virus_22.JPG",
        "train/PNEUMONIA/somebody.png",
    )
    assert listed(root) == {
        "train/NORMAL/IM-0115-0001.jpeg": ("train", 0, "IM-0115", ""),
        "train/NORMAL/IM-0115-0002.jpeg": ("train", 0, "IM-0115", ""),
        "train/NORMAL/NORMAL2-IM-0115-0001-0002.jpeg": ("train", 0, "NORMAL2-IM-0115", ""),
        "train/PNEUMONIA/person7_bacteria_20.jpeg": ("train", 1, "person7/bacteria", "bacterial"),
        "train/PNEUMONIA/person7_bacteria_21.jpeg": ("train", 1, "person7/bacteria", "bacterial"),
        "train/PNEUMONIA/person7_virus_22.JPG": ("train", 1, "person7/virus", "viral"),
        "train/PNEUMONIA/somebody.png": ("train", 1, "somebody", ""),
    }


def test_names_of_the_mendeley_versions_tell_patients_and_subtypes(tmp_path):
    root = lay_out(
        tmp_path,
        "test/NORMAL/NORMAL-1003233-0001.jpeg",
        "test/PNEUMONIA/BACTERIA-1008087-0001.jpeg",
        "test/PNEUMONIA/BACTERIA-1008087-0002.jpeg",
        "test/PNEUMONIA/VIRUS-1008087-0001.jpeg",
    )
    assert list(listed(root).values()) == [
        ("test", 0, "NORMAL-1003233", ""),
        ("test", 1, "BACTERIA-1008087", "bacterial"),
        ("test", 1, "BACTERIA-1008087", "bacterial"),
        ("test", 1, "VIRUS-1008087", "viral"),
    ]


def test_the_val_folder_is_listed_as_it_is(tmp_path):
    root = lay_out(tmp_path, "train/NORMAL/IM-1-1.jpeg", "val/NORMAL/IM-2-1.jpeg", "val/PNEUMONIA/person1_virus_1.jpeg")
    assert {path: split for path, (split, *_) in listed(root).items()} == {
        "train/NORMAL/IM-1-1.jpeg": "train",
        "val/NORMAL/IM-2-1.jpeg": "val",
        "val/PNEUMONIA/person1_virus_1.jpeg": "val",
    }


def test_a_film_in_the_wrong_folder_has_a_note(tmp_path):
    (film,) = index(lay_out(tmp_path, "train/NORMAL/person1_virus_1.jpeg")).films
    assert film.label == 0
    assert film.note == "its name says viral pneumonia, its folder says normal"


@pytest.mark.parametrize("inside", ["chest_xray", "chest_xray/chest_xray"])
def test_the_archive_s_own_folders_are_looked_into(tmp_path, inside):
    lay_out(tmp_path, f"{inside}/train/NORMAL/IM-1-1.jpeg")
    assert list(listed(tmp_path)) == [f"{inside}/train/NORMAL/IM-1-1.jpeg"]


def test_what_is_no_film_is_passed_over(tmp_path):
    root = lay_out(
        tmp_path,
        "test/NORMAL/IM-1-1.jpeg",
        "test/NORMAL/._IM-1-1.jpeg",
        "test/NORMAL/.DS_Store",
        "test/NORMAL/notes.txt",
        "test/OTHER/notes.txt",
        "IM-4-1.jpeg",
    )
    assert list(listed(root)) == ["test/NORMAL/IM-1-1.jpeg"]


def test_a_set_with_further_classes_is_somebody_elses(tmp_path):
    root = lay_out(tmp_path, "train/NORMAL/a.jpeg", "train/PNEUMONIA/b.jpeg", "train/TUBERCULOSIS/c.jpeg")
    with pytest.raises(ManifestError, match="found TUBERCULOSIS too; --source folder"):
        index(root, "kermany")
    told = {film.path: (film.source, film.label, film.findings) for film in index(root).films}
    assert told["train/TUBERCULOSIS/c.jpeg"] == ("folder", None, ("TUBERCULOSIS",))


def test_a_folder_with_the_name_of_a_film_is_none(tmp_path):
    root = lay_out(tmp_path, "test/NORMAL/IM-1-1.jpeg")
    (root / "test" / "NORMAL" / "folder.jpeg").mkdir()
    assert list(listed(root)) == ["test/NORMAL/IM-1-1.jpeg"]


def test_a_film_that_cannot_be_opened_has_a_note(tmp_path):
    root = lay_out(tmp_path, "test/NORMAL/IM-1-1.jpeg")
    (root / "test" / "NORMAL" / "IM-2-1.jpeg").symlink_to("gone")
    sound, lost = index(root).films
    assert (sound.note, bool(sound.digest)) == ("", True)
    assert (lost.path, lost.digest) == ("test/NORMAL/IM-2-1.jpeg", "")
    assert lost.note == "cannot be opened: No such file or directory"


@pytest.mark.parametrize("paths", [(), ("normal/a.jpeg",), ("train/normal/a.jpeg",), ("NORMAL/a.jpeg",)])
def test_another_layout_is_refused(tmp_path, paths):
    with pytest.raises(ManifestError, match=r"expected the folders train/NORMAL, .*; found none"):
        index(lay_out(tmp_path, *paths), "kermany")


def test_a_child_in_train_and_test_is_listed_and_not_trusted(tmp_path):
    root = lay_out(tmp_path, "train/PNEUMONIA/person7_virus_1.jpeg", "test/PNEUMONIA/person7_virus_2.jpeg")
    assert [film.patient for film in open_listing(root).films] == ["person7/virus"] * 2
    with pytest.raises(ManifestError, match="person7/virus"):
        open_manifest(root)
    root = lay_out(tmp_path / "other", "train/NORMAL/IM-1-1.jpeg")
    copy = root / "test" / "NORMAL" / "IM-9-1.jpeg"
    copy.parent.mkdir(parents=True)
    copy.write_bytes((root / "train" / "NORMAL" / "IM-1-1.jpeg").read_bytes())
    assert len(open_listing(root)) == 2
    with pytest.raises(ManifestError, match="same file content"):
        open_manifest(root)
