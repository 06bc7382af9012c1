"""What the evaluation report tells, as plain data: names, estimates and points.

Everything but ``Measured`` may be missing: what was not measured has no section, and the report says so. Curves and
rates are in [0, 1]; an ``Estimate`` whose ends are NaN has no interval, one whose value is NaN is not defined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import Region
from pneumoscope.stats.intervals import Estimate

Values = NDArray[np.float64]
Kind = Literal["true positive", "false positive", "true negative", "false negative"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured, on which films and how.

    Attributes
    ----------
    label : what the bundle looks for, such as "pneumonia".
    digest, manifest_digest : SHA-256 (hex).
    films : those that were read and state the label; ``positives`` of them have it; ``unreadable`` come on top.
    learned_from : the sources of the films that the bundle learned from.
    intervals : how the intervals were made.
    holds_at : for which share with the finding the probabilities hold.
    read_from : what was read in place of the files themselves, if anything.
    """

    bundle: str
    version: str
    digest: str
    precision: str
    operating_point: str
    threshold: float
    label: str
    films: int
    positives: int
    patients: int
    unreadable: int
    split: str
    sources: tuple[str, ...]
    learned_from: tuple[str, ...]
    manifest_digest: str
    date: str
    program: str
    intervals: str
    holds_at: float
    read_from: str = ""

    @property
    def negatives(self) -> int:
        """Films without the finding."""
        return self.films - self.positives


@dataclass(frozen=True, kw_only=True)
class PointFigures:
    """What the bundle does at one of its operating points, ``figures`` by the measures' names in ``metrics.json``.

    ``missed`` films with the finding and ``alarms`` over films without it, where they were counted; ``chosen`` says in
    words what the point was worth on the films that it was chosen on, and which these are.
    """

    name: str
    threshold: float
    rule: str
    figures: Mapping[str, Estimate]
    missed: int | None = None
    alarms: int | None = None
    chosen: str = ""


@dataclass(frozen=True)
class LabelFigures:
    """One of several labels, on the films that state it."""

    label: str
    films: int
    positives: int
    figures: Mapping[str, Estimate]


@dataclass(frozen=True)
class Mark:
    """Where an operating point lies on a curve."""

    name: str
    x: Estimate
    y: Estimate


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve of N points, with a band between ``low`` and ``high`` where there is one."""

    x: Values
    y: Values
    low: Values | None = None
    high: Values | None = None
    marks: tuple[Mark, ...] = ()

    def __post_init__(self) -> None:
        sizes = {len(part) for part in (self.x, self.y, self.low, self.high) if part is not None}
        if len(sizes) > 1 or (self.low is None) != (self.high is None):
            raise ValueError(f"expected points of one number, with both ends of the band or none, got {sorted(sizes)}")


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often the finding is there among films that were given about the same probability.

    ``probability`` is each bin's mean, ``share`` what was there, ``films`` how many.
    """

    name: str
    probability: Values
    share: tuple[Estimate, ...]
    films: tuple[int, ...]
    error: Estimate | None = None

    def __post_init__(self) -> None:
        if not len(self.probability) == len(self.share) == len(self.films):
            raise ValueError(
                f"{self.name}: expected as many probabilities as shares and numbers of films, got "
                f"{len(self.probability)}, {len(self.share)} and {len(self.films)}"
            )


@dataclass(frozen=True, eq=False)
class Decision:
    """Net benefit, in true positives a film, of acting on the model and of acting on every film (on none: 0).

    ``prevalence``: where the share of films with the finding is this, for which the probabilities hold.
    """

    model: Curve
    everyone: Values
    prevalence: float


@dataclass(frozen=True)
class Confusion:
    """Films by what is true (a row each) and what was answered (a column each)."""

    title: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if {len(self.counts), *map(len, self.counts)} != {len(self.labels)}:
            raise ValueError(f"{self.title}: expected {len(self.labels)} rows of as many counts")


@dataclass(frozen=True)
class SubtypeRecall:
    """How many of a kind of case are found."""

    subtype: str
    films: int
    found: int
    recall: Estimate


@dataclass(frozen=True)
class Certainty:
    """How often answers are ``sure``, as a share of all films; how many films with the finding were surely answered no
    (``missed``), and without it surely yes (``alarms``). Of each, at most ``error_rate`` was promised."""

    error_rate: float
    sure: Estimate
    missed: Estimate
    alarms: Estimate


@dataclass(frozen=True, kw_only=True)
class SecondAnswer:
    """``label`` or ``otherwise``, which is told only where the first answer is ``given``.

    ``figures`` are of ``films`` with ``given``, whatever the first answer to them was; their ``specificity`` is the
    recall of ``otherwise``. ``whole`` is what both answers tell together, of ``whole_films``. ``confusions`` are those
    of the two.
    """

    label: str
    otherwise: str
    given: str
    films: int
    figures: Mapping[str, Estimate]
    whole_films: int
    whole: Mapping[str, Estimate]
    confusions: tuple[Confusion, ...]
    certainty: Certainty | None = None

    @property
    def whole_labels(self) -> tuple[str, ...]:
        """The three that both answers tell together."""
        return self.confusions[-1].labels


@dataclass(frozen=True)
class Refusals:
    """Films that the bundle would not answer: how many, for which first reasons, their ``share`` of all films, of those
    with the finding (``positive``) and without; and the ``figures`` of the films that it would answer."""

    refused: int
    reasons: Mapping[str, int]
    share: Estimate
    positive: Estimate
    negative: Estimate
    figures: Mapping[str, Estimate]


@dataclass(frozen=True)
class AtPrevalence:
    """What an answer is worth where the share ``prevalence`` has the finding."""

    prevalence: float
    ppv: Estimate
    npv: Estimate


@dataclass(frozen=True)
class Subgroup:
    """One group of films; ``few``: too few to lean on."""

    by: str
    group: str
    films: int
    positives: int
    auc: Estimate | None = None
    recall: Estimate | None = None
    specificity: Estimate | None = None
    few: bool = False


@dataclass(frozen=True)
class Perturbed:
    """The figures with every film changed in one way at one strength.

    ``level`` is the strength as it is to be read, in ``unit``; those of one perturbation come in order, the unchanged
    film where it belongs among them. ``changed`` is the share of films whose decision differs from that on the
    unchanged film.
    """

    perturbation: str
    level: str
    auc: Estimate | None = None
    recall: Estimate | None = None
    specificity: Estimate | None = None
    changed: Estimate | None = None
    unit: str = ""


@dataclass(frozen=True)
class GroupDifference:
    """Whether a measure differs between the groups of one kind; ``p_corrected`` allows for all the comparisons made."""

    by: str
    measure: str
    films: int
    p: float
    p_corrected: float


@dataclass(frozen=True)
class HeatShare:
    """Where the heat of films of one kind lies, as shares of it: the middle, the ring at the border, the corners.

    Films of that kind ``without`` any heat are not among ``films``.
    """

    kind: Kind
    films: int
    centre: Estimate
    ring: Estimate
    corners: Estimate
    without: int = 0


@dataclass(frozen=True)
class MarkTest:
    """What painting over burnt-in marks does to the log-odds of a group of films, and painting as much elsewhere.

    Means of the size of the change; ``excess`` is by how much marks matter more than their control.
    """

    group: str
    films: int
    marks: Estimate
    control: Estimate
    excess: Estimate


@dataclass(frozen=True)
class Deletion:
    """What taking the region with the largest share of the evidence out of positive films does to the log-odds.

    ``what`` is put in its place. Mean changes: of the ``region``, of a ``control`` of equal size elsewhere, and by how
    much more the region lowers them (``excess``); ``more`` is the share of ``films`` where it does.
    """

    what: str
    films: int
    region: Estimate
    control: Estimate
    excess: Estimate
    more: Estimate


@dataclass(frozen=True)
class Heat:
    """Where the heat lies, and what the answers hang on.

    ``even`` is what a map without preference would give to centre, ring and corners. ``blanked`` are the figures with
    a part of every film painted over: the ``perturbation`` names the part. ``deletions`` tell whether the evidence lies
    where the regions say, for each way to take one out.
    """

    shares: tuple[HeatShare, ...] = ()
    even: tuple[float, float, float] | None = None
    blanked: tuple[Perturbed, ...] = ()
    marks: tuple[MarkTest, ...] = ()
    deletions: tuple[Deletion, ...] = ()


@dataclass(frozen=True, eq=False)
class CaseFilm:
    """A film that was answered wrongly.

    Attributes
    ----------
    name : the path it came by.
    probability : the answer.
    stated : what the manifest says of it, such as "pneumonia, viral".
    flags : reasons for doubt that the program gave, in words.
    pixels : (h, w) uint8, 255 = bone; small is enough. None where it cannot be read any more.
    heatmap : (h, w) float32 in [0, 1], as in a ``Reading``; None where there is none.
    regions, film_size : where the evidence lies, and the size of the film on which that is, as in a ``Reading``.
    evidence : the same in words.
    """

    name: str
    digest: str
    probability: float
    stated: str
    flags: tuple[str, ...] = ()
    pixels: NDArray[np.uint8] | None = None
    heatmap: NDArray[np.float32] | None = None
    regions: tuple[Region, ...] = ()
    film_size: tuple[int, int] | None = None
    evidence: str = ""


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """All that the report tells.

    Attributes
    ----------
    figures : those that depend on no threshold, by their names in ``metrics.json``.
    points : the operating points, of which one is ``measured.operating_point``.
    warnings : what the caller knows and the numbers do not say, such as films outside the intended use.
    exclusions : what the bundle is not for, in its own words.
    missed, alarms : the worst false negatives and false positives, worst first, at most one film of a patient.
    labels, choice : of a bundle with several labels, the figures of each; of labels that exclude each other, those of
        the most probable one. All else is about the first label.
    shaken : how many films were read for ``robustness``, and of how many.
    further_intervals : how those of kinds of cases, sure answers, groups, changed films and heat were made.
    intended_use : what the bundle is for, in its own words.
    command : that gives the same figures again.
    """

    measured: Measured
    figures: Mapping[str, Estimate] = field(default_factory=dict)
    points: tuple[PointFigures, ...] = ()
    roc: Curve | None = None
    precision_recall: Curve | None = None
    reliability: tuple[Reliability, ...] = ()
    decision: Decision | None = None
    certainty: Certainty | None = None
    refusals: Refusals | None = None
    confusions: tuple[Confusion, ...] = ()
    subtypes: tuple[SubtypeRecall, ...] = ()
    second: tuple[SecondAnswer, ...] = ()
    prevalences: tuple[AtPrevalence, ...] = ()
    subgroups: tuple[Subgroup, ...] = ()
    differences: tuple[GroupDifference, ...] = ()
    robustness: tuple[Perturbed, ...] = ()
    heat: Heat | None = None
    missed: tuple[CaseFilm, ...] = ()
    alarms: tuple[CaseFilm, ...] = ()
    warnings: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()
    command: str = ""
    labels: tuple[LabelFigures, ...] = ()
    choice: Mapping[str, Estimate] = field(default_factory=dict)
    shaken: tuple[int, int] | None = None
    further_intervals: str = ""
    intended_use: str = ""

    @property
    def point(self) -> PointFigures | None:
        """The operating point that the report is about."""
        named = (point for point in self.points if point.name == self.measured.operating_point)
        return next(named, None)
