"""``pneumoscope export``: make a bundle of a finished run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pneumoscope.cli.options import cache_folder, need, progress

if TYPE_CHECKING:
    from pneumoscope.bundle import ModelBundle
    from pneumoscope.bundle.spec import View
    from pneumoscope.training.export import WeightsOrigin


class _Views(click.ParamType[Any]):
    """Names of views, with commas between them."""

    name = "views"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[View, ...]:
        """Check the names against those that a bundle may have."""
        from pneumoscope.bundle.spec import VIEWS

        known: dict[str, View] = {view: view for view in VIEWS}
        names = str(value).split(",")
        if not set(names) <= known.keys() or len(set(names)) < len(names):
            self.fail(f"expected some of {', '.join(known)}, each once, with commas between them; got {value!r}")
        return tuple(known[name] for name in names)


def bundle_out_options(default_name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that say which bundle is to be made: --out, --name, --bundle-version, --views, --weights-…."""
    options = [
        click.option(
            "--out", type=click.Path(path_type=Path), required=True, metavar="BUNDLE", help="A folder, or a .zip file."
        ),
        click.option("--name", help=f"The bundle's name.  [default: {default_name}]"),
        click.option("--bundle-version", default="1.0", show_default=True, metavar="V", help="The bundle's version."),
        click.option(
            "--views",
            type=_Views(),
            default="plain",
            show_default=True,
            metavar="VIEW,...",
            help="Average the answers to a film as it is (plain), mirrored and closer; each view takes its time.",
        ),
        click.option(
            "--weights-from",
            metavar="TEXT",
            help="Where the initial weights came from, for the model card.  [default: what the recipe says]",
        ),
        click.option("--weights-licence", metavar="TEXT", help="Their licence."),
    ]

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def weights_origin(name: str | None, licence: str | None) -> WeightsOrigin | None:
    """What --weights-from and --weights-licence say together."""
    if licence and not name:
        raise click.UsageError("--weights-licence: say by --weights-from which weights it is the licence of")
    if not name:
        return None
    from pneumoscope.training.export import WeightsOrigin

    return WeightsOrigin(name, licence or "not stated")


def told(out: Path, bundle: ModelBundle) -> str:
    """What was written, in a line."""
    return f"wrote {out}: {bundle.spec.graph.precision}, {len(bundle.graph) / 1e6:.1f} MB, sha256 {bundle.digest[:16]}"


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@bundle_out_options("the recipe's name")
def export(
    run: Path,
    out: Path,
    name: str | None,
    bundle_version: str,
    views: tuple[View, ...],
    weights_from: str | None,
    weights_licence: str | None,
) -> None:
    """Export a finished run as a bundle.

    RUN is the folder that train left; predict, evaluate and doctor take the bundle.

    The graph is int8 if it decides as fp32 does on the validation films, else fp32. The bundle is checked before it
    exists.
    """
    need("train", "pneumoscope export")
    origin = weights_origin(weights_from, weights_licence)
    from pneumoscope.training.export import export as make
    from pneumoscope.training.run_folder import Run

    finished = Run(run)
    bundle = make(
        finished,
        out,
        name=name or finished.load_record().recipe.name,
        version=bundle_version,
        views=views,
        origin=origin,
        cache=cache_folder(),
        progress=partial(progress, what="preparing"),
        tell=partial(click.echo, err=True),
    )
    click.echo(told(out, bundle))
