"""``pneumoscope train``: train a recipe."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from pneumoscope.cli.options import cache_folder, data_option, need, progress


@click.command()
@click.argument("recipe")
@data_option
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="RUN", help="The run's folder."
)
@click.option("--resume", is_flag=True, help="Go on with the run in RUN from its last full epoch, or start it.")
@click.option(
    "--weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Initial weights (safetensors) in place of timm's hub.",
)
def train(recipe: str, data: Path, out: Path, resume: bool, weights: Path | None) -> None:
    """Train a recipe.

    RECIPE is the name of a packaged recipe or a TOML file. Everything is left in the folder RUN.

    Validation films are set aside by patient unless the manifest has them. A run that was stopped, however abruptly,
    goes on with --resume and ends with the same weights as if it had not been.
    """
    need("train", "pneumoscope train")
    from pneumoscope.data import open_manifest
    from pneumoscope.training.recipe import load_recipe
    from pneumoscope.training.run import train as run

    done = run(
        load_recipe(recipe),
        open_manifest(data),
        out,
        cache=cache_folder(),
        weights_file=weights,
        resume=resume,
        progress=partial(progress, what="preparing"),
    )
    click.echo(f"the run is complete; next: pneumoscope export {done.folder} --out BUNDLE", err=True)
