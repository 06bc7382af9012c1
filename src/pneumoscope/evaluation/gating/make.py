"""A bundle is given a gate: another description and card, and ``gate.npz``; the graph stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pneumoscope.bundle import BundleSpec, ModelBundle, bundle_files, check_target, load_bundle, save_bundle
from pneumoscope.bundle.card import model_card
from pneumoscope.bundle.gate import GateNumbers
from pneumoscope.bundle.spec import CARD_FILE, GATE_FILE, Change, Gate, Interval, Population, Sample
from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Manifest
from pneumoscope.engines import open_engine
from pneumoscope.evaluation.gating.comparison import HELD, Refused, compare
from pneumoscope.evaluation.gating.fit import (
    CAUGHT,
    KINDS,
    SPARED,
    counted_pictures,
    limits,
    numbers,
    refused,
    thresholds,
)
from pneumoscope.evaluation.gating.looks import Progress
from pneumoscope.evaluation.gating.material import Gatherer, Material
from pneumoscope.evaluation.gating.pictures import Picture, pictures
from pneumoscope.evaluation.population import intended_ages
from pneumoscope.predict.films import Films

_METHOD = (
    f"softmax regression on features and coarse greys (kinds); the share of the features outside of the train films' "
    f"principal directions (novelty); the range of the train films (limits). Each threshold spares {SPARED:.1%} of the "
    f"validation films; that of the kinds lies midway to where {CAUGHT:.0%} of the pictures set aside are caught, if "
    f"that is higher"
)


@dataclass(frozen=True, eq=False)
class Gated:
    """A bundle's new description, the gate's numbers, and what each method does on what had no part in it."""

    spec: BundleSpec
    source: str | Path
    numbers: GateNumbers
    material: Material
    rows: tuple[Refused, ...]


def make_gate(
    bundle: str | Path,
    manifest: Manifest,
    foreign: Path,
    *,
    ages: tuple[int, int] | None = None,
    also: Mapping[str, Path] | None = None,
    name: str | None = None,
    version: str | None = None,
    seed: int = 0,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Gated:
    """Fit a gate for ``bundle``.

    Parameters
    ----------
    manifest : the films that the bundle's network has learned from (split ``train``), and those held back (``val``).
    foreign : pictures that are no frontal chest films, in a sub-folder for each category.
    ages : of those whom the bundle is for, in whole years; by default those that it names already, or else those of the
        data sets it has learned from.
    also : folders of further pictures to be counted, by names that are no category's.
    seed : draws the films that are spoilt to be fitted on.

    Raises
    ------
    BundleError : if the bundle cannot be used.
    ManifestError : if there are too few films or pictures, or two kinds of pictures of one name.
    FilmError : if a film cannot be read.
    """
    loaded = load_bundle(bundle)
    _check_splits(manifest)
    gatherer = Gatherer(loaded.spec, open_engine(loaded), seed=seed, jobs=jobs, progress=progress)
    strange = pictures(foreign)
    _check_names(strange, also or {})
    others = {what: gatherer.paths(list(Films([folder])), what) for what, folder in (also or {}).items()}
    material = gatherer.material(manifest, strange)
    fitted = numbers(material)
    gate = _described(material, fitted, manifest)
    rows = compare(material, fitted, gate, others)
    gate = msgspec.structs.replace(gate, measured=_measured(rows, set(material.apart)))
    spec = _spec(loaded, gate, material, manifest, ages=ages, name=name, version=version)
    return Gated(spec, bundle, fitted, material, rows)


def save_gated(result: Gated, path: Path) -> ModelBundle:
    """Write the bundle.

    Raises
    ------
    BundleError : if ``path`` holds something that is no bundle.
    """
    check_target(path)
    made = {CARD_FILE: model_card(result.spec).encode(), GATE_FILE: result.numbers.to_bytes()}
    save_bundle(result.spec, bundle_files(result.source) | made, path)
    return load_bundle(path)


def _check_splits(manifest: Manifest) -> None:
    if not any(film.split == "val" for film in manifest.films):
        raise ManifestError(
            f"{manifest.root}: expected the train and validation films that the bundle was trained with, as thresholds "
            f"are set on films that it has not learned from; there are no validation films. 'pneumoscope data split' "
            f"draws them again with the recipe's folds and seed"
        )


def _check_names(strange: Sequence[Picture], also: Mapping[str, Path]) -> None:
    """What is counted under one name must not be taken for another's share."""
    categories = {picture.category for picture in strange}
    taken = categories & set(also) | {name for name in categories | set(also) if name.startswith(HELD)}
    if taken:
        raise ManifestError(f"pictures of the name {min(taken)!r}: expected another, others are counted under that one")


def _described(material: Material, fitted: GateNumbers, manifest: Manifest) -> Gate:
    other_from, novel_from = thresholds(material, fitted)
    counts = counted_pictures(material)
    sources = ", ".join(sorted({film.source for film in material.learned.films}))
    gate = Gate(
        kinds=KINDS,
        other_from=other_from,
        novel_from=novel_from,
        limits=limits(material),
        method=_METHOD,
        learned=material.learned.sample(),
        thresholds=material.held.sample(),
        refused=Sample(films=0, patients=0),
        pictures=counts,
        measured={},
        data=f"films of {sources} and {sum(counts.values())} pictures that are no frontal chest films",
        chosen=datetime.now(UTC).strftime("%Y-%m-%d"),
    )
    return msgspec.structs.replace(gate, refused=material.held.sample(refused(material.held.sound, fitted, gate)))


def _measured(rows: tuple[Refused, ...], apart: set[str]) -> dict[str, Interval]:
    """The share refused of each category of pictures kept apart."""
    return {
        row.what: Interval(value=row.share.value, low=row.share.low, high=row.share.high)
        for row in rows
        if row.method == "gate" and row.what in apart
    }


def _spec(loaded: ModelBundle, gate: Gate, material: Material, manifest: Manifest, **named: Any) -> BundleSpec:
    old = loaded.spec
    return msgspec.structs.replace(
        old,
        name=named["name"] or old.name,
        version=named["version"] or f"{old.version.partition('+gate')[0]}+gate.{gate.chosen}",
        created=gate.chosen,
        population=_population(old, named["ages"]),
        gate=gate,
        history=(*old.history, _change(loaded, gate, material, manifest)),
    )


def _population(spec: BundleSpec, ages: tuple[int, int] | None) -> Population:
    """That of the bundle, if it has one: another gate must not let anybody in unasked."""
    population = spec.population or Population(ages=_ages(spec))
    return msgspec.structs.replace(population, ages=ages) if ages else population


def _ages(spec: BundleSpec) -> tuple[int, int] | None:
    known = intended_ages(spec)
    return (int(known[0]), int(known[1])) if known else None


def _change(loaded: ModelBundle, gate: Gate, material: Material, manifest: Manifest) -> Change:
    spec, calibration = loaded.spec, loaded.spec.labels[0].calibration
    held = material.held
    truth = np.array([film.label for film in held.films])
    points = {point.name: point.threshold for point in spec.operating_points}
    return Change(
        made=gate.chosen,
        what="given a gate",
        digest=loaded.digest,
        name=spec.name,
        version=spec.version,
        data=f"{gate.data}, thresholds on {gate.thresholds}",
        manifest_digest=manifest.digest,
        positive=held.sample(truth == 1),
        negative=held.sample(truth == 0),
        calibration_before=calibration,
        calibration_after=calibration,
        thresholds_before=points,
        thresholds_after=points,
        metrics=gate.measured,
        verdict="given a gate",
        reasons=(f"Graph, calibration and operating points are unchanged. It refuses {gate.refused} of those films.",),
    )
