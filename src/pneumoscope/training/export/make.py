"""From a finished run to a bundle that is checked before it exists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.bundle import GoldenVectors, ModelBundle, check_target, load_bundle, save_bundle
from pneumoscope.bundle.card import model_card
from pneumoscope.bundle.spec import CARD_FILE, GOLDEN_FILE, GRAPH_FILE, OUTPUTS, BundleSpec, Golden, View
from pneumoscope.data import prepare
from pneumoscope.data.prepared import Progress
from pneumoscope.engines import Engine, OnnxRuntimeEngine, golden_film, open_engine
from pneumoscope.imaging.preprocess import coarse, network_input
from pneumoscope.training.export.graphs import Shipped, Trained, best_graph
from pneumoscope.training.export.measure import measured
from pneumoscope.training.export.provenance import WeightsOrigin, of_films, of_run
from pneumoscope.training.export.task import Shown, Task
from pneumoscope.training.run_folder import Run, preprocessing_of

_TOLERANCE = {"fp32": 0.01, "int8": 0.25}
"""Logits that another processor's rounding may move; int8 rounds coarsely, and a rounding can tip either way."""

_GRID = (8, 8)
_TYPICAL_FILMS = 512


def export(
    run: Run,
    path: Path,
    *,
    name: str,
    version: str,
    cache: Path,
    origin: WeightsOrigin | None = None,
    views: tuple[View, ...] = ("plain",),
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> ModelBundle:
    """Export a finished run as the bundle ``path`` (a folder, or a zip file by its ending).

    The graph is int8 if that passes parity with fp32 on the validation films, else fp32; it averages its answers to
    the ``views`` of a film. Calibration, operating points and metrics are those of the graph that is shipped.
    ``origin`` is where the initial weights came from (by default those that the recipe names). ``tell`` is given a
    line about each step.

    Raises
    ------
    RunError : if the run is not complete, the ONNX graph does not agree with the trained network, or it tells nothing.
    BundleError : if ``path`` cannot become a bundle, or the bundle fails its own golden check.
    """
    check_target(path)
    record = run.load_record()
    recipe = record.recipe
    task = Task(
        path=path,
        name=name,
        version=version,
        run=run,
        data=recipe.data,
        spec=preprocessing_of(recipe),
        views=views,
        seed=recipe.seed,
        cache=cache,
        progress=progress,
        tell=tell,
    )
    shipped = best_graph([Trained(run.load_network(), task.spec, recipe.data.labels, "the network")], task)
    return write(task, shipped, of_run(record, origin) | of_films([task.manifest], task.data))


def write(task: Task, shipped: Shipped, provenance: dict[str, Any]) -> ModelBundle:
    """Describe the graph, check that it answers as described, and write the bundle.

    Raises
    ------
    RunError : if a label cannot be calibrated.
    BundleError : if the path cannot become a bundle, or the bundle fails its own golden check.
    """
    spec = BundleSpec(
        name=task.name,
        version=task.version,
        created=datetime.now(UTC).strftime("%Y-%m-%d"),
        preprocessing=task.spec,
        graph=shipped.about,
        golden=Golden(tolerance=_TOLERANCE[shipped.about.precision]),
        typical_film=_typical(task),
        licence="Apache-2.0",
        exclusive=task.data.exclusive,
        **measured(task.data.labels, shipped.answers, task.held_out, task.data.given),
        **provenance,
    )
    golden = _golden(task.train, OnnxRuntimeEngine(shipped.data))
    open_engine(ModelBundle(spec, shipped.data, golden, digest=""))  # a bundle that fails this never exists
    card = model_card(spec).encode()
    save_bundle(spec, {GRAPH_FILE: shipped.data, GOLDEN_FILE: golden.to_bytes(), CARD_FILE: card}, task.path)
    return load_bundle(task.path)


def _typical(task: Task) -> tuple[tuple[float, ...], ...]:
    """Mean train film, whole and in its own greys, on a coarse grid, to three digits."""
    pixels = task.train.pixels if task.spec == task.spec.plain else _some_plain(task)
    mean = np.zeros(task.spec.size, np.float64)
    for start in range(0, len(pixels), 1024):
        mean += pixels[start : start + 1024, 0].sum(axis=0, dtype=np.float64)
    grid = coarse((mean / len(pixels) / 255).astype(np.float32), _GRID)
    return tuple(tuple(round(float(value), 3) for value in row) for row in grid)


def _some_plain(task: Task) -> NDArray[np.uint8]:
    """Train films as they are before anything is cut off or made clearer: a mean needs no more than some."""
    films = task.train.films
    chosen = np.random.default_rng(task.seed).choice(len(films), min(_TYPICAL_FILMS, len(films)), False)
    some = replace(task.manifest, films=tuple(films[i] for i in np.sort(chosen)))
    return prepare(some, task.spec.plain, task.cache, task.progress)


def _golden(films: Shown, engine: Engine) -> GoldenVectors:
    """One film of each class as it is, and one at another size, so that resizing is proven too."""
    chosen = [int(np.flatnonzero(films.targets[:, 0] == answer)[0]) for answer in (0, 1)]
    pictures = [np.array(films.pixels[i, 0]) for i in chosen]
    pictures.append(np.asarray(Image.fromarray(pictures[0]).resize((301, 263), Image.Resampling.BICUBIC)))
    answers = [engine.run(network_input(golden_film(picture), films.spec)[np.newaxis]) for picture in pictures]
    outputs = {name: np.concatenate([getattr(answer, name) for answer in answers]) for name in OUTPUTS}
    return GoldenVectors(tuple(pictures), outputs)
