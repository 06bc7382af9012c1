from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pneumoscope.stats.folds import patient_folds, patients_of_each


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 15)), min_size=1, max_size=80), st.integers(2, 10))
def test_every_film_is_held_back_once_and_never_with_its_patient_on_the_other_side(films, folds):
    labels, people = (np.array(column) for column in zip(*films, strict=True))
    patients = [f"p{i}" for i in people]
    splits = patient_folds(labels, patients, folds, seed=1)
    fewest = min(patients_of_each(labels, patients))
    assert len(splits) == (min(folds, fewest) if fewest > 1 else 0)
    for learned, held_back in splits:
        assert not {patients[i] for i in learned} & {patients[i] for i in held_back}
        assert set(labels[learned]) == set(labels[held_back]) == {0, 1}
    if splits:
        assert sorted(np.concatenate([held_back for _, held_back in splits])) == list(range(len(films)))


def test_classes_are_dealt_out_evenly():
    labels, patients = np.repeat([1, 0, 1], [20, 60, 20]), [str(i) for i in [*range(20), *range(20, 80), *range(20)]]
    for _, held_back in patient_folds(labels, patients, 5, seed=0):
        assert (labels[held_back] == 1).sum() == 8
        assert (labels[held_back] == 0).sum() == 12


def test_patients_with_films_of_both_classes_count_for_both():
    """Of label 0 are 3 patients, all of whom have films with 1 too: each of 3 folds gets one, whatever the seed."""
    patients = [*"abc", *"abc", *"defghijk"]
    labels = np.repeat([0, 1], [3, 11])
    for seed in range(20):
        splits = patient_folds(labels, patients, 5, seed=seed)
        assert [int((labels[held_back] == 0).sum()) for _, held_back in splits] == [1, 1, 1]
