"""``pneumoscope recalibrate``: calibrate a bundle on a site's films, and say whether it may be used there."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pneumoscope.cli.options import bundle_option, data_option, jobs_option, need, progress

if TYPE_CHECKING:
    from pneumoscope.evaluation.recalibration import Recalibration


@click.command()
@bundle_option
@data_option
@click.option("--split", type=click.Choice(["train", "val", "test"]), help="Which films.  [default: all of them]")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="NEW", help="Bundle to write: a folder or .zip."
)
@click.option(
    "--upgrades", metavar="OLD", help="The bundle in use at the site: write NEW only if it may take OLD's place."
)
@click.option("--name", help="The new bundle's name.  [default: the old one's]")
@click.option("--bundle-version", metavar="V", help="Its version.  [default: the old one's with the day]")
@jobs_option
def recalibrate(
    bundle: str,
    data: Path,
    split: str | None,
    out: Path,
    upgrades: str | None,
    name: str | None,
    bundle_version: str | None,
    jobs: int | None,
) -> None:
    """Calibrate a bundle on a site's labelled films, and say whether it may be used there.

    Takes 50 films or more that the bundle has not learned from, better 100 to 200; writes a bundle with the same graph,
    the site's calibration and operating points, and the history of what was changed. Figures are those of films held
    back by patient.

    Ends with 1, and writes nothing, if the model is not usable there, or may not take the place of OLD. A site's
    thresholds are never taken over from another model: recalibrate the newer one on the site's films.
    """
    need("evaluate", "pneumoscope recalibrate")
    from pneumoscope.bundle import check_target
    from pneumoscope.data import open_manifest
    from pneumoscope.evaluation.recalibration import recalibrate as fit
    from pneumoscope.evaluation.recalibration import save_recalibrated

    if out.resolve() in {Path(named).resolve() for named in (bundle, upgrades) if named}:
        raise click.UsageError(f"--out {out}: expected a new bundle, as its history names the old one: keep both")
    check_target(out)
    result = fit(
        bundle,
        open_manifest(data),
        split=split,
        upgrades=upgrades,
        name=name,
        version=bundle_version,
        jobs=jobs,
        progress=partial(progress, what="reading"),
    )
    _tell(result)
    if result.refused:
        click.echo(f"nothing written in {out}", err=True)
        raise SystemExit(1)
    written = save_recalibrated(result, out)
    click.echo(f"wrote {out}: {written.spec.name} {written.spec.version}, sha256 {written.digest[:16]}", err=True)


def _tell(result: Recalibration) -> None:
    change = result.change
    click.echo(
        f"{change.name} {change.version} on {change.data}: {change.positive} with {result.spec.labels[0].name}, "
        f"{change.negative} without"
    )
    click.echo(f"calibration, on top of the bundle's own: {result.fitted.rule}")
    for point in result.spec.operating_points:
        before = change.thresholds_before.get(point.name)
        was = f", was {before:.3f}" if before is not None else ""
        click.echo(f"  {point.name:<10}positive from {point.threshold:.3f}{was}: {point.rule}")
        click.echo(f"{'':<12}sensitivity {point.sensitivity}, specificity {point.specificity}")
    for name in ("auc", "log_loss_before", "log_loss_after"):
        click.echo(f"  {name.replace('_', ' '):<17}{change.metrics[name]}")
    click.echo(f"verdict: {result.verdict.outcome} on films like these")
    for reason in result.verdict.reasons:
        click.echo(f"  {reason}")
    if result.comparison:
        click.echo(f"in place of the bundle in use: {result.comparison.outcome}")
        for reason in result.comparison.reasons:
            click.echo(f"  {reason}")
    click.echo(
        "Sensitivity, specificity and the later log loss are those of films held back by patient, with 95% intervals. "
        "All figures are the site's own, from the films that chose the thresholds: confirm them on later films."
    )
