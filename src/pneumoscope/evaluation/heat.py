"""Where the evidence lies, by the heat maps of the readings.

A heat map is coarse (7 x 7 cells, for a network at 224 pixels), each cell looks at more of the film than it covers, and
evidence beyond the strongest hundredth counts as that. It says where a network found what speaks for the finding, not
whether that was the disease.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from pneumoscope.evaluation.measured import mean, share
from pneumoscope.evaluation.regions import REGIONS, cover, middles
from pneumoscope.evaluation.seen import SeenFilm
from pneumoscope.stats.bootstrap import numbered
from pneumoscope.stats.intervals import Estimate

WHERE: Final = ("centre", "ring", "corners")
OUTCOMES: Final = ("true positive", "false positive", "false negative", "true negative")


class RegionHeat(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a group's evidence lies in a region.

    ``evidence`` is the mean over films of the share of a film's evidence; an even map would have ``area``, the region's
    share of the film. ``hottest`` is the share of films whose hottest cell has its middle in the region (where several
    are as hot, one drawn by the film's digest); chance alone would give ``cells``, the share of cells that do.
    """

    region: str
    what: str
    area: float
    evidence: Estimate
    cells: float
    hottest: Estimate


class GroupHeat(msgspec.Struct, frozen=True, kw_only=True):
    """Of films with one outcome, where the evidence lies. Films without any evidence are in ``without`` alone."""

    group: str
    films: int
    without: int
    regions: tuple[RegionHeat, ...]


def heat_by_outcome(seen: Sequence[SeenFilm]) -> tuple[GroupHeat, ...]:
    """True and false positives and negatives, those that there are, and where evidence for the finding lies in each."""
    groups = {name: [one for one in seen if one.outcome == name] for name in OUTCOMES}
    return tuple(_group(name, films) for name, films in groups.items() if films)


def _group(name: str, films: Sequence[SeenFilm]) -> GroupHeat:
    maps = [(one.film.key, one.reading.film_digest, one.reading.heatmap) for one in films]
    warm = [(key, digest, heat) for key, digest, heat in maps if heat is not None and heat.any()]
    whose, _ = numbered([key for key, _, _ in warm])
    heats = [heat for _, _, heat in warm]
    hottest = [_hottest(heat, digest) for _, digest, heat in warm]
    regions = tuple(_region(where, heats, hottest, whose) for where in WHERE) if heats else ()
    return GroupHeat(group=name, films=len(films), without=len(films) - len(heats), regions=regions)


def _hottest(heat: NDArray[np.float32], digest: str) -> int:
    """The place of a hottest cell. As evidence is cut off, several may be; the first of them would lie high up."""
    return int(np.random.default_rng(list(digest.encode())).choice(np.flatnonzero(heat == heat.max())))


def _region(
    where: str, heats: Sequence[NDArray[np.float32]], hottest: Sequence[int], whose: NDArray[np.intp]
) -> RegionHeat:
    within = [middles(where, heat.shape) for heat in heats]
    return RegionHeat(
        region=where,
        what=REGIONS[where].title,
        area=float(cover(where, (1, 1))[0, 0]),
        evidence=mean(np.array([evidence_in(where, heat) for heat in heats]), whose, 0.0, 1.0),
        cells=float(np.mean([cells.mean() for cells in within])),
        hottest=share(np.array([cells.flat[cell] for cells, cell in zip(within, hottest, strict=True)]), whose),
    )


def evidence_in(where: str, heat: NDArray[np.float32]) -> float:
    """The share, 0 to 1, of a map's evidence that lies in a region; a cell's is spread evenly over it.

    >>> round(evidence_in("ring", np.ones((7, 7), np.float32)), 6)
    0.36
    """
    return float((cover(where, heat.shape) * heat).sum() / heat.sum(dtype=np.float64))
