"""``pneumoscope predict``: read films."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pneumoscope.cli.options import bundle_option, jobs_option, operating_point_option, progress

if TYPE_CHECKING:
    from pneumoscope.bundle import BundleSpec
    from pneumoscope.core import Failure, Outcome, Radiograph
    from pneumoscope.predict import Predictor
    from pneumoscope.report import Report


_TOLD = 20


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@bundle_option
@operating_point_option
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write a table: .csv or .jsonl.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page to look through.")
@click.option("--heatmaps", type=click.Path(file_okay=False, path_type=Path), help="Write films with their heat maps.")
@click.option("--correct", is_flag=True, help="Read films that came inverted or turned the right way round.")
@click.option("--force", is_flag=True, help="Answer films that should not be answered, too; readings say so.")
@jobs_option
@click.option("-q", "--quiet", is_flag=True, help="Print no table.")
def predict(
    paths: tuple[str, ...],
    bundle: str,
    operating_point: str | None,
    out: Path | None,
    html: Path | None,
    heatmaps: Path | None,
    correct: bool,
    force: bool,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Read films and say what is on them.

    Takes files, folders (searched to any depth) and globs. A film is a JPEG, PNG, TIFF, BMP, WebP or DICOM file.
    Every film gets a row, in the order given; one that cannot be read has its error there and stops nothing. The
    command ends with 1 if there was such a film, with 0 otherwise.

    A film that the bundle is not for, or that its gate refuses, is not answered: its row says why. That is no failure,
    and no "no": a reader has to look at it.
    """
    from pneumoscope.core import Failure
    from pneumoscope.predict import Predictor
    from pneumoscope.predict.films import Films
    from pneumoscope.report.tally import Tally

    if out and out == html:
        raise click.UsageError(f"--out and --html both name {out}; give each a name of its own")
    try:
        films = Films(paths)
        predictor = Predictor.open(bundle, operating_point=operating_point, force=force, correct=correct)
    except (FileNotFoundError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    total = films.count()
    if not total:
        raise click.UsageError(f"no films in {', '.join(paths)}: expected JPEG, PNG, TIFF, BMP, WebP or DICOM files")
    failed, tally = list[Failure](), Tally()
    with ExitStack() as stack:
        reports = _open_reports(stack, predictor, out, html, heatmaps)
        show = None if quiet else _console()
        answers = predictor.read_many(films, _renderer(reports), heatmap=bool(reports or show), jobs=jobs)
        for outcome, rendered in progress(answers, total):
            if isinstance(outcome, Failure):
                failed.append(outcome)
            tally.add(outcome)
            for report, piece in zip(reports, rendered, strict=True):
                report.add(piece)
            if show:
                show(outcome)
    for written in filter(None, (out, html, heatmaps)):
        click.echo(f"wrote {written}", err=True)
    for line in tally.lines(predictor.bundle.spec.labels[0].name):
        click.echo(line, err=True)
    if failed:
        _tell(failed, total)
        raise SystemExit(1)


def _tell(failures: list[Failure], total: int) -> None:
    """Say what could not be read, in full, as the table's columns are too narrow for it."""
    click.echo(f"{len(failures)} of {total} films could not be read:", err=True)
    for failure in failures[:_TOLD]:
        click.echo(f"  {failure.film}: {failure.error}", err=True)
    if len(failures) > _TOLD:
        click.echo(f"  and {len(failures) - _TOLD} more; the rows of --out say why", err=True)


def _renderer(reports: list[Report]) -> Callable[[Outcome, Radiograph | None], tuple[Outcome, list[Any]]]:
    """What is done with each outcome in the thread that read the film."""

    def render(outcome: Outcome, film: Radiograph | None) -> tuple[Outcome, list[Any]]:
        return outcome, [report.render(outcome, film) for report in reports]

    return render


def _open_reports(
    stack: ExitStack, predictor: Predictor, out: Path | None, html: Path | None, heatmaps: Path | None
) -> list[Report]:
    """Open what was asked for, each at once under the stack's care, so that none stays behind half-written."""
    from pneumoscope.report import HeatmapReport, HtmlReport, open_table

    reports: list[Report] = []
    if out:
        try:
            labels = predictor.bundle.spec.labels
            further = [label.name for label in labels[1:]]
            certain = [label.name for label in labels if label.certainty]
            reports.append(stack.enter_context(open_table(out, further, certain, gated=predictor.bundle.spec.gated)))
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--out") from error
    if html:
        reports.append(stack.enter_context(HtmlReport(html, _about(predictor))))
    if heatmaps:
        reports.append(stack.enter_context(HeatmapReport(heatmaps)))
    return reports


def _about(predictor: Predictor) -> Any:
    from datetime import datetime

    import pneumoscope
    from pneumoscope.report import ReportAbout

    spec, point = predictor.bundle.spec, predictor.operating_point
    of_first = f" for {spec.labels[0].name}" if len(spec.labels) - len(spec.given) > 1 else ""
    return ReportAbout(
        title="Chest X-ray readings",
        model=spec.name,
        model_version=spec.version,
        bundle_digest=predictor.bundle.digest,
        intended_use=f"{spec.intended_use} {_prevalence(spec)}",
        exclusions=spec.exclusions,
        operating_point=point.name,
        threshold=point.threshold,
        sensitivity=f"{point.sensitivity}{of_first}",
        specificity=f"{point.specificity}{of_first}",
        validated_on=point.data,
        program_version=pneumoscope.__version__,
        created=datetime.now().astimezone().isoformat(sep=" ", timespec="minutes"),
        certainty=_certainty(spec),
        strong_evidence=spec.labels[0].strong_evidence,
        second=" ".join(_second(spec)),
    )


def _certainty(spec: BundleSpec) -> str:
    """What "not sure" means, for the first label; nothing if the bundle does not say."""
    first = spec.labels[0]
    if not (known := first.certainty):
        return ""
    return (
        f"Yes is possible from a probability of {known.yes_from:.2%}, no up to {known.no_to:.2%}; an answer is sure "
        f"where it alone is possible. On average at most {known.error_rate:.0%} of patients with {first.name} have a "
        f"film surely answered no, and as few of those without it one surely answered yes, if they are like those that "
        f"this was found on: {known.data}."
    )


def _prevalence(spec: BundleSpec) -> str:
    """What the probabilities are about; and of a bundle with several labels, by which films are sorted and counted."""
    first, *others = [label for label in spec.labels if not label.given]
    share = f"{first.calibration.prevalence:.0%} show {first.name}"
    if not others:
        return (
            f"Its probabilities are those of a group of films of which {share}: where it is rarer, they are too high."
        )
    shares = ", ".join([share, *(f"{label.calibration.prevalence:.0%} {label.name}" for label in others)])
    return (
        f"Its probabilities are those of groups of films of which {shares}: where one is rarer, its own are too high. "
        f"Films are sorted, counted and coloured by {first.name}, the first of its labels."
    )


def _second(spec: BundleSpec) -> Iterator[str]:
    """What is told beside a positive first answer, and what it is worth."""
    for label in spec.labels:
        if label.given and (point := label.point):
            unsure = ", and 'not sure which' unless just that is possible" if label.certainty else ""
            yield (
                f"If {label.given}, {label.name} rather than {label.no}: told only beside a positive answer, with "
                f"probabilities of a group of which {label.calibration.prevalence:.0%} are {label.name}{unsure}. "
                f"Of films with {label.given} it recognises {point.sensitivity} of the {label.name} and "
                f"{point.specificity} of the {label.no} ones (95% intervals; {point.data})."
            )


def _console() -> Callable[[Outcome], None]:
    """Prints the table line by line, above the progress bar where there is one."""
    import shutil

    from tqdm import tqdm

    from pneumoscope.report import table_head, table_row

    width = shutil.get_terminal_size((110, 24)).columns
    tqdm.write(table_head(width), file=sys.stdout)
    return lambda outcome: tqdm.write(table_row(outcome, width), file=sys.stdout)
