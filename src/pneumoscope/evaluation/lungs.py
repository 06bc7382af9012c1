"""Where a chest has its lungs on a typical film of a data set, and how much of the evidence lies there.

Nobody has drawn the lungs on these films, and thresholds on single films find them badly (docs/robustness.md), least of
all where a lung is opaque. The mean of many healthy films shows two dark fields, which are easy to find: the zone is
where most lungs are, not where one patient's are. tests/reference/lungs_by_eye.csv holds it against lungs drawn by eye.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pneumoscope.core import ManifestError, Radiograph
from pneumoscope.evaluation.labelled import LabelledFilms, Progress
from pneumoscope.evaluation.measured import mean
from pneumoscope.evaluation.seen import SeenFilm
from pneumoscope.imaging.preprocess import Preprocessing, coarse, resize
from pneumoscope.predict import Predictor
from pneumoscope.stats.bootstrap import numbered
from pneumoscope.stats.intervals import Estimate

SIDE: Final = 112
_SQUASHED: Final = Preprocessing(size=(SIDE, SIDE))
_SMOOTH: Final = 2.0
_DEEP: Final = 0.1
_NOISE: Final = 0.01
"""Of the grey range: shallower fields are none."""

Zone = NDArray[np.bool_]


class LungHeat(msgspec.Struct, frozen=True, kw_only=True):
    """Of ``films`` with evidence, the mean share of it in the lung zone, which has the share ``area`` of the film."""

    films: int
    area: float
    evidence: Estimate


def lung_zone(
    predictor: Predictor, films: LabelledFilms, *, jobs: int | None = None, progress: Progress | None = None
) -> Zone:
    """The zone of the mean film without the finding, (112, 112), over the whole film squashed to a square.

    Raises
    ------
    ManifestError : if there is no such film that can be read, or their mean shows no lungs.
    """
    healthy = films.only(np.flatnonzero(films.truth == 0))

    def squashed(_: int, film: Radiograph) -> NDArray[np.float32]:
        return resize(film, _SQUASHED)

    opened = healthy.opened(predictor, squashed, jobs=jobs, progress=progress)
    pictures = [picture for picture in opened if picture is not None]
    if not pictures:
        raise ManifestError(
            f"{films.root}: expected films without the finding that can be read, to tell where lungs are; found none "
            f"among {len(healthy)}: add some to the split"
        )
    return zone_of(np.mean(pictures, axis=0, dtype=np.float64))


def zone_of(film: NDArray[np.float64]) -> Zone:
    """The lung zone of a mean film (H, W): its two dark fields that bright tissue shuts in, and what is between them.

    A pixel is as deep as it is darker than something on each of its four sides: above, below, left and right. A field
    is what has a tenth of the greatest depth or more, the largest one on each side of the film. In each row the zone
    goes from the outer edge of one field to that of the other, so that the heart and what it hides are in it.

    Raises
    ------
    ManifestError : if there are no two such fields, one on each side.
    """
    smooth = ndimage.gaussian_filter(film, _SMOOTH * film.shape[0] / SIDE)
    depth = _shut_in(smooth) - smooth
    fields, _ = ndimage.label(depth > max(_DEEP * depth.max(), _NOISE))
    middle = film.shape[1] // 2
    halves = [np.bincount(half[half > 0].ravel()) for half in (fields[:, :middle], fields[:, middle:])]
    largest = {int(counts.argmax()) for counts in halves if counts.any()}
    if len(largest) < 2:
        raise ManifestError("the mean of the films without the finding shows no lungs: expected frontal films, upright")
    lungs = np.isin(fields, list(largest))
    reached = [np.logical_or.accumulate(each, axis=1) for each in (lungs, lungs[:, ::-1])]
    zone: Zone = reached[0] & reached[1][:, ::-1]
    return zone


def _shut_in(film: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each pixel the brightest on each side of it in its row and column, and the least bright of these four."""
    brightest = np.maximum.accumulate
    down, up = brightest(film, axis=0), brightest(film[::-1], axis=0)[::-1]
    across, back = brightest(film, axis=1), brightest(film[:, ::-1], axis=1)[:, ::-1]
    least: NDArray[np.float64] = np.minimum.reduce([down, up, across, back])
    return least


def heat_on_lungs(seen: Sequence[SeenFilm], zone: Zone) -> LungHeat | None:
    """Where the evidence of true positives lies; None if none has any, or all are of one patient."""
    maps = [(one.film.key, one.reading.heatmap) for one in seen if one.outcome == "true positive"]
    warm = [(key, heat) for key, heat in maps if heat is not None and heat.any()]
    whose, _ = numbered([key for key, _ in warm])
    if len(set(whose)) < 2:
        return None
    shares = np.array([share_on(zone, heat) for _, heat in warm])
    return LungHeat(films=len(warm), area=float(zone.mean()), evidence=mean(shares, whose, 0.0, 1.0))


def share_on(zone: Zone, heat: NDArray[np.float32]) -> float:
    """The share, 0 to 1, of a map's evidence in the zone; a cell's is spread evenly over it.

    >>> zone = np.zeros((112, 112), np.bool_)
    >>> zone[:56] = True
    >>> share_on(zone, np.ones((7, 7), np.float32))
    0.5
    """
    rows, columns = heat.shape
    cover = coarse(zone.astype(np.float32), (rows, columns))
    return float((cover * heat).sum() / heat.sum(dtype=np.float64))
