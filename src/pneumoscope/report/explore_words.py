"""What to look for in each plot, in one plain sentence with the numbers of the films at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pneumoscope.data.exploration import Exploration
from pneumoscope.data.explore import QUANTILES, Count, MeanTable, Separation, Spread
from pneumoscope.data.film_map import Extreme, FilmMap, OddFilm
from pneumoscope.data.stated import CLASSES, NO_SPLIT
from pneumoscope.report.measures import measure
from pneumoscope.report.text import shorten

Values = NDArray[np.float64]

_NONE, _SICK = CLASSES[0], CLASSES[1]
_SHOWN = 3
"""What is odd about a film, at most."""
_TOLD = 4
"""Differences between mean films, at most."""
_EDGES = ("top", "bottom", "left", "right")
_MEDIAN = QUANTILES.index(0.5)


def balance(counts: Sequence[Count]) -> str:
    """How often pneumonia occurs in each split, and what a model that always says so would score."""
    by_split: dict[str, Counter[str]] = {}
    for count in counts:
        by_split.setdefault(count.split, Counter())[count.kind] += count.films
    classes = {kind for kinds in by_split.values() for kind in kinds}
    if not {_NONE, _SICK} <= classes:
        missing = " or ".join(f"'{kind}'" for kind in (_NONE, _SICK) if kind not in classes)
        return f"No film is stated to be {missing}: these films alone teach no model to tell the two apart."
    shares = {split: n[_SICK] / (n[_SICK] + n[_NONE]) for split, n in by_split.items() if n[_SICK] + n[_NONE]}
    told = " and ".join(f"{share:.1%} of the {_adjective(split)}films" for split, share in shares.items())
    split = "test" if "test" in shares else next(iter(shares))
    share = shares[split]
    what = "classes that are rarer in one split than in another" if len(shares) > 1 else "a rare class"
    return (
        f"Look for {what}: pneumonia is {told} whose class is stated, so accuracy on {_adjective(split)}films begins "
        f"at {max(share, 1 - share):.1%}, the score of always saying '{_SICK if share >= 0.5 else _NONE}'."
    )


def _adjective(split: str) -> str:
    return "" if split == NO_SPLIT else f"{split} "


def sources(counts: Sequence[Count]) -> str:
    """Sources that hold one class only give the class away."""
    held: dict[str, set[str]] = {}
    for count in counts:
        held.setdefault(count.source, set()).add(count.kind)
    single = {source: next(iter(kinds)) for source, kinds in held.items() if len(kinds) == 1}
    if not single:
        return f"Look for a class that comes from one source only: all {len(held)} sources hold more than one class."
    source, kind = next(iter(single.items()))
    return (
        f"Look for a class that comes from one source only: {len(single)} of {len(held)} sources hold one class (all "
        f"films of {source} are '{kind}'), so a network can learn to know the source and seem to know the class."
    )


def patients(found: Exploration) -> str:
    """How films gather in few patients."""
    films = found.patients.films
    largest = shorten(found.survey.listing.films[found.patients.largest].patient, 40)
    own = films[films > 1]
    several = (
        f"{len(own):,} of {len(films):,} patients have more than one film, and together {own.sum() / films.sum():.0%} "
        f"of all ({largest} alone has {films.max():,})"
    )
    if found.patients.straddling:
        return f"Look for leaks: {several}, and the films of {found.patients.straddling:,} lie in two splits."
    return f"Look for patients who weigh too much: {several}, so films are to be split, and errors counted, by patient."


def people(found: Exploration) -> str:
    """Where age, sex or view go with the class."""
    stated = found.stated
    told = []
    for kind in stated.kind.names:
        films = stated.kind.named(kind)
        ages = stated.age[films & ~np.isnan(stated.age)]
        parts = [f"median age {np.median(ages):.3g}"] if len(ages) else []
        for part in (stated.sex, stated.view):
            common = Counter(part.names[code] for code in part.codes[films] if part.names[code]).most_common(1)
            parts += [f"{common[0][1] / films.sum():.0%} {common[0][0]}"] if common else []
        told.append(f"{kind}: {', '.join(parts) or 'nothing stated'}")
    return f"Look for a difference that is not the disease but goes with it ({'; '.join(told)})."


def findings(found: Exploration) -> str:
    """Which finding is the most frequent, and on how many films several are stated."""
    name, films = next(iter(found.findings.items()))
    several = sum(len(film.findings) > 1 for film in found.survey.listing.films)
    return (
        f"Look for what stands behind a class: of {len(found.findings):,} findings '{name}' is the most frequent "
        f"({films.total():,} films), and {several:,} films have more than one."
    )


def sizes(found: Exploration) -> str:
    """How large the films are, and of how many shapes."""
    width, height, aspect = found.survey.columns("width", "height", "aspect")[found.survey.readable].T
    if np.ptp(width) == np.ptp(height) == 0:
        return (
            f"All films are {width[0]:.0f} x {height[0]:.0f} pixels: whatever shape they once had tells nothing here."
        )
    low, high = np.quantile(aspect, (0.05, 0.95))
    return (
        f"Look for clouds of one class: the median film is {np.median(width):.0f} x {np.median(height):.0f} pixels "
        f"({min(width):.0f} to {max(width):.0f} wide), and the middle 90% are {low:.2f} to {high:.2f} times as wide as "
        f"high.{_alone(found.separations, 'aspect')}"
    )


def _alone(separations: Sequence[Separation], name: str) -> str:
    """How well one measurement tells the classes, as a clause."""
    auc = next((0.5 + one.strength for one in separations if one.contrast.about_class and one.measure == name), None)
    return "" if auc is None else f" Shape alone tells the classes apart with an AUC of {auc:.2f}."


def spreads(found: Exploration) -> str:
    """Medians of brightness and contrast, and what to make of them."""
    told = [_medians(found.spreads, name) for name in ("mean", "std")]
    what = "of one class that lie elsewhere in another split" if len(found.stated.split.names) > 1 else "that lie apart"
    return f"Look for ridges {what}: {' and '.join(told)} (0 is black, 1 white; the mark is the median)."


def _medians(spreads: Sequence[Spread], name: str) -> str:
    of_name = [(_spread_of(one), one.quantiles[_MEDIAN]) for one in spreads if one.measure == name]
    (least, low), (most, high) = min(of_name, key=lambda one: one[1]), max(of_name, key=lambda one: one[1])
    title = measure(name).title
    if len(of_name) == 1:
        return f"the median {title} is {low:.2f}"
    return f"the median {title} goes from {low:.2f} ({least}) to {high:.2f} ({most})"


def _spread_of(one: Spread) -> str:
    return one.kind if one.split == NO_SPLIT else f"{one.kind}, {one.split}"


def separations(found: Sequence[Separation]) -> str:
    """Which measurement gives the class away, and which moves most between splits."""
    told = []
    classes = [one for one in found if one.contrast.about_class]
    if classes:
        best = max(classes, key=lambda one: one.strength)
        told.append(f"'{measure(best.measure).title}' alone tells the classes apart with an AUC of {_auc(best)}")
    others = sorted((one for one in found if not one.contrast.about_class), key=lambda one: one.strength)
    shifts = {one.contrast.within: one for one in others}  # the strongest of a class comes last, and stays
    told += [
        f"among '{within}', '{measure(one.measure).title}' tells {one.contrast.second} from {one.contrast.first} "
        f"with {_auc(one)}"
        for within, one in shifts.items()
    ]
    return f"Look for dots on the right, which a network can learn instead of the disease: {'; '.join(told)}."


def _auc(separation: Separation) -> str:
    return f"{0.5 + separation.strength:.2f}"


def samples(each: int, seed: int) -> str:
    """How the films were drawn."""
    return (
        f"Look at them before any number: up to {each} of every class and split, drawn at random (seed {seed}), each "
        f"of another patient."
    )


def means(found: MeanTable) -> str:
    """How far the class means are apart, and how far those of one class in two rows of the table."""
    first, told = found.rows[0], []
    for (row, column), mean in found.cells.items():
        if column in found.columns[1:2] and row == first and (row, found.columns[0]) in found.cells:
            apart = np.abs(mean.pixels - found.cells[row, found.columns[0]].pixels)
            most = f"{apart.mean():.3f} on average and most in the {_place(apart)} ({apart.max():.2f})"
            told.append(f"'{column}' and '{found.columns[0]}' differ by {most}")
        elif row != first and (first, column) in found.cells:
            apart = np.abs(mean.pixels - found.cells[first, column].pixels)
            told.append(f"'{column}' of {row} and {first} differ by {apart.mean():.3f}")
    begin = "Look for red and blue outside the lungs, which is framing and exposure rather than disease"
    return f"{begin}, on a scale of 0 to 1: {'; '.join(told[:_TOLD])}." if told else f"{begin}."


def _place(grid: Values) -> str:
    row, column = np.unravel_index(int(grid.argmax()), grid.shape)
    height = ("upper", "middle", "lower")[int(3 * (int(row) + 0.5) / grid.shape[0])]
    side = ("left", "centre", "right")[int(3 * (int(column) + 0.5) / grid.shape[1])]
    return f"{height} {side}"


def film_map(found: FilmMap) -> str:
    """How far films keep to their own kind."""
    told = [
        f"{company.share:.0%} share its {part} ({company.chance:.0%} by chance)"
        for part, company in found.company.items()
    ]
    shares = f": of a film's ten nearest, {', '.join(told)}" if told else ""
    return (
        f"Look for islands, which are films of one make, and for a class that has an island of its own{shares}; near "
        f"means alike in looks and measurements, far apart means little."
    )


def odd(found: Exploration) -> str:
    """What odd means."""
    least, most = found.odd[-1].distance, found.odd[0].distance
    return (
        f"Look for films that do not belong (another view or body part, turned, inverted, cut): these {len(found.odd)} "
        f"lie {least:.1f} to {most:.1f} times as far from their ten nearest as is usual."
    )


def why_odd(film: OddFilm) -> list[str]:
    """What is extreme about a film, the most extreme first."""
    edges = [one for one in film.extremes if one.measure in _EDGES]
    same = len({one.z > 0 for one in edges}) == 1
    told = []
    if len(edges) > 2 and same:
        told.append(f"{'bright' if edges[0].z > 0 else 'black'} border on {len(edges)} sides")
    told += [_extreme(one) for one in film.extremes if not (told and one.measure in _EDGES)]
    distinct = list({text.partition(" (")[0]: text for text in reversed(told)}.values())[::-1]
    return distinct[:_SHOWN] or ["no single measurement is extreme: the picture as a whole is unlike the others"]


def _extreme(one: Extreme) -> str:
    words = measure(one.measure)
    value, low, high = (words.shown(number) for number in (one.value, one.low, one.high))
    return f"{words.much if one.z > 0 else words.little} ({value}; usually {low} to {high})"
