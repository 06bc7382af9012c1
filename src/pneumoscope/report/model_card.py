"""The model card to be read: the bundle's own, with what an evaluation found and how the bundle is known to fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from pneumoscope.bundle import ModelBundle, OperatingPoint
from pneumoscope.bundle.card import card
from pneumoscope.bundle.spec import Interval
from pneumoscope.core import PneumoscopeError
from pneumoscope.core.document import Block, Document, Items, Line, Notice, Paragraph, Section, Table
from pneumoscope.report.cards import points
from pneumoscope.report.measure_names import name_of, ordered
from pneumoscope.report.wording import share


class _Figure(msgspec.Struct, frozen=True):
    """An estimate as ``metrics.json`` writes it: null for what is not defined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def interval(self) -> Interval | None:
        if self.value is None or self.low is None or self.high is None:
            return None
        return Interval(value=self.value, low=self.low, high=self.high)

    def __str__(self) -> str:
        if self.value is None:
            return "not defined"
        return f"{self.value:.3f}" if self.interval is None else str(self.interval)


class _Bundle(msgspec.Struct, frozen=True):
    digest: str
    operating_point: str
    threshold: float


class _Data(msgspec.Struct, frozen=True):
    sources: tuple[str, ...]
    split: str
    patients: int
    unreadable: int = 0


class _Confusion(msgspec.Struct, frozen=True):
    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int

    @property
    def positive(self) -> int:
        return self.true_positive + self.false_negative

    @property
    def negative(self) -> int:
        return self.true_negative + self.false_positive


class _Second(msgspec.Struct, frozen=True):
    """An answer that is told only where the first is ``given``, on films that have it."""

    label: str
    given: str
    otherwise: str
    films: int
    metrics: dict[str, _Figure]


class Evaluated(msgspec.Struct, frozen=True):
    """The part of an evaluation's ``metrics.json`` that a card tells; all else in it is passed over."""

    format: Literal["pneumoscope-metrics"]
    schema_version: Literal[1]
    bundle: _Bundle
    data: _Data
    metrics: dict[str, _Figure]
    confusion: _Confusion
    intervals: str
    cautions: tuple[str, ...] = ()
    second: tuple[_Second, ...] = ()


def read_evaluation(path: Path, bundle: ModelBundle) -> Evaluated:
    """Read the ``metrics.json`` of an evaluation of this bundle.

    Raises
    ------
    PneumoscopeError : if it is no such file, or of another bundle.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Evaluated)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PneumoscopeError(
            f"{path}: expected the metrics.json that 'pneumoscope evaluate --bundle' writes, but it cannot be read: "
            f"{error}"
        ) from error
    if found.bundle.digest != bundle.digest:
        raise PneumoscopeError(
            f"{path}: expected an evaluation of this bundle (sha256 {bundle.digest[:16]}), got one of another "
            f"(sha256 {found.bundle.digest[:16]}); evaluate this bundle, or name the other one"
        )
    return found


def full_card(bundle: ModelBundle, evaluated: Evaluated | None = None) -> Document:
    """The bundle's card with its known failures and, where there is an evaluation, what that found."""
    further = [] if evaluated is None else [_measured(bundle, evaluated)]
    failures = Section("failures", "Known failures", (Items.of(*_failures(bundle, evaluated)),))
    return card(bundle.spec, (*further, failures, _meaning(bundle)))


def _meaning(bundle: ModelBundle) -> Section:
    """For which share of films with the finding the probabilities hold."""
    lines = [
        f"{label.name}: holds among films of which {points(label.calibration.prevalence)} show it."
        for label in bundle.spec.labels
    ]
    said = "Where it is rarer, a film of the same probability shows it less often; where it is commoner, more often."
    return Section("probability", "What a probability means", (Items.of(*lines), Paragraph(said)))


def _measured(bundle: ModelBundle, found: Evaluated) -> Section:
    about, counts, label = found.data, found.confusion, bundle.spec.labels[0].name
    unreadable = f" {about.unreadable:,} more could not be read." if about.unreadable else ""
    said = (
        f"{counts.positive + counts.negative:,} films of {about.patients:,} patients, {counts.positive:,} with "
        f"{label}, at the operating point {found.bundle.operating_point} (positive from {found.bundle.threshold:.3f})."
        f"{unreadable}"
    )
    rows = tuple((name_of(name), str(found.metrics[name])) for name in ordered(found.metrics))
    table = Table(("measure", "value (95% interval)"), rows, numbers=frozenset({1}))
    cautions = (Notice("warning", caution) for caution in found.cautions)
    blocks: list[Block] = [
        Paragraph(said),
        *cautions,
        table,
        *(block for one in found.second for block in _second(one)),
    ]
    blocks.append(Paragraph(f"Intervals: {found.intervals}."))
    return Section("evaluated", f"Measured on split {about.split} of {', '.join(about.sources)}", tuple(blocks))


def _second(one: _Second) -> Iterator[Block]:
    names = {
        "auc": name_of("auc"),
        "accuracy": name_of("accuracy"),
        "recall": f"Recall of {one.label}",
        "specificity": f"Recall of {one.otherwise}",
    }
    yield Paragraph(
        f"The second answer, {one.label} rather than {one.otherwise}, on the {one.films:,} films with {one.given} that "
        f"state which, whatever the first answer to them was:"
    )
    rows = tuple((words, str(one.metrics[name])) for name, words in names.items() if name in one.metrics)
    yield Table(("measure", "value (95% interval)"), rows, numbers=frozenset({1}))


def _failures(bundle: ModelBundle, found: Evaluated | None) -> Iterator[Line]:
    point = bundle.spec.operating_point()
    label = bundle.spec.labels[0].name
    yield (
        f"On {point.data}, at the operating point {point.name}, it misses {_lost(point.sensitivity)} of the films with "
        f"{label} and raises a false alarm over {_lost(point.specificity)} of those without."
    )
    if found is None:
        yield "What it does on other films is not told here: no evaluation was given for this card."
        return
    yield from _counted(found, label)
    yield from _fallen(bundle, found)


def _lost(kept: Interval) -> str:
    return f"{share(1 - kept.value)} ({share(1 - kept.high)} to {share(1 - kept.low)})"


def _counted(found: Evaluated, label: str) -> Iterator[Line]:
    split, counts = found.data.split, found.confusion
    if counts.positive:
        yield f"Of {counts.positive:,} films of split {split} with {label} it missed {counts.false_negative:,}."
    if counts.negative:
        yield (
            f"Of {counts.negative:,} films of split {split} without {label} it raised a false alarm over "
            f"{counts.false_positive:,}."
        )


def _fallen(bundle: ModelBundle, found: Evaluated) -> Iterator[Line]:
    """Where it does worse than when the operating point was chosen, beyond what chance explains."""
    known = {point.name: point for point in bundle.spec.operating_points}
    point: OperatingPoint | None = known.get(found.bundle.operating_point)
    if point is None:
        return
    for name, before in (("recall", point.sensitivity), ("specificity", point.specificity)):
        after = found.metrics[name].interval if name in found.metrics else None
        if after is not None and after.high < before.low:
            yield (
                f"Its {name} fell from {before} on the films that the operating point was chosen on to {after} on "
                f"split {found.data.split}."
            )
