"""What several commands share: options, extras, progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import click

from pneumoscope.core import MissingExtra

T = TypeVar("T")

_EXTRAS = {
    "evaluate": ("sklearn", "scipy", "matplotlib", "pyarrow", "reportlab"),
    "data": ("sklearn", "scipy", "matplotlib", "filelock"),
    "fetch": ("requests", "kagglehub"),
    "train": (
        *("torch", "timm", "lightning", "onnx", "onnxscript", "safetensors", "tensorboard", "tomli_w"),
        *("sklearn", "scipy", "imblearn", "cv2"),
    ),
    "mlflow": ("mlflow", "sqlalchemy", "alembic"),
    "tune": ("torch", "timm", "lightning", "safetensors", "sklearn", "scipy", "matplotlib", "optuna", "tomli_w"),
}

bundle_option = click.option(
    "--bundle",
    default="default",
    show_default=True,
    metavar="B",
    help="A bundle: a folder, a zip file, or a packaged one: 'default', or the slower 'accurate'.",
)
jobs_option = click.option(
    "--jobs", type=click.IntRange(1, 256), metavar="N", help="Films read at a time.  [default: one more than cores]"
)
operating_point_option = click.option(
    "--operating-point",
    metavar="NAME",
    help="One of the bundle's operating points.  [default: the bundle's own default]",
)
set_option = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change the recipe, such as optimisation.epochs=20; may be given again.",
)
data_option, optional_data_option = (
    click.option(
        "--data",
        type=click.Path(exists=True, path_type=Path),
        required=required,
        metavar="MANIFEST",
        help="A manifest (CSV or Parquet), or a folder in a known layout (train/NORMAL, train/PNEUMONIA, test/...).",
    )
    for required in (True, False)
)


def need(extra: str, command: str) -> None:
    """Refuse a command whose libraries are not installed.

    Raises
    ------
    MissingExtra : naming the extra to install.
    """
    if any(find_spec(module) is None for module in _EXTRAS[extra]):
        raise MissingExtra(command, extra)


def cache_folder() -> Path:
    """Where prepared films are kept: ``$PNEUMOSCOPE_CACHE``, else the user's own cache folder."""
    if place := os.environ.get("PNEUMOSCOPE_CACHE"):
        return Path(place)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pneumoscope"


def progress(items: Iterable[T], total: int, what: str = "films", unit: str = " films") -> Iterable[T]:
    """The items, with a progress bar on stderr where a person is looking."""
    if not sys.stderr.isatty():
        return items
    from tqdm import tqdm

    return tqdm(items, total=total, unit=unit, desc=what, file=sys.stderr, dynamic_ncols=True)
