"""``pneumoscope train``: train a recipe."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from pneumoscope.cli.options import cache_folder, data_option, need, progress, set_option


@click.command()
@click.argument("recipe")
@data_option
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="RUN", help="The run's folder."
)
@set_option
@click.option("--resume", is_flag=True, help="Go on with the run in RUN from its last full epoch, or start it.")
@click.option(
    "--weights",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    help="Initial weights in place of the recipe's: a safetensors file, or the folder of a complete run.",
)
@click.option(
    "--teacher", metavar="BUNDLE", help="Learn from this bundle's answers too: a folder, a zip file or a packaged one."
)
@click.option(
    "--accelerator",
    type=click.Choice(["auto", "cpu", "gpu", "mps"]),
    default="auto",
    show_default=True,
    help="What to train on; auto takes a GPU where there is one.",
)
@click.option(
    "--devices", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="Devices a machine."
)
@click.option(
    "--nodes",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="M",
    help="Machines; start the command on each, by torchrun or SLURM.",
)
@click.option("--mlflow", metavar="URI", help="Log to this MLflow server or store too (extra: mlflow).")
def train(
    recipe: str,
    data: Path,
    out: Path,
    changes: tuple[str, ...],
    resume: bool,
    weights: Path | None,
    teacher: str | None,
    mlflow: str | None,
    **hardware: Any,
) -> None:
    """Train a recipe.

    RECIPE is the name of a packaged recipe ('pneumoscope recipes' lists them) or a TOML file. Everything is left in the
    folder RUN: recipe, split, log, curves, and at last the weights.

    Validation films are set aside by patient unless the manifest has them. A run that was stopped, however abruptly,
    goes on with --resume and ends with the same weights as if it had not been.
    """
    need("train", "pneumoscope train")
    if mlflow:
        need("mlflow", "pneumoscope train --mlflow")
    from pneumoscope.training.recipe import load_recipe
    from pneumoscope.training.recipe.weights import check_start, weights_file

    chosen = load_recipe(recipe, changes)
    check_start(chosen, weights_file(weights))

    from pneumoscope.data import open_manifest
    from pneumoscope.training.fitting import Setup
    from pneumoscope.training.hardware import Hardware
    from pneumoscope.training.run import train as run

    setup = Setup(weights=weights, teacher=teacher, hardware=Hardware(**hardware), mlflow=mlflow)
    done = run(
        chosen,
        open_manifest(data),
        out,
        cache=cache_folder(),
        setup=setup,
        resume=resume,
        progress=partial(progress, what="preparing"),
    )
    if setup.hardware.rank == 0:
        click.echo(f"the run is complete; next: pneumoscope export {done.folder} --out BUNDLE", err=True)
