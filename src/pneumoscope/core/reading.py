"""What the program says about one film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Finding:
    """One answer.

    ``probability`` is calibrated, in [0, 1]; ``positive`` is ``probability >= threshold`` at the named operating point.
    ``sure`` is false where ``positive`` is not the one answer that films like this one have had: a reader is to be
    asked. None where the bundle does not say.

    A finding with ``given`` holds if that one is there: its probability is that of films with it. ``otherwise`` is what
    a film is called that is not ``positive``, where that has a name: bacterial, otherwise viral.

    Raises
    ------
    ValueError : if ``probability`` is not in [0, 1]: a NaN must never look like a "no".
    """

    label: str
    probability: float
    operating_point: str
    threshold: float
    positive: bool
    sure: bool | None = None
    given: str | None = None
    otherwise: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:  # written so that NaN fails too
            raise ValueError(f"{self.label}: probability: expected 0 to 1, got {self.probability}")


@dataclass(frozen=True)
class QualityFlag:
    """A reason to distrust the answer. ``code`` is stable (``"inverted"``); ``message`` is for people."""

    code: str
    message: str


@dataclass(frozen=True)
class Timings:
    """Milliseconds spent on one film."""

    decode: float
    prepare: float
    infer: float

    @property
    def total(self) -> float:
        """The whole of it."""
        return self.decode + self.prepare + self.infer


@dataclass(frozen=True, eq=False, kw_only=True)
class Reading:
    """The answer for one film, with what is needed to weigh it and to trace it.

    Attributes
    ----------
    film : the name it came by (a path, usually).
    findings : one for each label of the bundle, in the bundle's order; none for a label that is asked only where
        another is there, and it is not.
    flags : reasons to distrust the answer; empty for a good film.
    notes : what the reader had to do to the film.
    heatmap : (h, w) float32 in [0, 1], a coarse grid over the whole film, for the first finding: how strongly each
        region speaks for it, from 0 (not at all, or against it) to 1 (as strongly as the strongest hundredth of the
        regions of the positive films that the model was validated on). The same scale for every film. None when not
        asked for.
    film_digest, bundle_digest : SHA-256 (hex) of the file read and of the bundle that read it.

    Raises
    ------
    ValueError : if a cell of ``heatmap`` is not in [0, 1].
    """

    film: str
    findings: tuple[Finding, ...]
    flags: tuple[QualityFlag, ...]
    notes: tuple[str, ...]
    heatmap: NDArray[np.float32] | None
    film_digest: str
    bundle_digest: str
    milliseconds: Timings

    def __post_init__(self) -> None:
        heat = self.heatmap
        if heat is not None and not (heat.min() >= 0.0 and heat.max() <= 1.0):
            raise ValueError(f"heatmap: expected values in [0, 1], got [{heat.min()}, {heat.max()}]")

    @property
    def finding(self) -> Finding:
        """The first finding: the only one of a single-label bundle."""
        return self.findings[0]


@dataclass(frozen=True)
class Failure:
    """A film that could not be read: a row in the table, never the end of the run.

    ``code`` is the error's stable name (``"unreadable"``), ``error`` its message.
    """

    film: str
    code: str
    error: str
    film_digest: str | None = None


Outcome = Reading | Failure
