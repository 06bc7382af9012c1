"""``pneumoscope data``: know the films before training on them. One file a command."""

from __future__ import annotations

import click

from pneumoscope.cli.data.audit import audit
from pneumoscope.cli.data.clean import clean
from pneumoscope.cli.data.explore import explore
from pneumoscope.cli.data.fetch import fetch
from pneumoscope.cli.data.index import index
from pneumoscope.cli.data.split import split


@click.group()
def data() -> None:
    """List films, look through them, find what is wrong with them, and split them.

    In the usual order: fetch, index, audit, clean, split, explore. Films are never changed, only manifests are written.
    """


for _command in (fetch, index, audit, clean, split, explore):
    data.add_command(_command)
