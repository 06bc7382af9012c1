"""``pneumoscope recipes``: what can be trained."""

from __future__ import annotations

import click

from pneumoscope.cli.options import need, set_option


@click.command()
@click.argument("recipe", required=False)
@set_option
def recipes(recipe: str | None, changes: tuple[str, ...]) -> None:
    """List the packaged recipes, or explain one.

    With RECIPE, a name or a TOML file: every choice in it, those inherited or left at their defaults included, as a
    file that 'pneumoscope train' takes; and how large its network is.
    """
    need("train", "pneumoscope recipes")
    from pneumoscope.training.recipe import as_toml, load_recipe, packaged_recipes

    if recipe is None:
        names = packaged_recipes()
        width = max(map(len, names))
        for name in names:
            click.echo(f"{name:<{width}}  {load_recipe(name).description}")
        return
    chosen = load_recipe(recipe, changes)
    from pneumoscope.training.run_folder import network_of

    network = network_of(chosen, start=False)
    parameters = sum(weight.numel() for weight in network.parameters())
    click.echo(f"# {parameters:,} parameters, {parameters * 4 / 1e6:.1f} MB in fp32; sha256 {chosen.digest}")
    click.echo(as_toml(chosen), nl=False)
