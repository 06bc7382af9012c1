from __future__ import annotations

from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Manifest
from pneumoscope.data.manifest_file import read_manifest, write_manifest
from pneumoscope.data.sources import Options, index
from pneumoscope.data.targets import check_labels, exclusive_targets, targets, with_targets
from tests.contract.source_fixtures import films_in
from tests.helpers import flat, row

LABELS = ("pneumonia", "normal", "bacterial", "viral", "tuberculosis")


def manifest(*rows: dict[str, Any]) -> Manifest:
    return Manifest(Path("root"), tuple(row(f"{i}.png", **changes) for i, changes in enumerate(rows)))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"label": 0}, [0, 1, 0, 0, 0]),
        ({"label": 1}, [1, 0, nan, nan, 0]),
        ({"label": 1, "subtype": "bacterial"}, [1, 0, 1, 0, 0]),
        ({"label": 1, "subtype": "viral"}, [1, 0, 0, 1, 0]),
        ({"label": None}, [nan, nan, nan, nan, nan]),
        ({"label": None, "findings": ("tuberculosis",)}, [nan, 0, nan, nan, 1]),
        ({"label": None, "findings": ("Effusion", "TUBERCULOSIS")}, [nan, 0, nan, nan, 1]),
        ({"label": None, "findings": ("Effusion",)}, [nan, 0, nan, nan, 0]),
        ({"label": None, "findings": ("No Finding",)}, [nan, 1, nan, nan, 0]),
        ({"label": 0, "findings": ("tuberculosis",)}, [0, 0, 0, 0, 1]),
        ({"label": 0, "findings": ("Normal",)}, [0, 1, 0, 0, 0]),
        ({"label": 1, "subtype": "viral", "findings": ("Pneumonia", "Tuberculosis")}, [1, 0, 0, 1, 1]),
        ({"label": None, "findings": ("Pneumonia",)}, [nan, 0, nan, nan, 0]),
    ],
)
def test_what_a_row_says_of_each_label(said, expected):
    answers = targets([row(**said)], LABELS)
    assert answers.dtype == np.float32
    np.testing.assert_array_equal(answers, [expected])


def test_words_are_compared_whatever_their_case():
    films = [row(label=None, findings=("Lung Tumour",)), row(label=1), row(label=0)]
    np.testing.assert_array_equal(targets(films, ("lung tumour", "Pneumonia")), [[1, nan], [0, 1], [0, 0]])


def test_no_films_have_no_targets():
    assert targets([], LABELS).shape == (0, 5)


def test_films_of_which_no_label_is_known_are_left_out():
    films = manifest({"label": None}, {"label": None, "findings": ("tumour",)}, {"label": 1}, {"label": 0})
    for labels, kept in (
        (("pneumonia",), ["2.png", "3.png"]),
        (("viral",), ["3.png"]),
        (("pneumonia", "tumour"), ["1.png", "2.png", "3.png"]),
    ):
        assert [film.path for film in with_targets(films, labels).films] == kept
    assert with_targets(films, ("pneumonia",)) == films.labelled()
    assert not with_targets(manifest({"label": None}), ("pneumonia", "tumour")).films


def test_a_label_that_no_film_has_or_all_have_cannot_be_learned():
    films = manifest(*[{"label": None, "findings": ("Tumour",)}] * 3, {"label": 0}, {"label": 1, "subtype": "viral"})
    check_labels(films, ("pneumonia", "normal", "viral", "tumour"))
    with pytest.raises(ManifestError, match="'tumor': expected films with and without it, found 0 with and 5") as error:
        check_labels(films, ("pneumonia", "tumor"))
    assert str(error.value).endswith("The films state: tumour (3), normal (1), pneumonia (1), viral (1)")
    with pytest.raises(ManifestError, match=r"'tumour': .* found 3 with and 0 without"):
        check_labels(manifest(*[{"label": None, "findings": ("Tumour",)}] * 3), ("tumour",))


def test_where_labels_exclude_each_other_the_one_that_is_true_says_no_to_the_others():
    labels = ("pneumonia", "tumour")
    films = manifest({"label": None, "findings": ("tumour",)}, {"label": 1}, {"label": None, "findings": ("scar",)})
    np.testing.assert_array_equal(targets(films.films, labels), [[nan, 1], [1, 0], [nan, 0]])
    np.testing.assert_array_equal(targets(films.films, labels, exclusive=True), [[0, 1], [1, 0], [nan, 0]])
    check_labels(films, labels, exclusive=True)
    with pytest.raises(ManifestError, match=r"'pneumonia': .* found 1 with and 0 without"):
        check_labels(films, labels)


def test_of_labels_that_exclude_each_other_each_film_has_one():
    labels = ("pneumonia", "normal", "tumour")
    films = manifest({"label": None, "findings": ("tumour",)}, {"label": 1}, {"label": 0}, {"label": 1}).films
    assert exclusive_targets(films, labels).tolist() == [2, 0, 1, 0]
    several = row("both.png", label=1, findings=("tumour",))
    with pytest.raises(ManifestError, match=r"1 of 5 have none or several, the first is both\.png with pneumonia and"):
        exclusive_targets([*films, several], labels)
    none = row("none.png", label=None, findings=("fracture",))
    with pytest.raises(ManifestError, match=r"none\.png with none of them \(it states: fracture\)"):
        exclusive_targets([*films, none], labels)
    with pytest.raises(ManifestError, match="it states: nothing"):
        exclusive_targets([row(label=None)], labels)


def test_a_folder_for_each_class_tells_tuberculosis_from_a_tumour(tmp_path):
    """And what was indexed is still there when the manifest has been written and read."""
    root = films_in(tmp_path / "films", "NORMAL/a.png", "Tuberculosis/b.png", "TUMOUR/c.png", "Viral pneumonia/d.png")
    write_manifest(index(root), tmp_path / "films.csv")
    films = read_manifest(tmp_path / "films.csv")
    expected = {
        "films/NORMAL/a.png": [0, 1, 0, 0],
        "films/Tuberculosis/b.png": [nan, 0, 1, 0],
        "films/TUMOUR/c.png": [nan, 0, 0, 1],
        "films/Viral pneumonia/d.png": [1, 0, 0, 0],
    }
    labels = ("pneumonia", "normal", "tuberculosis", "tumour")
    answers = dict(zip((film.path for film in films.films), targets(films.films, labels).tolist(), strict=True))
    assert {path: pytest.approx(said, nan_ok=True) for path, said in expected.items()} == answers
    assert exclusive_targets(films.films, labels).tolist() == [1, 3, 2, 0]


def test_a_table_tells_tuberculosis_from_a_tumour(tmp_path):
    for name in "abcd":
        (tmp_path / f"{name}.png").write_bytes(flat(ord(name)))
    (tmp_path / "t.csv").write_text("file,label\na.png,Tuberculosis\nb.png,Tumour\nc.png,normal\nd.png,pneumonia\n")
    films = index(tmp_path, "csv", Options(classes={"Tuberculosis": None, "Tumour": None})).films
    assert exclusive_targets(films, ("tuberculosis", "tumour", "normal", "pneumonia")).tolist() == [0, 1, 2, 3]
    (tmp_path / "t.csv").write_text(
        "file,findings\na.png,Tuberculosis|Tumour\nb.png,Tumour\nc.png,No Finding\nd.png,\n"
    )
    films = index(tmp_path, "csv", Options(columns={"label": ""})).films
    answers = targets(films, ("tuberculosis", "tumour", "normal"))
    np.testing.assert_array_equal(answers, [[1, 1, 0], [0, 1, 0], [0, 0, 1], [nan, nan, nan]])


GIVEN = {"bacterial": "pneumonia"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"label": 1, "subtype": "bacterial"}, [1, 1]),
        ({"label": 1, "subtype": "viral"}, [1, 0]),
        ({"label": 1}, [1, nan]),
        ({"label": 0}, [0, nan]),
        ({"label": None, "findings": ("No Finding",)}, [nan, nan]),
        ({"label": None}, [nan, nan]),
    ],
)
def test_what_is_asked_on_a_condition_is_stated_of_films_that_meet_it_alone(said, expected):
    np.testing.assert_array_equal(targets([row(**said)], ("pneumonia", "bacterial"), given=GIVEN), [expected])


def test_no_film_is_kept_for_a_label_that_it_is_not_asked():
    films = manifest({"label": 0}, {"label": 1, "subtype": "viral"}, {"label": None, "findings": ("tumour",)})
    labels = ("pneumonia", "bacterial")
    assert [film.path for film in with_targets(films, labels, GIVEN).films] == ["0.png", "1.png"]


def test_both_kinds_are_needed_among_the_films_that_are_asked():
    """Normal films are no answer to which kind of pneumonia it is."""
    films = manifest({"label": 0}, {"label": 1, "subtype": "bacterial"})
    labels = ("pneumonia", "bacterial")
    check_labels(films, labels)
    with pytest.raises(ManifestError, match=r"'bacterial': .* among those with pneumonia, found 1 with and 0 without"):
        check_labels(films, labels, given=GIVEN)
