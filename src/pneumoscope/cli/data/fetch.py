"""``pneumoscope data fetch``: download a public data set."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import pneumoscope

if TYPE_CHECKING:
    from pneumoscope.data.sources import Source


def _sha256(_: click.Context, __: click.Parameter, value: str) -> str:
    if value and not re.fullmatch("[0-9a-fA-F]{64}", value):
        raise click.BadParameter("expected 64 hexadecimal digits")
    return value


@click.command()
@click.argument("name", required=False)
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Films go to DIR/NAME.")
@click.option(
    "--from",
    "kind",
    type=click.Choice(["kaggle", "mendeley", "url"]),
    help="Where to take it from.  [default: the first place that --list names]",
)
@click.option("--keep-archive", is_flag=True, help="Leave the downloaded archive in DIR.")
@click.option(
    "--sha256", default="", callback=_sha256, metavar="HEX", help="What the archive must have, if you know better."
)
@click.option("--list", "listing", is_flag=True, help="Name the data sets, their licences, sizes and places.")
def fetch(name: str | None, to: Path | None, kind: str | None, keep_archive: bool, sha256: str, listing: bool) -> None:
    """Download the public data set NAME and unpack it into DIR/NAME.

    A download that was stopped goes on where it was. Kaggle wants a token (https://www.kaggle.com/settings/api);
    without one the next place is taken. What came from where, with its SHA-256, is kept in DIR/NAME/fetch.json.
    """
    sources = _downloadable()
    if listing:
        click.echo("\n\n".join(_described(*item) for item in sources.items()))
        return
    if name is None or to is None:
        raise click.UsageError("NAME and --to DIR are needed, or --list.")
    if name not in sources:
        raise click.UsageError(f"no data set called {name!r} can be downloaded; there are {', '.join(sources)}.")
    source = sources[name]
    places = [place for place in source.download if kind in {None, place.kind}]
    if not places:
        there = ", ".join(place.kind for place in source.download)
        raise click.UsageError(f"{name} is not to be had from {kind}; choose from: {there}.")
    _echo(f"{source.title}\nLicence: {source.licence}\nPlease cite: {source.citation}")
    from pneumoscope.data.fetch.http import Wire
    from pneumoscope.data.fetch.run import fetch as run

    home = run(
        name,
        places,
        to,
        licence=source.licence,
        citation=source.citation,
        sha256=sha256,
        keep_archive=keep_archive,
        wire=Wire(tell=_echo, progress=_bar, program=f"pneumoscope/{pneumoscope.__version__}"),
    )
    click.echo(home)
    _echo(f"next: pneumoscope data index {home} --source {name} --out manifest.csv")


def _downloadable() -> dict[str, Source]:
    from pneumoscope.data.sources import SOURCES

    return {name: source for name, source in SOURCES.items() if source.download}


def _described(name: str, source: Source) -> str:
    size = next((f", {place.bytes / 1e9:.2g} GB" for place in source.download if place.bytes), "")
    places = "\n".join(f"  {place.kind}: {place.page}" for place in source.download)
    return f"{name}: {source.title} ({source.licence}{size})\n{places}"


def _echo(line: str) -> None:
    click.echo(line, err=True)


def _bar(what: str, total: int, done: int) -> Any:
    """A bar in bytes on stderr where a person is looking."""
    from tqdm import tqdm

    return tqdm(
        desc=what,
        total=total or None,
        initial=done,
        unit="B",
        unit_scale=True,
        disable=None,
        file=sys.stderr,
        dynamic_ncols=True,
    )
