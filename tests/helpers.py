"""A bundle small enough to work out by hand, and films to show it.

Its graph takes films of 24 x 32 pixels. ``cam`` is the mean of each 8 x 8 cell of the standardised film times ``GAIN``,
``logits`` the mean of ``cam``, ``features`` the cells in a row. A film of one grey ``g`` (0 to 1) has the logit
``GAIN * (2 * g - 1)``, and the probability ``1 / (1 + exp(-(2 * logit + 0.5)))``.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image

from pneumoscope.bundle import BundleSpec, GoldenVectors, OperatingPoint, save_bundle
from pneumoscope.bundle.gate import GateNumbers
from pneumoscope.bundle.spec import Code, Gate, Golden, Graph, Interval, Label, Population, Sample, Source
from pneumoscope.core.manifest import Film
from pneumoscope.engines import OnnxRuntimeEngine, golden_film
from pneumoscope.imaging.preprocess import Preprocessing, network_input
from pneumoscope.stats.calibration import Calibration

DEMO = Path(__file__).parents[1] / "demo" / "films"
SIZE = (24, 32)
CELL = 8
GAIN = 4.0
SLOPE, INTERCEPT = 2.0, 0.5
STRONG = 6.0
THRESHOLDS = {"balanced": 0.5, "sensitive": 0.2}
OUTPUTS = ("logits", "features", "cam")

GREY = np.full(SIZE, 102, np.uint8)
RAMP = np.tile(np.linspace(0, 255, SIZE[1]).astype(np.uint8), (SIZE[0], 1))
"""Dark on the left, bright on the right, as the tiny bundle's typical film is."""


@cache
def tiny_graph(
    gain: float | tuple[float, ...] = GAIN,
    size: tuple[int, int] = SIZE,
    names: tuple[str, ...] = OUTPUTS,
    classes: int = 1,
) -> bytes:
    """The graph described above; ``classes`` > 1 repeats the one answer, unless there is a gain for each."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("AveragePool", ["films"], ["cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        helper.make_node("Mul", ["cells", "gain"], [names[2]]),
        helper.make_node("ReduceMean", [names[2], "sides"], [names[0]], keepdims=0),
        helper.make_node("Reshape", ["cells", "flat"], [names[1]]),
    ]
    constants = {
        "gain": np.full((1, classes, 1, 1), np.reshape(gain, (1, -1, 1, 1)), np.float32),
        "sides": np.array([2, 3], np.int64),
        "flat": np.array([0, -1], np.int64),
    }
    height, width = size[0] // CELL, size[1] // CELL
    shapes = (["B", classes], ["B", height * width], ["B", classes, height, width])
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("films", TensorProto.FLOAT, ["B", 1, *size])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in zip(names, shapes, strict=True)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return model.SerializeToString()


def tiny_spec(**changes: Any) -> BundleSpec:
    figure = Interval(value=0.9, low=0.8, high=0.95)
    spec = BundleSpec(
        name="tiny",
        version="1.2",
        created="2026-01-02",
        labels=(
            Label(
                name="pneumonia",
                code=Code(scheme="SCT", value="233604007", meaning="Pneumonia"),
                calibration=Calibration(SLOPE, INTERCEPT, 0.5),
                strong_evidence=STRONG,
            ),
        ),
        preprocessing=Preprocessing(size=SIZE),
        operating_points=tuple(
            OperatingPoint(
                name=name, threshold=threshold, rule="by hand", sensitivity=figure, specificity=figure, data="no films"
            )
            for name, threshold in THRESHOLDS.items()
        ),
        default_operating_point="balanced",
        graph=Graph(precision="fp32", opset=18, parity={}),
        golden=Golden(tolerance=0.01),
        typical_film=((0.1, 0.4, 0.6, 0.9),) * 3,
        metrics={"auc": figure},
        metrics_data="no films",
        recipe="none",
        recipe_digest="0" * 64,
        manifest_digest="1" * 64,
        data=(Source(name="made up", citation="nobody", licence="CC0"),),
        initial_weights=Source(name="none", citation="", licence="CC0"),
        licence="Apache-2.0",
        intended_use="Tests.",
        exclusions=("Everything else",),
    )
    return msgspec.structs.replace(spec, **changes)


CHEST = np.array([[0.2, 0.4], [0.6, 1.0]])
"""Greys of the quarters of a film as the tiny gate wants it."""


def chest(size: tuple[int, int] = SIZE) -> np.ndarray:
    """Such a film, (h, w) uint8, with smooth greys in between: brightest in its lower right corner."""
    corners = Image.fromarray((255 * (CHEST - 0.1) + 0.5).astype(np.uint8))
    return np.asarray(corners.resize((size[1], size[0]), Image.Resampling.BILINEAR))


def _pattern(quarters: np.ndarray) -> np.ndarray:
    away = quarters - quarters.mean()
    return (away / np.sqrt((away**2).mean())).ravel()


def tiny_numbers() -> GateNumbers:
    """A gate of 2 x 2 cells for the tiny graph: a picture is the kind whose quarters are most like its own.

    What is like none is rather a picture of something else. Its directions are the 12 features less one: only what
    is bright in the first cell alone is new.
    """
    turns = {"turned-left": 1, "upside-down": 2, "turned-right": 3}
    patterns = [CHEST, 0 * CHEST, 1 - CHEST, *(np.rot90(CHEST, quarters) for quarters in turns.values())]
    scores = np.array([_pattern(quarters) if quarters.any() else np.zeros(4) for quarters in patterns]).T
    weights = np.vstack([np.zeros((12, len(patterns))), 5 * scores]).astype(np.float32)
    bias = np.array([0, 12, 0, 0, 0, 0], np.float32)
    return GateNumbers(np.eye(12, dtype=np.float32)[:, 1:], weights, bias)


def tiny_gate(**changes: Any) -> Gate:
    """What says how the tiny gate's numbers are to be used."""
    some = Sample(films=10, patients=9)
    about = Gate(
        kinds=("chest", "not-frontal-chest", "inverted", "turned-left", "upside-down", "turned-right"),
        other_from=0.0,
        novel_from=-0.5,
        limits={"too-bright": 0.9},
        method="by hand",
        learned=some,
        thresholds=some,
        refused=Sample(films=1, patients=1),
        pictures={"cats": 3},
        measured={"cats": Interval(value=1.0, low=0.5, high=1.0)},
        data="no films",
        chosen="2026-01-02",
    )
    return msgspec.structs.replace(about, **changes)


def write_gated(path: Path, **changes: Any) -> Path:
    """Write the tiny bundle with a population and the tiny gate, and return ``path``."""
    spec = {"population": Population(ages=(1, 5)), "gate": tiny_gate()} | changes
    return write_tiny(path, tiny_contents() | {"gate.npz": tiny_numbers().to_bytes()}, **spec)


@cache
def tiny_golden(graph: bytes | None = None) -> GoldenVectors:
    """A film of the network's size, a flat one, and one of another size, with the engine's answers."""
    larger = np.asarray(Image.fromarray(RAMP).resize((50, 41)))
    films = (RAMP, GREY, larger)
    engine, spec = OnnxRuntimeEngine(graph or tiny_graph()), Preprocessing(size=SIZE)
    answers = [engine.run(network_input(golden_film(film), spec)[np.newaxis]) for film in films]
    return GoldenVectors(films, {name: np.concatenate([getattr(a, name) for a in answers]) for name in OUTPUTS})


def tiny_contents(graph: bytes | None = None, golden: bytes | None = None) -> dict[str, bytes]:
    return {
        "model.onnx": tiny_graph() if graph is None else graph,
        "golden.npz": tiny_golden().to_bytes() if golden is None else golden,
        "MODEL_CARD.md": b"# tiny\n",
    }


def write_tiny(path: Path, contents: Mapping[str, bytes] | None = None, **changes: Any) -> Path:
    """Write the tiny bundle, with other ``contents`` or with changes to its spec, and return ``path``."""
    save_bundle(tiny_spec(**changes), contents or tiny_contents(), path)
    return path


def write_several(path: Path, gains: Mapping[str, float], **changes: Any) -> Path:
    """Write the tiny bundle with several labels, each with a gain of its own, and return ``path``."""
    labels = tuple(msgspec.structs.replace(tiny_spec().labels[0], name=name) for name in gains)
    graph = tiny_graph(tuple(gains.values()), classes=len(gains))
    return write_tiny(path, tiny_contents(graph, tiny_golden(graph).to_bytes()), labels=labels, **changes)


SECOND_GAIN, SECOND_THRESHOLD = -4.0, 0.4
SECOND = Calibration(2.0, 4.0, 0.5)
"""Of the answer that is asked only where the first is pneumonia: 1 / (1 + exp(8 * (2 * g - 1) - 4)) for a grey g."""


def second_label(**changes: Any) -> Label:
    """Bacterial rather than viral, on films with pneumonia."""
    figure = Interval(value=0.8, low=0.7, high=0.85)
    point = OperatingPoint(
        name="balanced",
        threshold=SECOND_THRESHOLD,
        rule="by hand",
        sensitivity=figure,
        specificity=msgspec.structs.replace(figure, value=0.75),
        data="no films with pneumonia",
    )
    label = Label(
        name="bacterial",
        code=Code(scheme="SCT", value="53084003", meaning="Bacterial pneumonia"),
        calibration=SECOND,
        strong_evidence=STRONG,
        given="pneumonia",
        otherwise="viral",
        point=point,
    )
    return msgspec.structs.replace(label, **changes)


def write_second(path: Path, second: Mapping[str, Any] | None = None, **changes: Any) -> Path:
    """Write the tiny bundle with a second answer, changed as ``second`` says, and return ``path``."""
    graph = tiny_graph((GAIN, SECOND_GAIN), classes=2)
    labels = (tiny_spec().labels[0], second_label(**(second or {})))
    return write_tiny(path, tiny_contents(graph, tiny_golden(graph).to_bytes()), labels=labels, **changes)


def picture(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    """Bytes of a picture file with these uint8 pixels."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def flat(grey: int, size: tuple[int, int] = SIZE) -> bytes:
    """A PNG of one grey, 0 to 255."""
    return picture(np.full(size, grey, np.uint8))


def row(path: str = "a.png", **changes: Any) -> Film:
    """A manifest row; digest and patient are made of its path unless given."""
    values: dict[str, Any] = {
        "digest": f"digest of {path}",
        "patient": f"patient of {path}",
        "label": 1,
        "subtype": "",
        "split": "train",
        "source": "made-up",
    }
    return Film(path=path, **(values | changes))
