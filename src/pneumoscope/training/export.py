"""From a finished run to a bundle that is checked before it exists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.bundle import GoldenVectors, ModelBundle, check_target, load_bundle, save_bundle
from pneumoscope.bundle.card import model_card
from pneumoscope.bundle.spec import (
    CARD_FILE,
    GOLDEN_FILE,
    GRAPH_FILE,
    OUTPUTS,
    BundleSpec,
    Code,
    Golden,
    Graph,
    Interval,
    Label,
    OperatingPoint,
    Source,
)
from pneumoscope.core import RunError
from pneumoscope.core.manifest import Manifest
from pneumoscope.data import PreparedFilms, prepare, read_manifest
from pneumoscope.data.prepared import Progress
from pneumoscope.data.sources import SOURCES
from pneumoscope.engines import Engine, OnnxRuntimeEngine, golden_film, open_engine
from pneumoscope.imaging.preprocess import Preprocessing, coarse, network_input, standardise
from pneumoscope.stats.intervals import Estimate, patient_bootstrap, wilson
from pneumoscope.stats.metrics import auc, proportions
from pneumoscope.stats.operating_points import sensitive_threshold
from pneumoscope.stats.platt import fit_platt
from pneumoscope.training.network import FilmNetwork
from pneumoscope.training.onnx_graph import OPSET, fp32_graph, int8_graph
from pneumoscope.training.run import Run, RunRecord, preprocessing_of

Films = NDArray[np.float32]

LARGEST_AUC_LOSS = 0.002
LEAST_AGREEMENT = 0.99
"""An int8 graph further than this from fp32 on the validation films is not shipped."""

_TOLERANCE = {"fp32": 0.01, "int8": 0.25}
"""Logits that another processor's rounding may move; int8 rounds coarsely, and a rounding can tip either way."""

PREVALENCE = 0.5
"""What probabilities refer to: pneumonia as likely as not before anybody looked.

A probability above it says that the film speaks for pneumonia, so it is the balanced operating point too, without a
search that would fit the validation films' noise.
"""

_EXPORT_TOLERANCE = 1e-3
_CALIBRATION_FILMS = 256
_GRID = (8, 8)
_SHARES = {"sensitivity": "recall", "specificity": "specificity"}
_PNEUMONIA = Code(scheme="SCT", value="233604007", meaning="Pneumonia")

_USE_NOT_STATED = "Research on films like those it was trained on. The maker has not stated another use."
_ALWAYS_EXCLUDED = "Not a medical device and not a diagnosis: never the only reason to treat or not to treat."


@dataclass(frozen=True, eq=False)
class _Films:
    """The films that an export needs, as network inputs one by one."""

    prepared: PreparedFilms
    spec: Preprocessing

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) 0 or 1."""
        return self.prepared.labels.astype(np.int64)

    def inputs(self, chosen: NDArray[np.intp]) -> Films:
        pixels = self.prepared.pixels[chosen][:, np.newaxis].astype(np.float32) / np.float32(255)
        return standardise(pixels, self.spec)

    def answers(self, engine: Engine) -> _Answers:
        """Answers for the first label, film by film, as the predictor runs them."""
        outputs = [engine.run(self.inputs(np.array([i]))) for i in range(len(self.prepared))]
        return _Answers(np.array([o.logits[0, 0] for o in outputs]), np.stack([o.cam[0, 0] for o in outputs]))


class _Answers(NamedTuple):
    """Logits (N,) and class-activation maps (N, h, w)."""

    logits: NDArray[np.float32]
    cam: NDArray[np.float32]


@dataclass(frozen=True)
class WeightsOrigin:
    """Where a run's initial weights came from, in words, and their licence."""

    name: str
    licence: str


@dataclass(frozen=True, eq=False)
class _Shipped:
    """The graph that goes into the bundle, and its answers for the validation films."""

    data: bytes
    about: Graph
    answers: _Answers


def export(
    run: Run,
    path: Path,
    *,
    name: str,
    version: str,
    origin: WeightsOrigin,
    cache: Path,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> ModelBundle:
    """Export a finished run as the bundle ``path`` (a folder, or a zip file by its ending).

    The graph is int8 if that passes parity with fp32 on the validation films, else fp32. Calibration, operating
    points and metrics are those of the graph that is shipped. ``tell`` is given a line about each step.

    Raises
    ------
    RunError : if the run is not complete, or the ONNX graph does not agree with the trained network.
    BundleError : if ``path`` cannot become a bundle, or the bundle fails its own golden check.
    """
    check_target(path)
    record = run.load_record()
    manifest = read_manifest(run.manifest)
    spec = preprocessing_of(record.recipe)
    train, held_out = (_Films(prepare(manifest.only(s), spec, cache, progress), spec) for s in ("train", "val"))
    shipped = _best_graph(run.load_network(), train, held_out, record.recipe.seed, tell)
    bundle_spec = BundleSpec(
        name=name,
        version=version,
        created=datetime.now(UTC).strftime("%Y-%m-%d"),
        preprocessing=spec,
        graph=shipped.about,
        golden=Golden(tolerance=_TOLERANCE[shipped.about.precision]),
        typical_film=_typical(train.prepared),
        licence="Apache-2.0",
        **_purpose(manifest),
        **_measured(shipped.answers, manifest.only("val").labelled()),
        **_provenance(record, manifest, origin),
    )
    golden = _golden(train.prepared, spec, OnnxRuntimeEngine(shipped.data))
    open_engine(ModelBundle(bundle_spec, shipped.data, golden, digest=""))  # a bundle that fails this never exists
    card = model_card(bundle_spec).encode()
    save_bundle(bundle_spec, {GRAPH_FILE: shipped.data, GOLDEN_FILE: golden.to_bytes(), CARD_FILE: card}, path)
    return load_bundle(path)


def _best_graph(
    network: FilmNetwork, train: _Films, held_out: _Films, seed: int, tell: Callable[[str], None]
) -> _Shipped:
    """int8 if it decides as fp32 does, else fp32."""
    tell("exporting the network as an ONNX graph")
    fp32 = fp32_graph(network, train.spec.size)
    _check_export(network, fp32, held_out)
    tell("quantising to int8")
    chosen = np.random.default_rng(seed).choice(
        len(train.prepared), min(_CALIBRATION_FILMS, len(train.prepared)), False
    )
    int8 = int8_graph(fp32, train.inputs(np.sort(chosen)))
    tell("comparing int8 with fp32 on the validation films")
    answers = {"fp32": held_out.answers(OnnxRuntimeEngine(fp32)), "int8": held_out.answers(OnnxRuntimeEngine(int8))}
    if not auc(held_out.labels, answers["fp32"].logits) > 0.5:
        raise RunError("the network tells the validation films apart no better than chance: train longer; not shipped")
    parity = _parity(held_out.labels, answers["fp32"].logits, answers["int8"].logits)
    passes = parity["auc_difference"] <= LARGEST_AUC_LOSS and parity["same_decision"] >= LEAST_AGREEMENT
    tell(f"int8 {'passes' if passes else 'fails'}: " + ", ".join(f"{key} {value:.5f}" for key, value in parity.items()))
    about = Graph(precision="int8" if passes else "fp32", opset=OPSET, parity=parity)
    return _Shipped(int8 if passes else fp32, about, answers[about.precision])


def _check_export(network: FilmNetwork, graph: bytes, films: _Films) -> None:
    """The ONNX graph must answer as the network that was trained."""
    some = films.inputs(np.arange(min(16, len(films.prepared))))
    with torch.no_grad():
        trained = network.explain(torch.from_numpy(some))
    exported = OnnxRuntimeEngine(graph).run(some)
    for name, ours, theirs in zip(OUTPUTS, trained, exported, strict=True):
        deviation = float(np.abs(ours.numpy() - theirs).max())
        if not deviation <= _EXPORT_TOLERANCE:
            raise RunError(
                f"the exported graph's {name} are up to {deviation:.3g} from the trained network's; not shipped"
            )


def _parity(labels: NDArray[np.int64], fp32: NDArray[np.float32], int8: NDArray[np.float32]) -> dict[str, float]:
    """How far int8 strays from fp32, at the balanced operating point of each one's own calibration."""
    decisions = [fit_platt(labels, x, PREVALENCE).probability(x) >= PREVALENCE for x in (fp32, int8)]
    return {
        "auc_difference": abs(auc(labels, fp32) - auc(labels, int8)),
        "same_decision": float(np.mean(decisions[0] == decisions[1])),
        "mean_logit_difference": float(np.mean(np.abs(fp32 - int8))),
    }


def _measured(answers: _Answers, films: Manifest) -> dict[str, Any]:
    """Calibration, operating points and metrics from the validation films."""
    labels, logits = np.array([film.label for film in films.films], np.int64), answers.logits
    calibration = fit_platt(labels, logits, PREVALENCE)
    probabilities = calibration.probability(logits)
    where = f"{len(films)} validation films of {', '.join(_sources(films))}, no patient of which was learned from"
    points = {
        "balanced": (PREVALENCE, "the film made pneumonia more likely than it was: the most sensitivity + specificity"),
        "sensitive": (
            sensitive_threshold(labels, probabilities, 0.99),
            "finds 99% of the validation films' pneumonias",
        ),
    }
    area = patient_bootstrap(
        lambda i: auc(labels[i], logits[i]), [film.patient for film in films.films], resamples=1000, seed=0
    )
    return {
        "labels": (
            Label(
                name="pneumonia",
                code=_PNEUMONIA,
                calibration=calibration,
                strong_evidence=_strong_evidence(calibration.log_odds(answers.cam[labels == 1])),
            ),
        ),
        "operating_points": tuple(
            OperatingPoint(
                name=name,
                threshold=threshold,
                rule=rule,
                data=where,
                **_performance(labels, probabilities >= threshold),
            )
            for name, (threshold, rule) in points.items()
        ),
        "default_operating_point": "balanced",
        "metrics": {"auc": _interval(area)},
        "metrics_data": where,
    }


def _strong_evidence(cells: NDArray[np.float64]) -> float:
    """The log-odds that one cell in a hundred exceeds, but no less than even odds tell apart from noise."""
    return max(float(np.quantile(cells, 0.99)), 1.0)


def _performance(labels: NDArray[np.int64], decisions: NDArray[np.bool_]) -> dict[str, Interval]:
    shares = proportions(labels, decisions.astype(np.int64))
    return {name: _interval(wilson(*shares[key])) for name, key in _SHARES.items()}


def _interval(estimate: Estimate) -> Interval:
    return Interval(value=estimate.value, low=estimate.low, high=estimate.high)


def _sources(manifest: Manifest) -> list[str]:
    return sorted({film.source for film in manifest.films})


def _provenance(record: RunRecord, manifest: Manifest, origin: WeightsOrigin) -> dict[str, Any]:
    data = tuple(
        Source(name=name, citation=SOURCES[name].citation, licence=SOURCES[name].licence)
        for name in _sources(manifest)
        if name in SOURCES
    )
    return {
        "recipe": record.recipe.name,
        "recipe_digest": record.recipe_digest,
        "manifest_digest": record.manifest_digest,
        "data": data,
        "initial_weights": Source(
            name=origin.name, citation="", licence=origin.licence, digest=record.weights_digest or ""
        ),
    }


def _purpose(manifest: Manifest) -> dict[str, Any]:
    """What the model is and is not for, which follows from whose films it has learned from."""
    known = [SOURCES[name] for name in _sources(manifest) if name in SOURCES]
    return {
        "intended_use": " ".join(filter(None, (source.intended_use for source in known))) or _USE_NOT_STATED,
        "exclusions": (_ALWAYS_EXCLUDED, *(item for source in known for item in source.exclusions)),
    }


def _typical(films: PreparedFilms) -> tuple[tuple[float, ...], ...]:
    """Mean train film on a coarse grid, to three digits."""
    mean = np.zeros(films.pixels.shape[1:], np.float64)
    for start in range(0, len(films), 1024):
        mean += films.pixels[start : start + 1024].sum(axis=0, dtype=np.float64)
    grid = coarse((mean / len(films) / 255).astype(np.float32), _GRID)
    return tuple(tuple(round(float(value), 3) for value in row) for row in grid)


def _golden(films: PreparedFilms, spec: Preprocessing, engine: Engine) -> GoldenVectors:
    """One film of each class as it is, and one at another size, so that resizing is proven too."""
    chosen = [int(np.flatnonzero(films.labels == label)[0]) for label in (0, 1)]
    pictures = [np.array(films.pixels[i]) for i in chosen]
    pictures.append(np.asarray(Image.fromarray(pictures[0]).resize((301, 263), Image.Resampling.BICUBIC)))
    answers = [engine.run(network_input(golden_film(picture), spec)[np.newaxis]) for picture in pictures]
    outputs = {name: np.concatenate([getattr(answer, name) for answer in answers]) for name in OUTPUTS}
    return GoldenVectors(tuple(pictures), outputs)
