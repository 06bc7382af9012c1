"""The model card: ``bundle.json`` for a reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pneumoscope.bundle.markdown import markdown
from pneumoscope.bundle.spec import (
    VIEWS,
    BundleSpec,
    Certainty,
    Change,
    Gate,
    Label,
    Member,
    OperatingPoint,
    Population,
    Source,
    Teacher,
)
from pneumoscope.core.document import Block, Code, Document, Item, Items, Line, Paragraph, Section, Table

_OFFICIAL = "kermany"
"""The source whose official test films the README tells of."""


def model_card(spec: BundleSpec) -> str:
    """The bundle's facts as Markdown."""
    return markdown(card(spec))


def card(spec: BundleSpec, further: Sequence[Section] = ()) -> Document:
    """The bundle's facts; ``further`` sections come after what was measured when it was made."""
    opening = Paragraph(
        f"Looks for {', '.join(label.name for label in spec.labels if not label.given)} on a frontal chest X-ray."
        + (" Exactly one of these is true of a film." if spec.exclusive else "")
        + "".join(f" Where it finds {one.given}, it says whether that is {_either(one)}." for one in _second(spec))
        + f" Made {spec.created}."
    )
    sections = (
        Section("use", "Intended use", (Paragraph(spec.intended_use),)),
        Section("not-for", "Not for", (Items.of(*spec.exclusions),)),
        *_refuses(spec),
        Section("measured", f"Measured on {spec.metrics_data}", _measured(spec)),
        *further,
        Section("points", "Operating points", _points(spec)),
        *_second_answers(spec),
        *_certainty(spec),
        *_history(spec),
        Section("film", "How it takes a film", (Paragraph(_preprocessing(spec)),)),
        Section("graph", "Graph", (Paragraph(_graph(spec)),)),
        Section("origin", "Where it comes from", _origin(spec)),
    )
    return Document(f"{spec.name} {spec.version}", (opening,), sections)


def _second(spec: BundleSpec) -> list[Label]:
    """Labels that are asked only where the first is true."""
    return [label for label in spec.labels if label.given]


def _second_answers(spec: BundleSpec) -> Iterator[Section]:
    if second := _second(spec):
        yield Section("second", "The second answer", tuple(block for label in second for block in _asked(label)))


def _either(label: Label) -> str:
    return f"{label.name} rather than {label.no}"


def _asked(label: Label) -> tuple[Block, ...]:
    """The one threshold of a second answer, and what it is worth."""
    point = label.point
    if point is None:
        return ()
    rows = ((label.name, str(point.sensitivity)), (label.no, str(point.specificity)))
    unsure = ", and 'not sure which' where that is not sure" if label.certainty else ""
    told = (
        f"Told only where the first answer is {label.given}, from a probability of {point.threshold:.3f} on as "
        f"{label.name}, below as {label.no}{unsure}, whatever the operating point. The figures are of films with "
        f"{label.given}: {point.data}."
    )
    return Paragraph(told), Table(("which", "recall (95% interval)"), rows, numbers=frozenset({1}))


def _measured(spec: BundleSpec) -> tuple[Block, ...]:
    rows = tuple((name.replace("_", " "), str(value)) for name, value in spec.metrics.items())
    said = (
        "These films come from the same folder as those it learned from, so the figures flatter it: films of another "
        "place or scanner will be read less well."
    )
    if any(source.name == _OFFICIAL for source in spec.data):
        said += " See the project's README for the official test films."
    return Table(("measure", "value (95% interval)"), rows, numbers=frozenset({1})), Paragraph(said)


def _points(spec: BundleSpec) -> tuple[Block, ...]:
    rows = tuple(_row(point, spec.default_operating_point) for point in spec.operating_points)
    head = ("name", "positive from", "sensitivity", "specificity", "rule")
    table = Table(head, rows, numbers=frozenset({1, 2, 3}))
    whose = f"Sensitivity and specificity are those for {spec.labels[0].name}; the thresholds hold for every label."
    several = len(spec.labels) - len(spec.given) > 1
    said = [*([whose] if several else []), *_counted(spec.operating_points[0])]
    return (table, *map(Paragraph, said))


def _counted(point: OperatingPoint) -> Iterator[str]:
    """On how many films and patients thresholds were chosen, and on which they were measured, if the bundle says."""
    if point.positive and point.negative:
        yield (
            f"Chosen on {point.chosen}, with {point.positive} that show it and {point.negative} that do not. "
            f"Sensitivity and specificity (95% interval) are those of {point.data}."
        )


def _refuses(spec: BundleSpec) -> Iterator[Section]:
    """Which films it does not answer, if there are such."""
    lines = [*_by_header(spec.population), *_by_picture(spec.gate)]
    measured = spec.gate.measured if spec.gate else {}
    rows = tuple((what.replace("_", " "), str(share)) for what, share in measured.items())
    title = "Share refused of pictures that had no part in making the gate"
    table = [Table(("pictures", "share (95% interval)"), rows, title, numbers=frozenset({1}))] if rows else []
    if lines:
        yield Section("refuses", "Not answered", (Items.of(*lines), *table))


def _by_header(population: Population | None) -> Iterator[str]:
    if population is None:
        return
    ages = population.ages
    whose = f", or whose patient was younger than {ages[0]} or older than {ages[1]}" if ages else ""
    yield (
        f"Films whose header states another modality than {', '.join(population.modalities)}, a part of the body "
        f"without {' or '.join(population.body_parts)}, or a view other than {' or '.join(population.views)}"
        f"{whose}. A word that names none of these is flagged, not refused."
    )


def _by_picture(gate: Gate | None) -> Iterator[str]:
    if gate is None:
        return
    yield (
        f"Pictures that look like something else ({', '.join(gate.kinds[1:])}), films unlike those that it has learned "
        f"from, and films poorer than any of those ({', '.join(gate.limits)}). Found with {gate.data}: "
        f"fitted on {gate.learned}, thresholds on {gate.thresholds}, of which {gate.refused} are refused. Method: "
        f"{gate.method}."
    )


def _certainty(spec: BundleSpec) -> Iterator[Section]:
    """How calibrations were chosen and of which answers the bundle is sure, if it says."""
    lines = [f"{label.name}: {label.calibration_rule}." for label in spec.labels if label.calibration_rule]
    lines += [_sure(label, label.certainty) for label in spec.labels if label.certainty]
    if lines:
        yield Section("certainty", "Calibration and certainty", (Items.of(*lines),))


def _graph(spec: BundleSpec) -> str:
    return (
        f"ONNX, opset {spec.graph.opset}, {spec.graph.precision}. Against the fp32 graph on the validation films: "
        + ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in spec.graph.parity.items())
        + "."
        + _averaged(spec)
    )


def _sure(label: Label, known: Certainty) -> str:
    name, among = label.name, f", of films with {label.given}" if label.given else ""
    return (
        f"{name}{among}: yes is possible from a probability of {known.yes_from:.3f}, no up to {known.no_to:.3f}; an "
        f"answer is sure where it alone is possible. On average at most {known.error_rate:.0%} of patients lose the "
        f"true answer on any film, with {name} and without. Found on {known.chosen} with {known.positive} that show it "
        f"and {known.negative} that do not."
    )


def _history(spec: BundleSpec) -> Iterator[Section]:
    if spec.history:
        yield Section("history", "History", (Items(tuple(map(_change, spec.history))),))


def _change(change: Change) -> Item:
    moved = ", ".join(
        f"{name} {_threshold(change.thresholds_before, name)} to {_threshold(change.thresholds_after, name)}"
        for name in dict.fromkeys((*change.thresholds_before, *change.thresholds_after))
    )
    figures = ", ".join(f"{name} {value}" for name, value in change.metrics.items())
    lines: list[Line] = [
        f"Thresholds: {moved}.",
        f"Measured there: {figures}.",
        f"{change.verdict[:1].upper()}{change.verdict[1:]}: {' '.join(change.reasons)}",
        *([("Takes the place of ", _digest(change.replaces), ".")] if change.replaces else []),
    ]
    what = (
        *(f"{change.made}: {change.name} {change.version} (", _digest(change.digest), f") {change.what} with "),
        *(f"{change.data} (manifest ", _digest(change.manifest_digest), "): "),
        f"{change.positive} with the finding, {change.negative} without.",
    )
    return Item(what, tuple(lines))


def _threshold(thresholds: dict[str, float], name: str) -> str:
    return f"{thresholds[name]:.3f}" if name in thresholds else "none"


def _averaged(spec: BundleSpec) -> str:
    """What the answer is a mean of, if of anything."""
    views, networks = spec.graph.views, len(spec.members)
    said = [f"{networks} networks' calibrated answers"] if networks else []
    if views != ("plain",):
        said.append("the answers to the film " + ", ".join(VIEWS[view] for view in views))
    return f" The answer is the mean of {' and of '.join(said)}." if said else ""


def _origin(spec: BundleSpec) -> tuple[Block, ...]:
    data = (f"Data: {source.name}. {source.citation}. Licence: {source.licence}." for source in spec.data)
    return Items.of(*data), Items((*_learning(spec), Item(f"Licence of this model: {spec.licence}.")))


def _learning(spec: BundleSpec) -> list[Item]:
    """What the network, or each of several, started from and was made by."""
    manifest = ("manifest ", _digest(spec.manifest_digest), ".")
    if not spec.members:
        recipe: Line = (f"Recipe: {spec.recipe} (", _digest(spec.recipe_digest), "), ", *manifest)
        return [Item(line) for line in (_initial(spec.initial_weights), recipe, *_taught(spec.teacher))]
    summary: Line = (f"{spec.recipe[0].upper()}{spec.recipe[1:]}, ", *manifest)
    return [Item(summary), *(_member(member, len(spec.labels)) for member in spec.members)]


def _member(member: Member, labels: int) -> Item:
    """A network; which of so many ``labels`` it tells, if not all."""
    height, width = member.size
    some = f", tells {', '.join(member.labels)}" if 0 < len(member.labels) < labels else ""
    line = (f"{member.recipe} (", _digest(member.recipe_digest), f"), at {height} x {width}{some}.")
    return Item(line, (_initial(member.initial_weights), *_taught(member.teacher)))


def _initial(weights: Source) -> str:
    return f"Initial weights: {weights.name}. Licence: {weights.licence}."


def _taught(teacher: Teacher | None) -> list[Line]:
    if teacher is None:
        return []
    return [(f"Learned from the answers of {teacher.name} (", _digest(teacher.digest), ") too.")]


def _digest(digest: str) -> Code:
    return Code(digest[:16])


def _row(point: OperatingPoint, default: str) -> tuple[str, ...]:
    name = f"{point.name} (default)" if point.name == default else point.name
    return name, f"{point.threshold:.3f}", str(point.sensitivity), str(point.specificity), point.rule


def _preprocessing(spec: BundleSpec) -> str:
    p = spec.preprocessing
    height, width = p.size
    contrast = "" if p.contrast == "none" else f"contrast by {p.contrast}, "
    edges = " The film's edges are a second channel." if p.edges else ""
    return (
        f"One grey channel, 0 = air and 1 = bone, scaled to {height} x {width} ({p.aspect}, {p.resample}), "
        f"{contrast}then (pixel - {p.mean:g}) / {p.std:g}.{edges}"
    )
