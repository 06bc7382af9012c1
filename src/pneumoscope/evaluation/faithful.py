"""Whether the answers hang on the regions that readings name: one is taken out of the film, and the film is read again.

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

from pneumoscope.core import Radiograph, Reading
from pneumoscope.evaluation.labelled import LabelledFilms, Progress
from pneumoscope.evaluation.measured import log_odds, mean, share
from pneumoscope.predict import Predictor
from pneumoscope.stats.bootstrap import numbered
from pneumoscope.stats.intervals import Estimate

Grid = NDArray[np.float32]

_COARSE: Final = 8
"""Cells a side that a film is averaged to, to take out all detail."""
_STEPS: Final = 29
"""Places along each side where a control is tried."""


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
    """Of the ``films`` called positive, rightly or not, what their region with the largest share is worth.

    ``without`` films have no region; of ``crowded`` ones it leaves no room for a control. The ``tested`` others, of so
    many ``patients``, have it on the share ``area`` of the film, on average, with the share ``evidence`` of the
    evidence. ``deletions`` are none if the tested films are of fewer than two patients.
    """

    films: int
    without: int
    crowded: int
    tested: int
    patients: int
    area: float | None = None
    evidence: float | None = None
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
    evidence: float


def faithfulness(
    predictor: Predictor, films: LabelledFilms, *, jobs: int | None = None, progress: Progress | None = None
) -> Faithfulness:
    """Take the region with the largest share out of every film that is called positive, and as much elsewhere."""
    typical = np.array(predictor.bundle.spec.typical_film, np.float32)

    def work(i: int, film: Radiograph) -> _Tested | str:
        name = films.films[i].path
        reading = predictor.read_film(film, name=name)
        if not reading.finding.positive:
            return "negative"
        if not reading.regions:
            return "without"
        region = strongest(reading, film)
        if (control := elsewhere(region, film.pixels.shape)) is None:
            return "crowded"
        versions = [filled(film, where, fill, typical) for fill in FILLS for where in (region, control)]
        findings = [predictor.read_film(one, name=name, heatmap=False).finding for one in versions]
        odds = log_odds(np.array([finding.probability for finding in (reading.finding, *findings)]))
        area = region.height * region.width / film.pixels.size
        return _Tested(odds, area, reading.regions[0].share)

    outcomes = films.opened(predictor, work, jobs=jobs, progress=progress)
    tested = {i: one for i, one in enumerate(outcomes) if isinstance(one, _Tested)}
    whose, _ = numbered(films.only(tested).patients)
    counts = {word: outcomes.count(word) for word in ("without", "crowded")}
    called = len(tested) + sum(counts.values())
    found = Faithfulness(films=called, tested=len(tested), patients=len(set(whose)), **counts)
    if found.patients < 2:
        return found
    each = list(tested.values())
    return msgspec.structs.replace(
        found,
        area=float(np.mean([one.area for one in each])),
        evidence=float(np.mean([one.evidence for one in each])),
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


def strongest(reading: Reading, film: Radiograph) -> Patch:
    """The region with the largest share, in the pixels of the film as it was decoded."""
    region = reading.regions[0]
    down, across = (side / full for side, full in zip(film.pixels.shape, film.full_size, strict=True))
    edges = (region.top * down, region.left * across, region.bottom * down, region.right * across)
    return Patch(*map(round, edges))


def elsewhere(region: Patch, shape: tuple[int, ...]) -> Patch | None:
    """A patch of the region's size that does not meet it, as near as can be to its mirror image; None without room.

    The mirror image is what the other lung shows at the same height: a harder test than a corner would be.

    >>> elsewhere(Patch(10, 0, 20, 10), (100, 100))
    Patch(top=10, left=90, bottom=20, right=100)
    """
    height, width = shape
    mirrored = width - region.right
    tops = _starts(height - region.height, region.top, region.top - region.height, region.bottom)
    lefts = _starts(width - region.width, mirrored, region.left - region.width, region.right)
    top, left = (each.ravel() for each in np.meshgrid(tops, lefts, indexing="ij"))
    clear = (top + region.height <= region.top) | (top >= region.bottom)
    clear |= (left + region.width <= region.left) | (left >= region.right)
    if not clear.any():
        return None
    away = ((top - region.top) / height) ** 2 + ((left - mirrored) / width) ** 2
    best = np.flatnonzero(clear)[away[clear].argmin()]
    return Patch(int(top[best]), int(left[best]), int(top[best]) + region.height, int(left[best]) + region.width)


def _starts(last: int, *further: int) -> NDArray[np.intp]:
    """Places from 0 to ``last``, and those ``further`` ones that lie among them."""
    steps = np.rint(np.linspace(0, last, _STEPS)).astype(np.intp)
    return np.union1d(steps, [place for place in further if 0 <= place <= last]).astype(np.intp)


def filled(film: Radiograph, patch: Patch, fill: str, typical: Grid) -> Radiograph:
    """The film with a patch filled after :data:`FILLS`."""
    pixels = film.pixels.copy()
    pixels[patch.pixels] = np.clip(FILLS[fill].paint(film.pixels, typical)[patch.pixels], 0.0, 1.0)
    return replace(film, pixels=pixels)
