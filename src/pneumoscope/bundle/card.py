"""The model card: ``bundle.json`` for a reader."""

from __future__ import annotations

from pneumoscope.bundle.spec import VIEWS, BundleSpec, Certainty, Change, Member, OperatingPoint, Source, Teacher


def model_card(spec: BundleSpec) -> str:
    """The bundle's facts as Markdown."""
    parts = [
        f"# {spec.name} {spec.version}",
        f"Looks for {', '.join(label.name for label in spec.labels)} on a frontal chest X-ray."
        + (" Exactly one of these is true of a film." if spec.exclusive else "")
        + f" Made {spec.created}.",
        "## Intended use",
        spec.intended_use,
        "## Not for",
        "\n".join(f"- {item}" for item in spec.exclusions),
        f"## Measured on {spec.metrics_data}",
        _table(("measure", "value (95% interval)"), [(name, str(value)) for name, value in spec.metrics.items()]),
        "These films come from the same folder as those it learned from, so the figures flatter it: films of another "
        "place or scanner will be read less well. See the project's README for the official test films.",
        "## Operating points",
        _table(
            ("name", "positive from", "sensitivity", "specificity", "rule"),
            [_row(point, spec.default_operating_point) for point in spec.operating_points],
        )
        + _whose_points(spec)
        + _counted(spec.operating_points[0]),
        *_calibration(spec),
        *_history(spec),
        "## How it takes a film",
        _preprocessing(spec),
        "## Graph",
        f"ONNX, opset {spec.graph.opset}, {spec.graph.precision}. Against the fp32 graph on the validation films: "
        + ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in spec.graph.parity.items())
        + "."
        + _averaged(spec),
        "## Where it comes from",
        "\n".join(f"- Data: {source.name}. {source.citation}. Licence: {source.licence}." for source in spec.data),
        "\n".join([*_learning(spec), f"- Licence of this model: {spec.licence}."]),
    ]
    return "\n\n".join(parts) + "\n"


def _whose_points(spec: BundleSpec) -> str:
    if len(spec.labels) == 1:
        return ""
    return f"\n\nSensitivity and specificity are those for {spec.labels[0].name}; the thresholds hold for every label."


def _counted(point: OperatingPoint) -> str:
    """How many films and patients the thresholds were chosen on, if the bundle says."""
    if not (point.positive and point.negative):
        return ""
    return f"\n\nChosen on {point.chosen}, with {point.positive} that show it and {point.negative} that do not."


def _calibration(spec: BundleSpec) -> list[str]:
    """How calibrations were chosen and of which answers the bundle is sure, if it says."""
    lines = [f"- {label.name}: {label.calibration_rule}." for label in spec.labels if label.calibration_rule]
    lines += [_sure(label.name, label.certainty) for label in spec.labels if label.certainty]
    return ["## Calibration and certainty", "\n".join(lines)] if lines else []


def _sure(label: str, known: Certainty) -> str:
    return (
        f"- {label}: yes is possible from a probability of {known.yes_from:.3f}, no up to {known.no_to:.3f}; an answer "
        f"is sure where it alone is possible. On average at most {known.error_rate:.0%} of patients lose the true "
        f"answer on any film, with {label} and without. Found on {known.chosen} with {known.positive} that show it and "
        f"{known.negative} that do not."
    )


def _history(spec: BundleSpec) -> list[str]:
    return ["## History", "\n".join(_change(change) for change in spec.history)] if spec.history else []


def _change(change: Change) -> str:
    moved = ", ".join(
        f"{name} {_threshold(change.thresholds_before, name)} to {_threshold(change.thresholds_after, name)}"
        for name in dict.fromkeys((*change.thresholds_before, *change.thresholds_after))
    )
    figures = ", ".join(f"{name} {value}" for name, value in change.metrics.items())
    return "\n  ".join(
        [
            f"- {change.made}: {change.name} {change.version} (`{change.digest[:16]}`) {change.what} with "
            f"{change.data} (manifest `{change.manifest_digest[:16]}`): {change.positive} with the finding, "
            f"{change.negative} without.",
            f"- Thresholds: {moved}.",
            f"- Measured there: {figures}.",
            f"- {change.verdict[:1].upper()}{change.verdict[1:]}: {' '.join(change.reasons)}",
            *([f"- Takes the place of `{change.replaces[:16]}`."] if change.replaces else []),
        ]
    )


def _threshold(thresholds: dict[str, float], name: str) -> str:
    return f"{thresholds[name]:.3f}" if name in thresholds else "none"


def _averaged(spec: BundleSpec) -> str:
    """What the answer is a mean of, if of anything."""
    views, networks = spec.graph.views, len(spec.members)
    said = [f"{networks} networks' calibrated answers"] if networks else []
    if views != ("plain",):
        said.append("the answers to the film " + ", ".join(VIEWS[view] for view in views))
    return f" The answer is the mean of {' and of '.join(said)}." if said else ""


def _learning(spec: BundleSpec) -> list[str]:
    """What the network, or each of several, started from and was made by."""
    manifest = f"manifest `{spec.manifest_digest[:16]}`"
    if not spec.members:
        return [
            _initial(spec.initial_weights),
            f"- Recipe: {spec.recipe} (`{spec.recipe_digest[:16]}`), {manifest}.",
            *_taught(spec.teacher),
        ]
    return [f"- {spec.recipe[0].upper()}{spec.recipe[1:]}, {manifest}.", *(_member(member) for member in spec.members)]


def _member(member: Member) -> str:
    height, width = member.size
    lines = [_initial(member.initial_weights), *_taught(member.teacher)]
    return "\n  ".join([f"- {member.recipe} (`{member.recipe_digest[:16]}`), at {height} x {width}.", *lines])


def _initial(weights: Source) -> str:
    return f"- Initial weights: {weights.name}. Licence: {weights.licence}."


def _taught(teacher: Teacher | None) -> list[str]:
    return [f"- Learned from the answers of {teacher.name} (`{teacher.digest[:16]}`) too."] if teacher else []


def _row(point: OperatingPoint, default: str) -> tuple[str, ...]:
    name = f"{point.name} (default)" if point.name == default else point.name
    return name, f"{point.threshold:.3f}", str(point.sensitivity), str(point.specificity), point.rule


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows))


def _preprocessing(spec: BundleSpec) -> str:
    p = spec.preprocessing
    height, width = p.size
    contrast = "" if p.contrast == "none" else f"contrast by {p.contrast}, "
    edges = " The film's edges are a second channel." if p.edges else ""
    return (
        f"One grey channel, 0 = air and 1 = bone, scaled to {height} x {width} ({p.aspect}, {p.resample}), "
        f"{contrast}then (pixel - {p.mean:g}) / {p.std:g}.{edges}"
    )
