"""A run's log as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

_PANELS = {"loss": ("train_loss", "val_loss"), "validation": ("val_auc", "val_recall", "val_specificity")}


def curves(rows: Sequence[dict[str, float]]) -> bytes:
    """The losses, and what was reached on the validation films, epoch by epoch, as PNG."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    for axes, (title, names) in zip(figure.subplots(1, len(_PANELS)), _PANELS.items(), strict=True):
        for name in names:
            shown = [(row["epoch"] + 1, row[name]) for row in rows if name in row]
            if shown:
                axes.plot(*zip(*shown, strict=True), marker=".", label=name.replace("_", " "))
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()
