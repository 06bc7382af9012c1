"""What there is to see in a survey: the numbers behind the page of ``pneumoscope data explore``.

Pure functions on a survey. How the films lie to each other is told in :mod:`pneumoscope.data.film_map`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core.manifest import Film
from pneumoscope.data.stated import CLASSES, NO_SPLIT, Category, Indices, Mask, Stated, chunks
from pneumoscope.data.survey import SCALARS, THUMB, Survey
from pneumoscope.stats.metrics import auc

FEWEST = 20
"""Groups of fewer films are not compared: the AUC of two such groups of one make strays from 0.5 by more than 0.13 one
time in twenty."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Count(NamedTuple):
    """How many films, and patients, of one split, source, class and subtype."""

    split: str
    source: str
    kind: str
    subtype: str
    films: int
    patients: int
    unreadable: int


def counts(stated: Stated) -> list[Count]:
    """Films and patients of each combination that occurs, in the order split, source, class, subtype."""
    parts = (stated.split, stated.source, stated.kind, stated.subtype)
    groups, group = np.unique(np.stack([part.codes for part in parts], axis=1), axis=0, return_inverse=True)
    patients = np.unique(np.stack([group, stated.patient], axis=1), axis=0)[:, 0]
    films, people, unread = (
        np.bincount(which, minlength=len(groups)) for which in (group, patients, group[~stated.readable])
    )
    return [
        Count(*_named(parts, codes), int(films[i]), int(people[i]), int(unread[i])) for i, codes in enumerate(groups)
    ]


def _named(parts: Sequence[Category], codes: Indices) -> tuple[str, str, str, str]:
    split, source, kind, subtype = (part.names[code] for part, code in zip(parts, codes, strict=True))
    return split, source, kind, subtype


@dataclass(frozen=True, eq=False)
class Patients:
    """Films per patient.

    ``films`` is (P,), and ``kinds`` (P, classes) says of which classes; ``largest`` is the place in the listing of a
    film of the patient with most, ``straddling`` how many patients have films in two splits.
    """

    films: NDArray[np.intp]
    kinds: NDArray[np.bool_]
    largest: int
    straddling: int

    def bins(self) -> list[tuple[str, Mask]]:
        """Which patients have 1, 2, ... films; from 6 on in ranges. Those that none has are left out."""
        edges = [1, 2, 3, 4, 5, 6, 11, 21, 51, int(self.films.max()) + 1]
        ranges = [(low, high) for low, high in pairwise(edges) if low < high]
        names = (f"{low}" if high - low == 1 else f"{low} to {high - 1}" for low, high in ranges)
        masks = ((self.films >= low) & (self.films < high) for low, high in ranges)
        return [(name, mask) for name, mask in zip(names, masks, strict=True) if mask.any()]


def patients(stated: Stated) -> Patients:
    """Count each patient's films, readable or not."""
    films = np.bincount(stated.patient)
    kinds = np.zeros((len(films), len(stated.kind.names)), bool)
    kinds[stated.patient, stated.kind.codes] = True
    homes = np.unique(np.stack([stated.patient, stated.split.codes], axis=1), axis=0)[:, 0]
    largest = int(np.flatnonzero(stated.patient == films.argmax())[0])
    return Patients(films, kinds, largest, int((np.bincount(homes) > 1).sum()))


class Group(NamedTuple):
    """Readable films of one class and split, by their place in the listing."""

    kind: str
    split: str
    films: Indices


def groups(stated: Stated) -> list[Group]:
    """The readable films by class, and within it by split; empty groups are left out."""
    found = (
        Group(kind, split, np.flatnonzero(stated.readable & stated.kind.named(kind) & stated.split.named(split)))
        for kind in stated.kind.names
        for split in stated.split.names
    )
    return [group for group in found if len(group.films)]


class Spread(NamedTuple):
    """How one measurement is spread within a group: its quantiles at ``QUANTILES``."""

    measure: str
    kind: str
    split: str
    films: int
    quantiles: tuple[float, ...]


def spreads(survey: Survey, among: Sequence[Group]) -> list[Spread]:
    """Quantiles of each measurement, group by group."""
    return [
        Spread(name, group.kind, group.split, len(group.films), quantiles(survey.rows[name][group.films]))
        for name in SCALARS
        for group in among
    ]


def quantiles(values: NDArray[np.floating]) -> tuple[float, ...]:
    """Those at ``QUANTILES``."""
    return tuple(np.quantile(values.astype(np.float64), QUANTILES).tolist())


class Contrast(NamedTuple):
    """Two groups of films of which it is asked how far they differ."""

    first: str
    second: str
    within: str
    about_class: bool
    films: tuple[Indices, Indices]


def contrasts(stated: Stated) -> list[Contrast]:
    """The two classes within the largest split that has both; each two splits, or else sources, within a class.

    Of several sources the two largest of a class are compared. Groups of fewer than 20 films are not compared.
    """
    members = [group for group in groups(stated) if len(group.films) >= FEWEST]
    found = _of_classes(members) + _of_splits(members)
    return found if len(stated.split.names) > 1 else found + _of_sources(stated)


def _of_classes(members: Sequence[Group]) -> list[Contrast]:
    by_split: dict[str, list[Group]] = {}
    for group in members:
        by_split.setdefault(group.split, []).append(group)
    pairs = [of_split[:2] for of_split in by_split.values() if len(of_split) > 1]
    if not pairs:
        return []
    one, other = max(pairs, key=lambda pair: sum(len(group.films) for group in pair))
    within = "" if one.split == NO_SPLIT else one.split
    return [Contrast(one.kind, other.kind, within, True, (one.films, other.films))]


def _of_splits(members: Sequence[Group]) -> list[Contrast]:
    return [
        Contrast(one.split, other.split, one.kind, False, (one.films, other.films))
        for one, other in combinations(members, 2)
        if one.kind == other.kind
    ]


def _of_sources(stated: Stated) -> list[Contrast]:
    found = []
    for kind in stated.kind.names:
        here = stated.readable & stated.kind.named(kind)
        sides = ((name, np.flatnonzero(here & stated.source.named(name))) for name in stated.source.names)
        large = sorted(((name, films) for name, films in sides if len(films) >= FEWEST), key=lambda side: -len(side[1]))
        if len(large) > 1:
            (first, one), (second, other) = large[:2]
            found.append(Contrast(first, second, kind, False, (one, other)))
    return found


class Separation(NamedTuple):
    """How well one measurement alone tells the second group from the first.

    ``auc`` is the chance that a film of the second has more of it than one of the first: 0.5 is no difference, and 0.2
    tells them apart as well as 0.8 does.
    """

    measure: str
    contrast: Contrast
    auc: float

    @property
    def strength(self) -> float:
        """0 for no difference, 0.5 when the two do not overlap."""
        return abs(self.auc - 0.5)


def separations(survey: Survey, between: Sequence[Contrast]) -> list[Separation]:
    """Measurement by measurement; those that are the same in all films are left out."""
    found, names = [], varying(survey)
    for contrast in between:
        films = np.concatenate(contrast.films)
        second = np.repeat([0, 1], [len(side) for side in contrast.films])
        found += [Separation(name, contrast, auc(second, survey.rows[name][films])) for name in names]
    return found


def varying(survey: Survey) -> list[str]:
    """Measurements that are not the same in all readable films."""
    films = survey.readable
    return [name for name in SCALARS if len(np.unique(survey.rows[name][films])) > 1]


class Mean(NamedTuple):
    """Mean film (32, 32) in [0, 1], and of how many."""

    films: int
    pixels: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MeanTable:
    """Mean films by row and column; a combination of too few films has none."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], Mean]


def mean_films(survey: Survey, rows: Category, columns: Category, fewest: int = FEWEST) -> MeanTable:
    """Mean thumbnail of each combination that has ``fewest`` readable films or more; "" (not stated) has no column."""
    place = rows.codes * len(columns.names) + columns.codes
    total = np.zeros((len(rows.names) * len(columns.names), THUMB, THUMB))
    films = np.flatnonzero(survey.readable)
    for part in chunks(films):
        thumbs, places = survey.thumbs[part], place[part]
        for one in np.unique(places):
            total[one] += thumbs[places == one].sum(axis=0, dtype=np.float64)
    number = np.bincount(place[films], minlength=len(total)).tolist()
    names = [(row, column) for row in rows.names for column in columns.names]
    cells = {
        name: Mean(n, total[i] / n / 255)
        for i, (name, n) in enumerate(zip(names, number, strict=True))
        if n >= fewest and name[1]
    }
    held = [{name[axis] for name in cells} for axis in (0, 1)]
    return MeanTable(
        tuple(name for name in rows.names if name in held[0]),
        tuple(name for name in columns.names if name in held[1]),
        cells,
    )


def drawn(stated: Stated, each: int, seed: int = 0) -> list[tuple[str, str, str, Indices]]:
    """Films to look at: (class, subtype, split, places), at most ``each`` of every group, drawn with the seed.

    Each film of a group is of another patient.
    """
    rng = np.random.default_rng(seed)
    found = []
    for subtype in stated.subtype.names:
        for kind, split, films in groups(stated):
            order = rng.permutation(films[stated.subtype.named(subtype)[films]])
            _, firsts = np.unique(stated.patient[order], return_index=True)
            if len(firsts):
                found.append((kind, subtype, split, order[np.sort(firsts)[:each]]))
    return sorted(found, key=lambda one: stated.kind.names.index(one[0]))


def findings(films: Sequence[Film]) -> dict[str, Counter[str]]:
    """What the sources state to be seen, in their words, the most frequent first -> films by class."""
    found: dict[str, Counter[str]] = {}
    for film in films:
        for finding in set(film.findings):
            found.setdefault(finding, Counter())[CLASSES[film.label]] += 1
    return dict(sorted(found.items(), key=lambda item: (-item[1].total(), item[0])))
