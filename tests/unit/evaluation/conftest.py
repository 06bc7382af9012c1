"""Films on disk whose greys say what the tiny bundle answers, and films as they have been seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pneumoscope.core import Finding, QualityFlag, Reading, Timings
from pneumoscope.core.files import sha256_bytes
from pneumoscope.core.manifest import Manifest
from pneumoscope.evaluation.labelled import LabelledFilms
from pneumoscope.evaluation.seen import SeenFilm
from tests.helpers import picture, row, tiny_spec


@pytest.fixture
def labelled(tmp_path: Path) -> Callable[..., LabelledFilms]:
    """``labelled((label, pixels or bytes), ..., patients=[...])`` writes films; they are labelled as said."""

    def _labelled(*films: tuple[int, Any], patients: list[str] | None = None) -> LabelledFilms:
        rows = []
        for i, (label, content) in enumerate(films):
            data = content if isinstance(content, bytes) else picture(np.asarray(content, np.uint8))
            (tmp_path / f"{i}.png").write_bytes(data)
            patient = patients[i] if patients else f"p{i}"
            rows.append(row(f"{i}.png", label=label, patient=patient, digest=sha256_bytes(data), split="test"))
        return LabelledFilms.of(Manifest(tmp_path, tuple(rows)), tiny_spec())

    return _labelled


@pytest.fixture
def seen() -> Callable[..., SeenFilm]:
    """``seen("name", truth, probability, ...)``: positive from 0.5 on."""

    def _seen(name: str, positive: bool, probability: float, heat: Any = None, **more: Any) -> SeenFilm:
        columns = {
            key: more.pop(key) for key in ("patient", "subtype", "source", "age", "sex", "digest") if key in more
        }
        film = row(f"{name}.png", **({"label": int(positive), "split": "test"} | columns))
        reading = Reading(
            film=film.path,
            findings=(Finding("pneumonia", probability, "balanced", 0.5, probability >= 0.5),),
            flags=tuple(QualityFlag(code, code) for code in more.pop("flags", ())),
            notes=(),
            heatmap=None if heat is None else np.asarray(heat, np.float32),
            film_digest=film.digest,
            bundle_digest="4f" * 32,
            milliseconds=Timings(1.0, 1.0, 1.0),
        )
        facts = {"full_size": (1000, 1200), "container": "jpeg", "colour": False, "view": "", "markers": 0} | more
        return SeenFilm(film=film, positive=positive, reading=reading, **facts)

    return _seen
