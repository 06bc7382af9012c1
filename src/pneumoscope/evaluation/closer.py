"""A closer look, for which films are read again: with their heat maps, in groups, painted over, in poorer quality."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from pneumoscope.core.manifest import Manifest
from pneumoscope.evaluation.faithful import faithfulness
from pneumoscope.evaluation.heat import heat_by_outcome
from pneumoscope.evaluation.labelled import LabelledFilms
from pneumoscope.evaluation.occlusion import blank_regions, paint_markers
from pneumoscope.evaluation.robustness import Robustness, robustness
from pneumoscope.evaluation.schema import Heat, Metrics
from pneumoscope.evaluation.seen import look_at
from pneumoscope.evaluation.subgroups import Subgroups, subgroups
from pneumoscope.evaluation.worst import Worst, worst
from pneumoscope.predict import Predictor

Progress = Callable[..., Iterable[Any]]
"""Takes what is worked through, how many they are, and ``what`` that is for."""
SEED = 0


@dataclass(frozen=True, eq=False)
class CloserLook:
    """What was seen; all of it about the bundle's first label, at the predictor's operating point."""

    subgroups: Subgroups
    heat: Heat
    worst: Worst
    robustness: Robustness | None

    def added_to(self, metrics: Metrics) -> Metrics:
        """The metrics with what was seen; the worst films are for the report alone."""
        return msgspec.structs.replace(metrics, subgroups=self.subgroups, heat=self.heat, robustness=self.robustness)


def look_closer(
    predictor: Predictor,
    manifest: Manifest,
    split: str,
    *,
    robustness_films: int = 200,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> CloserLook:
    """Read the labelled films of ``split`` again, nine times or so, and some fifty times for robustness.

    Parameters
    ----------
    robustness_films : about so many films, whole patients, are read at each level of each perturbation; 0 for none.

    Raises
    ------
    ManifestError : if no film states the bundle's first label, or none can be read.
    """
    spec, predictor = predictor.bundle.spec, predictor.forcing()
    films = LabelledFilms.of(manifest.only(split), spec)

    def options(what: str) -> dict[str, Any]:
        return {"jobs": jobs, "progress": partial(progress, what=what) if progress else None}

    seen = look_at(predictor, films, **options("heat maps"))
    heat = Heat(
        by_outcome=heat_by_outcome(seen),
        blanked=blank_regions(predictor, films, **options("painted over")),
        markers=paint_markers(predictor, films, **options("marks")),
        faithfulness=faithfulness(predictor, films, **options("regions taken out")),
    )
    shaken = (
        robustness(predictor, films, most=robustness_films, seed=SEED, **options("robustness"))
        if robustness_films
        else None
    )
    return CloserLook(subgroups=subgroups(seen, seed=SEED), heat=heat, worst=worst(seen), robustness=shaken)
