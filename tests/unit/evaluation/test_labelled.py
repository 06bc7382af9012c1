from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Manifest
from pneumoscope.evaluation.labelled import LabelledFilms
from tests.helpers import flat, row, tiny_spec


def films_of(*patients: tuple[str, int, str, int]) -> LabelledFilms:
    """Patient, label, subtype and how many films."""
    rows = [
        row(f"{patient}-{i}.png", patient=patient, label=label, subtype=subtype, split="test")
        for patient, label, subtype, n in patients
        for i in range(n)
    ]
    return LabelledFilms.of(Manifest(Path("nowhere"), tuple(rows)), tiny_spec())


MANY = films_of(
    *((f"n{i}", 0, "", 1 + i % 3) for i in range(60)),
    *((f"b{i}", 1, "bacterial", 1 + i % 2) for i in range(40)),
    *((f"v{i}", 1, "viral", 2) for i in range(10)),
)


def test_films_that_do_not_state_the_label_are_left_out():
    rows = (row("a.png", label=1), row("b.png", label=None), row("c.png", label=0))
    films = LabelledFilms.of(Manifest(Path("nowhere"), rows), tiny_spec())
    assert [film.path for film in films.films] == ["a.png", "c.png"]
    assert films.truth.tolist() == [1, 0]


def test_it_is_the_first_label_that_counts():
    labels = tuple(msgspec.structs.replace(tiny_spec().labels[0], name=name) for name in ("viral", "pneumonia"))
    rows = (row("a.png", subtype="viral"), row("b.png", subtype="bacterial"), row("c.png"), row("d.png", label=0))
    films = LabelledFilms.of(Manifest(Path("nowhere"), rows), tiny_spec(labels=labels))
    assert dict(zip((film.path for film in films.films), films.truth.tolist(), strict=True)) == {
        "a.png": 1,
        "b.png": 0,
        "d.png": 0,
    }


def test_without_any_such_film_there_is_nothing_to_evaluate():
    with pytest.raises(ManifestError, match="films that state 'pneumonia', found none"):
        LabelledFilms.of(Manifest(Path("nowhere"), (row(label=None),)), tiny_spec())


@pytest.mark.parametrize("most", [20, 60, 120])
def test_a_sample_has_whole_patients_and_each_kind_its_share(most):
    sample = MANY.sample(most, seed=4)
    assert len(sample) == pytest.approx(most, abs=5)
    everybody, drawn = Counter(MANY.patients), Counter(sample.patients)
    assert all(everybody[patient] == n for patient, n in drawn.items())
    share = len(sample) / len(MANY)
    for subtype, n in Counter(film.subtype for film in MANY.films).items():
        assert sum(film.subtype == subtype for film in sample.films) == pytest.approx(share * n, abs=3)


def test_a_sample_keeps_order_truth_and_is_the_same_for_the_same_seed():
    sample = MANY.sample(50, seed=1)
    place = {film.path: i for i, film in enumerate(MANY.films)}
    places = [place[film.path] for film in sample.films]
    assert places == sorted(places)
    assert sample.truth.tolist() == MANY.truth[places].tolist()
    assert sample.films == MANY.sample(50, seed=1).films
    assert sample.films != MANY.sample(50, seed=2).films


def test_a_sample_larger_than_all_is_all():
    assert MANY.sample(len(MANY), seed=0) is MANY


def test_a_tiny_sample_still_has_each_kind():
    assert {film.subtype for film in MANY.sample(1, seed=0).films} == {"", "bacterial", "viral"}


@pytest.mark.parametrize("jobs", [1, 3])
def test_each_film_is_opened_once_and_in_order(predictor, tmp_path, jobs):
    rows = []
    for i in range(6):
        (tmp_path / f"{i}.png").write_bytes(flat(10 * i) if i != 2 else b"not a film")
        rows.append(row(f"{i}.png"))
    films = LabelledFilms.of(Manifest(tmp_path, tuple(rows)), tiny_spec())
    told: list[int] = []

    def progress(items, total):
        told.append(total)
        return items

    greys = films.opened(predictor, lambda i, film: (i, float(film.pixels.mean())), jobs=jobs, progress=progress)
    assert greys[2] is None
    assert [grey for grey in greys if grey] == [(i, pytest.approx(10 * i / 255)) for i in (0, 1, 3, 4, 5)]
    assert told == [6]


def test_only_keeps_what_is_asked_for():
    some = MANY.only([3, 0])
    assert some.films == (MANY.films[3], MANY.films[0])
    np.testing.assert_array_equal(some.truth, MANY.truth[[3, 0]])
