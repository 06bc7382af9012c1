"""What every engine must do, and what it must refuse."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pneumoscope.bundle import ModelBundle, load_bundle
from pneumoscope.core import DamagedBundle
from pneumoscope.engines import ENGINES, check_golden, open_engine
from tests.helpers import CELL, GAIN, GREY, OUTPUTS, SIZE, tiny_contents, tiny_golden, tiny_graph, write_tiny

pytestmark = pytest.mark.parametrize("name", sorted(ENGINES))


@pytest.fixture
def tiny(tmp_path: Path) -> ModelBundle:
    return load_bundle(write_tiny(tmp_path / "tiny"))


def inputs(films: int) -> np.ndarray:
    return np.random.default_rng(films).uniform(-1, 1, (films, 1, *SIZE)).astype(np.float32)


def by_hand(films: np.ndarray) -> dict[str, np.ndarray]:
    cells = films.reshape(-1, 1, SIZE[0] // CELL, CELL, SIZE[1] // CELL, CELL).mean(axis=(3, 5), dtype=np.float64)
    return {"logits": GAIN * cells.mean(axis=(2, 3)), "features": cells.reshape(len(films), -1), "cam": GAIN * cells}


def golden(**changes: Any) -> bytes:
    """The golden vectors' archive with other arrays; None leaves one out."""
    arrays: dict[str, Any] = {f"film_{i}": film for i, film in enumerate(tiny_golden().films)}
    arrays |= dict(tiny_golden().outputs) | changes
    file = io.BytesIO()
    np.savez(file, **{key: value for key, value in arrays.items() if value is not None})
    return file.getvalue()


def open_with(name: str, path: Path, graph: bytes | None = None, golden: bytes | None = None, **changes: Any) -> Any:
    return open_engine(load_bundle(write_tiny(path, tiny_contents(graph, golden), **changes)), name)


def test_answers_are_those_of_the_graph(name):
    films = inputs(3)
    answers = ENGINES[name](tiny_graph(), 1).run(films)
    for output, expected in by_hand(films).items():
        got = getattr(answers, output)
        assert (got.dtype, got.shape) == (np.float32, expected.shape), output
        np.testing.assert_allclose(got, expected, atol=1e-5, err_msg=output)


def test_a_whole_bundle_passes_its_own_check(name, tiny):
    assert check_golden(tiny, open_engine(tiny, name)) < 1e-5


def test_a_small_deviation_is_allowed_and_told(name, tmp_path, tiny):
    """A flat film of grey 0.4 has the mean -0.2: 0.01 more gain moves its logit by 0.002, within 0.01."""
    assert check_golden(tiny, ENGINES[name](tiny_graph(gain=GAIN + 0.01), 1)) == pytest.approx(0.002, rel=0.01)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_film_has_the_same_answer_in_any_company(name, threads):
    engine, films = ENGINES[name](tiny_graph(), threads), inputs(7)
    together = engine.run(films)
    for i in range(7):
        for output, alone in zip(OUTPUTS, engine.run(films[i : i + 1]), strict=True):
            np.testing.assert_allclose(getattr(together, output)[i], alone[0], atol=1e-6)


def test_threads_may_share_an_engine(name):
    engine = ENGINES[name](tiny_graph(), 1)
    films = [inputs(n % 3 + 1) for n in range(60)]
    expected = [by_hand(film) for film in films]
    with ThreadPoolExecutor(4) as pool:
        for answer, right in zip(pool.map(engine.run, films), expected, strict=True):
            for output in OUTPUTS:
                np.testing.assert_allclose(getattr(answer, output), right[output], atol=1e-5)


def test_the_given_films_are_not_changed(name):
    films = inputs(2)
    before = films.copy()
    films.flags.writeable = False
    ENGINES[name](tiny_graph(), 1).run(films)
    np.testing.assert_array_equal(films, before)


@pytest.mark.parametrize(
    "graph", [b"", b"no graph", tiny_graph()[:-30], tiny_graph()[30:]], ids=["", "text", "cut", "end"]
)
def test_what_is_no_graph_is_refused(name, graph):
    with pytest.raises(DamagedBundle):
        ENGINES[name](graph, 1)


def test_a_graph_without_the_three_outputs_is_refused(name):
    with pytest.raises(DamagedBundle, match="lacks features"):
        ENGINES[name](tiny_graph(names=("logits", "embedding", "cam")), 1)


@pytest.mark.parametrize(
    "graph",
    [
        tiny_graph(gain=GAIN + 0.5),
        tiny_graph(gain=-GAIN),
        tiny_graph(gain=float("nan")),
        tiny_graph(gain=float("inf")),
        tiny_graph(names=("cam", "features", "logits")),
        tiny_graph(size=(32, 24)),
        tiny_graph(size=(48, 64)),
        tiny_graph(classes=2),
    ],
    ids=["other weights", "turned round", "NaN", "infinite", "outputs swapped", "turned", "larger", "two classes"],
)
def test_another_graph_fails_the_golden_check(name, tmp_path, graph):
    with pytest.raises(DamagedBundle):
        open_with(name, tmp_path / "a", graph)


def test_a_film_of_another_range_fails_the_golden_check(name, tmp_path):
    """The preprocessing is part of what is proven."""
    from pneumoscope.imaging.preprocess import Preprocessing

    with pytest.raises(DamagedBundle, match="from the golden logit"):
        open_with(name, tmp_path / "a", preprocessing=Preprocessing(size=SIZE, mean=0.45))


def test_a_graph_that_takes_another_number_of_planes_is_refused(name, tmp_path):
    """The preprocessing makes two planes of a film, the graph takes one."""
    pytest.importorskip("cv2")
    from pneumoscope.imaging.preprocess import Preprocessing

    with pytest.raises(DamagedBundle, match="refuses the films"):
        open_with(name, tmp_path / "a", preprocessing=Preprocessing(size=SIZE, edges=True))


LOGITS, CAM = (tiny_golden().outputs[key] for key in ("logits", "cam"))


@pytest.mark.parametrize(
    "changes",
    [
        {"film_0": None, "film_1": None, "film_2": None},
        {"logits": LOGITS + 1},
        {"logits": LOGITS * np.float32("nan")},
        {"logits": LOGITS[:2]},
        {"logits": LOGITS[:, 0]},
        {"logits": np.repeat(LOGITS, 2, axis=1)},
        {"logits": LOGITS.astype(str)},
        {"cam": CAM[:, :, :2]},
        {"cam": CAM[:2]},
        {"cam": CAM + 1},
        {"cam": CAM * np.float32("nan")},
        {"film_1": np.dstack([GREY] * 3)},
        {"film_1": GREY[:0]},
        {"film_1": GREY.astype(np.int16) + 300},
    ],
    ids=[
        "no films",
        "other logits",
        "NaN logits",
        "a logit short",
        "flat logits",
        "two logits",
        "logits as text",
        "smaller cam",
        "a cam short",
        "other cam",
        "NaN cam",
        "coloured film",
        "empty film",
        "film of 16 bits",
    ],
)
def test_other_golden_vectors_are_refused(name, tmp_path, changes):
    with pytest.raises(DamagedBundle):
        open_with(name, tmp_path / "a", golden=golden(**changes))


def test_a_graph_with_more_answers_than_labels_is_refused(name, tmp_path):
    """Its golden vectors agree with it, but nobody knows what its second answer means."""
    two = golden(logits=np.repeat(LOGITS, 2, axis=1), cam=np.repeat(CAM, 2, axis=1))
    with pytest.raises(DamagedBundle):
        open_with(name, tmp_path / "a", tiny_graph(classes=2), two)
