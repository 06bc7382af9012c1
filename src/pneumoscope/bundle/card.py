"""The model card: ``bundle.json`` for a reader."""

from __future__ import annotations

from pneumoscope.bundle.spec import BundleSpec, OperatingPoint


def model_card(spec: BundleSpec) -> str:
    """The bundle's facts as Markdown."""
    parts = [
        f"# {spec.name} {spec.version}",
        f"Looks for {', '.join(label.name for label in spec.labels)} on a frontal chest X-ray. Made {spec.created}.",
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
        ),
        "## How it takes a film",
        _preprocessing(spec),
        "## Graph",
        f"ONNX, opset {spec.graph.opset}, {spec.graph.precision}. Against the fp32 graph on the validation films: "
        + ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in spec.graph.parity.items())
        + ".",
        "## Where it comes from",
        "\n".join(f"- Data: {source.name}. {source.citation}. Licence: {source.licence}." for source in spec.data),
        f"- Initial weights: {spec.initial_weights.name}. Licence: {spec.initial_weights.licence}.\n"
        f"- Recipe: {spec.recipe} (`{spec.recipe_digest[:16]}`), manifest `{spec.manifest_digest[:16]}`.\n"
        f"- Licence of this model: {spec.licence}.",
    ]
    return "\n\n".join(parts) + "\n"


def _row(point: OperatingPoint, default: str) -> tuple[str, ...]:
    name = f"{point.name} (default)" if point.name == default else point.name
    return name, f"{point.threshold:.3f}", str(point.sensitivity), str(point.specificity), point.rule


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows))


def _preprocessing(spec: BundleSpec) -> str:
    p = spec.preprocessing
    height, width = p.size
    return (
        f"One grey channel, 0 = air and 1 = bone, scaled to {height} x {width} ({p.aspect}, {p.resample}), then "
        f"(pixel - {p.mean:g}) / {p.std:g}."
    )
