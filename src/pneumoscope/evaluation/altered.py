"""Films read as they are and read again after something has been done to them: what that changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import ManifestError, Radiograph, Reading
from pneumoscope.evaluation.labelled import LabelledFilms, Progress
from pneumoscope.evaluation.measured import Measured, measured, share
from pneumoscope.predict import Predictor
from pneumoscope.stats.bootstrap import numbered
from pneumoscope.stats.intervals import Estimate

Variants: TypeAlias = Callable[[Radiograph], Iterable[Radiograph]]
"""V ways to alter a film: as many for each film, in the same order."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What altering films does to the answers, against those to the films as they are.

    ``changed`` is the share of films with another decision: positives that are ``lost`` or ``found`` by it, negatives
    that become false ``alarms`` or are ``cleared``. ``mean_change`` is that of the probability, without its sign.
    ``flagged`` is the share of films with a quality flag that they did not have before, ``flags`` how many by code.
    """

    measured: Measured
    changed: Estimate
    lost: int
    found: int
    alarms: int
    cleared: int
    mean_change: float
    flagged: Estimate
    flags: dict[str, int]


@dataclass(frozen=True, eq=False)
class Answered:
    """The N films that could be read, and the answers to each as it is (place 0) and to its V variants (1 to V).

    ``probabilities`` and ``decisions`` are (N, 1 + V), ``flags`` the codes in the same order.
    """

    films: LabelledFilms
    probabilities: NDArray[np.float64]
    decisions: NDArray[np.bool_]
    flags: tuple[tuple[frozenset[str], ...], ...]

    def measured(self, place: int) -> Measured:
        """What the answers are worth."""
        films = self.films
        return measured(films.truth, self.probabilities[:, place], self.decisions[:, place], films.patients)

    def effect(self, place: int) -> Effect:
        """What a variant changes."""
        before, after = self.decisions[:, 0], self.decisions[:, place]
        positive, (whose, _) = self.films.truth == 1, numbered(self.films.patients)
        new = [flags[place] - flags[0] for flags in self.flags]
        return Effect(
            measured=self.measured(place),
            changed=share(before != after, whose),
            lost=int((positive & before & ~after).sum()),
            found=int((positive & ~before & after).sum()),
            alarms=int((~positive & ~before & after).sum()),
            cleared=int((~positive & before & ~after).sum()),
            mean_change=float(np.abs(self.probabilities[:, place] - self.probabilities[:, 0]).mean()),
            flagged=share(np.array([bool(codes) for codes in new]), whose),
            flags=dict(sorted(Counter(code for codes in new for code in codes).items())),
        )


def answers_to(
    predictor: Predictor,
    films: LabelledFilms,
    variants: Variants,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Answered:
    """Decode each film once, and read it and its variants.

    A film's variants are made and read one after the other, so that memory holds one of them for each thread.

    Raises
    ------
    ManifestError : if no film can be read.
    """

    def answers(i: int, film: Radiograph) -> list[tuple[float, bool, frozenset[str]]]:
        name = films.films[i].path
        return [_answer(predictor.read_film(film, name=name, heatmap=False))] + [
            _answer(predictor.read_film(variant, name=name, heatmap=False)) for variant in variants(film)
        ]

    outcomes = films.opened(predictor, answers, jobs=jobs, progress=progress)
    kept = [i for i, outcome in enumerate(outcomes) if outcome]
    rows = [outcome for outcome in outcomes if outcome]
    if not rows:
        raise ManifestError(f"{films.root}: expected films that can be read, found none among {len(films)}")
    return Answered(
        films=films.only(kept),
        probabilities=np.array([[p for p, _, _ in row] for row in rows], np.float64),
        decisions=np.array([[positive for _, positive, _ in row] for row in rows], np.bool_),
        flags=tuple(tuple(codes for _, _, codes in row) for row in rows),
    )


def _answer(reading: Reading) -> tuple[float, bool, frozenset[str]]:
    finding = reading.finding
    return finding.probability, finding.positive, frozenset(flag.code for flag in reading.doubts)
