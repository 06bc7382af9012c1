"""The numbers by which a bundle tells whether a picture is one that it may answer: ``gate.npz``."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle.spec import GATE_FILE
from pneumoscope.core import DamagedBundle
from pneumoscope.imaging.preprocess import coarse
from pneumoscope.stats.novelty import residual

UNREADABLE: Final = (
    *(ValueError, TypeError, KeyError, OSError, EOFError, MemoryError, RuntimeError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What NumPy and zipfile raise on damaged archives."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class GateNumbers:
    """What was fitted, all float32, for F features, G x G cells and C kinds of pictures.

    Attributes
    ----------
    basis : (F, K), the directions in which the features of the films lie that the network has learned from, with the
        precision of a float16.
    weights, bias : (F + G * G, C) and (C,): which kind a picture is, by its features and its coarse greys
        (:func:`seen`); the first kind is a film as it should be.

    Raises
    ------
    DamagedBundle : if the shapes do not fit each other, leave no cell of greys, or a number is none.
    """

    basis: Floats
    weights: Floats
    bias: Floats

    def __post_init__(self) -> None:
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        shapes = {name: values.shape for name, values in arrays.items()}
        flat = [len(shape) for shape in shapes.values()] == [2, 2, 1]
        if not flat or self.side < 1 or self.weights.shape != (self.features + self.side**2, self.kinds):
            raise DamagedBundle(f"{GATE_FILE}: expected arrays that fit each other, got the shapes {shapes}")
        if not all(values.dtype == np.float32 and np.isfinite(values).all() for values in arrays.values()):
            raise DamagedBundle(f"{GATE_FILE}: expected finite numbers")

    @property
    def features(self) -> int:
        """How many features of the graph it takes."""
        return len(self.basis)

    @property
    def side(self) -> int:
        """How many cells of coarse greys the classifier is shown each way."""
        return math.isqrt(max(0, self.weights.shape[0] - self.features))

    @property
    def kinds(self) -> int:
        """How many kinds of pictures it knows."""
        return self.bias.size

    def to_bytes(self) -> bytes:
        """As a NumPy archive."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, basis=self.basis.astype(np.float16), weights=self.weights, bias=self.bias)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> GateNumbers:
        """Read what :meth:`to_bytes` wrote.

        Raises
        ------
        DamagedBundle : if it cannot be read, or its numbers do not fit each other.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                return cls(**{field.name: archive[field.name].astype(np.float32) for field in fields(cls)})
        except UNREADABLE as error:
            raise DamagedBundle(f"{GATE_FILE}: cannot be read: {error}. Get the bundle again.") from error

    def novelty(self, features: Floats) -> NDArray[np.float64]:
        """How much of each picture's features (N, F) is unlike those of the films that the network has learned from."""
        return residual(features, self.basis)

    def scores(self, features: Floats, greys: Floats) -> NDArray[np.float64]:
        """The score (N, C) of each kind, by features (N, F) and coarse greys (N, G * G)."""
        inputs = np.hstack([features, greys])
        return np.asarray(inputs @ self.weights + self.bias, np.float64)


def seen(halved: Floats, side: int) -> Floats:
    """The greys of a film's ``side`` x ``side`` cells in a row, less their mean, in units of their spread.

    ``halved`` is the whole film averaged 2 x 2: see :func:`pneumoscope.imaging.quality.half`. A film of one grey is
    all 0.
    """
    greys = coarse(halved, (side, side)).ravel()
    greys = greys - greys.mean()
    spread = math.sqrt(float(greys @ greys) / greys.size)
    return np.asarray(greys / spread if spread > 1e-6 else 0 * greys, np.float32)
