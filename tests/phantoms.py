"""Made-up films that are as unlike each other as those of two people, and listings of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pneumoscope.core.files import sha256_bytes
from pneumoscope.core.manifest import Film, Listing
from pneumoscope.data.audit import Audit, audit
from pneumoscope.data.audit.case import Case
from pneumoscope.data.survey import Survey, survey
from tests.helpers import picture, row

SIDE = 64


def phantom(seed: int, grey: float = 0.5, side: int = SIDE) -> NDArray[np.uint8]:
    """A film with coarse and fine detail of its own, (side, side), of mean ``grey`` (0 to 1)."""
    noise = np.random.default_rng(seed).normal(size=(3, side, side))
    field = sum(gaussian_filter(one, sigma) * sigma for one, sigma in zip(noise, (1, 4, 12), strict=True))
    field = (field - field.mean()) / field.std()
    return np.clip(np.rint(255 * (grey + 0.12 * field)), 0, 255).astype(np.uint8)


def film(seed: int, grey: float = 0.5) -> bytes:
    """The phantom as a PNG."""
    return picture(phantom(seed, grey))


def put(root: Path, path: str, data: bytes, **columns: Any) -> Film:
    """Write a film and return its row."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return row(path, **({"digest": sha256_bytes(data)} | columns))


def ward(root: Path, patients: int = 12, *, greys: Mapping[tuple[str, int], float] | None = None) -> list[Film]:
    """Two films each of so many patients in each class of train and of test; ``greys`` by split and label."""
    films = []
    for i, (split, label) in enumerate((split, label) for split in ("train", "test") for label in (0, 1)):
        grey = (greys or {}).get((split, label), 0.5)
        for j in range(2 * patients):
            seed = 500 + 100 * i + j
            name = f"{split}/{label}/{j:03}.png"
            films.append(
                put(root, name, film(seed, grey), split=split, label=label, patient=f"{split} {label} {j // 2}")
            )
    return films


def surveyed(root: Path, films: list[Film]) -> Survey:
    return survey(Listing(root, tuple(films)), root / ".cache")


def case(root: Path, films: list[Film], scores: Mapping[str, float] | None = None) -> Case:
    """What a single check is given; few resamples, as intervals are tested elsewhere."""
    return Case(surveyed(root, films), scores or {}, 0, 20)


def audited(root: Path, films: list[Film], **options: Any) -> Audit:
    """An audit with few resamples."""
    return audit(surveyed(root, films), **({"resamples": 20} | options))
