from __future__ import annotations

from pathlib import Path

import numpy as np

from pneumoscope.core.manifest import Listing, Manifest
from pneumoscope.data.shifted import ACQUISITION, hardness, with_shifted_validation
from pneumoscope.data.survey import _ROW, Survey
from tests.helpers import row


def surveyed(n: int = 400) -> Survey:
    """Pneumonia films are brighter than others, but for a fifth of the films without pneumonia."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    odd = (labels == 0) & (np.arange(n) % 10 == 0)
    rows = np.zeros(n, _ROW)
    for name in ACQUISITION:
        rows[name] = rng.normal(size=n)
    rows["mean"] = (labels | odd) + rng.normal(0, 0.2, n)
    films = [
        row(
            f"{i}.png", patient=f"p{i}", label=int(labels[i]), split="test" if i % 7 == 0 else "train", note=f"{odd[i]}"
        )
        for i in range(n)
    ]
    return Survey(Listing(Path("root"), tuple(films)), rows)


def test_the_films_set_aside_are_those_whose_acquisition_speaks_against_their_label():
    films = surveyed()
    scores = hardness(films, seed=0)
    manifest = Manifest(films.listing.root, films.listing.films)
    val = with_shifted_validation(manifest, scores, folds=8, seed=0).only("val").films
    negatives = [film for film in val if film.label == 0]
    assert len(negatives) == 22  # one in eight of 172, to the next patient
    assert sum(film.note == "True" for film in negatives) >= 21
    assert sum(film.label == 1 for film in val) in (21, 22)


def test_test_films_are_asked_nothing():
    films = surveyed()
    scores = hardness(films, seed=0)
    test = np.array([film.split == "test" for film in films.listing.films])
    assert np.isnan(scores[test]).all()
    assert np.isfinite(scores[~test]).all()
    changed = films.rows.copy()
    changed["mean"][test] = 100
    np.testing.assert_array_equal(hardness(Survey(films.listing, changed), seed=0), scores)


def test_films_that_cannot_be_read_are_not_chosen():
    films = surveyed()
    rows = films.rows.copy()
    rows["error"][5:50] = b"damaged"
    scores = hardness(Survey(films.listing, rows), seed=0)
    assert np.isnan(scores[5:50]).all()
    manifest = Manifest(films.listing.root, films.listing.films)
    val = {film.path for film in with_shifted_validation(manifest, scores, folds=8, seed=0).only("val").films}
    assert not val & {f"{i}.png" for i in range(6, 50, 2)}
