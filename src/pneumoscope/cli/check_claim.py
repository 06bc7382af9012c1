"""``pneumoscope check-claim``: can published figures come from a test set of this size?"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from pneumoscope.cli.options import need

_FIGURES = {
    "accuracy": (),
    "recall": ("--sensitivity",),
    "specificity": (),
    "precision": ("--ppv",),
    "npv": (),
    "f1": (),
    "f1-negative": (),
    "mcc": (),
    "balanced-accuracy": (),
    **{f"{kind}-{name}": () for kind in ("macro", "weighted") for name in ("precision", "recall", "f1")},
}
"""Options, with further names."""

_HELP = {
    "recall": "Of the positive films.",
    "specificity": "Recall of the negative films.",
    "npv": "Precision of the negative films.",
    "f1-negative": "F1 of the negative films.",
    "mcc": "Matthews' correlation coefficient.",
}


def _figure_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, further in reversed(_FIGURES.items()):
        command = click.option(f"--{name}", *further, name.replace("-", "_"), metavar="X", help=_HELP.get(name))(
            command
        )
    return command


class _Films(click.ParamType[Any]):
    """Films of each class: positive, a stroke, negative."""

    name = "films"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Take "398/242" apart."""
        found = re.fullmatch(r"(\d+)/(\d+)", str(value), re.ASCII)
        if found is None:
            self.fail(f"expected positive and negative films, such as 398/242, got {value!r}")
        return int(found[1]), int(found[2])


@click.command("check-claim")
@click.option("--positives", type=int, required=True, metavar="P", help="Positive films of the test set.")
@click.option("--negatives", type=int, required=True, metavar="N", help="Negative films of the test set.")
@_figure_options
@click.option(
    "--rounding",
    type=click.Choice(["nearest", "truncate", "any"]),
    default="any",
    show_default=True,
    help="How the figures were shortened: rounded, cut off, or either.",
)
@click.option(
    "--also",
    "others",
    type=_Films(),
    multiple=True,
    metavar="P/N",
    help="Another test set to try if this one is impossible; may be given again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all that was found as JSON.")
def check_claim(
    positives: int, negatives: int, rounding: Any, others: tuple[tuple[int, int], ...], as_json: bool, **figures: str
) -> None:
    """Check whether published figures can come from a test set of this size.

    Give each figure as it was printed: "0.93" stands for anything that is shortened to it, "0.930" for less, and
    "92.9%" is fine. Tells the confusion matrices that give all of them, or which figures contradict each other, what
    the nearest would be, and whether a common slip explains them (the classes exchanged, averages over the classes).

    Ends with 0 if the figures are possible, with 1 if they are not. Impossible says that they cannot be reached with
    these counts, not why: a different test set, a mean over several runs or a misprint do it too.
    """
    need("evaluate", "pneumoscope check-claim")
    import msgspec

    from pneumoscope.report.claim_text import claim_text
    from pneumoscope.stats.claims import Claim
    from pneumoscope.stats.claims import check_claim as check

    try:
        claim = Claim(
            positives, negatives, {name: text for name, text in figures.items() if text is not None}, rounding
        )
        found = check(claim, others)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(msgspec.json.format(msgspec.json.encode(found)) if as_json else claim_text(found))
    if not found.possible:
        raise SystemExit(1)
