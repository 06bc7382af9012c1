"""What every engine offers, and the proof that it computes what the bundle promises."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle import ModelBundle
from pneumoscope.core import DamagedBundle, Radiograph
from pneumoscope.imaging.preprocess import network_input

_CAM = 4
"""A cell of the map may stray this many times further than the logit, which is the mean of all cells."""


class Outputs(NamedTuple):
    """A graph's answer for B films: logits (B, K), features (B, C), cam (B, K, h, w), all float32."""

    logits: NDArray[np.float32]
    features: NDArray[np.float32]
    cam: NDArray[np.float32]


class Engine(Protocol):
    """Runs a bundle's graph. May be called from several threads at once."""

    name: str

    def run(self, films: NDArray[np.float32]) -> Outputs:
        """Answer for network inputs (B, C, H, W)."""
        ...


def check_golden(bundle: ModelBundle, engine: Engine) -> float:
    """Put the golden films through preprocessing and engine; return the largest deviation of a logit.

    Raises
    ------
    DamagedBundle : if the answers are further from the golden ones than the bundle allows.
    MissingExtra : if the bundle's preprocessing needs a library that is not installed.
    """
    golden, tolerance = bundle.golden, bundle.spec.golden.tolerance
    answers = golden.outputs["logits"].shape[1:]
    if answers != (len(bundle.spec.labels),):
        raise DamagedBundle(f"golden.npz: expected {len(bundle.spec.labels)} logits a film, one a label, got {answers}")
    worst = 0.0
    for i, pixels in enumerate(golden.films):
        answer = engine.run(network_input(golden_film(pixels), bundle.spec.preprocessing)[np.newaxis])
        for name in ("logits", "cam"):  # both are in units of a logit
            expected, got = golden.outputs[name][i], getattr(answer, name)[0]
            if expected.shape != got.shape:
                raise DamagedBundle(f"golden film {i}: expected {name} of shape {expected.shape}, got {got.shape}")
            deviation = float(np.abs(expected - got).max())
            allowed = tolerance if name == "logits" else _CAM * tolerance
            if not deviation <= allowed:  # written so that NaN fails too
                raise DamagedBundle(
                    f"golden film {i}: {engine.name} is {deviation:.4g} from the golden {name.removesuffix('s')}, "
                    f"{allowed} is allowed. The graph or this engine is not the one that was checked at export; do "
                    f"not use its answers."
                )
            if name == "logits":
                worst = max(worst, deviation)
    return worst


def golden_film(pixels: NDArray[np.uint8]) -> Radiograph:
    """A golden picture, (h, w) uint8 with 255 = bone, as a film."""
    size = (pixels.shape[0], pixels.shape[1])
    return Radiograph(pixels=pixels.astype(np.float32) / np.float32(255), digest="", full_size=size, container="golden")
