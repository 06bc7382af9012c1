"""``pneumoscope doctor``: what one pastes into a bug report."""

from __future__ import annotations

import json

import click

from pneumoscope.cli.options import bundle_option


@click.command()
@bundle_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(bundle: str, as_json: bool) -> None:
    """Check the installation and the bundle.

    Prints versions, engine and cores, checks every file of the bundle, and times a self-test.
    """
    from pneumoscope.predict.doctor import examine

    found = examine(bundle)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    width = max(map(len, found))
    for name, value in found.items():
        click.echo(f"{name:<{width}}  {value}")
