"""A film has one reading, by whatever way it is read: any thread, batch, order, entry and optimisation of the graph.

With the packaged bundles, on films of the demo set, large ones made of them, and made-up ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.bundle import PACKAGED
from pneumoscope.core import Radiograph, Reading
from pneumoscope.engines import Engine, golden_film, open_engine
from pneumoscope.imaging import read
from pneumoscope.imaging.preprocess import network_input, planes, resize
from pneumoscope.predict import Predictor
from tests.helpers import DEMO, picture

PROBABILITY = 1e-4
CELL = 1e-3
"""How far a probability, and a cell of the heat map (0 to 1), may be from those of another way."""


@pytest.fixture(scope="module", params=PACKAGED)
def predictor(request: pytest.FixtureRequest) -> Predictor:
    return Predictor.open(request.param)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory, make_dicom: Callable[..., bytes]) -> list[Path]:
    """Eight demo films; of two of them also a large JPEG, a PNG and a DICOM file of 16 bits."""
    if not DEMO.is_dir():
        pytest.skip(f"the demo films are not in {DEMO}")
    small = sorted(DEMO.rglob("*.jpeg"))[::8]
    folder = tmp_path_factory.mktemp("films")
    for film in small[:2]:
        with Image.open(film) as opened:
            grey = np.asarray(opened.convert("L").resize((1003, 911), Image.Resampling.BICUBIC))
        (folder / f"{film.stem}.jpeg").write_bytes(picture(grey, "JPEG", quality=92))
        (folder / f"{film.stem}.png").write_bytes(picture(grey))
        values = grey.astype(np.uint16) * 16
        (folder / f"{film.stem}.dcm").write_bytes(make_dicom(values, bits=12, WindowCenter=2048, WindowWidth=4096))
    return [*small, *sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def readings(predictor: Predictor, paths: list[Path]) -> dict[str, Reading]:
    """What each film is read as on its own: the answer that all other ways must give."""
    found = {str(path): predictor.read(path) for path in paths}
    probabilities = [reading.finding.probability for reading in found.values()]
    assert min(probabilities) < 0.2
    assert max(probabilities) > 0.8
    assert any(reading.heatmap.max() > 0.5 for reading in found.values() if reading.heatmap is not None)
    return found


def assert_same(reading: Reading, expected: Reading) -> None:
    for one, other in zip(reading.findings, expected.findings, strict=True):
        assert abs(one.probability - other.probability) <= PROBABILITY, reading.film
        assert (one.label, one.positive, one.sure) == (other.label, other.positive, other.sure)
    assert (reading.flags, reading.film_digest) == (expected.flags, expected.film_digest)
    if reading.heatmap is not None:
        assert expected.heatmap is not None
        np.testing.assert_allclose(reading.heatmap, expected.heatmap, atol=CELL)


def read_all(predictor: Predictor, paths: Iterable[Path], **options: Any) -> list[Reading]:
    found = list(predictor.read_many(paths, lambda outcome, _: outcome, **options))
    assert all(isinstance(outcome, Reading) for outcome in found)
    return found


@pytest.mark.parametrize("heatmap", [True, False])
@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_many_films_are_read_as_one_by_one(predictor, paths, readings, jobs, heatmap):
    for reading in read_all(predictor, paths, jobs=jobs, heatmap=heatmap):
        assert_same(reading, readings[reading.film])
        assert (reading.heatmap is not None) == heatmap


@settings(max_examples=8, deadline=None)
@given(data=st.data(), jobs=st.integers(1, 4))
def test_the_order_of_films_and_who_else_is_read_do_not_matter(predictor, paths, readings, data, jobs):
    chosen = data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=12))
    found = read_all(predictor, chosen, jobs=jobs)
    assert [reading.film for reading in found] == [str(path) for path in chosen]
    for reading in found:
        assert_same(reading, readings[reading.film])


def test_every_entry_gives_the_same_reading(predictor, paths, readings):
    spec = predictor.bundle.spec.preprocessing
    for path in paths:
        film = read(path, min_size=spec.size)
        plain = resize(film, spec.plain)
        small = Radiograph(pixels=plain.copy(), digest=film.digest, full_size=film.full_size, container="prepared")
        ways = {
            "bytes": predictor.read(path.read_bytes(), name="x"),
            "name": predictor.read(str(path), heatmap=False),
            "film": predictor.read_film(film, name="x"),
            "prepared": predictor.read_prepared(small, planes(film, spec), name="x"),
        }
        for reading in ways.values():
            assert_same(reading, readings[str(path)])


@pytest.fixture(scope="module")
def inputs(predictor: Predictor, paths: list[Path]) -> NDArray[np.float32]:
    spec = predictor.bundle.spec.preprocessing
    return np.stack([network_input(read(path, min_size=spec.size), spec) for path in paths])


def answers(predictor: Predictor, engine: Engine, films: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Probabilities (B,) and heat maps (B, h, w), 0 to 1, of the first label."""
    label = predictor.bundle.spec.labels[0]
    outputs = engine.run(films)
    heat = np.clip(label.calibration.log_odds(outputs.cam[:, 0]) / label.strong_evidence, 0, 1)
    return label.calibration.probability(outputs.logits[:, 0]), heat


@pytest.fixture(scope="module")
def alone(predictor: Predictor, inputs: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
    found = [answers(predictor, predictor.engine, film[np.newaxis]) for film in inputs]
    probabilities, heat = (np.concatenate(part) for part in zip(*found, strict=True))
    return probabilities, heat


@pytest.fixture(scope="module")
def engines(predictor: Predictor) -> dict[int, Engine]:
    return {threads: open_engine(predictor.bundle, threads=threads) for threads in (1, 2, 4)}


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_batches_and_threads_change_no_answer(predictor, inputs, alone, engines, data):
    chosen = data.draw(st.lists(st.integers(0, len(inputs) - 1), min_size=1, max_size=32))
    engine = engines[data.draw(st.sampled_from(sorted(engines)))]
    probabilities, heat = answers(predictor, engine, inputs[chosen])
    np.testing.assert_allclose(probabilities, alone[0][chosen], atol=PROBABILITY)
    np.testing.assert_allclose(heat, alone[1][chosen], atol=CELL)
    threshold = predictor.operating_point.threshold
    np.testing.assert_array_equal(probabilities >= threshold, alone[0][chosen] >= threshold)


def test_a_batch_of_thirty_two_is_answered_as_its_films(predictor, inputs, alone):
    chosen = np.arange(32) % len(inputs)
    probabilities, heat = answers(predictor, predictor.engine, inputs[chosen])
    np.testing.assert_allclose(probabilities, alone[0][chosen], atol=PROBABILITY)
    np.testing.assert_allclose(heat, alone[1][chosen], atol=CELL)


def test_threads_that_share_an_engine_answer_alike_to_the_last_bit(predictor, inputs):
    expected = [predictor.engine.run(film[np.newaxis]).logits for film in inputs]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: predictor.engine.run(inputs[i % len(inputs)][np.newaxis]).logits, range(56)))
    for i, logits in enumerate(found):
        np.testing.assert_array_equal(logits, expected[i % len(inputs)])


LEVELS = ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED")


@pytest.mark.parametrize("level", LEVELS)
def test_less_optimised_graphs_decide_alike(predictor, inputs, alone, level):
    """ONNX Runtime then computes what is int8 in float32, and rounds in other places: near, but not the same reading.

    So the engine names no level, and always has the highest.
    """
    options = ort.SessionOptions()
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = ort.InferenceSession(predictor.bundle.graph, options, providers=["CPUExecutionProvider"])
    label = predictor.bundle.spec.labels[0]
    logits = np.concatenate([session.run(["logits"], {"films": film[np.newaxis]})[0][:, 0] for film in inputs])
    probabilities = label.calibration.probability(logits)
    np.testing.assert_allclose(probabilities, alone[0], atol=0.02)
    threshold = predictor.operating_point.threshold
    np.testing.assert_array_equal(probabilities >= threshold, alone[0] >= threshold)


def test_golden_films_have_their_golden_answers_in_any_batch(predictor):
    """Each golden answer is one film's; here all of them come together, and in reverse."""
    golden, spec = predictor.bundle.golden, predictor.bundle.spec
    films = np.stack([network_input(golden_film(film), spec.preprocessing) for film in golden.films])
    for order in (slice(None), slice(None, None, -1)):
        outputs = predictor.engine.run(np.ascontiguousarray(films[order]))
        for name, allowed in (("logits", spec.golden.tolerance), ("cam", 4 * spec.golden.tolerance)):
            np.testing.assert_allclose(getattr(outputs, name), golden.outputs[name][order], atol=allowed)
