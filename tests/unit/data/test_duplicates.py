from __future__ import annotations

import io
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageFont
from scipy.ndimage import gaussian_filter

from pneumoscope.core.files import sha256_file
from pneumoscope.data import duplicates
from pneumoscope.data.duplicates import (
    CROWD,
    HashSearch,
    confirmed,
    groups,
    near_pairs,
    perceptual_hashes,
    same_bytes,
    thumb_likeness,
)
from tests.helpers import picture

SIDE = 224
CROP = Image.Resampling.BILINEAR


def lettered(film: Image.Image) -> Image.Image:
    film = film.copy()
    ImageDraw.Draw(film).text((190, 10), "R", fill=255, font=ImageFont.load_default(20))
    return film


KINDS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "the same": lambda film: film,
    "JPEG": lambda film: Image.open(io.BytesIO(picture(np.asarray(film), "JPEG", quality=50))),
    "larger and back": lambda film: film.resize((1000, 1000), Image.Resampling.BICUBIC).resize((SIDE, SIDE)),
    "smaller and back": lambda film: film.resize((112, 112), Image.Resampling.BOX).resize((SIDE, SIDE)),
    "brighter": lambda film: film.point(lambda grey: min(grey * 1.2, 255)),
    "darker": lambda film: film.point(lambda grey: grey * 0.8),
    "more contrast": lambda film: ImageEnhance.Contrast(film).enhance(1.2),
    "cropped": lambda film: film.resize((SIDE, SIDE), CROP, box=(2, 2, SIDE - 2, SIDE - 2)),
    "letter": lettered,
}


def made_up(count: int, seed: int) -> list[Image.Image]:
    """Films with coarse and fine structure of their own."""
    noise = np.random.default_rng(seed).normal(size=(count, 2, SIDE, SIDE))
    fields = [128 + 1500 * gaussian_filter(coarse, 20) + 60 * gaussian_filter(fine, 2) for coarse, fine in noise]
    return [Image.fromarray(np.clip(field, 0, 255).astype(np.uint8)) for field in fields]


def squashed(films: list[Image.Image]) -> np.ndarray:
    return np.stack([np.asarray(film.resize((32, 32), Image.Resampling.BOX)) for film in films])


def noisy(count: int, grey: int) -> np.ndarray:
    """Thumbnails of one film, again and again with a little noise."""
    thumb = squashed(made_up(1, 0)).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, grey, (count, 32, 32))
    return np.clip(np.rint(thumb + noise), 0, 255).astype(np.uint8)


def listed(found: list[np.ndarray]) -> list[list[int]]:
    return [group.tolist() for group in found]


def close_pairs(hashes: np.ndarray, radius: int) -> list[tuple[int, int]]:
    """By comparing all."""
    return [(i, j) for i, j in combinations(range(len(hashes)), 2) if (hashes[i] ^ hashes[j]).bit_count() <= radius]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.integers(0, 90), st.integers(0, 8), st.integers(1, 20))
def test_the_search_finds_each_pair_once_that_comparing_all_finds(seed, count, radius, families):
    """Hashes in families, whose members differ from its head in up to 14 bits."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, families, np.uint64)[rng.integers(0, families, count)]
    for i in range(count):
        for bit in rng.choice(64, rng.integers(0, 15), replace=False):
            hashes[i] ^= np.uint64(1) << np.uint64(bit)
    search = HashSearch(hashes, radius=radius)
    found = sorted(tuple(pair) for pairs in search for pair in pairs.tolist())
    assert found == close_pairs(hashes, radius)
    assert search.left_out == 0


def test_a_narrow_window_says_how_much_it_left_out():
    hashes = np.zeros(50, np.uint64)
    search = HashSearch(hashes, radius=0, window=3)
    found = [pair for pairs in search for pair in pairs.tolist()]
    assert sorted(found) == [[i, j] for i, j in combinations(range(50), 2) if j - i <= 3]
    assert search.left_out == 50 * 49 // 2 - len(found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_is_found_and_nothing_else(kind):
    films = made_up(12, seed=1)
    films += [KINDS[kind](film) for film in films[:5]]
    found = near_pairs(squashed(films))
    assert (found.left_out, found.crowded) == (0, 0)
    sure = confirmed(found, lambda i: np.asarray(films[i]))
    assert sure.pairs.tolist() == [[i, 12 + i] for i in range(5)]
    assert (sure.likeness >= 0.96).all()


def test_alike_thumbnails_are_not_enough():
    """The same coarse structure with other detail: another exposure of the same person, say."""
    coarse = 128 + 1500 * gaussian_filter(np.random.default_rng(2).normal(size=(SIDE, SIDE)), 20)
    detail = [10 * gaussian_filter(np.random.default_rng(seed).normal(size=(SIDE, SIDE)), 1.5) for seed in (3, 4)]
    films = [np.clip(coarse + one, 0, 255).astype(np.uint8) for one in detail]
    found = near_pairs(squashed([Image.fromarray(film) for film in films]))
    assert found.pairs.tolist() == [[0, 1]]
    assert len(confirmed(found, films.__getitem__).pairs) == 0
    (likeness,) = confirmed(found, films.__getitem__, least=-1).likeness
    assert likeness < 0.6


def test_each_film_is_read_once():
    films = [np.asarray(film) for film in [*made_up(1, 0)] * 40]
    read: list[int] = []

    def pixels(i: int) -> np.ndarray:
        read.append(i)
        return films[i]

    found = near_pairs(squashed([Image.fromarray(film) for film in films]))
    assert len(confirmed(found, pixels).pairs) == 39
    assert sorted(read) == list(range(40))


def test_a_thumbnail_explains_its_brighter_moved_self_and_no_flat_one():
    film = Image.fromarray(np.asarray(made_up(1, 5)[0]) // 2)
    moved = film.resize((SIDE, SIDE), CROP, box=(4, 0, SIDE, SIDE - 4)).point(lambda grey: grey * 1.3 + 10)
    thumbs = np.concatenate([squashed([film, moved, made_up(1, 6)[0]]), np.full((1, 32, 32), 90, np.uint8)])
    likeness = thumb_likeness(thumbs, np.array([[0, 0], [0, 1], [0, 2], [0, 3], [3, 0], [3, 3]]))
    assert likeness[0] == pytest.approx(1, abs=1e-4)
    assert likeness[1] > 0.98
    assert likeness[2] < 0.9
    assert likeness[3:].tolist() == [0, 0, 0]


def test_blank_films_are_one_group_for_each_grey():
    blanks = np.concatenate([np.full((900, 32, 32), grey, np.uint8) for grey in (0, 0, 255)])
    films = squashed(made_up(3, seed=3))
    found = near_pairs(np.concatenate([films, blanks]))
    assert [len(group) for group in groups(found.pairs)] == [1800, 900]
    assert len(found.pairs) == 1799 + 899


def test_a_crowd_of_films_alike_is_one_group_without_all_its_pairs():
    count = 1000
    found = near_pairs(noisy(count, grey=2))
    assert [len(group) for group in groups(found.pairs)] == [count]
    assert len(found.pairs) < 2 * CROWD * count < count * (count - 1) // 2
    assert found.crowded > 0.9 * count


def test_a_crowd_of_films_nearly_alike_is_not_compared_for_ever(monkeypatch):
    """Fits that find nothing are counted too."""
    fitted = 0

    def counting(thumbs: np.ndarray, pairs: np.ndarray) -> np.ndarray:
        nonlocal fitted
        fitted += len(pairs)
        return thumb_likeness(thumbs, pairs)

    monkeypatch.setattr(duplicates, "thumb_likeness", counting)
    monkeypatch.setattr(duplicates, "_SPENT", CROWD)
    found = near_pairs(noisy(400, grey=12))
    assert len(found.pairs) == 0
    assert found.crowded > 200
    assert 0 < fitted < 400 * CROWD


def test_pairs_are_in_order_whatever_the_order_of_the_films():
    films = made_up(6, seed=4)
    thumbs = squashed([*films, *(KINDS["JPEG"](film) for film in films)])
    shuffle = np.random.default_rng(0).permutation(12)
    found = near_pairs(thumbs[shuffle])
    assert found.pairs.tolist() == sorted(found.pairs.tolist())
    assert {frozenset(shuffle[pair].tolist()) for pair in found.pairs} == {frozenset((i, i + 6)) for i in range(6)}


@pytest.mark.parametrize("count", [0, 1])
def test_no_film_and_one_film_have_no_copies(count):
    thumbs = np.full((count, 32, 32), 7, np.uint8)
    found = near_pairs(thumbs)
    assert perceptual_hashes(thumbs).shape == (count,)
    assert found.pairs.shape == (0, 2)
    assert confirmed(found, lambda i: pytest.fail(f"film {i} was read")).pairs.shape == (0, 2)
    assert groups(found.pairs) == []
    assert same_bytes(["a"] * count) == []


def test_thumbnails_may_be_mapped_and_part_of_a_record(tmp_path):
    thumbs = squashed(made_up(8, seed=6))[[0, 1, 2, 3, 4, 5, 6, 7, 0]]
    rows = np.zeros(9, [("mean", np.float32), ("thumb", np.uint8, (32, 32))])
    rows["thumb"] = thumbs
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")["thumb"]
    assert near_pairs(mapped).pairs.tolist() == [[0, 8]]
    assert (perceptual_hashes(mapped) == perceptual_hashes(thumbs)).all()


def test_groups_are_what_pairs_join():
    pairs = np.array([[7, 9], [1, 4], [4, 6], [0, 9], [2, 3]])
    assert listed(groups(pairs)) == [[0, 7, 9], [1, 4, 6], [2, 3]]


def test_the_same_bytes_are_a_group():
    assert listed(same_bytes(["c", "a", "b", "a", "c", "c", "d"])) == [[0, 4, 5], [1, 3]]
    assert listed(same_bytes([b"x\0", b"y\0", b"x\0"])) == [[0, 2]]


@pytest.mark.data
def test_the_copies_in_the_kermany_test_folder_are_known(data_folder: Path):
    """Six films are there twice, byte for byte, and nothing else comes near them."""
    paths = sorted((data_folder / "kermany224" / "test").rglob("*.jpeg"))
    if not paths:
        pytest.skip("kermany224/test is not in the data folder")
    films = [Image.open(path).convert("L") for path in paths]
    found = confirmed(near_pairs(squashed(films)), lambda i: np.asarray(films[i]))
    assert listed(groups(found.pairs)) == listed(same_bytes([sha256_file(path) for path in paths]))
    assert len(found.pairs) == 6
    assert all(paths[i].parent == paths[j].parent for i, j in found.pairs)
