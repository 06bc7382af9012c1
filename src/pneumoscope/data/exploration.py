"""All that is found in a survey, at once, for the page of ``pneumoscope data explore`` and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pneumoscope.core import ManifestError
from pneumoscope.data.explore import (
    QUANTILES,
    Count,
    Group,
    MeanTable,
    Patients,
    Separation,
    Spread,
    contrasts,
    counts,
    findings,
    groups,
    mean_films,
    patients,
    quantiles,
    separations,
    spreads,
)
from pneumoscope.data.film_map import Features, FilmMap, OddFilm, film_map, oddest, sampled
from pneumoscope.data.stated import Category, Indices, Mask, Stated
from pneumoscope.data.survey import Survey

SCHEMA = 1
_SOURCES = 6
"""That have mean films of their own; the largest."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Exploration:
    """All that the page shows.

    ``sample`` are the films of the map, and ``means`` tables of mean films by what their rows are.
    """

    survey: Survey
    stated: Stated
    counts: Sequence[Count]
    patients: Patients
    groups: Sequence[Group]
    spreads: Sequence[Spread]
    separations: Sequence[Separation]
    means: Mapping[str, MeanTable]
    findings: Mapping[str, Counter[str]]
    sample: Indices
    map: FilmMap | None
    odd: Sequence[OddFilm]
    seed: int


@threadpool_limits.wrap(limits=1)  # type: ignore[untyped-decorator]
def explore(survey: Survey, seed: int = 0) -> Exploration:
    """Work all of it out. What is drawn is drawn with the seed.

    On one thread: the map is then the same on any machine, and two on a busy one take several times as long.

    Raises
    ------
    ManifestError : if there is no film at all.
    """
    if not len(survey):
        raise ManifestError(f"{survey.listing.root}: expected films to look at, the manifest lists none")
    stated = Stated.of(survey)
    among = groups(stated)
    sample = sampled(stated, seed=seed)
    features = Features.of(survey, sample) if len(sample) else None
    return Exploration(
        survey=survey,
        stated=stated,
        counts=counts(stated),
        patients=patients(stated),
        groups=among,
        spreads=spreads(survey, among),
        separations=separations(survey, contrasts(stated)),
        means=_tables_of_means(survey, stated),
        findings=findings(survey.listing.films),
        sample=sample,
        map=film_map(survey, stated, features, sample, seed) if features else None,
        odd=oddest(survey, features, sample) if features else [],
        seed=seed,
    )


def _tables_of_means(survey: Survey, stated: Stated) -> dict[str, MeanTable]:
    """Classes by split, or all together where splits are too small; by source, if several; and the subtypes."""
    whole = Category(("",), np.zeros(len(survey), np.intp))
    tables = {"split": mean_films(survey, stated.split, stated.kind)}
    if not tables["split"].cells:
        tables["class"] = mean_films(survey, whole, stated.kind)
    if len(stated.source.names) > 1:
        tables["source"] = mean_films(survey, stated.source.first(_SOURCES), stated.kind)
    subtypes = mean_films(survey, whole, stated.subtype)
    if len(subtypes.columns) > 1:
        tables["subtype"] = subtypes
    return {name: table for name, table in tables.items() if table.cells}


def as_json(found: Exploration) -> dict[str, Any]:
    """The numbers behind the page, for programs: nothing but texts, numbers, lists and dictionaries."""
    films, survey = found.survey.listing.films, found.survey
    return {
        "schema": SCHEMA,
        "manifest_digest": survey.listing.digest,
        "films": len(survey),
        "readable": int(survey.readable.sum()),
        "patients": len(found.patients.films),
        "seed": found.seed,
        "counts": [_said(count) for count in found.counts],
        "films_per_patient": [{"films": name, "patients": int(mask.sum())} for name, mask in found.patients.bins()],
        "patients_in_two_splits": found.patients.straddling,
        "quantiles_at": QUANTILES,
        "measurements": [_said(spread) for spread in found.spreads],
        "separations": [_said_of(separation) for separation in found.separations],
        "stated": _stated(found),
        "mean_films": [
            {"by": by, "row": row, "column": column, "films": mean.films, "pixels": mean.pixels.round(4).tolist()}
            for by, table in found.means.items()
            for (row, column), mean in table.cells.items()
        ],
        "map": _map(found),
        "oddest": [
            {"path": films[odd.film].path, "distance": odd.distance, "extremes": [_said(one) for one in odd.extremes]}
            for odd in found.odd
        ],
        "unreadable": [{"path": films[i].path, "why": why} for i, why in survey.errors.items()],
    }


def _said(row: NamedTuple) -> dict[str, Any]:
    return {"class" if name == "kind" else name: value for name, value in row._asdict().items()}


def _said_of(separation: Separation) -> dict[str, Any]:
    contrast = separation.contrast
    return {
        "measure": separation.measure,
        "first": contrast.first,
        "second": contrast.second,
        "within": contrast.within,
        "films": [len(side) for side in contrast.films],
        "auc": separation.auc,
    }


def _stated(found: Exploration) -> dict[str, Any]:
    """Age, sex and view by class, and the findings."""
    by_class: dict[str, Any] = {}
    for kind in found.stated.kind.names:
        films = found.stated.kind.named(kind)
        age = found.stated.age[films]
        known = age[~np.isnan(age)]
        by_class[kind] = {
            "age_stated": len(known),
            "age": quantiles(known) if len(known) else None,
            "sex": _tally(found.stated.sex, films),
            "view": _tally(found.stated.view, films),
        }
    return {"by_class": by_class, "findings": found.findings}


def _tally(part: Category, films: Mask) -> dict[str, int]:
    return {name: int((part.named(name) & films).sum()) for name in part.names}


def _map(found: Exploration) -> dict[str, Any] | None:
    if found.map is None:
        return None
    return {
        "company": {name: _said(company) for name, company in found.map.company.items()},
        "films": [
            {"path": found.survey.listing.films[i].path, "x": round(float(x), 4), "y": round(float(y), 4)}
            for i, (x, y) in zip(found.map.films, found.map.points, strict=True)
        ],
    }
