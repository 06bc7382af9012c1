"""How the answers hold when films are turned, dim, grainy, cut or otherwise not as they should be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pneumoscope.core import Radiograph
from pneumoscope.evaluation.altered import Answered, Effect, answers_to
from pneumoscope.evaluation.labelled import LabelledFilms, Progress
from pneumoscope.evaluation.measured import INTERVALS, Measured
from pneumoscope.evaluation.perturb import PERTURBATIONS, perturbed
from pneumoscope.predict import Predictor


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """A perturbation at one of its levels."""

    level: float
    effect: Effect


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A perturbation at its levels, in ascending order; at ``identity`` films are as they are, if at any level."""

    name: str
    title: str
    unit: str
    identity: float | None
    levels: tuple[Level, ...]


class Robustness(msgspec.Struct, frozen=True, kw_only=True):
    """The answers to films as they are, and under each perturbation.

    ``films`` of the ``of`` labelled films were read, a sample drawn with ``seed`` if there were more.
    """

    films: int
    of: int
    seed: int
    unreadable: int
    unperturbed: Measured
    curves: tuple[Curve, ...]
    intervals: str = INTERVALS


def robustness(
    predictor: Predictor,
    films: LabelledFilms,
    *,
    most: int | None = None,
    seed: int = 0,
    names: Sequence[str] = tuple(PERTURBATIONS),
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Robustness:
    """Read films as they are and at each level of each perturbation, at the predictor's operating point.

    ``most`` bounds the films: about as many are drawn, by patient. Each film is decoded once. Measures are those of the
    bundle's first label.

    Raises
    ------
    ManifestError : if no film can be read.
    """
    chosen = films if most is None else films.sample(most, seed)
    steps = [(name, level) for name in names for level in PERTURBATIONS[name].levels]

    def variants(film: Radiograph) -> Iterable[Radiograph]:
        return (perturbed(film, name, level) for name, level in steps)

    answered = answers_to(predictor, chosen, variants, jobs=jobs, progress=progress)
    return Robustness(
        films=len(answered.films),
        of=len(films),
        seed=seed,
        unreadable=len(chosen) - len(answered.films),
        unperturbed=answered.measured(0),
        curves=tuple(_curve(name, steps, answered) for name in names),
    )


def _curve(name: str, steps: list[tuple[str, float]], answered: Answered) -> Curve:
    how = PERTURBATIONS[name]
    levels = (
        Level(level=level, effect=answered.effect(place))
        for place, (which, level) in enumerate(steps, 1)
        if which == name
    )
    return Curve(name=name, title=how.title, unit=how.unit, identity=how.identity, levels=tuple(levels))
