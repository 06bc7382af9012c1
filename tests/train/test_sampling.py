"""Which films an epoch shows: what each way of sampling promises, for any films."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from pneumoscope.training.sampling import batches_in, epoch_order, shard

pytestmark = pytest.mark.train

seeds = st.integers(0, 2**32 - 1)
answers = st.sampled_from([0.0, 1.0, np.nan])


@st.composite
def films(draw: st.DrawFn) -> NDArray[np.float32]:
    """Up to four combinations of answers to two labels, each of at least two of at most 120 films."""
    rows = draw(st.lists(st.tuples(answers, answers), min_size=1, max_size=4, unique_by=str))
    counts = draw(st.lists(st.integers(2, 30), min_size=len(rows), max_size=len(rows)))
    targets = np.repeat(np.float32(rows), counts, axis=0)
    return targets[np.random.default_rng(draw(seeds)).permutation(len(targets))]


def of_class(targets: NDArray[np.float32]) -> NDArray[np.str_]:
    return np.array([str(row) for row in targets])


def shown(order: NDArray[np.intp], targets: NDArray[np.float32]) -> NDArray[np.int_]:
    """How often each film is."""
    return np.bincount(order, minlength=len(targets))


@given(films(), seeds)
def test_naturally_each_film_is_shown_once_in_the_order_of_the_packaged_model(
    targets: NDArray[np.float32], seed: int
) -> None:
    order = epoch_order(targets, "natural", np.random.default_rng(seed))
    assert np.array_equal(order, np.random.default_rng(seed).permutation(len(targets)))


@given(films(), seeds)
def test_balanced_classes_are_alike_and_films_repeat_only_when_their_class_is_used_up(
    targets: NDArray[np.float32], seed: int
) -> None:
    order = epoch_order(targets, "balanced", np.random.default_rng(seed))
    assert len(order) == len(targets)
    counts, classes = shown(order, targets), of_class(targets)
    per_class = [counts[classes == one].sum() for one in np.unique(classes)]
    assert max(per_class) - min(per_class) <= 1
    assert all(np.ptp(counts[classes == one]) <= 1 for one in np.unique(classes))


@given(films(), seeds)
def test_oversampled_all_films_are_shown_and_classes_are_as_frequent_as_the_largest(
    targets: NDArray[np.float32], seed: int
) -> None:
    order = epoch_order(targets, "oversampled", np.random.default_rng(seed))
    counts, classes = shown(order, targets), of_class(targets)
    names, sizes = np.unique(classes, return_counts=True)
    assert counts.min() >= 1
    assert [counts[classes == one].sum() for one in names] == [sizes.max()] * len(names)
    assert all(np.ptp(counts[classes == one]) <= 1 for one in names)


@pytest.mark.parametrize("sampling", ["natural", "balanced", "oversampled"])
def test_the_same_generator_gives_the_same_epoch_and_another_gives_another(sampling: str) -> None:
    targets = np.float32([[0]] * 60 + [[1]] * 20)
    one, same, other = (epoch_order(targets, sampling, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("sampling", ["balanced", "oversampled"])
def test_classes_are_well_mixed_along_the_epoch(sampling: str) -> None:
    targets = np.float32([[0]] * 900 + [[1]] * 100)
    order = epoch_order(targets, sampling, np.random.default_rng(0))
    shares = [targets[part].mean() for part in np.array_split(order, 5)]
    assert np.allclose(shares, 0.5, atol=0.12)


@pytest.mark.parametrize(("sampling", "expected"), [("balanced", [50 / 90, 50 / 10]), ("oversampled", [1, 90 / 11])])
def test_all_films_of_a_class_have_the_same_chance(sampling: str, expected: list[float]) -> None:
    rare = 10 if sampling == "balanced" else 11
    targets = np.float32([[0]] * 90 + [[1]] * rare)
    rng = np.random.default_rng(0)
    often = sum(shown(epoch_order(targets, sampling, rng), targets) for _ in range(400)) / 400
    assert np.allclose(often, np.repeat(expected, [90, rare]), atol=0.12)


def test_rare_combinations_are_one_class_together() -> None:
    """Of a thousand films, four combinations of a few films each: together as many as each of the two large classes,
    and not each of them."""
    rare = [[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]]
    targets = np.float32(
        [[0, 0, 0]] * 700 + [[1, 0, 0]] * 282 + rare[:1] * 9 + rare[1:2] * 6 + rare[2:3] * 2 + rare[3:]
    )
    counts = shown(epoch_order(targets, "balanced", np.random.default_rng(0)), targets)
    assert sorted([counts[:700].sum(), counts[700:982].sum(), counts[982:].sum()]) == [333, 333, 334]
    assert np.ptp(counts[982:]) <= 1


def test_one_rare_class_is_still_a_class() -> None:
    targets = np.float32([[0]] * 999 + [[1]])
    counts = shown(epoch_order(targets, "balanced", np.random.default_rng(0)), targets)
    assert counts[-1] == 500


def as_the_packaged_model(order: NDArray[np.intp], batch: int) -> list[list[int]]:
    """How an epoch was cut when the packaged model was trained."""
    batches = max(1, len(order) // batch)
    return [np.sort(order[start : start + batch]).tolist() for start in range(0, batches * batch, batch)]


@given(st.integers(1, 200), st.integers(1, 40), seeds)
def test_one_process_gets_the_batches_of_the_packaged_model(n: int, batch: int, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(n)
    parts = [part.tolist() for part in shard(order, batch)]
    assert parts == as_the_packaged_model(order, batch)
    assert len(parts) == batches_in(n, batch)


@given(arrays(np.intp, st.integers(8, 100), elements=st.integers(0, 999)), st.integers(8, 40), st.integers(1, 8))
def test_processes_share_each_batch_fairly(order: NDArray[np.intp], batch: int, world: int) -> None:
    whole = list(shard(order, batch))
    ranks = [list(shard(order, batch, rank, world)) for rank in range(world)]
    assert {len(parts) for parts in ranks} == {len(whole)}
    for all_of_it, *parts in zip(whole, *ranks, strict=True):
        assert np.array_equal(np.sort(np.concatenate(parts)), all_of_it)
        sizes = [len(part) for part in parts]
        assert max(sizes) - min(sizes) <= 1
        assert all(np.array_equal(part, np.sort(part)) for part in parts)


@pytest.mark.parametrize(("n", "batch"), [(3, 32), (100, 3)])
def test_a_process_without_a_film_is_refused(n: int, batch: int) -> None:
    with pytest.raises(ValueError, match="expected a film for each of 4 processes, got 3"):
        list(shard(np.arange(n), batch, rank=3, world=4))
