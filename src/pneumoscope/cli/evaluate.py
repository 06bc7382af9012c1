"""``pneumoscope evaluate``: measure a bundle on labelled films."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from pneumoscope.cli.options import (
    bundle_option,
    cache_folder,
    data_option,
    jobs_option,
    need,
    operating_point_option,
    progress,
)


@click.command()
@bundle_option
@data_option
@click.option(
    "--split", type=click.Choice(["train", "val", "test"]), default="test", show_default=True, help="Which films."
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR", help="Folder to write."
)
@operating_point_option
@jobs_option
@click.option(
    "--prepared",
    is_flag=True,
    help="Read films as training prepares them, once, at the network's size in 8 bits: quick when done again.",
)
def evaluate(
    bundle: str, data: Path, split: str, out: Path, operating_point: str | None, jobs: int | None, prepared: bool
) -> None:
    """Measure a bundle on labelled films.

    Reads a split's films and writes metrics.json, scores.csv (a row a film) and curves.png into DIR.

    Reported with 95% intervals: AUC, accuracy, recall, specificity, precision, F1, log loss, Brier score, and the
    confusion matrix; of a bundle with several labels for each of them, on the films that state it, and of labels that
    exclude each other also how often the most probable one is true.
    """
    need("data" if prepared else "evaluate", "pneumoscope evaluate")
    from pneumoscope.data import open_manifest
    from pneumoscope.evaluation import evaluate as measure
    from pneumoscope.evaluation import write_evaluation
    from pneumoscope.predict import Predictor

    try:
        predictor = Predictor.open(bundle, operating_point=operating_point)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    result = measure(
        predictor,
        open_manifest(data),
        split,
        jobs=jobs,
        progress=partial(progress, what=split),
        cache=cache_folder() if prepared else None,
    )
    write_evaluation(result, out)
    summary = result.summary
    films, about = summary["data"], summary["bundle"]
    click.echo(
        f"{about['name']} {about['version']} ({about['precision']}) on {films['films']} films, split {split}, at the "
        f"operating point {about['operating_point']} (probability >= {about['threshold']:.3f})"
    )
    for label, measured in summary.get("labels", {"": summary}).items():
        if label:
            click.echo(f"{label}, stated of {measured['films']} films")
        _echo_metrics(measured)
        click.echo("  " + ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in measured["confusion"].items()))
    if choice := summary.get("argmax"):
        click.echo(f"the most probable label, on the {choice['films']} films of which exactly one is true")
        _echo_metrics(choice)
        for label, counts in zip(choice["labels"], choice["confusion"], strict=True):
            read_as = ", ".join(f"{n} as {name}" for name, n in zip(choice["labels"], counts, strict=True))
            click.echo(f"  {label} read {read_as}")
    if films["unreadable"]:
        click.echo(f"  {films['unreadable']} films could not be read; {out / 'scores.csv'} says why")
    click.echo(f"wrote metrics.json, scores.csv and curves.png in {out}", err=True)


def _echo_metrics(measured: dict[str, Any]) -> None:
    for name, estimate in measured["metrics"].items():
        click.echo(f"  {name:<12}{estimate.value:.4f}  ({estimate.low:.4f} to {estimate.high:.4f})")
