"""What the data commands share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from pneumoscope.core.manifest import Listing

F = TypeVar("F", bound=Callable[..., Any])

_NAMES = {1: "pneumonia", 0: "no pneumonia", None: "not stated"}


def manifest_out(*, required: bool = False) -> Callable[[F], F]:
    """The option that names the manifest to write."""
    return click.option(
        "--out",
        type=click.Path(dir_okay=False, path_type=Path),
        required=required,
        metavar="FILE",
        help="Manifest to write: .csv or .parquet.",
    )


def summary(listing: Listing) -> None:
    """Print how many films and patients there are, by split and label."""
    from pneumoscope.core.manifest import SPLITS
    from pneumoscope.report.text import one_line

    films = listing.films
    sources = Counter(film.source for film in films)
    names = {name: one_line(name) for name in sources}
    told = ", ".join(f"{names[name]} ({n})" if len(sources) > 1 else names[name] for name, n in sources.items())
    click.echo(f"{len(films)} films of {len({film.key for film in films})} patients, source {told}")
    for split in (*SPLITS, ""):
        labels = Counter(film.label for film in films if film.split == split)
        if labels:
            counts = ", ".join(f"{labels[label]} {name}" for label, name in _NAMES.items() if labels[label])
            click.echo(f"  {split or 'no split yet':<14}{counts}{_subtypes(listing, split)}")


def _subtypes(listing: Listing, split: str) -> str:
    from pneumoscope.report.text import one_line

    kinds = Counter(film.subtype for film in listing.films if film.split == split and film.subtype)
    return f" ({', '.join(f'{n} {one_line(name)}' for name, n in sorted(kinds.items()))})" if kinds else ""
