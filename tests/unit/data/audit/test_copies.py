from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pneumoscope.data.audit import clean
from pneumoscope.data.audit.copies import exact_copies, near_copies, patients_on_two_sides
from tests.helpers import flat, picture
from tests.phantoms import audited, case, film, phantom, put, surveyed

SIDE = 160


def original(seed: int) -> np.ndarray:
    return phantom(seed, side=SIDE)


def again(pixels: np.ndarray) -> bytes:
    """The exposure as another program saves it: smaller, brighter, as a JPEG."""
    smaller = Image.fromarray(pixels).resize((120, 120), Image.Resampling.BICUBIC)
    return picture(np.clip(np.asarray(smaller) * 1.1, 0, 255).astype(np.uint8), "JPEG", quality=85)


def others(root, count=4, **columns):
    """Films that are nobody's copy."""
    return [put(root, f"other{i}.png", picture(original(100 + i)), **columns) for i in range(count)]


def told(findings):
    return {finding.code: (finding.severity, finding.groups) for finding in findings}


def test_different_films_are_no_copies(tmp_path):
    found = case(tmp_path, others(tmp_path, 8))
    assert exact_copies(found) == []
    assert near_copies(found) == []


def test_copies_within_a_split_are_a_warning(tmp_path):
    films = others(tmp_path)
    films += [put(tmp_path, name, film(1), patient="one", label=0) for name in ("a.png", "b.png", "c.png")]
    (finding,) = exact_copies(case(tmp_path, films))
    assert told([finding]) == {"copies": ("warning", (("a.png", "b.png", "c.png"),))}
    assert finding.action == "keep-one"
    assert finding.remarks == ("train; one patient key; no pneumonia",)
    assert [(figure.what, figure.value, figure.films) for figure in finding.figures] == [("groups in train", 1, 3)]
    assert finding.title.startswith("1 group (3 pairs) of films within a split")


def test_copies_across_splits_are_an_error(tmp_path):
    films = [put(tmp_path, f"{split}.png", film(1), split=split) for split in ("train", "test")]
    (finding,) = exact_copies(case(tmp_path, films))
    assert told([finding]) == {"copies-across-splits": ("error", (("train.png", "test.png"),))}
    assert finding.remarks == ("test and train; 2 patient keys; pneumonia",)


def test_copies_with_contradicting_labels_are_an_error_wherever_they_sit(tmp_path):
    films = [put(tmp_path, f"{label}.png", film(1), label=label) for label in (1, 0)]
    films += [put(tmp_path, "x.png", film(2), label=1), put(tmp_path, "y.png", film(2), label=0, split="test")]
    (finding,) = exact_copies(case(tmp_path, films))
    assert told([finding]) == {"conflicting-copies": ("error", (("1.png", "0.png"), ("x.png", "y.png")))}
    assert finding.action == "drop"
    assert finding.remarks[1] == "test and train; 2 patient keys; no pneumonia and pneumonia"


def test_a_copy_without_a_label_contradicts_nothing(tmp_path):
    films = [put(tmp_path, f"{label}.png", film(1), label=label) for label in (1, None)]
    (finding,) = exact_copies(case(tmp_path, films))
    assert finding.code == "copies"


def test_all_three_kinds_of_copies_are_told_apart(tmp_path):
    films = []
    for seed, (one, other) in enumerate([({}, {}), ({}, {"split": "test"}), ({}, {"label": 0})]):
        films += [put(tmp_path, f"{seed}{i}.png", film(seed), **columns) for i, columns in enumerate((one, other))]
    assert [finding.code for finding in exact_copies(case(tmp_path, films))] == [
        "conflicting-copies",
        "copies-across-splits",
        "copies",
    ]


def test_a_film_without_a_split_is_said_to_have_none(tmp_path):
    films = [put(tmp_path, f"{i}.png", film(1), split=split) for i, split in enumerate(("", "train"))]
    (finding,) = exact_copies(case(tmp_path, films))
    assert finding.remarks[0].startswith("no split and train;")
    films = [put(tmp_path, f"{i}.png", film(1), split="") for i in range(2)]
    (finding,) = exact_copies(case(tmp_path, films))
    assert finding.remarks[0].startswith("no split;")


def test_files_that_cannot_be_opened_are_no_copies_of_each_other(tmp_path):
    films = [put(tmp_path, f"{i}.png", film(i), digest="") for i in range(2)]
    assert exact_copies(case(tmp_path, films)) is None
    films += [put(tmp_path, f"{i}.png", film(9)) for i in (8, 9)]
    (finding,) = exact_copies(case(tmp_path, films))
    assert finding.groups == (("8.png", "9.png"),)


@pytest.mark.parametrize(
    ("columns", "code", "severity"),
    [
        ({}, "near-copies", "warning"),
        ({"split": "test"}, "near-copies-across-splits", "error"),
        ({"label": 0, "split": "test"}, "conflicting-near-copies", "error"),
    ],
)
def test_a_film_saved_another_way_is_found(tmp_path, columns, code, severity):
    films = [*others(tmp_path), put(tmp_path, "a.png", picture(original(1)))]
    films.append(put(tmp_path, "b.jpg", again(original(1)), **columns))
    found = case(tmp_path, films)
    assert exact_copies(found) == []
    assert told(near_copies(found)) == {code: (severity, (("a.png", "b.jpg"),))}


def test_exact_copies_are_not_told_again_as_near_ones(tmp_path):
    films = [put(tmp_path, name, film(1)) for name in ("a.png", "b.png")]
    assert near_copies(case(tmp_path, [*others(tmp_path), *films])) == []


def test_dropping_an_exact_copy_leaves_no_near_copy_in_the_other_split(tmp_path):
    """The test film's twin in train hides another train film, which is nearly the same as both."""
    data = picture(original(1))
    films = [
        *others(tmp_path),
        put(tmp_path, "near.jpg", again(original(1))),
        put(tmp_path, "twin.png", data),
        put(tmp_path, "asked.png", data, split="test"),
    ]
    audit = audited(tmp_path, films)
    near = next(finding for finding in audit.findings if finding.code == "near-copies-across-splits")
    assert set(near.groups[0]) == {"near.jpg", "twin.png", "asked.png"}
    errors = [finding.code for finding in audit.findings if finding.severity == "error"]
    cleaned, _ = clean(surveyed(tmp_path, films).listing, audit, errors)
    kept = list(cleaned.films)
    assert "asked.png" in {film.path for film in kept}
    assert not [finding for finding in audited(tmp_path, kept).findings if finding.severity == "error"]


def test_blank_films_of_different_greys_are_no_copies(tmp_path):
    assert near_copies(case(tmp_path, [put(tmp_path, f"{grey}.png", flat(grey)) for grey in (60, 90, 200)])) == []


def test_a_film_that_goes_away_during_the_audit_is_no_copy(tmp_path):
    films = [put(tmp_path, "a.png", picture(original(1))), put(tmp_path, "b.jpg", again(original(1)))]
    found = case(tmp_path, [*others(tmp_path), *films])
    (tmp_path / "b.jpg").unlink()
    assert near_copies(found) == []


def test_a_search_that_was_cut_short_says_so(tmp_path, monkeypatch):
    from pneumoscope.data.audit import copies

    complete = copies.near_pairs
    monkeypatch.setattr(copies, "near_pairs", lambda thumbs: complete(thumbs, window=1))
    films = [put(tmp_path, f"{i}.png", picture((original(1) * (1 - i / 10)).astype(np.uint8))) for i in range(5)]
    *_, finding = near_copies(case(tmp_path, films))
    assert (finding.code, finding.severity, finding.action) == ("near-copies-incomplete", "note", "")


def test_a_patient_in_two_splits_is_an_error(tmp_path):
    rows = [("p1", "train"), ("p1", "test"), ("p2", "train"), ("p2", "train"), ("p3", "val"), ("p3", "test")]
    films = [put(tmp_path, f"{i}.png", film(i), patient=key, split=split) for i, (key, split) in enumerate(rows)]
    (finding,) = patients_on_two_sides(case(tmp_path, films))
    assert told([finding]) == {"patients-across-splits": ("error", (("0.png", "1.png"), ("4.png", "5.png")))}
    assert finding.remarks == ("patient p1: test and train", "patient p3: test and val")
    assert finding.title.startswith("2 patients have films")


def test_patients_of_two_sources_may_share_a_name(tmp_path):
    films = [
        put(tmp_path, f"{i}.png", film(i), patient="p1", split=split, source=source)
        for i, (split, source) in enumerate([("train", "one"), ("test", "other")])
    ]
    assert patients_on_two_sides(case(tmp_path, films)) == []


def test_a_film_without_a_split_takes_its_patient_nowhere(tmp_path):
    films = [put(tmp_path, f"{i}.png", film(i), patient="p1", split=split) for i, split in enumerate(("", "train"))]
    assert patients_on_two_sides(case(tmp_path, films)) == []
    assert patients_on_two_sides(case(tmp_path, films[:1])) is None
