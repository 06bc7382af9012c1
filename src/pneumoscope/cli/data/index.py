"""``pneumoscope data index``: list films."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pneumoscope.cli.data.options import manifest_out, summary
from pneumoscope.cli.options import progress
from pneumoscope.core.manifest import SPLITS

if TYPE_CHECKING:
    from pneumoscope.data.sources import Options

_MEANING = {"1": 1, "0": 0, "unknown": None}
_TOLD = 5


@click.command()
@click.argument("roots", nargs=-1, metavar="ROOT...", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--source", metavar="NAME", help="What the folders are; see --list.  [default: told by their layout]")
@manifest_out()
@click.option(
    "--table",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV that holds the labels (sources csv and dicom).",
)
@click.option(
    "--column", "columns", multiple=True, metavar="OURS=THEIRS", help="Name of a column in the table; OURS= for none."
)
@click.option(
    "--class", "classes", multiple=True, metavar="NAME=1|0|unknown", help="What a class means: 1 is pneumonia."
)
@click.option("--patient", "pattern", metavar="REGEX", help="Finds the patient's key in a film's path.")
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    help="Split of the films of which the source states none: test, for films that are only to be evaluated.",
)
@click.option("--list", "listed", is_flag=True, help="Name the sources and their layouts, and end.")
@click.pass_context
def index(
    ctx: click.Context,
    roots: tuple[Path, ...],
    source: str | None,
    out: Path | None,
    table: Path | None,
    columns: tuple[str, ...],
    classes: tuple[str, ...],
    pattern: str | None,
    split: str | None,
    listed: bool,
) -> None:
    """List the films below ROOT as a manifest.

    A row a film: path, digest, patient, label, subtype, split, source, and what else the source states. A film that
    cannot be opened is listed with a note. Several folders make one manifest.
    """
    from pneumoscope.data import joined, write_manifest
    from pneumoscope.data.sources import SOURCES, index

    if listed:
        for one in SOURCES.values():
            click.echo(f"{one.name:<22}{one.title}\n{'':<22}{one.layout}")
        return
    if not roots or out is None:
        raise click.UsageError("expected at least one ROOT and --out FILE (or --list)")
    options = _options(table, columns, classes, pattern)
    told = partial(progress, what="reading")
    found = joined([index(root, source, options, told) for root in roots])
    if split:
        found = replace(found, films=tuple(replace(film, split=film.split or split) for film in found.films))
    write_manifest(found, out)
    summary(found)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    noted = [film for film in found.films if film.note]
    for film in noted[:_TOLD]:
        click.echo(f"note: {film.path}: {film.note}", err=True)
    if len(noted) > _TOLD:
        click.echo(f"and {len(noted) - _TOLD} more notes, in the manifest", err=True)
    click.echo(f"wrote {out}; next: pneumoscope data audit {out} --out DIR", err=True)


def _options(table: Path | None, columns: tuple[str, ...], classes: tuple[str, ...], pattern: str | None) -> Options:
    from pneumoscope.data.sources import Options

    meanings = _pairs(classes, "--class")
    strange = {f"{name}={meaning}" for name, meaning in meanings.items() if meaning not in _MEANING}
    if strange:
        raise click.BadParameter(
            f"expected NAME=1, NAME=0 or NAME=unknown, got {', '.join(sorted(strange))}", param_hint="--class"
        )
    try:
        compiled = re.compile(pattern) if pattern else None
    except re.error as error:
        raise click.BadParameter(f"expected a regular expression: {error}", param_hint="--patient") from error
    return Options(
        table=table,
        columns=_pairs(columns, "--column", may_be_empty=True),
        classes={name: _MEANING[meaning] for name, meaning in meanings.items()},
        patient_pattern=compiled,
    )


def _pairs(words: tuple[str, ...], option: str, *, may_be_empty: bool = False) -> dict[str, str]:
    """``("a=b", ...)`` as a dictionary; a name may hold "=" itself."""
    split = [word.rpartition("=") for word in words]
    bad = [word for word, (name, _, value) in zip(words, split, strict=True) if not name or not (value or may_be_empty)]
    if bad:
        raise click.BadParameter(f"expected NAME=VALUE, got {', '.join(bad)}", param_hint=option)
    return {name: value for name, _, value in split}
