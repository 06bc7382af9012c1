"""``pneumoscope export``: make a bundle of a finished run."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from pneumoscope.cli.options import cache_folder, need, progress


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="BUNDLE", help="A folder, or a .zip file."
)
@click.option("--name", help="The bundle's name.  [default: the recipe's name]")
@click.option("--bundle-version", default="1.0", show_default=True, metavar="V", help="The bundle's version.")
@click.option("--weights-from", metavar="TEXT", help="Where the run's initial weights came from, for the model card.")
@click.option("--weights-licence", metavar="TEXT", help="Their licence.")
def export(
    run: Path, out: Path, name: str | None, bundle_version: str, weights_from: str | None, weights_licence: str | None
) -> None:
    """Export a finished run as a bundle.

    RUN is the folder that train left; predict, evaluate and doctor take the bundle.

    The graph is int8 if it decides as fp32 does on the validation films, else fp32. The bundle is checked before it
    exists.
    """
    need("train", "pneumoscope export")
    from pneumoscope.training.export import WeightsOrigin
    from pneumoscope.training.export import export as make
    from pneumoscope.training.run import Run

    finished = Run(run)
    bundle = make(
        finished,
        out,
        name=name or finished.load_record().recipe.name,
        version=bundle_version,
        origin=WeightsOrigin(weights_from or "not stated", weights_licence or "not stated"),
        cache=cache_folder(),
        progress=partial(progress, what="preparing"),
        tell=partial(click.echo, err=True),
    )
    click.echo(
        f"wrote {out}: {bundle.spec.graph.precision}, {len(bundle.graph) / 1e6:.1f} MB, sha256 {bundle.digest[:16]}"
    )
