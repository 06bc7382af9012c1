"""What each way to tell strange pictures does on pictures that had no part in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle.gate import GateNumbers
from pneumoscope.bundle.spec import Gate
from pneumoscope.evaluation.gating.fit import (
    DIRECTIONS,
    STRENGTH,
    examples,
    inputs_of,
    numbers,
    oddness,
    refused,
    sparing,
    too_poor,
)
from pneumoscope.evaluation.gating.looks import Looks
from pneumoscope.evaluation.gating.material import Material
from pneumoscope.stats.fit_novelty import classifier, gaussian
from pneumoscope.stats.intervals import Estimate, clopper_pearson
from pneumoscope.stats.novelty import energy, knn_distance, log_odds_against_first, mahalanobis

NEIGHBOUR: Final = 1
Score = Callable[[Looks], NDArray[np.float64]]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """How many of some pictures a method refuses, with Clopper and Pearson's 95% interval."""

    method: str
    what: str
    refused: int
    of: int
    share: Estimate

    @classmethod
    def counted(cls, method: str, what: str, hits: NDArray[np.bool_]) -> Refused:
        """Of N pictures, those that are hits."""
        count = int(hits.sum())
        return cls(method=method, what=what, refused=count, of=len(hits), share=clopper_pearson(count, len(hits)))


METHODS: Final[dict[str, str]] = {
    "gate": "all three parts of the gate at its own thresholds",
    "classifier": "softmax regression on features and coarse greys, which has seen pictures of these kinds",
    "residual": "share of the features outside of the directions that the train films' take",
    "mahalanobis": "distance from the mean train film, in units of its variance along each direction",
    "nearest": "angle to the nearest of all train films",
    "energy": "how sure the logit is that it knows either class",
    "limits": "contrast, brightness, black, white and sharpness beyond every train film's",
}
"""Each way, in words. Those with a score refuse from the value on that spares 99.5% of the films held back."""


HELD: Final = "validation films"
"""What these are called, and what begins the names of those that are spoilt."""
_WORSE: Final = {"chest": "a little worse"}
"""These are to be answered, too."""


def compare(
    material: Material, fitted: GateNumbers, gate: Gate, others: Mapping[str, Looks] | None = None
) -> tuple[Refused, ...]:
    """Every method on the validation films, on pictures kept apart, on spoilt validation films, and on ``others``."""
    sets = {HELD: material.held.sound} | material.apart
    sets |= {f"{HELD}, {_WORSE.get(kind, kind)}": looks for kind, looks in material.held.spoilt.items()}
    sets |= dict(others or {})
    rows: list[Refused] = []
    for method, hit in _methods(material, fitted, gate).items():
        rows += [Refused.counted(method, what, hit(looks)) for what, looks in sets.items()]
    return tuple(rows)


def _methods(material: Material, fitted: GateNumbers, gate: Gate) -> dict[str, Callable[[Looks], NDArray[np.bool_]]]:
    features = material.learned.good.features
    normal = gaussian(features, min(DIRECTIONS, *features.shape))
    scores: dict[str, Score] = {
        "classifier": lambda looks: oddness(looks, fitted),
        "residual": lambda looks: fitted.novelty(looks.features),
        "mahalanobis": lambda looks: mahalanobis(looks.features, normal),
        "nearest": lambda looks: knn_distance(looks.features, features, NEIGHBOUR),
        "energy": lambda looks: energy(looks.logits),
    }
    hits = {"gate": lambda looks: refused(looks, fitted, gate)}
    hits |= {name: _from(score, material.held.good) for name, score in scores.items()}
    return hits | {"limits": lambda looks: too_poor(looks, gate.limits)}


def _from(score: Score, held: Looks) -> Callable[[Looks], NDArray[np.bool_]]:
    threshold = sparing(score(held))
    return lambda looks: score(looks) >= threshold


def alone(material: Material) -> tuple[Refused, ...]:
    """The classifier with features alone, and with coarse greys alone, on pictures kept apart."""
    inputs, kinds, counted = examples(material)
    features = material.learned.sound.features.shape[1]
    rows = []
    for name, part in (("features alone", slice(None, features)), ("greys alone", slice(features, None))):
        weights, bias = classifier(inputs[:, part], kinds, counted, STRENGTH)
        hit = _from(partial(_odd, part=part, weights=weights, bias=bias), material.held.good)
        rows += [Refused.counted(f"classifier, {name}", what, hit(looks)) for what, looks in material.apart.items()]
    return tuple(rows)


def _odd(looks: Looks, part: slice, weights: NDArray[np.float64], bias: NDArray[np.float64]) -> NDArray[np.float64]:
    return log_odds_against_first(inputs_of(looks)[:, part] @ weights + bias)


def left_out(material: Material) -> tuple[Refused, ...]:
    """Each category of pictures as the classifier takes it that has seen the other categories alone, and the share of
    all that it refuses at the value that spares 99.5% of the films held back."""
    rows = []
    for category in sorted({picture.category for picture in material.pictures}):
        fitted = numbers(material, frozenset({category}))
        looks = material.looks.only(np.array([picture.category == category for picture in material.pictures]))
        hit = _from(partial(oddness, fitted=fitted), material.held.good)
        rows.append(Refused.counted("classifier that has not seen the kind", category, hit(looks)))
    return tuple(rows)
