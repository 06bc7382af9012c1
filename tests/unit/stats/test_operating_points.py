from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pneumoscope.stats.operating_points import sensitive_threshold

FILM = st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.500001, 0.9, 1.0]) | st.floats(0, 1))


@given(st.lists(FILM, min_size=1, max_size=60), st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 1.0]))
def test_enough_are_found_and_the_next_higher_score_would_miss_it(films, sensitivity):
    labels, scores = (np.array(column) for column in zip(*films, strict=True))
    positives = scores[labels == 1]
    if not len(positives):
        with pytest.raises(ValueError, match="label 1"):
            sensitive_threshold(labels, scores, sensitivity)
        return
    threshold = sensitive_threshold(labels, scores, sensitivity)
    assert np.mean(positives >= threshold) >= sensitivity - 1e-12
    higher = positives[positives > threshold]
    assert not len(higher) or np.mean(positives >= higher.min()) < sensitivity - 1e-12


def test_ninety_nine_of_a_hundred_leave_one_behind():
    labels, scores = np.repeat([1, 0], [100, 50]), np.concatenate([np.arange(100) / 100, np.ones(50)])
    assert sensitive_threshold(labels, scores, 0.99) == 0.01
    assert sensitive_threshold(labels, scores, 1.0) == 0.0
    assert sensitive_threshold(labels, scores, 0.9) == 0.1
