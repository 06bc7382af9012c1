"""``pneumoscope ensemble``: make one bundle of several finished runs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pneumoscope.cli.export import bundle_out_options, told, weights_origin
from pneumoscope.cli.options import cache_folder, need, progress

if TYPE_CHECKING:
    from pneumoscope.bundle.spec import View


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@bundle_out_options("ensemble")
def ensemble(
    runs: tuple[Path, ...],
    out: Path,
    name: str | None,
    bundle_version: str,
    views: tuple[View, ...],
    weights_from: str | None,
    weights_licence: str | None,
) -> None:
    """Make one bundle of several finished runs.

    RUNS are folders that train left, two or more. The bundle answers with the mean of the runs' calibrated answers,
    itself calibrated; predict, evaluate and doctor take it as any other. The networks and their sizes may differ.

    All runs must have been validated on the same films: split the films once, with 'pneumoscope data split', and train
    each run on the manifest that it writes. --weights-from tells of the weights that all of them started from.
    """
    need("train", "pneumoscope ensemble")
    origin = weights_origin(weights_from, weights_licence)
    from pneumoscope.training.ensemble import ensemble as make
    from pneumoscope.training.run_folder import Run

    bundle = make(
        [Run(run) for run in runs],
        out,
        name=name or "ensemble",
        version=bundle_version,
        views=views,
        origin=origin,
        cache=cache_folder(),
        progress=partial(progress, what="preparing"),
        tell=partial(click.echo, err=True),
    )
    click.echo(told(out, bundle))
