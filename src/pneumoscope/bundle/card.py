"""The model card: ``bundle.json`` for a reader."""

from __future__ import annotations

from pneumoscope.bundle.spec import VIEWS, BundleSpec, Member, OperatingPoint, Source, Teacher


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
        + _whose_points(spec),
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
