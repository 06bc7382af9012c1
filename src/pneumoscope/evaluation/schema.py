"""What ``metrics.json`` says: its schema, version 1, and how it is read and written. docs/evaluation.md explains it.

A key that is not in the schema is an error, so a misspelt one cannot pass for a missing one. Keys without a value are
left out of the file. A later version of the program may add keys that may be missing; when one is renamed, removed or
means something else, ``schema_version`` goes up.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from pneumoscope.core import MetricsError
from pneumoscope.core.files import atomic_write
from pneumoscope.evaluation.faithful import Faithfulness
from pneumoscope.evaluation.heat import GroupHeat
from pneumoscope.evaluation.occlusion import Blanked, MarkerTest
from pneumoscope.evaluation.robustness import Robustness
from pneumoscope.evaluation.subgroups import Subgroups
from pneumoscope.stats.curves import Curves, ReliabilityBin
from pneumoscope.stats.intervals import Estimate

FORMAT: Final = "pneumoscope-metrics"
SCHEMA_VERSION: Final = 1
METRICS_FILE = "metrics.json"
CURVES_FILE = "curves.png"
PAGES = ("report.html", "report.pdf")
_SHOWN = (*PAGES, CURVES_FILE)

Count = Annotated[int, Meta(ge=0)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A piece of the schema."""


class Figure(_Part, frozen=True, kw_only=True):
    """A figure with the ends of its 95% interval, or the reason why there is none."""

    value: float | None
    low: float | None
    high: float | None
    reason: str = ""

    @classmethod
    def of(cls, estimate: Estimate, reason: str) -> Figure:
        """The estimate; ``reason`` for one that is not defined."""
        if math.isnan(estimate.value):
            return cls(value=None, low=None, high=None, reason=reason)
        low, high = (None if math.isnan(end) else end for end in (estimate.low, estimate.high))
        return cls(value=estimate.value, low=low, high=high)


class Confusion(_Part, frozen=True, kw_only=True):
    """How many films were answered rightly and wrongly."""

    true_positive: Count
    false_positive: Count
    true_negative: Count
    false_negative: Count


class BundleFacts(_Part, frozen=True, kw_only=True):
    """The bundle that was measured, and the operating point at which it decided."""

    name: str
    version: str
    digest: Sha256
    precision: str
    operating_point: str
    threshold: float


class ScoresFacts(_Part, frozen=True, kw_only=True):
    """The file of scores that was measured; without a threshold, the decisions are the file's own."""

    file: str
    digest: Sha256
    threshold: float | None = None


class Data(_Part, frozen=True, kw_only=True):
    """The films: those measured, ``unreadable`` ones that gave no answer, and ``unstated`` ones without the label.

    ``positive`` counts the first label; ``unstated`` is told of a file of scores only, whose one label it is.
    """

    sources: tuple[str, ...] = ()
    split: str | None = None
    manifest_digest: Sha256 | None = None
    films: Count
    positive: Count
    patients: Count
    unreadable: Count
    unstated: Count = 0
    read_from: str = ""


class LabelMetrics(_Part, frozen=True, kw_only=True):
    """One label on the films that state it; no metrics for no film."""

    films: Count
    metrics: dict[str, Figure]
    confusion: Confusion


class ChoiceMetrics(_Part, frozen=True, kw_only=True):
    """One of labels that exclude each other. ``confusion``: a row a true label, a column an answer."""

    labels: tuple[str, ...]
    films: Count
    metrics: dict[str, Figure]
    confusion: tuple[tuple[Count, ...], ...]


class PointMetrics(_Part, frozen=True, kw_only=True):
    """The decisions at one of the bundle's operating points, about the first label."""

    name: str
    threshold: float
    rule: str
    metrics: dict[str, Figure]
    confusion: Confusion


class SubtypeRecall(_Part, frozen=True, kw_only=True):
    """Films of one kind of case, and how many of them were found; the interval is Wilson's, by patients."""

    subtype: str
    films: Count
    found: Count
    recall: Figure


class AtPrevalence(_Part, frozen=True, kw_only=True):
    """What an answer is worth where so large a share has the label: of the yes answers (ppv), and of the no (npv)."""

    prevalence: float
    ppv: Figure
    npv: Figure


class Sureness(_Part, frozen=True, kw_only=True):
    """How often a bundle that says so is sure of its answers, and how often wrongly so.

    ``sure`` is a share of all films, ``missed`` of those with the label that were surely answered no, ``alarms`` of
    those without it that were surely answered yes: at most ``error_rate`` was to be expected of the latter two.
    """

    error_rate: float
    sure: Figure
    missed: Figure
    alarms: Figure


class SecondAnswer(_Part, frozen=True, kw_only=True):
    """An answer to ``label`` that is asked only where the first label, ``given``, is there; a no is ``otherwise``.

    ``metrics`` and ``confusion`` are of the films with ``given`` that state ``label``, whatever the first answer to
    them was; their specificity is the recall of ``otherwise``. ``whole`` is what both answers tell together: no
    ``given`` where the first is no, else the second answer; its probabilities are the products of both.
    """

    label: str
    given: str
    otherwise: str
    threshold: float
    films: Count
    metrics: dict[str, Figure]
    confusion: Confusion
    sureness: Sureness | None = None
    whole: ChoiceMetrics


class Refusals(_Part, frozen=True, kw_only=True):
    """Films with reasons not to answer, which were answered all the same to be measured, and the others.

    ``reasons`` counts the first reason of each. ``share`` is of all films, ``positive`` of those with the label,
    ``negative`` of those without. ``metrics`` and ``confusion`` are those of the ``answered`` films alone.
    """

    refused: Count
    reasons: dict[str, Count]
    share: Figure
    positive: Figure
    negative: Figure
    answered: Count
    metrics: dict[str, Figure]
    confusion: Confusion


class Uncalibrated(_Part, frozen=True, kw_only=True):
    """What the network's own logits would say as probabilities, before the bundle's calibration."""

    metrics: dict[str, Figure]
    reliability_filled: tuple[ReliabilityBin, ...]


class Heat(_Part, frozen=True, kw_only=True):
    """Where the heat lies by outcome, and what the answers hang on: parts of the film, and marks, painted over.

    ``faithfulness`` is what taking out the region does that speaks for a positive answer.
    """

    by_outcome: tuple[GroupHeat, ...]
    blanked: Blanked
    markers: MarkerTest
    faithfulness: Faithfulness | None = None


class Metrics(_Part, frozen=True, kw_only=True):
    """All that an evaluation measured: of a ``bundle``, or of ``scores`` in a file.

    ``metrics`` and ``confusion`` are of the first label, as are ``points``, ``sureness``, ``refusals``,
    ``uncalibrated``, ``subtypes``, ``prevalence`` and all that takes a closer look; ``labels`` are there for a bundle
    that asks several of every film, ``second`` are those that it asks only where the first is there, and ``curves`` are
    there for each label with films of both classes. ``cautions`` are to stand beside every figure.
    """

    format: Literal["pneumoscope-metrics"]
    schema_version: Literal[1]
    bundle: BundleFacts | None = None
    scores: ScoresFacts | None = None
    data: Data
    metrics: dict[str, Figure]
    confusion: Confusion
    labels: dict[str, LabelMetrics] | None = None
    argmax: ChoiceMetrics | None = None
    second: tuple[SecondAnswer, ...] | None = None
    curves: dict[str, Curves] | None = None
    prevalence: tuple[AtPrevalence, ...] | None = None
    points: tuple[PointMetrics, ...] | None = None
    sureness: Sureness | None = None
    refusals: Refusals | None = None
    uncalibrated: Uncalibrated | None = None
    subtypes: tuple[SubtypeRecall, ...] | None = None
    subgroups: Subgroups | None = None
    heat: Heat | None = None
    robustness: Robustness | None = None
    cautions: tuple[str, ...] = ()
    intervals: str
    program: str


class _Head(msgspec.Struct):
    format: str = ""
    schema_version: int = 0


def read_metrics(path: Path) -> Metrics:
    """Read ``metrics.json``, or the one in a folder.

    Raises
    ------
    MetricsError : if there is none, it is of another format or of a later version, or does not follow the schema.
    """
    file = path / METRICS_FILE if path.is_dir() else path
    try:
        text = file.read_bytes()
        head = msgspec.json.decode(text, type=_Head)
    except (OSError, msgspec.MsgspecError) as error:
        raise MetricsError(f"{file}: expected a {METRICS_FILE} of pneumoscope evaluate: {error}") from error
    if head.format != FORMAT:
        raise MetricsError(
            f"{file}: expected the format {FORMAT}, got {head.format!r}; measure again with pneumoscope evaluate"
        )
    if head.schema_version > SCHEMA_VERSION:
        raise MetricsError(
            f"{file}: version {head.schema_version} of the format, and this program knows {SCHEMA_VERSION}: update it"
        )
    try:
        return msgspec.json.decode(text, type=Metrics)
    except msgspec.MsgspecError as error:
        raise MetricsError(f"{file}: not a sound {METRICS_FILE}: {error}") from error


def write_metrics(metrics: Metrics, folder: Path) -> None:
    """Write ``metrics.json``, and remove the pages and curves of an earlier evaluation that lie there."""
    for name in _SHOWN:
        (folder / name).unlink(missing_ok=True)
    with atomic_write(folder / METRICS_FILE, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(metrics)) + b"\n")
