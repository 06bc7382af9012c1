"""Whether the answers are worth as much for some films as for others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from pneumoscope.data.stated import Category
from pneumoscope.evaluation.measured import Measured
from pneumoscope.evaluation.seen import SeenFilm, measure
from pneumoscope.stats.bootstrap import numbered
from pneumoscope.stats.holm import holm

FEW: Final = 20
"""Films of a class below which a group's figures carry a caution, and are not compared."""
_PERMUTATIONS: Final = 4999
_FEWEST_PERMUTATIONS: Final = 999
_MOVES: Final = 20_000_000
"""Patients times permutations, about: beyond, there are fewer permutations, as many as a few seconds allow."""
_MOST_VALUES: Final = 12
NOT_STATED: Final = "not stated"

Bands: TypeAlias = tuple[tuple[float, str], ...]
"""Upper ends (not reached) in ascending order, and what lies below each."""

_INFINITY: Final = float("inf")
_AGES: Final[Bands] = (
    (1, "under 1 year"),
    (6, "1 to 5 years"),
    (18, "6 to 17 years"),
    (65, "18 to 64 years"),
    (_INFINITY, "65 years and more"),
)
_SIDES: Final[Bands] = (
    (500, "under 500 pixels"),
    (1000, "500 to 999 pixels"),
    (2000, "1000 to 1999 pixels"),
    (_INFINITY, "2000 pixels and more"),
)
_ASPECTS: Final[Bands] = (
    (0.95, "higher than wide"),
    (1.05, "square, within 5%"),
    (1.4, "wide, to 1.4 times the height"),
    (_INFINITY, "wider still"),
)


class Grouping(NamedTuple):
    """A question that sorts films: what it is called, a film's answer ("" where it is not known), and their order."""

    title: str
    answer: Callable[[SeenFilm], str]
    order: tuple[str, ...] = ()


def _names(bands: Bands) -> tuple[str, ...]:
    return tuple(name for _, name in bands)


def _band(value: float | None, bands: Bands) -> str:
    return "" if value is None else next(name for end, name in bands if value < end)


def _quality(seen: SeenFilm) -> str:
    return "with a quality flag" if seen.reading.doubts else "without"


GROUPINGS: Final[dict[str, Grouping]] = {
    "source": Grouping("Source", lambda seen: seen.film.source),
    "age": Grouping("Age", lambda seen: _band(seen.film.age, _AGES), _names(_AGES)),
    "sex": Grouping("Sex", lambda seen: seen.film.sex, ("F", "M")),
    "view": Grouping("View", lambda seen: seen.view, ("PA", "AP")),
    "size": Grouping("Shorter side", lambda seen: _band(min(seen.full_size), _SIDES), _names(_SIDES)),
    "aspect": Grouping("Shape", lambda seen: _band(seen.full_size[1] / seen.full_size[0], _ASPECTS), _names(_ASPECTS)),
    "container": Grouping("File", lambda seen: seen.container),
    "colour": Grouping("Stored in", lambda seen: "colour channels" if seen.colour else "grey"),
    "flags": Grouping("Quality", _quality, ("without",)),
    "marks": Grouping("Marks", lambda seen: "a mark found" if seen.markers else "none found", ("none found",)),
}
"""By name, in the order in which they are reported. Subtypes come before these."""


class Subgroup(msgspec.Struct, frozen=True, kw_only=True):
    """Films of one kind; ``caution`` is "" where there are enough of both classes."""

    by: str
    title: str
    value: str
    measured: Measured
    caution: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Whether recall or specificity differs between the values of a grouping.

    ``p`` is by permutation, ``p_holm`` after Holm's correction for all the comparisons that were made.
    """

    by: str
    measure: str
    values: tuple[str, ...]
    films: int
    p: float
    p_holm: float


class Subgroups(msgspec.Struct, frozen=True, kw_only=True):
    """The groups, and which groupings tell films apart on which the answers are worth more or less."""

    groups: tuple[Subgroup, ...]
    differences: tuple[Difference, ...]


def subgroups(seen: Sequence[SeenFilm], *, seed: int = 0) -> Subgroups:
    """Measure films of each kind by themselves; a question that all films answer alike makes no groups.

    A subtype's films are compared with all films without the finding.
    """
    sorts = {name: _answers(grouping, seen) for name, grouping in GROUPINGS.items()}
    groups = [*_subtypes(seen), *(group for name, said in sorts.items() for group in _grouped(name, said, seen))]
    return Subgroups(groups=tuple(groups), differences=_differences(sorts, seen, seed))


def _answers(grouping: Grouping, seen: Sequence[SeenFilm]) -> Category:
    said = Category.of((grouping.answer(one) or NOT_STATED for one in seen), grouping.order)
    return said.first(_MOST_VALUES)


def _subtypes(seen: Sequence[SeenFilm]) -> Iterator[Subgroup]:
    named = Category.of((one.film.subtype for one in seen if one.positive and one.film.subtype), ("bacterial", "viral"))
    for subtype in named.names:
        films = [one for one in seen if not one.positive or one.film.subtype == subtype]
        yield _subgroup("subtype", "Subtype", f"{subtype}, against all without", films)


def _grouped(name: str, said: Category, seen: Sequence[SeenFilm]) -> Iterator[Subgroup]:
    if len(said.names) > 1:
        for value in said.names:
            films = [seen[int(i)] for i in np.flatnonzero(said.named(value))]
            yield _subgroup(name, GROUPINGS[name].title, value, films)


def _subgroup(by: str, title: str, value: str, films: Sequence[SeenFilm]) -> Subgroup:
    found = measure(films)
    return Subgroup(by=by, title=title, value=value, measured=found, caution=_caution(found))


def _caution(found: Measured) -> str:
    """What keeps a group's figures from meaning much."""
    counts = {"with": found.positive, "without": found.films - found.positive}
    few = [f"{n or 'no'} film{'s' * (n != 1)} {kind} the finding" for kind, n in counts.items() if n < FEW]
    return f"{' and '.join(few)}: too few to tell" if few else ""


def _differences(sorts: dict[str, Category], seen: Sequence[SeenFilm], seed: int) -> tuple[Difference, ...]:
    positive = np.array([one.positive for one in seen], np.bool_)
    right = np.array([one.reading.finding.positive == one.positive for one in seen], np.bool_)
    patients, _ = numbered([one.film.key for one in seen])
    subtype = Category.of((one.film.subtype or NOT_STATED for one in seen), ("bacterial", "viral"))
    compared = [
        (by, measure, found)
        for by, said in {"subtype": subtype, **sorts}.items()
        for measure, of in (("recall", positive), ("specificity", ~positive))
        if (found := _compared(said, of, right, patients, seed))
    ]
    adjusted = holm([p for _, _, (_, _, p) in compared]).tolist()
    return tuple(
        Difference(by=by, measure=measure, values=values, films=films, p=p, p_holm=corrected)
        for (by, measure, (values, films, p)), corrected in zip(compared, adjusted, strict=True)
    )


def _compared(
    said: Category, of: NDArray[np.bool_], right: NDArray[np.bool_], patients: NDArray[np.intp], seed: int
) -> tuple[tuple[str, ...], int, float] | None:
    """The values with enough films of a class, how many films these are, and p; None if there is nothing to compare."""
    values = tuple(name for name in said.names if name != NOT_STATED and (said.named(name) & of).sum() >= FEW)
    if len(values) < 2:
        return None
    chosen = of & np.any([said.named(name) for name in values], axis=0)
    codes = np.unique(said.codes[chosen], return_inverse=True)[1]
    return values, int(chosen.sum()), difference(codes, right[chosen], patients[chosen], seed=seed)


def difference(
    groups: NDArray[np.intp], hits: NDArray[np.bool_], patients: NDArray[np.intp], *, seed: int = 0
) -> float:
    """The probability of shares that differ as much between groups if the groups meant nothing; by permutation.

    The statistic is Pearson's chi-squared. All of a patient's films in one group change places together, so that
    several films of a patient count no more than they tell.

    Parameters
    ----------
    groups : (N,) 0 to K - 1.
    """
    if hits.all() or not hits.any():
        return 1.0
    _, unit = np.unique(np.stack([patients, groups]), axis=1, return_inverse=True)
    unit = unit.ravel()
    films, found = (np.bincount(unit, of).astype(np.float64) for of in (np.ones(len(hits)), hits))
    group = np.zeros(len(films), np.intp)
    group[unit] = groups
    rng = np.random.default_rng(seed)
    observed = _chi_squared(group, films, found)
    times = min(_PERMUTATIONS, max(_FEWEST_PERMUTATIONS, _MOVES // len(films)))
    as_large = sum(_chi_squared(rng.permutation(group), films, found) >= observed for _ in range(times))
    return (1 + as_large) / (1 + times)


def _chi_squared(group: NDArray[np.intp], films: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """Rounded, so that equal tables are equal whatever the order of summing."""
    p = found.sum() / films.sum()
    expected = p * (n := np.bincount(group, films))
    return round(float(((np.bincount(group, found) - expected) ** 2 / (n * p * (1 - p))).sum()), 9)
