"""``pneumoscope gate``: give a bundle a gate, and show what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pneumoscope.cli.options import bundle_option, data_option, jobs_option, need, progress

if TYPE_CHECKING:
    from pneumoscope.evaluation.gating.make import Gated


@click.command()
@bundle_option
@data_option
@click.option(
    "--foreign",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    metavar="FOLDER",
    help="Pictures that are no frontal chest films, in a sub-folder for each category.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="NEW", help="Bundle to write: a folder or .zip."
)
@click.option(
    "--ages",
    nargs=2,
    type=click.IntRange(0, 130),
    metavar="LOW HIGH",
    help="Whom the bundle is for, in whole years.  [default: as it says, or those whose films it has learned from]",
)
@click.option(
    "--also",
    nargs=2,
    multiple=True,
    metavar="NAME PATH",
    help="Count what is refused of further pictures; may be given again.",
)
@click.option(
    "--table",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Write what each method refuses, with intervals.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Draws the films that are spoilt.")
@click.option("--name", help="The new bundle's name.  [default: the old one's]")
@click.option("--bundle-version", metavar="V", help="Its version.  [default: the old one's with the day]")
@jobs_option
def gate(
    bundle: str,
    data: Path,
    foreign: Path,
    out: Path,
    ages: tuple[int, int] | None,
    also: tuple[tuple[str, str], ...],
    table: Path | None,
    seed: int,
    name: str | None,
    bundle_version: str | None,
    jobs: int | None,
) -> None:
    """Give a bundle a gate: it then refuses what it is not for, and says why.

    Fits on the train films of the manifest, which must be those that the bundle has learned from; sets thresholds on
    its validation films, which must not be. Of the pictures in --foreign two fifths are fitted on, a fifth sets
    thresholds, and the rest is kept apart to measure: pictures that look much alike stay together.
    """
    need("evaluate", "pneumoscope gate")
    from pneumoscope.bundle import check_target
    from pneumoscope.data import open_manifest
    from pneumoscope.evaluation.gating.make import make_gate, save_gated

    if out.resolve() == Path(bundle).resolve():
        raise click.UsageError(f"--out {out}: expected a new bundle, as its history names the old one: keep both")
    if ages and ages[0] > ages[1]:
        raise click.UsageError(f"--ages {ages[0]} {ages[1]}: expected the least, then the greatest")
    if len(dict(also)) < len(also):
        raise click.UsageError("--also: expected each NAME once")
    if missing := [path for _, path in also if not Path(path).exists()]:
        raise click.UsageError(f"--also: no such file or folder: {missing[0]}")
    check_target(out)
    result = make_gate(
        bundle,
        open_manifest(data),
        foreign,
        ages=ages,
        also={what: Path(path) for what, path in also},
        name=name,
        version=bundle_version,
        seed=seed,
        jobs=jobs,
        progress=progress,
    )
    _tell(result)
    written = save_gated(result, out)
    if table:
        _write(result, table)
    click.echo(f"wrote {out}: {written.spec.name} {written.spec.version}, sha256 {written.digest[:16]}", err=True)


def _tell(result: Gated) -> None:
    about = result.spec.gate
    if about is None:
        return
    click.echo(f"fitted on {about.learned} and {about.data}; thresholds on {about.thresholds}")
    methods = list(dict.fromkeys(row.method for row in result.rows))
    shares = {(row.method, row.what): row.share.value for row in result.rows}
    counts = {row.what: row.of for row in result.rows}
    width = max(map(len, counts)) + 2
    click.echo(f"{'share refused of':<{width}}{'films':>6}" + "".join(f"{method:>13}" for method in methods))
    for what, of in counts.items():
        cells = "".join(f"{shares[method, what]:>13.1%}" for method in methods)
        click.echo(f"{what:<{width}}{of:>6}{cells}")


def _write(result: Gated, table: Path) -> None:
    import csv

    from pneumoscope.core.files import atomic_write
    from pneumoscope.report.base import writing_to

    with writing_to(table), atomic_write(table) as file:
        rows = csv.writer(file)
        rows.writerow(("method", "what", "refused", "of", "share", "low", "high"))
        for row in result.rows:
            ends = (f"{value:.4f}" for value in (row.share.value, row.share.low, row.share.high))
            rows.writerow((row.method, row.what, row.refused, row.of, *ends))
