"""``pneumoscope evaluate``: measure a bundle, or a file of scores, on labelled films."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from click.core import ParameterSource

from pneumoscope.cli.options import (
    bundle_option,
    cache_folder,
    jobs_option,
    need,
    operating_point_option,
    optional_data_option,
    progress,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.evaluation import Evaluation, Metrics
    from pneumoscope.evaluation.schema import ChoiceMetrics, Figure, LabelMetrics, SecondAnswer


@click.command()
@bundle_option
@optional_data_option
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
    help="Read films as training prepares them, once, at the network's size in 8 bits and without their headers: quick "
    "when done again. With --quick only.",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Leave out what reads films again: groups, heat maps, painting over, robustness, the worst films.",
)
@click.option(
    "--robustness-films",
    type=click.IntRange(0),
    default=200,
    show_default=True,
    metavar="N",
    help="About so many films are read under some fifty changes each; 0 for none.",
)
@click.option(
    "--outside-population",
    default="",
    metavar="WHO",
    help="Who is on the films, such as 'adults', if they are not those whom the bundle is for: the report says so.",
)
@click.option(
    "--scores",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Measure this table (CSV or Parquet: film, label, probability) in place of a bundle; --data is then not "
    "needed, and where it is given both must agree.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="With --scores: the probability that is a yes.  [default: the file's own decisions, else 0.5]",
)
@click.pass_context
def evaluate(
    ctx: click.Context,
    bundle: str,
    data: Path | None,
    split: str,
    out: Path,
    operating_point: str | None,
    jobs: int | None,
    prepared: bool,
    quick: bool,
    robustness_films: int,
    outside_population: str,
    scores: Path | None,
    threshold: float | None,
) -> None:
    """Measure a bundle, or a file of scores, on labelled films.

    Reads a split's films and writes report.html and report.pdf, metrics.json (the same for programs), scores.csv (a row
    a film) and curves.png into DIR.

    Reported with 95% intervals: areas under the ROC and the precision-recall curve, log loss, Brier score, calibration
    errors, accuracy, recall, specificity, precision, negative predictive value, F1, Matthews' correlation and others,
    and the confusion matrix; of a bundle with several labels for each of them, on the films that state it, and of
    labels that exclude each other also how often the most probable one is true; of a label that is asked only where the
    first is true, on those films, and of both answers together.

    Then a closer look, unless --quick: groups of films, where the heat lies, what painting over marks, borders and the
    middle changes, films turned, dimmed, blurred or cut, and the films that were answered worst.

    With --scores, any program's answers are measured in the same way: a table with the columns film, label (1 or 0)
    and probability, and if it has them patient and decision. That of an earlier evaluation will do.
    """
    if scores:
        _refuse_options(ctx, _OF_BUNDLES, "does not go with --scores")
        if data is None:
            _refuse_options(ctx, ("split",), "goes with --data: a table of scores has no splits")
        need("evaluate", "pneumoscope evaluate")
        _measure_scores(scores, threshold, data, split, out)
        return
    _refuse_options(ctx, ("threshold",), "goes with --scores; a bundle has operating points")
    if data is None:
        raise click.MissingParameter(ctx=ctx, param_hint="'--data'", param_type="option")
    need("evaluate", "pneumoscope evaluate")
    if prepared:
        need("data", "pneumoscope evaluate --prepared")
        if not quick:
            raise click.UsageError("--prepared goes with --quick: a closer look needs the films themselves", ctx)
    if quick:
        _refuse_options(ctx, ("robustness_films",), "does not go with --quick")
    _measure_bundle(
        bundle,
        data,
        split,
        out,
        None if quick else robustness_films,
        operating_point=operating_point,
        jobs=jobs,
        prepared=prepared,
        outside=outside_population,
    )


_OF_BUNDLES = ("bundle", "operating_point", "jobs", "prepared", "quick", "robustness_films", "outside_population")


def _refuse_options(ctx: click.Context, names: tuple[str, ...], why: str) -> None:
    for name in names:
        if ctx.get_parameter_source(name) not in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP):
            raise click.UsageError(f"--{name.replace('_', '-')} {why}", ctx)


def _measure_bundle(
    bundle: str,
    data: Path,
    split: str,
    out: Path,
    robustness_films: int | None,
    *,
    operating_point: str | None,
    jobs: int | None,
    prepared: bool,
    outside: str,
) -> None:
    """Without ``robustness_films``, a number, there is no closer look."""
    from pneumoscope.data import open_manifest
    from pneumoscope.evaluation import evaluate as measure
    from pneumoscope.evaluation import look_closer, write_evaluation, write_figures
    from pneumoscope.predict import Predictor

    try:
        predictor = Predictor.open(bundle, operating_point=operating_point)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    manifest = open_manifest(data)
    result = measure(
        predictor,
        manifest,
        split,
        jobs=jobs,
        progress=partial(progress, what=split),
        cache=cache_folder() if prepared else None,
        outside=outside,
    )
    write_figures(result, out)  # before the long part: what is known is not lost, and a folder that cannot be is told
    look = None
    if robustness_films is not None:
        look = look_closer(predictor, manifest, split, robustness_films=robustness_films, jobs=jobs, progress=progress)
    names = write_evaluation(result, out, look, command=_command())
    _echo_evaluation(result)
    if result.summary.data.unreadable:
        click.echo(f"  {result.summary.data.unreadable} films could not be read; {out / 'scores.csv'} says why")
    for caution in result.summary.cautions:
        click.echo(f"  {caution}")
    click.echo(f"wrote {', '.join(names[:-1])} and {names[-1]} in {out}", err=True)


def _command() -> str:
    """What was typed, to be repeated."""
    return shlex.join(["pneumoscope", *sys.argv[1:]])


def _measure_scores(path: Path, threshold: float | None, data: Path | None, split: str, out: Path) -> None:
    from pneumoscope.evaluation import matched, measure_scores, read_scores, write_scores_evaluation

    scores = read_scores(path, threshold=threshold)
    if data:
        from pneumoscope.data import open_manifest

        scores = matched(scores, open_manifest(data), split)
    metrics = measure_scores(scores, progress=partial(progress, what="resamples", unit=" resamples"))
    names = write_scores_evaluation(metrics, scores, out)
    rule = "the file's own decisions" if scores.threshold is None else f"probability >= {scores.threshold:.3f}"
    click.echo(f"{path.name}: {metrics.data.films} films of {metrics.data.patients} patients, {rule}")
    _echo_measures(metrics)
    for count, what in ((metrics.data.unreadable, "have no probability"), (metrics.data.unstated, "state no label")):
        if count:
            click.echo(f"  {count} films {what} and were left out")
    click.echo(f"wrote {' and '.join(names)} in {out}", err=True)


def _echo_evaluation(result: Evaluation) -> None:
    summary: Metrics = result.summary
    films, about = summary.data, summary.bundle
    if about:
        click.echo(
            f"{about.name} {about.version} ({about.precision}) on {films.films} films, split {films.split}, at the "
            f"operating point {about.operating_point} (probability >= {about.threshold:.3f})"
        )
    if summary.labels is None:
        _echo_measures(summary)
    for label, measured in (summary.labels or {}).items():
        click.echo(f"{label}, stated of {measured.films} films")
        _echo_measures(measured)
    if refused := summary.refusals:
        why = ", ".join(f"{count} {reason}" for reason, count in refused.reasons.items())
        click.echo(f"  {refused.refused} of them the bundle would not answer{f' ({why})' if why else ''}; here all are")
    for second in summary.second or ():
        click.echo(
            f"{second.label} rather than {second.otherwise}, on the {second.films} films with {second.given} that "
            f"state which (recall is that of {second.label}, specificity that of {second.otherwise})"
        )
        _echo_measures(second)
        click.echo(f"both answers, on {second.whole.films} films")
        _echo_choice(second.whole)
    if choice := summary.argmax:
        click.echo(f"the most probable label, on the {choice.films} films of which exactly one is true")
        _echo_choice(choice)


def _echo_choice(choice: ChoiceMetrics) -> None:
    _echo_metrics(choice.metrics)
    for label, counts in zip(choice.labels, choice.confusion, strict=True):
        read_as = ", ".join(f"{n} as {name}" for name, n in zip(choice.labels, counts, strict=True))
        click.echo(f"  {label} read {read_as}")


def _echo_measures(measured: Metrics | LabelMetrics | SecondAnswer) -> None:
    _echo_metrics(measured.metrics)
    counts = msgspec.structs.asdict(measured.confusion)
    click.echo("  " + ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in counts.items()))


def _echo_metrics(metrics: Mapping[str, Figure]) -> None:
    width = max(map(len, metrics), default=0) + 2
    for name, figure in metrics.items():
        if figure.value is None:
            click.echo(f"  {name:<{width}}not defined: {figure.reason}")
        elif figure.low is None or figure.high is None:
            click.echo(f"  {name:<{width}}{figure.value:.4f}")
        else:
            click.echo(f"  {name:<{width}}{figure.value:.4f}  ({figure.low:.4f} to {figure.high:.4f})")
