"""How alike films are: a map on which alike ones lie together, and those that are like no other.

A film's features are its thumbnail (principal components of 32 x 32 greys) and its measurements, each half of the
distance between two films. Neither knows what the film shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from pneumoscope.data.stated import Category, Indices, Stated, chunks
from pneumoscope.data.survey import SCALARS, Survey

MOST_MAPPED = 3000
"""Films on the map: more make it slow (8 s for these, one core) and no clearer."""
FEWEST_MAPPED = 10
FEWEST_FOR_ODD = 40
"""With fewer films there is no telling what is usual."""
NEIGHBOURS = 10
_AT_LEAST = 20
_COMPONENTS = 30
_LOGARITHMIC = ("width", "height", "aspect", "bytes_per_pixel", "grain_ratio")
_FURTHEST = 6.0
"""Standard deviations; beyond it a measurement is no stranger, or one silly value would decide everything."""
_STEPS = 500
"""Of t-SNE. Twice as many take twice as long and move little."""
_EXTREME = 3.0

Points = NDArray[np.float32]


def sampled(stated: Stated, most: int = MOST_MAPPED, seed: int = 0) -> Indices:
    """Places, in order, of at most ``most`` readable films; small groups keep 20 films, or all they have.

    A group is a class of a split of a source.
    """
    order = np.random.default_rng(seed).permutation(np.flatnonzero(stated.readable))
    parts = (stated.kind, stated.split, stated.source)
    codes = np.stack([part.codes[order] for part in parts], axis=1)
    group = np.unique(codes, axis=0, return_inverse=True)[1]
    by_group = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[by_group], group[by_group])
    rank = np.empty(len(order), np.intp)
    rank[by_group] = np.arange(len(order)) - starts
    return np.sort(order[np.argsort(rank >= _AT_LEAST, kind="stable")][:most])


@dataclass(frozen=True, eq=False)
class Features:
    """What makes two films alike, learned from some of them.

    ``centre`` and ``scale`` are the usual value and spread of the measurements ``names`` (of the logarithm for sizes
    and ratios).
    """

    names: tuple[str, ...]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    pictures: PCA | None
    weight: float

    @classmethod
    def of(cls, survey: Survey, films: Indices) -> Self:
        """Learn from ``films``."""
        values = _levelled(survey, films, SCALARS)
        spread = _spread(values)
        names = tuple(name for name, one in zip(SCALARS, spread, strict=True) if one > 0)
        greys = _greys(survey, films)
        components = min(_COMPONENTS, len(films) - 1)
        # Of thumbnails that are all alike nothing can be learned.
        alike = components < 1 or not np.ptp(greys, axis=0).any()
        pictures = None if alike else PCA(components, svd_solver="covariance_eigh").fit(greys)
        weight = 1.0 if pictures is None else float(1 / np.sqrt(pictures.explained_variance_.sum()))
        return cls(names, np.median(values[:, spread > 0], axis=0), spread[spread > 0], pictures, weight)

    @property
    def blind(self) -> bool:
        """Whether nothing tells the films apart."""
        return self.pictures is None and not self.names

    def z(self, survey: Survey, films: Indices) -> NDArray[np.float64]:
        """(M, K) how far each measurement is from the usual, in usual spreads."""
        return (_levelled(survey, films, self.names) - self.centre) / self.scale

    def __call__(self, survey: Survey, films: Indices) -> Points:
        """(M, F) float32."""
        return np.concatenate([self._part(survey, part) for part in chunks(films)])

    def _part(self, survey: Survey, films: Indices) -> Points:
        blocks = [np.zeros((len(films), 0))]
        if self.pictures is not None:
            blocks.append(self.pictures.transform(_greys(survey, films)) * self.weight)
        if self.names:
            blocks.append(np.clip(self.z(survey, films), -_FURTHEST, _FURTHEST) / np.sqrt(len(self.names)))
        return np.asarray(np.concatenate(blocks, axis=1), np.float32)


def _greys(survey: Survey, films: Indices) -> NDArray[np.float64]:
    return np.asarray(survey.thumbs[films].reshape(len(films), -1) / 255)


def _levelled(survey: Survey, films: Indices, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Measurements (M, K), with those that multiply made to add."""
    columns = [survey.rows[name][films].astype(np.float64) for name in names]
    levelled = [np.log(c) if name in _LOGARITHMIC else c for name, c in zip(names, columns, strict=True)]
    return np.stack(levelled, axis=1) if levelled else np.zeros((len(films), 0))


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation with the outermost one in a hundred pulled in; where that is 0, of the values as they are."""
    low, high = np.quantile(values, (0.005, 0.995), axis=0)
    inner = np.where(high > low, np.clip(values, low, high).std(axis=0), values.std(axis=0))
    return np.asarray(np.where(np.ptp(values, axis=0) > 0, inner, 0.0))  # equal values may have a deviation of 1e-16


class Company(NamedTuple):
    """How often a film's ten nearest are of its own kind: ``share``, and what to expect by chance."""

    share: float
    chance: float


@dataclass(frozen=True, eq=False)
class FilmMap:
    """Where films lie to each other: ``films`` are places in the listing, ``points`` (M, 2) in [0, 1].

    Distances between far clusters mean little: t-SNE keeps neighbours, not distances.
    """

    films: Indices
    points: Points
    company: dict[str, Company]


def film_map(survey: Survey, stated: Stated, features: Features, films: Indices, seed: int = 0) -> FilmMap | None:
    """The t-SNE map of ``films``; None for fewer than ten, or if nothing tells them apart.

    Source: van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 9, 2008; started from the first two
    principal components, as Kobak and Berens advise (Nature Communications 10:5416, 2019).
    """
    if len(films) < FEWEST_MAPPED:
        return None
    x = features(survey, films)
    if x.shape[1] < 2 or not np.ptp(x, axis=0).any():
        return None
    nearest = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(films) - 1)).fit(x).kneighbors(return_distance=False)
    tsne = TSNE(init="pca", perplexity=min(30.0, (len(films) - 1) / 3), max_iter=_STEPS, random_state=seed)
    points = tsne.fit_transform(x)
    points -= points.min(axis=0)
    parts = {"class": stated.kind, "split": stated.split, "source": stated.source}
    company = {name: _company(part, films, nearest) for name, part in parts.items() if len(part.names) > 1}
    return FilmMap(films, (points / points.max()).astype(np.float32), company)


def _company(part: Category, films: Indices, nearest: NDArray[np.intp]) -> Company:
    own = part.codes[films]
    shares = np.bincount(own) / len(own)
    return Company(float((own[nearest] == own[:, np.newaxis]).mean()), float((shares**2).sum()))


class Extreme(NamedTuple):
    """A measurement far from what is usual: the film's value, and the middle 90% of all films."""

    measure: str
    value: float
    low: float
    high: float
    z: float


class OddFilm(NamedTuple):
    """A film unlike others: its place, the distance of its ten nearest by the usual one, and what is extreme."""

    film: int
    distance: float
    extremes: tuple[Extreme, ...]


def oddest(survey: Survey, features: Features, reference: Indices, most: int = 16) -> list[OddFilm]:
    """The ``most`` readable films with the furthest neighbours among ``reference``; the oddest first.

    Of films with the same bytes only one is told, and at most one in ten of all. None for fewer than 40 films.
    """
    films = np.flatnonzero(survey.readable)
    if len(films) < FEWEST_FOR_ODD or features.blind:
        return []
    distances = _distances(survey, features, films, reference)
    usual = float(np.median(distances))
    if not usual > 0:
        return []
    chosen: dict[str, int] = {}
    for i in np.argsort(-distances, kind="stable"):
        film = survey.listing.films[films[i]]
        chosen.setdefault(film.digest or film.path, int(i))
        if len(chosen) == min(most, len(films) // 10):
            break
    bounds = np.quantile(survey.columns(*features.names)[reference], (0.05, 0.95), axis=0)
    return [
        OddFilm(int(films[i]), float(distances[i] / usual), _extremes(survey, features, films[i], bounds))
        for i in chosen.values()
    ]


def _distances(survey: Survey, features: Features, films: Indices, reference: Indices) -> NDArray[np.float64]:
    """Mean distance of each film to its ten nearest of ``reference``, itself not counted."""
    k = min(NEIGHBOURS, len(reference) - 1)
    model = NearestNeighbors(n_neighbors=k + 1).fit(features(survey, reference))
    itself = np.isin(films, reference)
    found = []
    for part in chunks(np.arange(len(films))):
        near = model.kneighbors(features(survey, films[part]))[0]
        # A film of the reference is its own nearest, at no distance.
        found.append(np.where(itself[part], near[:, 1:].mean(axis=1), near[:, :-1].mean(axis=1)))
    return np.concatenate(found)


def _extremes(survey: Survey, features: Features, film: int, bounds: NDArray[np.float64]) -> tuple[Extreme, ...]:
    """What is further than three spreads from the usual, the furthest first."""
    z = features.z(survey, np.array([film]))[0]
    order = [i for i in np.argsort(-np.abs(z), kind="stable") if abs(z[i]) >= _EXTREME]
    values = [float(survey.rows[name][film]) for name in features.names]
    low, high = bounds
    return tuple(Extreme(features.names[i], values[i], float(low[i]), float(high[i]), float(z[i])) for i in order)
