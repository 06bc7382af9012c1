"""What a bundle says about itself: the schema of ``bundle.json``.

    bundle.json             this schema
    model.onnx              films (B, C, H, W) float32 -> logits (B, K), features (B, F), cam (B, K, h, w)
    golden.npz              films and what the graph answers for them
    gate.npz                by what it tells which pictures it may answer, if it does
    MODEL_CARD.md           the same facts for a reader

``bundle.json`` holds the SHA-256 of every other file, so its own SHA-256 names the whole bundle.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.stats.calibration import Calibration

FORMAT: Final = "pneumoscope-bundle"
SCHEMA_VERSION: Final = 1
SPEC_FILE = "bundle.json"
GRAPH_FILE = "model.onnx"
GOLDEN_FILE = "golden.npz"
GATE_FILE = "gate.npz"
CARD_FILE = "MODEL_CARD.md"
OUTPUTS = ("logits", "features", "cam")

LARGEST_AUC_LOSS: Final = 0.002
LEAST_AGREEMENT: Final = 0.99
"""An int8 graph further than this from fp32 on the validation films, for a label of every film, is not shipped."""

View = Literal["plain", "mirrored", "closer"]
VIEWS: dict[View, str] = {
    "plain": "as it is",
    "mirrored": "left and right exchanged",
    "closer": "its central 7/8 enlarged",
}
"""In how many ways a graph may look at a film before it averages what it sees, and what they are."""

Kind = Literal["chest", "not-frontal-chest", "inverted", "turned-left", "upside-down", "turned-right", "cropped"]
"""What a gate takes a picture for; ``chest`` is a film as it should be."""

Poor = Literal["flat", "too-dark", "too-bright", "underexposed", "overexposed", "blurred"]
"""In which way a film may be too poor for a gate."""

Probability = Annotated[float, Meta(ge=0.0, le=1.0)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A piece of the schema: unknown keys are errors."""


class Code(_Part, frozen=True, kw_only=True):
    """A term of a coding scheme, as DICOM and HL7 write it."""

    scheme: str
    value: str
    meaning: str


class Sample(_Part, frozen=True, kw_only=True):
    """How many films something was found on, and of how many patients."""

    films: Annotated[int, Meta(ge=0)]
    patients: Annotated[int, Meta(ge=0)]

    def __str__(self) -> str:
        return f"{self.films} films of {self.patients} patients"


class Certainty(_Part, frozen=True, kw_only=True):
    """From where an answer is sure: ``yes`` is possible from the probability ``yes_from``, ``no`` up to ``no_to``.

    An answer is sure where it alone is possible. Of patients with the finding, on average at most the share
    ``error_rate`` has a film of which yes is not possible, and of patients without it, one of which no is not.
    ``positive`` and ``negative`` are the films that this was found on, on the day ``chosen``; ``data`` says whose they
    are. See :mod:`pneumoscope.stats.conformal`.
    """

    yes_from: Probability
    no_to: Probability
    error_rate: Probability
    positive: Sample
    negative: Sample
    data: str
    chosen: str

    def sure(self, probability: float, positive: bool) -> bool:
        """Whether ``positive`` (yes or no) is the one possible answer to a film of this probability."""
        return (probability >= self.yes_from, probability <= self.no_to) == (positive, not positive)


class Label(_Part, frozen=True, kw_only=True):
    """One thing that the bundle looks for, with its calibration.

    ``strong_evidence`` is the scale of heat maps: the calibrated log-odds of a cell of the class-activation map that
    only one cell in a hundred of the positive validation films exceeds. ``calibration_rule`` says how the calibration
    was chosen. Without ``certainty``, the bundle does not say of which answers it is sure.

    A label with ``given``, the name of the first label, is asked only where that one is true: calibration, certainty
    and figures are of such films alone, and it is told only where the first answer is yes. ``otherwise`` is what a no
    is then called, if it has a name. It is decided at a ``point`` of its own, whatever the bundle's operating point;
    the specificity there is the share of films that are ``otherwise`` and were called so.
    """

    name: str
    code: Code
    calibration: Calibration
    strong_evidence: Annotated[float, Meta(gt=0.0)]
    calibration_rule: str = ""
    certainty: Certainty | None = None
    given: str | None = None
    otherwise: str = ""
    point: OperatingPoint | None = None

    @property
    def no(self) -> str:
        """What a film is called of which it is not true."""
        return self.otherwise or f"no {self.name}"


class Interval(_Part, frozen=True, kw_only=True):
    """A measured figure with its 95% interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f})"


class OperatingPoint(_Part, frozen=True, kw_only=True):
    """A film is positive when its probability is at least ``threshold``.

    ``rule`` says how the threshold was chosen, ``data`` on which films sensitivity and specificity were measured:
    ``positive`` and ``negative`` ones with the finding and without, on the day ``chosen``. A point that promises a
    share of patients to come has the ``aim`` that was promised, and with which ``confidence``.
    """

    name: str
    threshold: Probability
    rule: str
    sensitivity: Interval
    specificity: Interval
    data: str
    aim: Probability | None = None
    confidence: Probability | None = None
    positive: Sample | None = None
    negative: Sample | None = None
    chosen: str = ""


class Graph(_Part, frozen=True, kw_only=True):
    """The ONNX graph and how well it agrees with the network it came from.

    Its answer is the mean of those to the ``views`` of a film, which it makes itself.
    """

    precision: Literal["int8", "fp32"]
    opset: int
    parity: dict[str, float]
    views: Annotated[tuple[View, ...], Meta(min_length=1)] = ("plain",)

    def __post_init__(self) -> None:
        if len(set(self.views)) < len(self.views):
            raise ValueError(f"views: expected each once, got {', '.join(self.views)}")


class Golden(_Part, frozen=True, kw_only=True):
    """How far an engine's logits may be from the golden ones before the bundle is refused."""

    tolerance: Annotated[float, Meta(gt=0.0, le=0.5)]


class Source(_Part, frozen=True, kw_only=True):
    """Where data or weights come from, and under which licence."""

    name: str
    citation: str
    licence: str
    digest: str = ""


class Teacher(_Part, frozen=True, kw_only=True):
    """The bundle whose answers a network has learned from, by name and digest."""

    name: str
    digest: Sha256


class Member(_Part, frozen=True, kw_only=True):
    """One of the networks whose answers a graph averages.

    It is shown the film at ``size``; its logits are calibrated, a calibration for each label, before they are averaged.
    ``labels`` are those that it tells; all of the bundle's, in their order, where none are named.
    """

    recipe: str
    recipe_digest: Sha256
    manifest_digest: Sha256
    initial_weights: Source
    teacher: Teacher | None = None
    size: tuple[int, int]
    labels: tuple[str, ...] = ()
    calibrations: Annotated[tuple[Calibration, ...], Meta(min_length=1)]


class Change(_Part, frozen=True, kw_only=True):
    """What was changed in a bundle since its graph was made, and what it was before.

    ``digest``, ``name`` and ``version`` are those of the bundle that was changed, on the day ``made``. ``data`` says in
    words whose films it was done with, ``manifest_digest``, ``positive`` and ``negative`` which and how many.
    ``thresholds`` are those of the operating points by name. ``metrics`` were measured on these films, ``verdict`` and
    ``reasons`` say what was concluded from them. ``replaces`` is the bundle that this one was compared with and takes
    the place of, if any.
    """

    made: str
    what: str
    digest: Sha256
    name: str
    version: str
    data: str
    manifest_digest: Sha256
    positive: Sample
    negative: Sample
    calibration_before: Calibration
    calibration_after: Calibration
    thresholds_before: dict[str, Probability]
    thresholds_after: dict[str, Probability]
    metrics: dict[str, Interval]
    verdict: str
    reasons: tuple[str, ...]
    replaces: Sha256 | None = None


class Population(_Part, frozen=True, kw_only=True):
    """Whose films, and which, a bundle is for, in the words of DICOM headers.

    ``body_parts`` are looked for anywhere in what a header says, the others are whole values. ``ages`` are the least
    and the greatest in whole years, both included; None if anybody's.
    """

    modalities: Annotated[tuple[str, ...], Meta(min_length=1)] = ("CR", "DX", "RG", "SC", "OT")
    body_parts: Annotated[tuple[str, ...], Meta(min_length=1)] = ("CHEST", "THORAX", "LUNG")
    views: Annotated[tuple[str, ...], Meta(min_length=1)] = ("AP", "PA")
    ages: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.ages and not 0 <= self.ages[0] <= self.ages[1]:
            raise ValueError(f"ages: expected the least and the greatest, in years, got {self.ages}")


class Gate(_Part, frozen=True, kw_only=True):
    """By what a bundle refuses a picture; the numbers that it needs are in ``gate.npz``.

    ``kinds`` are those of its classifier, in the order of the scores, a film as it should be first: a picture is
    refused whose log-odds of being of any other kind reach ``other_from``. So is one whose distance from the films
    that the network has learned from reaches ``novel_from``, and one that is beyond one of the ``limits``. ``method``
    says how all of it was found, ``learned`` on how many films, ``thresholds`` on how many others, of which ``refused``
    are refused; ``pictures`` counts those that are no frontal chest films, fitted on, by category. ``measured`` is the
    share refused of pictures that had no part in it, by what they are.
    """

    kinds: Annotated[tuple[Kind, ...], Meta(min_length=2)]
    other_from: float
    novel_from: float
    limits: dict[Poor, float]
    method: str
    learned: Sample
    thresholds: Sample
    refused: Sample
    pictures: dict[str, int]
    measured: dict[str, Interval]
    data: str
    chosen: str

    def __post_init__(self) -> None:
        if self.kinds[0] != "chest" or len(set(self.kinds)) < len(self.kinds):
            raise ValueError(f"kinds: expected chest, then each other once, got {', '.join(self.kinds)}")


class BundleSpec(_Part, frozen=True, kw_only=True):
    """Everything that a user must know to trust or distrust the graph.

    ``typical_film`` is the mean of the train films as a coarse grid: a film that correlates with it negatively has
    probably been inverted. ``metrics`` were measured on ``metrics_data``.
    With ``exclusive``, exactly one of the labels is true of a film.
    ``population`` says whose films it is for, and ``gate`` which pictures it refuses; without them it answers all.
    Of an ensemble, ``members`` are its networks; ``recipe`` and ``initial_weights`` then sum them up.
    ``history`` tells what was changed since the graph was made, the oldest first: the first entry names the bundle that
    was exported.
    ``files`` are the digests of the bundle's other files; writing a bundle fills them in.
    """

    format: Literal["pneumoscope-bundle"] = FORMAT
    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    version: str
    created: str
    labels: Annotated[tuple[Label, ...], Meta(min_length=1)]
    exclusive: bool = False
    preprocessing: Preprocessing
    operating_points: Annotated[tuple[OperatingPoint, ...], Meta(min_length=1)]
    default_operating_point: str
    graph: Graph
    golden: Golden
    typical_film: tuple[tuple[float, ...], ...]
    metrics: dict[str, Interval]
    metrics_data: str
    recipe: str
    recipe_digest: Sha256
    manifest_digest: Sha256
    data: tuple[Source, ...]
    initial_weights: Source
    teacher: Teacher | None = None
    members: tuple[Member, ...] = ()
    licence: str
    intended_use: str
    exclusions: tuple[str, ...]
    population: Population | None = None
    gate: Gate | None = None
    history: tuple[Change, ...] = ()
    files: dict[str, Sha256] = {}

    def __post_init__(self) -> None:
        self.operating_point()
        self._check_given()
        if not self.typical_film or len({len(row) for row in self.typical_film}) != 1 or not self.typical_film[0]:
            raise ValueError("typical_film: expected rows of one length")
        self._check_members()
        for name in self.files:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or name == SPEC_FILE:
                raise ValueError(f"files: expected plain file names, got {name!r}")

    def _check_members(self) -> None:
        """Each network tells some of the labels, and has a calibration for each of these."""
        names = tuple(label.name for label in self.labels)
        for member in self.members:
            told = member.labels or names
            if not set(told) <= set(names) or len(set(told)) < len(told):
                raise ValueError(f"members: labels: expected some of {', '.join(names)}, got {', '.join(told)}")
            if len(member.calibrations) != len(told):
                raise ValueError(f"members: expected {len(told)} calibrations of each, one a label")

    def _check_given(self) -> None:
        """What is asked on a condition needs the first label for it, and a threshold of its own."""
        first = self.labels[0]
        for label in self.labels:
            if label.given is not None and (label.given != first.name or label is first or self.exclusive):
                raise ValueError(
                    f"labels: {label.name}: given: expected the first label ({first.name}) of labels that do not "
                    f"exclude each other, got {label.given!r}"
                )
            if (label.given is None) != (label.point is None):
                raise ValueError(f"labels: {label.name}: expected given and point, or neither")

    @property
    def gated(self) -> bool:
        """Whether there are films that it does not answer."""
        return self.population is not None or self.gate is not None

    def operating_point(self, name: str | None = None) -> OperatingPoint:
        """The operating point of that name, or the default one.

        Raises
        ------
        ValueError : if there is none; the message lists those that exist.
        """
        wanted = name or self.default_operating_point
        for point in self.operating_points:
            if point.name == wanted:
                return point
        known = ", ".join(point.name for point in self.operating_points)
        raise ValueError(f"expected one of the operating points {known}, got {wanted!r}")

    @property
    def given(self) -> dict[str, str]:
        """Labels that are asked only where another is true, and which that is."""
        return {label.name: label.given for label in self.labels if label.given is not None}
