"""What is read from prepared films is what is read from the files, whatever the bundle's preprocessing."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from pneumoscope.core.files import sha256_bytes
from pneumoscope.core.manifest import Manifest
from pneumoscope.engines import Outputs
from pneumoscope.evaluation import evaluate
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.predict import Predictor
from tests.helpers import SIZE, picture, row


class Textured:
    """An engine to whose answer each pixel of each plane adds in its own way."""

    name = "textured"

    def run(self, films: np.ndarray) -> Outputs:
        weights = np.random.default_rng(5).normal(size=films.shape[1:])
        logits = (films * weights).sum(axis=(1, 2, 3), dtype=np.float64)[:, np.newaxis] / np.sqrt(weights.size)
        return Outputs(logits.astype(np.float32), np.zeros((1, 3), np.float32), np.zeros((1, 1, 3, 4), np.float32))


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch) -> Manifest:
    """Ten films of many shapes: two of them blank, one faint, one a negative."""
    monkeypatch.setattr(import_module("pneumoscope.evaluation.measures"), "RESAMPLES", 20)
    rng, films = np.random.default_rng(0), []
    for i in range(10):
        height, width = (int(side) for side in rng.integers(40, 120, 2))
        film = rng.integers(0, 120, (height, width)) + np.linspace(0, 135, width)
        film = {2: np.full((30, 90), 128), 5: np.full((90, 30), 0), 6: 100 + 0.2 * film, 8: 255 - film}.get(i, film)
        data = picture(film.astype(np.uint8))
        (tmp_path / f"{i}.png").write_bytes(data)
        films.append(row(f"{i}.png", label=i % 2, split="test", digest=sha256_bytes(data)))
    return Manifest(tmp_path, tuple(films))


def with_preprocessing(predictor: Predictor, **choice: Any) -> Predictor:
    spec = msgspec.structs.replace(predictor.bundle.spec, preprocessing=Preprocessing(size=SIZE, **choice))
    return Predictor(replace(predictor.bundle, spec=spec), Textured())


@pytest.mark.parametrize("aspect", ["squash", "pad", "crop"])
@pytest.mark.parametrize(
    "steps",
    [{}, {"contrast": "equalise"}, {"contrast": "clahe"}, {"edges": True}, {"contrast": "clahe", "edges": True}],
)
def test_the_cache_gives_the_answers_of_the_files(predictor, manifest, tmp_path, aspect, steps):
    """Where a step works in 8 bits the answers are the same; else they differ by the rounding to 8 bits."""
    if steps:
        pytest.importorskip("cv2")
    reader = with_preprocessing(predictor, aspect=aspect, **steps)
    files = evaluate(reader, manifest, "test").outcomes
    prepared = evaluate(reader, manifest, "test", cache=tmp_path / "cache").outcomes
    one, other = ([reading.finding.probability for reading in readings] for readings in (files, prepared))
    assert np.ptp(one) > 0.05
    np.testing.assert_allclose(other, one, atol=1e-12 if steps else 5e-3)
    one, other = ([[flag.code for flag in reading.flags] for reading in readings] for readings in (files, prepared))
    assert one == other
    assert one == [[], [], ["blank"], [], [], ["blank"], ["low-contrast"], [], ["inverted"], []]


def test_films_are_prepared_once_for_a_bundle_that_is_shown_them_plainly(predictor, manifest, tmp_path):
    pytest.importorskip("cv2")
    evaluate(with_preprocessing(predictor), manifest, "test", cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 1
    evaluate(with_preprocessing(predictor, contrast="clahe"), manifest, "test", cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 2
