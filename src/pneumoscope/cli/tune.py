"""``pneumoscope tune``: search for a better recipe."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from pneumoscope.cli.options import cache_folder, data_option, need, progress, set_option


@click.command()
@click.argument("recipe")
@click.option(
    "--space",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help='What may vary (TOML), such as "optimisation.rate" = { low = 1e-4, high = 1e-2, log = true }.',
)
@click.option("--trials", type=click.IntRange(1), required=True, metavar="N", help="Trials in all.")
@data_option
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR", help="The search's folder."
)
@click.option(
    "--objective",
    type=click.Choice(["val_loss", "val_auc"]),
    default="val_loss",
    show_default=True,
    help="What the trials are compared by.",
)
@set_option
@click.option(
    "--weights",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    help="Initial weights in place of the recipe's: a safetensors file, or the folder of a complete run.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of what the trials draw.")
def tune(
    recipe: str,
    space: Path,
    trials: int,
    data: Path,
    out: Path,
    objective: Any,
    changes: tuple[str, ...],
    weights: Path | None,
    seed: int,
) -> None:
    """Search for a better recipe.

    RECIPE is the name of a packaged recipe or a TOML file. Trains it N times with values drawn from the space, drawing
    more where it went well, and ends early what is not worth going on with. Leaves trials.csv, best.toml (a recipe),
    report.html and each trial's run in DIR.

    Validation films are set aside once and choose; test films are not looked at. A search that was stopped, however
    abruptly, goes on when the same command is given again; so does one that is done, with a larger N.
    """
    need("tune", "pneumoscope tune")
    from pneumoscope.training.recipe import load_recipe
    from pneumoscope.training.recipe.weights import check_start, weights_file
    from pneumoscope.training.tune.space import load_space

    base = load_recipe(recipe, changes)
    ranges = load_space(space, base, objective)
    check_start(ranges.recipe(base, ranges.first), weights_file(weights))

    from pneumoscope.data import open_manifest
    from pneumoscope.training.fitting import Setup
    from pneumoscope.training.tune.search import search

    try:
        found = search(
            base,
            ranges,
            open_manifest(data),
            out,
            trials=trials,
            objective=objective,
            seed=seed,
            cache=cache_folder(),
            setup=Setup(weights=weights),
            progress=partial(progress, what="preparing"),
            tell=partial(click.echo, err=True),
        )
    except (KeyboardInterrupt, SystemExit):
        click.echo(f"stopped; the same command goes on with the search in {out}", err=True)
        raise
    if found.best:
        click.echo(
            f"the best is trial {found.best.number}, {objective} {found.best.value:.4f} on validation films; "
            f"{out / 'report.html'} tells more. Next: pneumoscope train {out / 'best.toml'} --data {data} --out RUN, "
            f"or pneumoscope export {out / 'trials' / found.best.run} --out BUNDLE",
            err=True,
        )
