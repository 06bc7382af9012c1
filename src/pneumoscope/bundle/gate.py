"""The numbers by which a bundle tells whether a picture is one that it may answer: ``gate.npz``."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle.spec import GATE_FILE
from pneumoscope.core import DamagedBundle
from pneumoscope.imaging.preprocess import coarse
from pneumoscope.stats.novelty import Gaussian, mahalanobis

_UNREADABLE = (ValueError, TypeError, KeyError, OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error)

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class GateNumbers:
    """What was fitted, all float32, of F features, G x G cells and C kinds of pictures.

    Attributes
    ----------
    mean (F,), basis (F, K), variances (K,), rest () : the features of the films that the network has learned from, see
        :class:`~pneumoscope.stats.novelty.Gaussian`.
    weights (F + G * G, C), bias (C,) : which kind a picture is, by its features and its coarse greys (:func:`seen`);
        the first kind is a film as it should be.

    Raises
    ------
    DamagedBundle : if the shapes do not fit each other, or a number is none.
    """

    mean: Floats
    basis: Floats
    variances: Floats
    rest: Floats
    weights: Floats
    bias: Floats

    def __post_init__(self) -> None:
        shapes = {field.name: getattr(self, field.name).shape for field in fields(self)}
        features, kinds = self.mean.size, self.bias.size
        cells = self.side**2
        expected = {
            "mean": (features,),
            "basis": (features, self.variances.size),
            "variances": (self.variances.size,),
            "rest": (),
            "weights": (features + cells, kinds),
            "bias": (kinds,),
        }
        if shapes != expected:
            raise DamagedBundle(f"{GATE_FILE}: expected the shapes {expected}, got {shapes}")
        for name in shapes:
            values = getattr(self, name)
            if values.dtype != np.float32 or not np.isfinite(values).all():
                raise DamagedBundle(f"{GATE_FILE}: {name}: expected finite float32 numbers")
        if not (min(self.variances.min(initial=np.inf), self.rest) > 0):
            raise DamagedBundle(f"{GATE_FILE}: expected variances above 0")

    @property
    def side(self) -> int:
        """How many cells of coarse greys the classifier is shown each way."""
        return int(np.sqrt(max(0, self.weights.shape[0] - self.mean.size)))

    def to_bytes(self) -> bytes:
        """As a NumPy archive."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{field.name: getattr(self, field.name) for field in fields(self)})
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
                return cls(**{field.name: archive[field.name] for field in fields(cls)})
        except _UNREADABLE as error:
            raise DamagedBundle(f"{GATE_FILE}: cannot be read: {error}. Get the bundle again.") from error

    def novelty(self, features: Floats) -> NDArray[np.float64]:
        """How far (N,) pictures are from the films that the network has learned from; about 1 for films like those."""
        return mahalanobis(features, Gaussian(self.mean, self.basis, self.variances, float(self.rest)))

    def scores(self, features: Floats, greys: Floats) -> NDArray[np.float64]:
        """The score (N, C) of each kind, by features (N, F) and coarse greys (N, G * G)."""
        return np.hstack([features, greys]).astype(np.float64) @ self.weights + self.bias


def seen(plain: Floats, side: int) -> Floats:
    """The greys of a film's ``side`` x ``side`` cells in a row, less their mean, in units of their spread.

    ``plain`` is the whole film, (H, W). A film of one grey is all 0.
    """
    cells = coarse(plain, (side, side)).ravel()
    cells = cells - cells.mean()
    spread = float(np.sqrt(np.mean(cells**2)))
    return (cells / spread if spread > 1e-6 else cells).astype(np.float32)
