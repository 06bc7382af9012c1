"""``pneumoscope data explore``: look through the films."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from pneumoscope.cli.options import cache_folder, need, progress


@click.command()
@click.argument(
    "manifests", nargs=-1, required=True, metavar="MANIFEST...", type=click.Path(exists=True, path_type=Path)
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR", help="Folder to write."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Draws the same films again.")
def explore(manifests: tuple[Path, ...], out: Path, seed: int) -> None:
    """See the films before training on them: one page of plots.

    MANIFEST is a manifest or a folder in a known layout; several are looked at as one. Shows classes and subtypes by
    split, films per patient, sizes, brightness and contrast, films at random, mean films and their differences, a map
    of the films and the oddest of them, each with a sentence on what to look for. Writes explore.html, which loads
    nothing from elsewhere, and the numbers as explore.json into DIR.
    """
    need("data", "pneumoscope data explore")
    from pneumoscope.data import joined, open_listing
    from pneumoscope.data.exploration import explore as look
    from pneumoscope.data.survey import survey
    from pneumoscope.report.explore_page import write_exploration

    listing = joined([open_listing(path) for path in manifests])
    measured = survey(listing, cache_folder(), partial(progress, what="measuring"))
    write_exploration(look(measured, seed), out, progress=partial(progress, what="drawing"))
    unread = len(measured.errors)
    told = f" ({unread} of them cannot be read)" if unread else ""
    click.echo(f"wrote explore.html and explore.json of {len(measured)} films{told} in {out}", err=True)
