"""What the program says about one film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core.errors import NotAnswered

_ROUNDING = 1e-6


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
    """A reason to distrust the answer, or not to give one. ``code`` is stable (``"inverted"``); ``message`` is for
    people."""

    code: str
    message: str


@dataclass(frozen=True)
class Region:
    """A box on the film with evidence for the first finding: where the network found it, never a lesion's outline.

    ``top``, ``left``, ``bottom`` and ``right`` are pixels of the film at its full size, upright: rows from ``top`` to
    before ``bottom``, columns from ``left`` to before ``right``. Left is the left of the picture; where a film hangs as
    usual, that is the patient's right. ``share``, in (0, 1], is how much of all the evidence for the finding lies in
    the box (:func:`pneumoscope.predict.regions.regions_of`). Boxes do not overlap, but for a pixel of rounding.
    """

    top: int
    left: int
    bottom: int
    right: int
    share: float

    def within(self, size: tuple[int, int]) -> bool:
        """Whether it is a box on a film of this (height, width)."""
        down, across = 0 <= self.top < self.bottom <= size[0], 0 <= self.left < self.right <= size[1]
        return down and across


@dataclass(frozen=True)
class Correction:
    """What makes a film readable that is refused as it came, and the answer to it then.

    ``code`` is stable (``"inverted"``, ``"upside-down"``); ``done`` says in words what is done to the film, to end
    a sentence that begins with "Read".
    """

    code: str
    done: str
    findings: tuple[Finding, ...]


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
    """The answer for one film, or why there is none, with what is needed to weigh it and to trace it.

    Attributes
    ----------
    film : the name it came by (a path, usually).
    findings : one for each label of the bundle, in the bundle's order; none for a label that is asked only where
        another is there, and it is not; none at all for a film that is not answered.
    flags : reasons to distrust the answer; empty for a good film.
    abstention : reasons not to answer; empty for a film that is answered as a matter of course. With findings all the
        same, the answer was forced.
    correction : with reasons not to answer, what would make the film readable, and the answer then; without them, what
        was done to it to be answered. None where there is nothing of the kind.
    notes : what the reader had to do to the film.
    heatmap : (h, w) float32 in [0, 1], a coarse grid over the whole film, for the first finding: how strongly each
        region speaks for it, from 0 (not at all, or against it) to 1 (as strongly as the strongest hundredth of the
        regions of the positive films that the model was validated on). The same scale for every film. None when not
        asked for, and where nothing is answered.
    film_digest, bundle_digest : SHA-256 (hex) of the file read and of the bundle that read it.
    film_size : (height, width) in pixels of the film at its full size, upright; None where that is not known.
    strong_evidence : the log-odds that 1 on the heat map stands for; None without a heat map.
    regions : of a film that is positive by the first finding, where the evidence for it lies, the largest share first;
        at most three; ``elsewhere`` is the share of what lies beside them. None if no region of the film stands out,
        and none without a heat map.

    Raises
    ------
    ValueError : if a cell of ``heatmap`` is not in [0, 1], or ``regions`` are not boxes on the film, the largest share
        first, with shares that add up to no more than 1; or if there are neither findings nor a reason why.
    """

    film: str
    findings: tuple[Finding, ...]
    flags: tuple[QualityFlag, ...]
    abstention: tuple[QualityFlag, ...] = ()
    correction: Correction | None = None
    notes: tuple[str, ...]
    heatmap: NDArray[np.float32] | None
    film_digest: str
    bundle_digest: str
    milliseconds: Timings
    film_size: tuple[int, int] | None = None
    strong_evidence: float | None = None
    regions: tuple[Region, ...] = ()

    def __post_init__(self) -> None:
        heat = self.heatmap
        if heat is not None and not (heat.min() >= 0.0 and heat.max() <= 1.0):
            raise ValueError(f"heatmap: expected values in [0, 1], got [{heat.min()}, {heat.max()}]")
        _check_regions(self.regions, self.film_size)
        if not (self.findings or self.abstention):
            raise ValueError("findings: expected at least one, or a reason in abstention why there is none")
        if not self.findings and (heat is not None or self.regions):
            raise ValueError("heatmap, regions: expected none, as there is no finding that they could be of")

    @property
    def answered(self) -> bool:
        """Whether there are findings."""
        return bool(self.findings)

    @property
    def corrected(self) -> bool:
        """Whether the findings are those to the film as ``correction`` says."""
        return self.correction is not None and not self.abstention

    @property
    def forced(self) -> bool:
        """Whether there are findings although there are reasons not to answer."""
        return bool(self.findings and self.abstention)

    @property
    def doubts(self) -> tuple[QualityFlag, ...]:
        """All reasons, those not to answer first."""
        return self.abstention + self.flags

    @property
    def finding(self) -> Finding:
        """The first finding: the only one of a single-label bundle.

        Raises
        ------
        NotAnswered : if the film is not answered.
        """
        if not self.findings:
            why = " ".join(reason.message for reason in self.abstention)
            raise NotAnswered(
                f"{self.film}: not answered. {why} Look at .answered before .finding; force=True answers all the same"
            )
        return self.findings[0]

    @property
    def elsewhere(self) -> float:
        """The share of the evidence that lies in none of the ``regions``: with theirs it adds up to 1."""
        return max(0.0, 1.0 - sum(region.share for region in self.regions))


def _check_regions(regions: tuple[Region, ...], size: tuple[int, int] | None) -> None:
    for region in regions:
        if size is None or not region.within(size):
            raise ValueError(f"regions: expected boxes on a film of (height, width) {size}, got {region}")
    shares = [region.share for region in regions]
    if shares and not (sorted(shares, reverse=True) == shares and shares[-1] > 0 and sum(shares) <= 1 + _ROUNDING):
        raise ValueError(f"regions: expected shares above 0 that fall and add up to 1 at most, got {shares}")


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
