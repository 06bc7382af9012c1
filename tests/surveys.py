"""Surveys made up from numbers, without any film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pneumoscope.core.manifest import Film, Listing
from pneumoscope.data.survey import _ROW, SCALARS, THUMB, Survey
from tests.helpers import row


def made_survey(
    films: Sequence[Film],
    *,
    unreadable: Sequence[int] = (),
    seed: int = 0,
    root: Path = Path("nowhere"),
    **columns: Any,
) -> Survey:
    """Measurements drawn at random around 1, or as given in ``columns``; thumbnails of smooth noise."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(len(films), _ROW)
    for name in SCALARS:
        rows[name] = rng.normal(1, 0.1, len(films))
    rows["thumb"] = smooth(rng, len(films))
    for name, values in columns.items():
        rows[name] = values
    for i in unreadable:
        rows["error"][i] = b"it is damaged"
        for name in SCALARS:
            rows[name][i] = np.nan
    return Survey(Listing(root, tuple(films)), rows)


def smooth(rng: np.random.Generator, films: int) -> ArrayLike:
    """Films that differ in a coarse pattern, (N, 32, 32) uint8."""
    coarse = rng.normal(128, 30, (films, 4, 4)).repeat(THUMB // 4, axis=1).repeat(THUMB // 4, axis=2)
    return np.clip(coarse, 0, 255).astype(np.uint8)


def listed(n: int, **changes: Any) -> list[Film]:
    """``n`` films of as many patients: every other one without pneumonia, three in four for training."""
    return [
        row(f"{i}.png", **({"label": i % 2, "split": "test" if i % 4 > 2 else "train"} | changes)) for i in range(n)
    ]
