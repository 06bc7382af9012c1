"""Numbers and thresholds of a gate, from its material."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle.gate import GateNumbers
from pneumoscope.bundle.spec import Gate, Kind, Poor
from pneumoscope.evaluation.gating.looks import Looks
from pneumoscope.evaluation.gating.material import Material
from pneumoscope.evaluation.gating.spoilt import SPOILT
from pneumoscope.imaging.quality import MEASURES
from pneumoscope.predict.gate import LIMITS
from pneumoscope.stats.fit_novelty import classifier, principal
from pneumoscope.stats.novelty import log_odds_against_first

KINDS: Final[tuple[Kind, ...]] = ("chest", "not-frontal-chest", *SPOILT)
DIRECTIONS: Final = 64
STRENGTH: Final = 0.01
PICTURES_COUNT: Final = 0.3
"""All pictures that are no frontal chest films together count as much as so many of all films, spoilt or not."""

SPARED: Final = 0.995
"""The share of the validation films, and some a little less than perfect, that either threshold spares at least."""
CAUGHT: Final = 0.99
"""Where it can be had beside that, the share of the pictures set aside for thresholds that the classifier refuses."""


def numbers(material: Material, left_out: frozenset[str] = frozenset()) -> GateNumbers:
    """Fit the classifier and the directions; without the pictures of some categories, to see what it makes of them.

    They are rounded as the bundle keeps them, so that thresholds are those of the numbers that ship.
    """
    inputs, kinds, counted = examples(material, left_out)
    weights, bias = classifier(inputs, kinds, counted, STRENGTH)
    features = material.learned.good.features
    basis = principal(features, min(DIRECTIONS, *features.shape))
    fitted = GateNumbers(basis.astype(np.float32), weights.astype(np.float32), bias.astype(np.float32))
    return GateNumbers.from_bytes(fitted.to_bytes())


def examples(
    material: Material, left_out: frozenset[str] = frozenset()
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
    """Inputs (N, D) of the classifier, their kinds (N,) and how much each counts (N,)."""
    fit = np.array([picture.part == "fit" for picture in material.pictures])
    kept = [picture.category not in left_out for picture in material.pictures]
    pictures = material.looks.only(fit & np.array(kept))
    turned = material.turned.only(np.repeat(np.array(kept)[fit], len(material.turned) // int(fit.sum())))
    parts = [(0, material.learned.good), (1, pictures), (1, turned)]
    parts += [(k, material.learned.spoilt[kind]) for k, kind in enumerate(KINDS) if kind in SPOILT]
    kinds = np.concatenate([np.full(len(looks), kind, np.int64) for kind, looks in parts])
    counted = np.ones(len(kinds))
    if others := int((kinds == 1).sum()):
        counted[kinds == 1] = PICTURES_COUNT * (len(kinds) - others) / others
    return np.concatenate([inputs_of(looks) for _, looks in parts]), kinds, counted


def inputs_of(looks: Looks) -> NDArray[np.float32]:
    """What the classifier is shown of N pictures, (N, D): features, then coarse greys."""
    return np.hstack([looks.features, looks.greys])


def oddness(looks: Looks, fitted: GateNumbers) -> NDArray[np.float64]:
    """Log-odds (N,) of being anything but a chest film as it should be."""
    return log_odds_against_first(fitted.scores(looks.features, looks.greys))


def thresholds(material: Material, fitted: GateNumbers) -> tuple[float, float]:
    """From where on the classifier's log-odds, and the novelty, refuse a picture.

    Both spare at least SPARED of the films held back. Where the classifier's log-odds of these and of CAUGHT of the
    pictures set aside lie apart, its threshold is in the middle of the gap: as far from refusing a film of another
    place as from answering a picture of another kind.
    """
    held, others = material.held.good, material.of("threshold")
    spared = sparing(oddness(held, fitted))
    caught = float(np.quantile(oddness(others, fitted), 1 - CAUGHT)) if len(others) else spared
    return max(spared, (spared + caught) / 2), sparing(fitted.novelty(held.features))


def sparing(values: NDArray[np.float64]) -> float:
    """The least value from which on to refuse, so that SPARED of all N at least are spared.

    >>> round(sparing(np.arange(201.0)), 6)  # the greatest is refused, 200 of 201 are spared
    199.0
    """
    return float(np.nextafter(np.quantile(values, SPARED, method="inverted_cdf"), np.inf))


def limits(material: Material) -> dict[Poor, float]:
    """The least, or the greatest, that any film that was learned from has of each measure."""
    found = dict(zip(MEASURES, material.learned.sound.measures.T, strict=True))
    return {
        code: float(found[limit.measure].max() if limit.sign > 0 else found[limit.measure].min())
        for code, limit in LIMITS.items()
    }


def refused(looks: Looks, fitted: GateNumbers, gate: Gate) -> NDArray[np.bool_]:
    """Which of N pictures the gate refuses, for whatever reason."""
    odd = oddness(looks, fitted) >= gate.other_from
    return odd | (fitted.novelty(looks.features) >= gate.novel_from) | too_poor(looks, gate.limits)


def too_poor(looks: Looks, bounds: dict[Poor, float]) -> NDArray[np.bool_]:
    """Which of N pictures are beyond a limit."""
    found = np.zeros(len(looks), np.bool_)
    for code, bound in bounds.items():
        limit = LIMITS[code]
        found |= limit.sign * looks.measures[:, MEASURES.index(limit.measure)] > limit.sign * bound
    return found


def counted_pictures(material: Material) -> dict[str, int]:
    """How many pictures were fitted on or set a threshold, by category."""
    return dict(Counter(picture.category for picture in material.pictures if picture.part != "apart"))
