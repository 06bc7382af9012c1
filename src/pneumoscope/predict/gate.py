"""Whether a film may be answered: what its header says, what kind of picture it is, how new, and how poor.

A bundle that says neither whom it is for nor has a gate answers every film, with flags.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle import ModelBundle
from pneumoscope.bundle.gate import GateNumbers, seen
from pneumoscope.bundle.spec import Gate, Kind, Poor
from pneumoscope.core import QualityFlag, Radiograph, Region
from pneumoscope.imaging.orientation import negative, turned, turned_box
from pneumoscope.imaging.quality import MEASURES, half, measures
from pneumoscope.predict.header import header_flags, header_reasons
from pneumoscope.predict.quality import quality_flags
from pneumoscope.stats.novelty import log_odds_against_first

Map = NDArray[np.float32]


class Remedy(NamedTuple):
    """What puts a film right, in words, and how: ``quarters`` to turn it by, anticlockwise, or else its negative."""

    done: str
    quarters: int = 0

    def apply(self, film: Radiograph) -> Radiograph:
        """The film put right."""
        return turned(film, self.quarters) if self.quarters else negative(film)

    def map_back(self, grid: Map) -> Map:
        """A map of the film put right as one of the film as it came."""
        return np.ascontiguousarray(np.rot90(grid, -self.quarters))

    def region_back(self, region: Region, righted: Radiograph) -> Region:
        """A region of the film put right as one of the film as it came."""
        box = (region.top, region.left, region.bottom, region.right)
        return Region(*turned_box(box, righted.full_size, -self.quarters), region.share)


REMEDIES: Final[dict[Kind, Remedy]] = {
    "inverted": Remedy("with black and white exchanged"),
    "turned-left": Remedy("turned back by a quarter to the right", -1),
    "upside-down": Remedy("turned back by a half", 2),
    "turned-right": Remedy("turned back by a quarter to the left", 1),
}
"""By the kind of picture that asks for it."""

_LOOKS: Final[dict[Kind, str]] = {
    "not-frontal-chest": "The picture does not look like a frontal chest film.",
    "inverted": "Black and white seem to be swapped: the film looks like the negative of a chest.",
    "turned-left": "The film seems to be turned by a quarter to the left.",
    "upside-down": "The film seems to be upside down.",
    "turned-right": "The film seems to be turned by a quarter to the right.",
    "cropped": "Only a part of the chest seems to be on the film.",
}


class Limit(NamedTuple):
    """A measure of :mod:`pneumoscope.imaging.quality` that must not be above the limit (``sign`` 1) or below it (-1),
    and what to say if it is."""

    measure: str
    sign: int
    message: str


LIMITS: Final[dict[Poor, Limit]] = {
    "flat": Limit("contrast", -1, "The film uses only {found:.0%} of the grey scale"),
    "too-dark": Limit("brightness", -1, "The film is very dark: its middle grey is {found:.0%} of white"),
    "too-bright": Limit("brightness", 1, "The film is very bright: its middle grey is {found:.0%} of white"),
    "underexposed": Limit("black", 1, "{found:.0%} of the film is black"),
    "overexposed": Limit("white", 1, "{found:.0%} of the film is white"),
    "blurred": Limit("sharpness", -1, "The film is blurred: fine detail is missing"),
}
_UNSEEN: Final = "; no film that the model has learned from is like that."
_NOVEL: Final = "The film is unlike those that the model has learned from."


@dataclass(frozen=True)
class Verdict:
    """Reasons not to answer and reasons for doubt, and which of ``REMEDIES`` may help, if any."""

    reasons: tuple[QualityFlag, ...] = ()
    flags: tuple[QualityFlag, ...] = ()
    remedy: Kind | None = None


def judge(film: Radiograph, plain: NDArray[np.float32], features: NDArray[np.float32], bundle: ModelBundle) -> Verdict:
    """Judge a film by its header, by all of it in its own greys at the network's size (H, W), and by the graph's
    ``features`` (F,)."""
    spec = bundle.spec
    reasons, doubts = header_reasons(film, spec.population) if spec.population else ((), header_flags(film))
    flags = (*quality_flags(film, plain, spec), *doubts)
    if spec.gate is None or bundle.gate is None:
        return Verdict(reasons, flags)
    found = tuple(_picture(plain, features, spec.gate, bundle.gate, flags))
    remedy = next((kind for kind in REMEDIES if found and not reasons and found[0].code == kind), None)
    codes = {reason.code for reason in found}
    return Verdict((*reasons, *found), tuple(flag for flag in flags if flag.code not in codes), remedy)


def _picture(
    plain: NDArray[np.float32],
    features: NDArray[np.float32],
    gate: Gate,
    numbers: GateNumbers,
    flags: tuple[QualityFlag, ...],
) -> Iterator[QualityFlag]:
    """Reasons that the picture itself gives, the most telling first; what is no chest film is not measured further."""
    if blank := [flag for flag in flags if flag.code == "blank"]:
        yield from blank
        return
    halved = half(plain)
    scores = numbers.scores(features[np.newaxis], seen(halved, numbers.side)[np.newaxis])
    if log_odds_against_first(scores)[0] >= gate.other_from:
        kind = gate.kinds[1 + int(scores[0, 1:].argmax())]
        yield QualityFlag(kind, _LOOKS[kind])
        return
    if numbers.novelty(features[np.newaxis])[0] >= gate.novel_from:
        yield QualityFlag("novel", _NOVEL)
    yield from _poor(halved, gate)


def _poor(halved: NDArray[np.float32], gate: Gate) -> Iterator[QualityFlag]:
    found = dict(zip(MEASURES, measures(halved), strict=True))
    for code, bound in gate.limits.items():
        limit = LIMITS[code]
        if limit.sign * found[limit.measure] > limit.sign * bound:
            yield QualityFlag(code, limit.message.format(found=found[limit.measure]) + _UNSEEN)
