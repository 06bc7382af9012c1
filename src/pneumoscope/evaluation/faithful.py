"""Whether the answers hang on the regions that readings name: the strongest part of one is taken out of the film.

A control of the same size, elsewhere on the same film, says how much taking out anything does. Deletion as a measure of
explanations: Samek et al., "Evaluating the visualization of what a deep neural network has learned", 2017; Petsiuk,
Das, Saenko, "RISE", 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.core import Radiograph, Region
from pneumoscope.evaluation.labelled import LabelledFilms, Progress
from pneumoscope.evaluation.measured import log_odds, mean, share
from pneumoscope.imaging.placing import place
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.predict import Predictor
from pneumoscope.stats.bootstrap import numbered
from pneumoscope.stats.intervals import Estimate

Grid = NDArray[np.float32]

_COARSE: Final = 8
"""Cells a side that a film is averaged to, to take out all detail."""
_STEPS: Final = 29
"""Places along each side where a patch is tried."""
_TALLEST, _WIDEST = 2, 3
"""A patch has at most a half of the height and a third of the width that is shown: a control always has room."""
_DIGITS: Final = 9
"""Of a sum of cells: parts that are as hot must not be told apart by rounding."""


@dataclass(frozen=True)
class Fill:
    """What is put in a region's place; ``paint`` makes all of it, from the film and the bundle's typical one."""

    title: str
    paint: Callable[[Grid, Grid], Grid]


def _blurred(film: Grid, _: Grid) -> Grid:
    return _stretched(np.asarray(Image.fromarray(film).resize((_COARSE, _COARSE), Image.Resampling.BOX)), film.shape)


def _typical(film: Grid, typical: Grid) -> Grid:
    return _stretched(typical, film.shape)


def _stretched(coarse: Grid, shape: tuple[int, ...]) -> Grid:
    return np.asarray(Image.fromarray(coarse).resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


FILLS: Final[dict[str, Fill]] = {
    "blurred": Fill("the film itself without any detail", _blurred),
    "typical": Fill("the mean of the films that the bundle has learned from", _typical),
}
"""The first leaves a film its own brightness, also where an opacity is; the second takes that away too."""


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """What filling a region does to the log-odds, and filling as much elsewhere.

    ``region`` and ``control`` are mean changes, below 0 where the finding becomes less likely; ``excess`` is by how
    much more the region lowers them, ``more`` the share of films where it does. ``lost`` and ``control_lost`` count the
    films that are not called positive any more.
    """

    fill: str
    what: str
    region: Estimate
    control: Estimate
    excess: Estimate
    more: Estimate
    lost: int
    control_lost: int


class Faithfulness(msgspec.Struct, frozen=True, kw_only=True):
    """Of the ``films`` called positive, rightly or not, what the strongest part of their first region is worth.

    ``without`` films have no region. Of the ``tested`` others, of so many ``patients``, the share ``area`` of the film
    is taken out, on average. ``deletions`` are none if the tested films are of fewer than two patients.
    """

    films: int
    without: int
    tested: int
    patients: int
    area: float | None = None
    deletions: tuple[Deletion, ...] = ()


@dataclass(frozen=True)
class Patch:
    """Pixels of a film, from ``top`` to before ``bottom`` and from ``left`` to before ``right``."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def pixels(self) -> tuple[slice, slice]:
        """To take the patch out of an array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True, eq=False)
class _Tested:
    """A film's log-odds as it is, and with each fill first its region, then the control filled: (1 + 2 F,)."""

    odds: NDArray[np.float64]
    area: float


def faithfulness(
    predictor: Predictor, films: LabelledFilms, *, jobs: int | None = None, progress: Progress | None = None
) -> Faithfulness:
    """Take the strongest part of the first region out of every film called positive, and as much elsewhere."""
    typical = np.array(predictor.bundle.spec.typical_film, np.float32)

    def work(i: int, film: Radiograph) -> _Tested | str:
        name = films.films[i].path
        reading = predictor.read_film(film, name=name)
        if not reading.finding.positive:
            return "negative"
        if not reading.regions or reading.heatmap is None:
            return "without"
        seen = shown(film, predictor.bundle.spec.preprocessing)
        region = strongest(on_pixels(reading.regions[0], film), reading.heatmap, film, seen)
        patches = region, elsewhere(region, seen)
        versions = [filled(film, patch, fill, typical) for fill in FILLS for patch in patches]
        findings = [predictor.read_film(one, name=name, heatmap=False).finding for one in versions]
        odds = log_odds(np.array([finding.probability for finding in (reading.finding, *findings)]))
        return _Tested(odds, region.height * region.width / film.pixels.size)

    outcomes = films.opened(predictor, work, jobs=jobs, progress=progress)
    tested = {i: one for i, one in enumerate(outcomes) if isinstance(one, _Tested)}
    whose, _ = numbered(films.only(tested).patients)
    without = outcomes.count("without")
    found = Faithfulness(
        films=len(tested) + without, without=without, tested=len(tested), patients=len(set(whose.tolist()))
    )
    if found.patients < 2:
        return found
    each = list(tested.values())
    return msgspec.structs.replace(
        found,
        area=float(np.mean([one.area for one in each])),
        deletions=_deletions(each, whose, predictor.operating_point.threshold),
    )


def _deletions(tested: Sequence[_Tested], whose: NDArray[np.intp], threshold: float) -> tuple[Deletion, ...]:
    odds, called = np.array([one.odds for one in tested]), float(log_odds(np.array([threshold]))[0])

    def deletion(name: str, k: int) -> Deletion:
        region, control = (odds[:, place] - odds[:, 0] for place in (1 + 2 * k, 2 + 2 * k))
        return Deletion(
            fill=name,
            what=FILLS[name].title,
            region=mean(region, whose),
            control=mean(control, whose),
            excess=mean(control - region, whose),
            more=share(region < control, whose),
            lost=int((odds[:, 1 + 2 * k] < called).sum()),
            control_lost=int((odds[:, 2 + 2 * k] < called).sum()),
        )

    return tuple(deletion(name, k) for k, name in enumerate(FILLS))


def on_pixels(region: Region, film: Radiograph) -> Patch:
    """The region in the pixels of the film as it was decoded."""
    down, across = (side / full for side, full in zip(film.extent, film.full_size, strict=True))
    edges = (region.top * down, region.left * across, region.bottom * down, region.right * across)
    return Patch(*map(round, edges))


def shown(film: Radiograph, spec: Preprocessing) -> Patch:
    """What the network is shown of the film: all of it, unless it is cropped. What it is not shown is no control."""
    left, top, right, bottom = place(film.extent, spec.size, spec.aspect).box
    return Patch(*map(round, (top, left, bottom, right)))


def strongest(region: Patch, heat: Grid, film: Radiograph, seen: Patch) -> Patch:
    """The part of a region with the most heat, of at most half the height and a third of the width that is ``seen``."""
    rows, columns = min(region.height, seen.height // _TALLEST), min(region.width, seen.width // _WIDEST)
    tops, lefts = _starts(region.top, region.bottom - rows), _starts(region.left, region.right - columns)
    down = _cells_in(tops, rows, film.extent[0], heat.shape[0])
    across = _cells_in(lefts, columns, film.extent[1], heat.shape[1])
    warm = (down @ heat @ across.T).round(_DIGITS)
    i, j = np.unravel_index(warm.argmax(), warm.shape)
    return _patch(tops[i], lefts[j], rows, columns)


def _cells_in(starts: NDArray[np.intp], length: int, side: float, cells: int) -> NDArray[np.float64]:
    """(N, cells) how much of each of a side's cells lies in each of N stretches of so many pixels."""
    edges = np.stack([starts, starts + length]) * cells / side
    until_start, until_stop = np.clip(edges[..., np.newaxis] - np.arange(cells), 0.0, 1.0)
    covered: NDArray[np.float64] = until_stop - until_start
    return covered


def elsewhere(region: Patch, seen: Patch) -> Patch:
    """A patch of the region's size that does not meet it, as near as can be to its mirror image in what is ``seen``.

    The mirror image is what the other lung shows at the same height: a harder test than a corner would be.

    Raises
    ------
    ValueError : if there is no room for it.

    >>> elsewhere(Patch(10, 0, 20, 10), Patch(0, 0, 100, 100))
    Patch(top=10, left=90, bottom=20, right=100)
    """
    mirrored = seen.left + seen.right - region.right
    lasts = seen.bottom - region.height, seen.right - region.width
    tops = _starts(seen.top, lasts[0], region.top, region.top - region.height, region.bottom)
    lefts = _starts(seen.left, lasts[1], mirrored, region.left - region.width, region.right)
    top, left = (places.ravel() for places in np.meshgrid(tops, lefts, indexing="ij"))
    clear = (top + region.height <= region.top) | (top >= region.bottom)
    clear |= (left + region.width <= region.left) | (left >= region.right)
    if not clear.any():
        raise ValueError(f"expected a patch that leaves room for another in {seen}, got {region}")
    away = ((top - region.top) / seen.height) ** 2 + ((left - mirrored) / seen.width) ** 2
    best = np.flatnonzero(clear)[away[clear].argmin()]
    return _patch(top[best], left[best], region.height, region.width)


def _patch(top: np.intp, left: np.intp, rows: int, columns: int) -> Patch:
    return Patch(int(top), int(left), int(top) + rows, int(left) + columns)


def _starts(first: int, last: int, *further: int) -> NDArray[np.intp]:
    """Places from ``first`` to ``last``, and those ``further`` ones that lie among them."""
    steps = np.rint(np.linspace(first, last, _STEPS)).astype(np.intp)
    return np.union1d(steps, [place for place in further if first <= place <= last]).astype(np.intp)


def filled(film: Radiograph, patch: Patch, fill: str, typical: Grid) -> Radiograph:
    """The film with a patch filled after :data:`FILLS`."""
    pixels = film.pixels.copy()
    pixels[patch.pixels] = np.clip(FILLS[fill].paint(film.pixels, typical)[patch.pixels], 0.0, 1.0)
    return replace(film, pixels=pixels)
