"""Films that are in a data set twice: the same bytes, or the same exposure saved another way.

A pair passes four gates, each dearer and stricter than the one before: a perceptual hash that finds candidates without
comparing all pairs, a dot product of low frequencies, a fit of one thumbnail to the other, and the pixels themselves.
Chest films look alike, so a hash alone proves nothing. Mirrored and inverted copies are not looked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dct
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

RADIUS, THUMBS_ALIKE, PIXELS_ALIKE = 8, 0.97, 0.96
"""Bits by which hashes may differ; least likeness of two thumbnails, and of the pixels of two films that are one.

Measured on 14,340 films, judged by eye: the pixels of candidates that are another exposure come to 0.953 at most,
mostly of one person; those of copies begin at 0.966, but for one that was cropped by much.
"""
WINDOW, CROWD = 512, 32
"""Films that one is compared with in each bucket of hashes; partners after which a film looks for no more."""
_SPENT = 512
"""Fits after which a film looks for no more, where a partner counts for 16."""
_EDGES_ALIKE, _EDGES_SURE = 0.92, 0.99
_EQUAL_BANDS = 3
_CHUNK, _BATCH = 256, 1 << 17
_DETAIL, _TILE, _SHIFT, _STEP = 112, 16, 4, 14

_Y, _X = np.mgrid[-1:1:32j, -1:1:32j].astype(np.float32)
_ORDER = np.arange(8)
_LENGTH = np.where(_ORDER, 1.0, np.sqrt(0.5))
_EDGES = (np.add.outer(_ORDER, _ORDER) * np.outer(_LENGTH, _LENGTH)).ravel().astype(np.float32)
"""Weight of each low frequency: as much as it tells of edges. The first, the brightness, has none."""

Index = NDArray[np.intp]
Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class NearPairs:
    """Pairs of films, (M, 2), ascending and the lower index first, and how alike each pair is, (M,), 1 at most.

    ``left_out`` comparisons of hashes were not made because too many films share a bucket. ``crowded`` films have 32
    partners, or hundreds of films that are nearly alike, and looked no further. At 0 both the search was complete.
    """

    pairs: Index
    likeness: Floats
    left_out: int = 0
    crowded: int = 0


def same_bytes(digests: Sequence[str] | Sequence[bytes]) -> list[Index]:
    """Groups of films with one digest: ascending indices, in order of their first film."""
    return _groups(np.unique(np.asarray(digests), return_inverse=True)[1])


def groups(pairs: Index) -> list[Index]:
    """Groups of films that pairs join, directly or through others: ascending indices, in order of their first film."""
    return _groups(_joined(pairs, int(pairs.max()) + 1)) if len(pairs) else []


def _groups(key: NDArray[np.integer]) -> list[Index]:
    order = np.argsort(key, kind="stable")
    found = np.split(order, np.flatnonzero(np.diff(key[order])) + 1)
    return sorted((films for films in found if len(films) > 1), key=lambda films: int(films[0]))


def _joined(pairs: Index, count: int) -> NDArray[np.int32]:
    """A number for each film, one and the same for films that pairs join."""
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    number: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return number


def perceptual_hashes(thumbs: Pixels) -> NDArray[np.uint64]:
    """(N,) hashes of (N, 32, 32) thumbnails: which of the 64 lowest frequencies are stronger than their median.

    The bits of ``imagehash.phash``, its first in the highest place. Source: Zauner, "Implementation and benchmarking of
    perceptual image hash functions", 2010.
    """
    return _hashes(_low_frequencies(thumbs))


def _low_frequencies(thumbs: Pixels) -> Floats:
    """(N, 64): the 8 x 8 lowest terms of each thumbnail's cosine transform, less their median."""
    low = np.empty((len(thumbs), 64), np.float32)
    for at in range(0, len(thumbs), _CHUNK):
        some = thumbs[at : at + _CHUNK].astype(np.float64)
        terms = dct(dct(some, axis=1)[:, :8], axis=2)[:, :, :8].reshape(-1, 64)
        low[at : at + _CHUNK] = terms - np.median(terms, axis=1, keepdims=True)
    return low


def _hashes(low: Floats) -> NDArray[np.uint64]:
    return np.packbits(low > 0, axis=1).view(">u8").ravel().astype(np.uint64)


def near_pairs(thumbs: Pixels, *, radius: int = RADIUS, least: float = THUMBS_ALIKE, window: int = WINDOW) -> NearPairs:
    """Films whose hashes differ in at most ``radius`` bits and whose thumbnails are alike, by ``least`` or more.

    ``thumbs`` is (N, 32, 32) uint8, mapped from a file if it is large. Of films with the very same thumbnail the first
    stands for all, and the others are paired with it alone: a thousand blank films are one film and 999 pairs. So count
    films by ``groups``, not by pairs.
    """
    thumbs = np.asarray(thumbs)  # a mapped array, but without the slow indexing of np.memmap
    low = _low_frequencies(thumbs)
    hashes, edges = _hashes(low), low
    edges *= _EDGES
    edges /= np.linalg.norm(edges, axis=1, keepdims=True) + 1e-6
    found = [_twins(thumbs)]
    likeness = [np.ones(len(found[0]), np.float32)]
    films = np.delete(np.arange(len(thumbs)), found[0][:, 1])
    search = HashSearch(hashes[films], radius=radius, window=window)
    spent = np.zeros(len(thumbs), np.intp)
    for close in search:
        near = films[close]
        pairs, alike = _fitted(thumbs, edges, near[(spent[near] < _SPENT).any(axis=1)])
        found.append(pairs[alike >= least])
        likeness.append(alike[alike >= least])
        np.add.at(spent, pairs, np.where(alike >= least, _SPENT // CROWD, 1)[:, np.newaxis])
    pairs = np.concatenate(found)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    crowded = int(np.count_nonzero(spent >= _SPENT))
    return NearPairs(pairs[order], np.concatenate(likeness)[order], search.left_out, crowded)


def _fitted(thumbs: Pixels, edges: Floats, pairs: Index) -> tuple[Index, Floats]:
    """The pairs with edges alike, and how alike: by their thumbnails, unless the edges leave no doubt."""
    alike: Floats = np.einsum("ij,ij->i", edges[pairs[:, 0]], edges[pairs[:, 1]])
    pairs, alike = pairs[alike >= _EDGES_ALIKE], alike[alike >= _EDGES_ALIKE]
    unsure = alike < _EDGES_SURE
    alike[unsure] = thumb_likeness(thumbs, pairs[unsure])
    return pairs, alike


def _twins(thumbs: Pixels) -> Index:
    """(M, 2): the first film of each group with the very same thumbnail, with each of the others."""
    same = same_bytes([hashlib.blake2b(thumb.tobytes(), digest_size=16).digest() for thumb in thumbs])
    return np.array([(films[0], twin) for films in same for twin in films[1:]], np.intp).reshape(-1, 2)


class HashSearch:
    """Pairs of hashes that differ in at most ``radius`` bits, (M, 2) at a time, found without comparing all.

    The 64 bits are dealt to ``radius`` + 3 bands, so at least three bands of such a pair are equal. For each choice of
    three bands the hashes are sorted by those bits and compared with the ``window`` ones that follow in the same
    bucket, near ones first; a pair comes once, from its first three equal bands. ``left_out`` counts what the window
    has cut off so far.

    Source: Manku, Jain, Das Sarma, "Detecting near-duplicates for web crawling", 2007.
    """

    def __init__(self, hashes: NDArray[np.uint64], *, radius: int = RADIUS, window: int = WINDOW) -> None:
        self.left_out = 0
        self._order = np.argsort(hashes, kind="stable")
        self._hashes, self._radius, self._window = hashes[self._order], radius, window

    def __iter__(self) -> Iterator[Index]:
        count = self._radius + _EQUAL_BANDS
        bands = [np.bitwise_or.reduce(np.uint64(1) << np.arange(b, 64, count, dtype=np.uint64)) for b in range(count)]
        for chosen in combinations(range(count), _EQUAL_BANDS):
            key = self._hashes & np.bitwise_or.reduce([bands[b] for b in chosen])
            earlier = [bands[b] for b in range(chosen[-1]) if b not in chosen]
            yield from self._bucket_pairs(key, earlier)

    def _bucket_pairs(self, key: NDArray[np.uint64], earlier: Sequence[np.uint64]) -> Iterator[Index]:
        """Pairs with one key that differ in each of the ``earlier`` bands."""
        order = np.argsort(key, kind="stable")
        hashes, films = self._hashes[order], self._order[order]
        ends = np.searchsorted(key[order], key[order], side="right")
        self.left_out += int(np.maximum(ends - np.arange(len(ends)) - 1 - self._window, 0).sum())
        for first, second in _within(ends, self._window):
            differ = hashes[first] ^ hashes[second]
            near = np.flatnonzero(np.bitwise_count(differ) <= self._radius)
            for band in earlier:
                near = near[(differ[near] & band) != 0]
            yield np.sort(np.stack([films[first[near]], films[second[near]]], axis=1), axis=1)


def _within(ends: Index, window: int) -> Iterator[tuple[Index, Index]]:
    """Pairs of positions in one bucket, at most ``window`` apart: those 1 apart, then 2 and 3, then 4 to 7, ..."""
    start, nearest = np.arange(len(ends)), 1
    while nearest <= window and len(start):
        width = min(nearest, window - nearest + 1)
        start = start[ends[start] - start > nearest]
        for some in np.split(start, range(_BATCH // width, len(start), _BATCH // width)):
            counts = np.minimum(ends[some] - some - nearest, width)
            first = np.repeat(some, counts)
            yield first, first + nearest + np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
        nearest += width


def thumb_likeness(thumbs: Pixels, pairs: Index) -> Floats:
    """(M,) from 0 to 1: how well a brighter, stronger, slightly moved or stretched first film explains the second.

    The correlation of the second thumbnail with its least-squares fit from the first one, its two slopes (a small
    shift) and its slopes times place (a small crop). Flat thumbnails are like nothing.
    """
    found = np.empty(len(pairs), np.float32)
    for at in range(0, len(pairs), _CHUNK):
        some = pairs[at : at + _CHUNK]
        found[at : at + _CHUNK] = _explained(thumbs[some[:, 0]], thumbs[some[:, 1]])
    return found


def _explained(one: Pixels, other: Pixels) -> Floats:
    film = one.astype(np.float32)
    down, right = np.gradient(film, axis=(1, 2))
    terms = np.stack([film, down, right, _Y * down, _X * right], axis=1).reshape(len(one), 5, -1)
    terms -= terms.mean(axis=2, keepdims=True)
    wanted = other.reshape(len(other), -1, 1).astype(np.float32)
    wanted -= wanted.mean(axis=1, keepdims=True)
    seen = terms @ wanted
    weights = np.linalg.solve(terms @ terms.transpose(0, 2, 1) + 0.01 * np.eye(5, dtype=np.float32), seen)
    explained: Floats = (weights * seen).sum(axis=(1, 2)) / ((wanted**2).sum(axis=(1, 2)) + 1e-6)
    return np.sqrt(np.clip(explained, 0, 1))


def confirmed(found: NearPairs, pixels: Callable[[int], Pixels], *, least: float = PIXELS_ALIKE) -> NearPairs:
    """The pairs whose films are alike in fine detail too; ``pixels(i)`` gives film i, (H, W) uint8.

    The likeness is from -1 to 1, and 1 for the very same pixels. A crop, a letter or another brightness changes it
    little, while another exposure has its ribs and vessels elsewhere.
    """
    detail = lru_cache(maxsize=_CHUNK)(lambda i: _detail(pixels(i)))
    likeness = np.array([_detail_likeness(detail(int(i)), detail(int(j))) for i, j in found.pairs], np.float32)
    return replace(found, pairs=found.pairs[likeness >= least], likeness=likeness[likeness >= least])


def _detail(film: Pixels) -> Floats:
    """The film squashed to 112 x 112 pixels, without what is finer than a pixel or coarser than three."""
    small = np.asarray(Image.fromarray(film).convert("F").resize((_DETAIL, _DETAIL), Image.Resampling.BOX))
    detail: Floats = gaussian_filter(small, 1) - gaussian_filter(small, 3)
    return detail


def _detail_likeness(one: Floats, other: Floats) -> float:
    """For each tile of 16 x 16 pixels the best correlation within 4 pixels; of tiles that are not flat, the median."""
    if np.array_equal(one, other):
        return 1.0
    corners, reach = np.arange(_SHIFT, _DETAIL - _TILE - _SHIFT + 1, _STEP), _TILE + 2 * _SHIFT
    tiles = sliding_window_view(one, (_TILE, _TILE))[corners][:, corners].reshape(-1, 1, _TILE**2)
    around = sliding_window_view(other, (reach, reach))[corners - _SHIFT][:, corners - _SHIFT].reshape(-1, reach, reach)
    shifted = sliding_window_view(around, (_TILE, _TILE), axis=(1, 2)).reshape(len(tiles), -1, _TILE**2)
    tiles, shifted = (part - part.mean(axis=2, keepdims=True) for part in (tiles, shifted))
    power = np.linalg.norm(tiles, axis=2)
    alike = (shifted @ tiles.transpose(0, 2, 1))[:, :, 0] / (power * np.linalg.norm(shifted, axis=2) + 1e-3)
    return float(np.median(alike.max(axis=1)[power[:, 0] >= power.mean() / 4]))
