"""What the answers hang on: marks, or the film's edge, are painted over and the film is read again.

What is painted over is put in place of nothing natural: a control of equal size, or the same region on all films, says
how much the painting alone does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.core import Radiograph
from pneumoscope.data.markers import Marker
from pneumoscope.evaluation.altered import Effect, answers_to
from pneumoscope.evaluation.labelled import LabelledFilms, Progress
from pneumoscope.evaluation.measured import Measured, log_odds, mean
from pneumoscope.evaluation.regions import REGIONS, cover
from pneumoscope.evaluation.seen import markers_on
from pneumoscope.predict import Predictor
from pneumoscope.stats.bootstrap import numbered
from pneumoscope.stats.intervals import Estimate

_SIDE: Final = 224
_STEP: Final = 1.25
"""Of a mark's length: how far its control moves along the border, time and again, until it is free."""

Grid = NDArray[np.float32]


class RegionBlank(msgspec.Struct, frozen=True, kw_only=True):
    """Films whose ``region`` shows the typical film, alike on all of them, in place of their own."""

    region: str
    what: str
    effect: Effect


class Blanked(msgspec.Struct, frozen=True, kw_only=True):
    """The answers to films as they are, and with each region painted over.

    With the centre gone the class should be hard to tell. An AUC well above 0.5 there says that something outside the
    middle goes with the class: a shortcut, or the outer parts of the lungs.
    """

    untouched: Measured
    regions: tuple[RegionBlank, ...]


def blank_regions(
    predictor: Predictor, films: LabelledFilms, *, jobs: int | None = None, progress: Progress | None = None
) -> Blanked:
    """Read films with each of :data:`REGIONS` painted over by the mean of the films that the bundle has learned from.

    The paint must know nothing of the film itself: its own mean grey would tell something of the class.

    Raises
    ------
    ManifestError : if no film can be read.
    """
    typical = np.array(predictor.bundle.spec.typical_film, np.float32)

    def variants(film: Radiograph) -> Iterator[Radiograph]:
        return (blanked(film, region, typical) for region in REGIONS)

    answered = answers_to(predictor, films, variants, jobs=jobs, progress=progress)
    regions = (
        RegionBlank(region=name, what=REGIONS[name].title, effect=answered.effect(place))
        for place, name in enumerate(REGIONS, 1)
    )
    return Blanked(untouched=answered.measured(0), regions=tuple(regions))


def blanked(film: Radiograph, region: str, typical: Grid) -> Radiograph:
    """The film with a region replaced by the same region of a coarse ``typical`` film, stretched to its size."""
    height, width = film.pixels.shape
    paint = np.asarray(Image.fromarray(typical).resize((width, height), Image.Resampling.BILINEAR))
    there = cover(region, film.pixels.shape).astype(np.float32)
    return replace(film, pixels=np.clip(film.pixels * (1 - there) + paint * there, 0.0, 1.0).astype(np.float32))


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """What painting does to answers: the mean change of log-odds, with its sign and without, and other decisions."""

    mean: Estimate
    size: Estimate
    lost: int
    raised: int


class PaintedOver(msgspec.Struct, frozen=True, kw_only=True):
    """Marks painted over, equal areas elsewhere at the border painted over, and by how much more the former changes.

    ``excess`` is the mean, over films, of the size of the change of log-odds by the one less that by the other.
    """

    group: str
    films: int
    patients: int
    marks: Shift
    control: Shift
    excess: Estimate


class MarkerTest(msgspec.Struct, frozen=True, kw_only=True):
    """What marks do to the answers, among the films on which some are found.

    Of ``films`` that could be read, ``marked`` have marks; ``crowded`` of these leave a control no room and are left
    out. ``groups`` are all that remain, and those with and without the finding, each of two patients or more: the films
    of one do not tell how patients differ.
    """

    films: int
    marked: int
    crowded: int
    groups: tuple[PaintedOver, ...]


def paint_markers(
    predictor: Predictor, films: LabelledFilms, *, jobs: int | None = None, progress: Progress | None = None
) -> MarkerTest:
    """Read films again with their marks painted over with what is around them, and with as much painted elsewhere.

    The control has a mark's size and place, mirrored left for right, and is moved along the border until it meets none.
    """

    def work(i: int, film: Radiograph) -> tuple[int, list[float] | None]:
        marks = markers_on(film)
        places = [marks, controls(marks)] if marks else []
        if not marks or len(places[1]) < len(marks):
            return len(marks), None
        versions = [film, *(painted(film, boxes) for boxes in places)]
        findings = [predictor.read_film(one, name=films.films[i].path, heatmap=False).finding for one in versions]
        return len(marks), [finding.probability for finding in findings]

    outcomes = films.opened(predictor, work, jobs=jobs, progress=progress)
    read = [(i, *outcome) for i, outcome in enumerate(outcomes) if outcome]
    tested = {i: answers for i, _, answers in read if answers}
    marked = sum(marks > 0 for _, marks, _ in read)
    return MarkerTest(
        films=len(read),
        marked=marked,
        crowded=marked - len(tested),
        groups=tuple(_groups(films.only(tested), list(tested.values()), predictor.operating_point.threshold)),
    )


def controls(marks: Sequence[Marker]) -> tuple[Marker, ...]:
    """A place for each mark where there is none, as far from the nearest edge; fewer if the border is too crowded.

    >>> controls([Marker(top=0.1, left=0.05, height=0.1, width=0.05)])
    (Marker(top=0.1, left=0.9, height=0.1, width=0.05),)
    """
    found: list[Marker] = []
    for mark in marks:
        free = (place for place in _places(mark) if not any(_touch(place, other) for other in (*marks, *found)))
        found.extend(place for place in [next(free, None)] if place)
    return tuple(found)


def _places(mark: Marker) -> Iterator[Marker]:
    """The mark mirrored, then moved along the nearer pair of edges, ever further, one way and the other."""
    mirrored = replace(mark, left=round(1 - mark.left - mark.width, 12))
    beside = min(mark.column, 1 - mark.column) < min(mark.row, 1 - mark.row)
    start, length = (mark.top, mark.height) if beside else (mirrored.left, mark.width)
    yield mirrored
    for steps in range(1, round(1 / (_STEP * length)) + 1):
        for moved in (start + steps * _STEP * length, start - steps * _STEP * length):
            if 0 <= moved <= 1 - length:
                yield replace(mirrored, top=moved) if beside else replace(mirrored, left=moved)


def _touch(one: Marker, other: Marker, gap: float = 4 / _SIDE) -> bool:
    """Whether two rectangles meet, or come so near that painting one takes in the other's rim."""
    apart_down = max(one.top, other.top) - min(one.top + one.height, other.top + other.height)
    apart_across = max(one.left, other.left) - min(one.left + one.width, other.left + other.width)
    return max(apart_down, apart_across) < gap


def painted(film: Radiograph, boxes: Iterable[Marker]) -> Radiograph:
    """The film with each rectangle, and a pixel of 224 around it, in the median grey of a rim two such pixels wide."""
    pixels = film.pixels.copy()
    pixel = max(1, round(min(pixels.shape) / _SIDE))
    for box in boxes:
        inner, outer = (_slices(box, film.pixels.shape, grown * pixel) for grown in (1, 3))
        rim = np.ones(film.pixels.shape, np.bool_)
        rim[inner] = False
        pixels[inner] = np.median(film.pixels[outer][rim[outer]])
    return replace(film, pixels=pixels)


def _slices(box: Marker, shape: tuple[int, ...], by: int) -> tuple[slice, slice]:
    rows, columns = (
        slice(max(0, int(start * side + 0.5) - by), min(side, int((start + length) * side + 0.5) + by))
        for start, length, side in zip((box.top, box.left), (box.height, box.width), shape, strict=True)
    )
    return rows, columns


def _groups(films: LabelledFilms, answers: Sequence[Sequence[float]], threshold: float) -> Iterator[PaintedOver]:
    """``answers`` (N, 3): the probabilities of a film as it is, without its marks, and of its control."""
    probabilities = np.array(answers, np.float64).reshape(len(films), 3)
    whose, _ = numbered(films.patients)
    for name, chosen in (("all", films.truth >= 0), ("positive", films.truth == 1), ("negative", films.truth == 0)):
        if len(np.unique(whose[chosen])) > 1:
            yield _painted_over(name, probabilities[chosen], whose[chosen], threshold)


def _painted_over(
    group: str, probabilities: NDArray[np.float64], whose: NDArray[np.intp], threshold: float
) -> PaintedOver:
    odds = log_odds(probabilities)
    moved, called = odds[:, 1:] - odds[:, :1], probabilities >= threshold

    def shift(k: int) -> Shift:
        return Shift(
            mean=mean(moved[:, k], whose),
            size=mean(np.abs(moved[:, k]), whose, 0.0),
            lost=int((called[:, 0] & ~called[:, k + 1]).sum()),
            raised=int((~called[:, 0] & called[:, k + 1]).sum()),
        )

    return PaintedOver(
        group=group,
        films=len(odds),
        patients=len(np.unique(whose)),
        marks=shift(0),
        control=shift(1),
        excess=mean(np.abs(moved[:, 0]) - np.abs(moved[:, 1]), whose),
    )
