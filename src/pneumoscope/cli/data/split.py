"""``pneumoscope data split``: set films aside for validation and test."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pneumoscope.cli.data.options import manifest_out, summary
from pneumoscope.cli.options import cache_folder, need, progress

if TYPE_CHECKING:
    from pneumoscope.core.manifest import Manifest


@click.command()
@click.argument("manifest", type=click.Path(exists=True, path_type=Path))
@manifest_out(required=True)
@click.option(
    "--strategy",
    type=click.Choice(["random", "shifted"]),
    default="random",
    show_default=True,
    help="shifted: validate on those films without pneumonia that look most like it by how they were acquired.",
)
@click.option(
    "--folds", type=click.IntRange(2, 100), default=8, show_default=True, help="One fold in so many is set aside."
)
@click.option("--all-folds", is_flag=True, help="Write FILE-1 to FILE-N, each with another fold set aside.")
@click.option(
    "--test-share",
    type=click.FloatRange(0, 0.5),
    default=0.15,
    show_default=True,
    help="Share of films without a split that become test films.",
)
@click.option("--keep-val", is_flag=True, help="Keep a validation folder however small it is.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Draws the same films again.")
@click.option("--overwrite", is_flag=True, help="Replace FILE.")
def split(
    manifest: Path,
    out: Path,
    strategy: str,
    folds: int,
    all_folds: bool,
    test_share: float,
    keep_val: bool,
    seed: int,
    overwrite: bool,
) -> None:
    """Set films aside for validation and test, by patient.

    MANIFEST is a manifest or a folder in a known layout. No patient, and no file, sits on two sides; every class and
    subtype gives its share. Test films that a source states stay test films; films that have no split yet get one.

    A split is drawn once: it is written down beside FILE, with what it came from, and never drawn again by itself.
    """
    need("data", "pneumoscope data split")
    from pneumoscope.data import open_listing
    from pneumoscope.data.split import assigned, k_folds, without_tiny_validation

    if all_folds and strategy == "shifted":
        raise click.UsageError("--all-folds goes with --strategy random: the shifted validation films are one set")
    targets = [out.with_stem(f"{out.stem}-{i + 1}") for i in range(folds)] if all_folds else [out]
    taken = [str(path) for path in targets if path.exists()]
    if taken and not overwrite:
        raise click.UsageError(f"{', '.join(taken)}: a split is there already; --overwrite replaces it")
    listing = open_listing(manifest)
    films = assigned(listing, test_share=test_share, seed=seed)
    if not keep_val:
        films, given_back = without_tiny_validation(films)
        if given_back:
            click.echo(
                f"note: the {given_back} validation films are too few to choose anything on (less than one in a "
                f"hundred): they become train films. --keep-val keeps them.",
                err=True,
            )
    if any(film.split == "val" for film in films.films):
        if all_folds or strategy == "shifted" or films.films == listing.films:
            raise click.UsageError(f"{manifest} has validation films already: a split is drawn once")
        drawn = [films]
    elif all_folds:
        drawn = list(k_folds(films, folds=folds, seed=seed))
    elif strategy == "shifted":
        drawn = [_shifted(films, folds, seed)]
    else:
        drawn = [next(k_folds(films, folds=folds, seed=seed))]
    how = {"strategy": strategy, "folds": folds, "seed": seed, "test_share": test_share}
    for path, one in zip(targets, drawn, strict=True):
        _write(one, path, how | {"from": listing.digest})
    summary(drawn[0])
    click.echo(f"wrote {', '.join(map(str, targets))}", err=True)


def _shifted(films: Manifest, folds: int, seed: int) -> Manifest:
    from pneumoscope.data.shifted import hardness, with_shifted_validation
    from pneumoscope.data.survey import survey

    measured = survey(films, cache_folder(), partial(progress, what="measuring"))
    return with_shifted_validation(films, hardness(measured, seed), folds=folds, seed=seed)


def _write(manifest: Manifest, path: Path, how: dict[str, Any]) -> None:
    """The manifest, and beside it how it was drawn."""
    import pneumoscope
    from pneumoscope.core.files import atomic_write
    from pneumoscope.data import write_manifest

    write_manifest(manifest, path)
    record = how | {"manifest_digest": manifest.digest, "pneumoscope": pneumoscope.__version__}
    with atomic_write(path.with_suffix(".split.json")) as file:
        file.write(json.dumps(record, indent=2) + "\n")
