"""Whether a bundle's evidence lies on the lungs, and its answers hang on it: what is asked of a release.

The limits were set on validation films (docs/explanation.md), never on the official test folder. It is the end of the
95% interval on the wrong side that has to keep to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Manifest
from pneumoscope.evaluation.faithful import Faithfulness, faithfulness
from pneumoscope.evaluation.heat import GroupHeat, heat_by_outcome
from pneumoscope.evaluation.labelled import LabelledFilms
from pneumoscope.evaluation.lungs import LungHeat, Zone, heat_on_lungs, lung_zone
from pneumoscope.evaluation.occlusion import MarkerTest, paint_markers
from pneumoscope.evaluation.seen import look_at
from pneumoscope.predict import Predictor
from pneumoscope.stats.intervals import Estimate

Progress = Callable[..., Iterable[Any]]
"""Takes what is worked through, how many they are, and ``what`` that is for."""

LEAST_ON_LUNGS: Final = 1.15
"""Times the lung zone's share of the film, that the evidence in it is at least."""
MOST_IN: Final = {"corners": 0.8, "ring": 0.9}
"""Times the region's share of the film, that the evidence in it is at most."""
MOST_BY_MARKS: Final = 0.01
"""Of the strong evidence, that painting over marks may change log-odds more than painting over as much elsewhere.

In the bundle's own unit of evidence, as another calibration of the same graph must not change what is found.
"""
LEAST_BY_REGION: Final = 0.01
"""Likewise, that taking the strongest region out lowers log-odds more than taking out as much elsewhere."""


_LUNGS: Final = "evidence on the lungs"
_ON_LUNGS: Final = f"of true positives at least {LEAST_ON_LUNGS:g} times the lung zone's share of the film"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One condition of a release: what was expected and what was found, for people."""

    name: str
    passed: bool
    expected: str
    found: str


def check_explanation(
    predictor: Predictor,
    manifest: Manifest,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Check]:
    """The checks of where the evidence lies, on the labelled films of a manifest: those of one split.

    Raises
    ------
    ManifestError : if no film states the bundle's first label.
    """
    films = LabelledFilms.of(manifest, predictor.bundle.spec)

    def options(what: str) -> dict[str, Any]:
        return {"jobs": jobs, "progress": partial(progress, what=what) if progress else None}

    zone = _zone(predictor, films, **options("mean film"))
    seen = look_at(predictor, films, **options("heat maps"))
    yield _unmeasured(_LUNGS, _ON_LUNGS, zone) if isinstance(zone, str) else _on_lungs(heat_on_lungs(seen, zone))
    yield from _at_the_border(heat_by_outcome(seen))
    strong = predictor.bundle.spec.labels[0].strong_evidence
    yield _marks(paint_markers(predictor, films, **options("marks")), strong)
    yield from _faithful(faithfulness(predictor, films, **options("regions taken out")), strong)


def _zone(predictor: Predictor, films: LabelledFilms, **options: Any) -> Zone | str:
    """Where lungs are on these films, or why that cannot be told: a line that failed, and no end to the others."""
    try:
        return lung_zone(predictor, films, **options)
    except ManifestError as error:
        return str(error)


def _on_lungs(found: LungHeat | None) -> Check:
    if found is None:
        return _unmeasured(_LUNGS, _ON_LUNGS)
    least, area = LEAST_ON_LUNGS * found.area, found.area
    return Check(
        name=_LUNGS,
        passed=found.evidence.low >= least,
        expected=f"{_ON_LUNGS}, {least:.1%}",
        found=f"{_shares(found.evidence)} on {area:.1%} of the film, {found.evidence.value / area:.2f} times",
    )


def _at_the_border(groups: Sequence[GroupHeat]) -> Iterator[Check]:
    regions = {region.region: region for group in groups if group.group == "true positive" for region in group.regions}
    for name, times in MOST_IN.items():
        place, expected = f"evidence in the {name}", f"of true positives at most {times:g} times its share of the film"
        if (region := regions.get(name)) is None:
            yield _unmeasured(place, expected)
            continue
        most = times * region.area
        passed = region.evidence.high <= most
        found = f"{_shares(region.evidence)} on {region.area:.1%} of the film"
        yield Check(name=place, passed=passed, expected=f"{expected}, {most:.1%}", found=found)


def _marks(found: MarkerTest, strong: float) -> Check:
    name, most = "burnt-in marks", MOST_BY_MARKS * strong
    expected = f"painting over them changes log-odds by at most {_of_strong(most, strong)} more than painting elsewhere"
    whole = next((group for group in found.groups if group.group == "all"), None)
    if whole is None:
        return _unmeasured(name, expected)
    excess = whole.excess
    told = f"{excess.value:+.3f} ({excess.low:+.3f} to {excess.high:+.3f}) on {whole.films} films"
    return Check(name=name, passed=excess.high <= most, expected=expected, found=told)


def _faithful(found: Faithfulness, strong: float) -> Iterator[Check]:
    name, least = "faithfulness", LEAST_BY_REGION * strong
    told = _of_strong(least, strong)
    expected = f"taking the strongest part out lowers log-odds by at least {told} more than as much elsewhere"
    if not found.deletions:
        yield _unmeasured(name, expected)
    for one in found.deletions:
        excess = one.excess
        told = f"{excess.value:.3f} ({excess.low:.3f} to {excess.high:.3f}) on {found.tested} films"
        passed = excess.low >= least
        yield Check(name=f"{name}, {one.fill}", passed=passed, expected=expected, found=told)


def _of_strong(limit: float, strong: float) -> str:
    return f"{limit:.3f} ({limit / strong:.0%} of the strong evidence)"


def _unmeasured(name: str, expected: str, why: str = "too few films to tell") -> Check:
    """What could not be measured has not been passed."""
    return Check(name=name, passed=False, expected=expected, found=why)


def _shares(estimate: Estimate) -> str:
    return f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"
