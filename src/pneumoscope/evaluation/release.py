"""Whether a bundle may be released: whole, complete, steady, and with its evidence where a chest has lungs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle import ModelBundle, bundle_files, load_bundle
from pneumoscope.bundle.points import BALANCED, RULE_IN, SCREENING
from pneumoscope.bundle.spec import CARD_FILE, LARGEST_AUC_LOSS, LEAST_AGREEMENT, BundleSpec, OperatingPoint
from pneumoscope.core import DamagedBundle
from pneumoscope.core.manifest import Manifest
from pneumoscope.engines import ENGINES, Engine, OnnxRuntimeEngine, check_golden, golden_film
from pneumoscope.evaluation.explained import Check, Progress, check_explanation
from pneumoscope.imaging.preprocess import network_input
from pneumoscope.predict import Predictor

POINTS: Final = (BALANCED, SCREENING, RULE_IN)
THREADS: Final = (1, 2, 4)
SAME: Final = 1e-4
"""Of a probability: how far answers may be apart that differ in threads and in how many films are read at once."""
SAME_SUM: Final = 1e-3
"""Of a logit: how far it may be from the mean of its map."""


def check_release(
    bundle: str | Path,
    manifest: Manifest,
    split: str,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Check]:
    """All checks, one after the other; those of the explanation read the films of ``split`` some ten times.

    Of a bundle whose files are not those that it was made with no more is checked, and of one whose answers are not,
    what it says of itself alone.

    Raises
    ------
    ForeignBundle, NewerBundle : if there is no bundle that this program can read.
    ManifestError : if there is no film in the split (told before anything is checked), or none states the bundle's
        first label.
    """
    films = manifest.only(split)
    try:
        loaded, contents = load_bundle(bundle), bundle_files(bundle)
    except DamagedBundle as error:
        yield Check(name="files", passed=False, expected=_FILES, found=str(error))
        return
    yield Check(name="files", passed=True, expected=_FILES, found=f"{len(contents)} whole")
    golden, engine = _golden(loaded)
    yield golden
    yield from check_description(loaded.spec, contents)
    if engine:
        yield from _steady(loaded, engine)
        predictor = Predictor(loaded, engine, force=True)
        yield from check_explanation(predictor, films, jobs=jobs, progress=progress)


_FILES: Final = "every file that bundle.json names, with its SHA-256"


def _golden(bundle: ModelBundle) -> tuple[Check, Engine | None]:
    """Whether the graph answers as at export, and the engine that runs it if so."""
    expected = f"logits within {bundle.spec.golden.tolerance} of those at export"
    try:
        engine = ENGINES[OnnxRuntimeEngine.name](bundle.graph, 1)
        found = f"{engine.name} within {check_golden(bundle, engine):.2g}"
    except DamagedBundle as error:
        return Check(name="golden vectors", passed=False, expected=expected, found=str(error)), None
    return Check(name="golden vectors", passed=True, expected=expected, found=found), engine


def check_description(spec: BundleSpec, contents: Mapping[str, bytes]) -> Iterator[Check]:
    """What ``bundle.json`` and the card must say of a bundle that is released."""
    yield _parity(spec)
    ruled = [label.name for label in spec.labels if label.calibration_rule.strip()]
    yield Check(
        name="calibration",
        passed=len(ruled) == len(spec.labels),
        expected="for each label, with the rule that it was chosen by",
        found=f"with a rule: {', '.join(ruled) or 'none'} of {', '.join(label.name for label in spec.labels)}",
    )
    counted = {point.name: _counted(point) for point in spec.operating_points}
    yield Check(
        name="operating points",
        passed=all(counted.get(name, False) for name in POINTS),
        expected=f"{', '.join(POINTS)}, each with its films and the day that it was chosen",
        found=", ".join(f"{name}{'' if told else ' without films or day'}" for name, told in counted.items()),
    )
    card, title = contents.get(CARD_FILE, b"").decode("utf-8", "replace"), f"# {spec.name} {spec.version}"
    first = card.partition("\n")[0]
    yield Check(
        name="model card",
        passed=first == title,
        expected=f"{CARD_FILE} that begins with {title!r}",
        found=repr(first) if card else "no card",
    )
    yield Check(
        name="intended use",
        passed=bool(spec.intended_use.strip() and "".join(spec.exclusions).strip()),
        expected="what it is for, and what it is not for",
        found=f"{len(spec.intended_use.split())} words, and {len(spec.exclusions)} exclusions",
    )


def _counted(point: OperatingPoint) -> bool:
    samples = (point.positive, point.negative)
    return all(sample and sample.films for sample in samples) and bool(point.chosen.strip())


def _parity(spec: BundleSpec) -> Check:
    known, name = spec.graph.parity, "parity with fp32"
    expected = f"AUC within {LARGEST_AUC_LOSS} of the fp32 graph's, and {LEAST_AGREEMENT:.0%} of films decided alike"
    if spec.graph.precision == "fp32":
        return Check(name=name, passed=True, expected=expected, found="the graph is fp32")
    if not {"auc_difference", "same_decision"} <= set(known):
        return Check(name=name, passed=False, expected=expected, found="no figures")
    lost, same = known["auc_difference"], known["same_decision"]
    passed = lost <= LARGEST_AUC_LOSS and same >= LEAST_AGREEMENT
    return Check(name=name, passed=passed, expected=expected, found=f"AUC {lost:.4f} apart, {same:.1%} decided alike")


def _steady(bundle: ModelBundle, engine: Engine) -> Iterator[Check]:
    """The golden films, each by itself and all at once, on several threads; and that a map's mean is its logit."""
    films = [golden_film(picture) for picture in bundle.golden.films]
    inputs = np.stack([network_input(film, bundle.spec.preprocessing) for film in films])
    alone = np.concatenate([engine.run(one[np.newaxis]).logits for one in inputs])
    name = "threads and batches"
    expected = f"probabilities within {SAME:g} on {', '.join(map(str, THREADS))} threads, one film or all at once"
    try:
        others = [ENGINES[engine.name](bundle.graph, threads).run(inputs) for threads in THREADS]
    except DamagedBundle as error:  # a graph that takes one film at a time only
        yield Check(name=name, passed=False, expected=expected, found=str(error))
        return
    first = _probabilities(bundle.spec, alone)
    apart = _largest([_probabilities(bundle.spec, other.logits) - first for other in others])
    yield Check(name=name, passed=apart <= SAME, expected=expected, found=f"within {apart:.2g}")
    off = _largest([other.cam.mean(axis=(2, 3), dtype=np.float64) - other.logits for other in others])
    yield Check(
        name="maps add up",
        passed=off <= SAME_SUM,
        expected=f"the mean of a map's cells within {SAME_SUM:g} of the logit",
        found=f"within {off:.2g}",
    )


def _largest(deviations: Sequence[NDArray[np.floating]]) -> float:
    """The largest deviation of all; NaN, which keeps within no limit, if there is one among them."""
    return float(np.abs(deviations).max())


def _probabilities(spec: BundleSpec, logits: NDArray[np.float32]) -> NDArray[np.float64]:
    each = [label.calibration.probability(logits[:, k]) for k, label in enumerate(spec.labels)]
    return np.stack(each, axis=1)
