from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from pneumoscope.bundle import load_bundle
from pneumoscope.bundle.spec import Graph, OperatingPoint, Sample
from pneumoscope.core import DamagedBundle, ForeignBundle, ManifestError
from pneumoscope.core.manifest import Manifest
from pneumoscope.engines import OnnxRuntimeEngine, Outputs
from pneumoscope.evaluation import check_release
from pneumoscope.evaluation.release import POINTS, THREADS, _steady, check_description
from tests.helpers import tiny_contents, tiny_golden, tiny_graph, tiny_spec, write_tiny
from tests.unit.evaluation.chests import chest

SAMPLE = Sample(films=200, patients=180)
GRAPHIC = ("threads and batches", "maps add up")


def whole_spec(**changes: Any) -> dict[str, Any]:
    """Changes to the tiny bundle that make it fit to be released."""
    spec = tiny_spec()
    one = msgspec.structs.replace(spec.operating_points[0], positive=SAMPLE, negative=SAMPLE, chosen="2026-01-02")
    return {
        "labels": (msgspec.structs.replace(spec.labels[0], calibration_rule="Platt, as others were no better"),),
        "operating_points": tuple(msgspec.structs.replace(one, name=name) for name in POINTS),
    } | changes


CARD = tiny_contents() | {"MODEL_CARD.md": b"# tiny 1.2\n\nLooks for pneumonia.\n"}


def described(contents: dict[str, bytes] = CARD, **changes: Any) -> dict[str, bool]:
    return {check.name: check.passed for check in check_description(tiny_spec(**whole_spec(**changes)), contents)}


def test_a_bundle_that_says_everything_passes():
    found = described()
    assert list(found) == ["parity with fp32", "calibration", "operating points", "model card", "intended use"]
    assert all(found.values())


def changed_points(**changes: Any) -> tuple[OperatingPoint, ...]:
    """The last of them with these changes."""
    *others, last = whole_spec()["operating_points"]
    return (*others, msgspec.structs.replace(last, **changes))


def int8(**parity: float) -> Graph:
    return Graph(precision="int8", opset=18, parity=parity)


@pytest.mark.parametrize(
    ("failed", "changes"),
    [
        ("calibration", {"labels": tiny_spec().labels}),
        ("calibration", {"labels": (msgspec.structs.replace(tiny_spec().labels[0], calibration_rule=" "),)}),
        ("operating points", {"operating_points": tiny_spec().operating_points}),
        ("operating points", {"operating_points": whole_spec()["operating_points"][:2]}),
        ("operating points", {"operating_points": changed_points(negative=Sample(films=0, patients=0))}),
        ("operating points", {"operating_points": changed_points(positive=None)}),
        ("operating points", {"operating_points": changed_points(chosen="")}),
        ("intended use", {"intended_use": " "}),
        ("intended use", {"exclusions": ()}),
        ("intended use", {"exclusions": ("", " ")}),
        ("parity with fp32", {"graph": int8()}),
        ("parity with fp32", {"graph": int8(auc_difference=0.0021, same_decision=1.0)}),
        ("parity with fp32", {"graph": int8(auc_difference=0.0, same_decision=0.989)}),
    ],
)
def test_what_is_missing_is_named(failed, changes):
    assert [name for name, passed in described(**changes).items() if not passed] == [failed]


@pytest.mark.parametrize("card", [b"", b"# tiny 1.1\n", b"# other 1.2\n", b"\xff\xfe"])
def test_a_card_of_another_bundle_is_none(card):
    assert [name for name, passed in described(CARD | {"MODEL_CARD.md": card}).items() if not passed] == ["model card"]


def test_parity_within_the_limits_passes():
    assert all(described(graph=int8(auc_difference=0.002, same_decision=0.99)).values())


@pytest.fixture
def films(tmp_path, labelled) -> Manifest:
    shown = labelled(*((1, chest(i, opaque=True)) for i in range(2)), *((0, chest(i)) for i in range(2)))
    return Manifest(shown.root, shown.films)


def test_every_check_of_a_whole_bundle_is_told_once(tmp_path, films):
    path = write_tiny(tmp_path / "b", CARD, **whole_spec())
    checks = list(check_release(path, films, "test"))
    names = [check.name for check in checks]
    assert names[:2] == ["files", "golden vectors"]
    assert len(set(names)) == len(names)
    passed = {check.name: check.passed for check in checks}
    assert all(passed[name] for name in ("files", "golden vectors", "model card", *GRAPHIC))


def test_a_bundle_with_an_altered_file_is_checked_no_further(tmp_path, films):
    path = write_tiny(tmp_path / "b", CARD, **whole_spec())
    (path / "MODEL_CARD.md").write_text("# tiny 1.3\n")
    (check,) = check_release(path, films, "test")
    assert (check.name, check.passed) == ("files", False)
    assert "MODEL_CARD.md is not the file" in check.found


def test_a_graph_that_fails_its_golden_films_is_shown_no_others(tmp_path, films):
    path = write_tiny(tmp_path / "b", CARD | {"model.onnx": tiny_graph(gain=5.0)}, **whole_spec())
    checks = {check.name: check for check in check_release(path, films, "test")}
    assert not checks["golden vectors"].passed
    assert "do not use its answers" in checks["golden vectors"].found
    assert not set(GRAPHIC) & set(checks)


def test_a_graph_that_does_not_run_is_a_line_that_failed(tmp_path, films):
    path = write_tiny(tmp_path / "b", CARD | {"model.onnx": b"no graph"}, **whole_spec())
    checks = {check.name: check for check in check_release(path, films, "test")}
    assert not checks["golden vectors"].passed
    assert "refuses the graph" in checks["golden vectors"].found
    assert list(checks) == ["files", "golden vectors", *described()]


def test_a_bundle_that_looks_at_the_air_around_the_chest_is_not_released(tmp_path, films):
    """The same network with its gain turned round: what is dark speaks for the finding."""
    graph = tiny_graph(gain=-4.0)
    contents = CARD | {"model.onnx": graph, "golden.npz": tiny_golden(graph).to_bytes()}
    checks = check_release(write_tiny(tmp_path / "b", contents, **whole_spec()), films, "test")
    passed = {check.name: check.passed for check in checks}
    assert all(passed[name] for name in ("files", "golden vectors", "calibration", "operating points", *GRAPHIC))
    places = ("evidence on the lungs", "evidence in the corners", "evidence in the ring")
    assert [passed[place] for place in places] == [False] * 3


def test_what_is_no_bundle_is_an_error(tmp_path, films):
    with pytest.raises(ForeignBundle):
        list(check_release(tmp_path, films, "test"))


def test_a_split_without_films_is_told_before_anything_is_checked(tmp_path, films):
    checks = check_release(write_tiny(tmp_path / "b", CARD, **whole_spec()), films, "val")
    with pytest.raises(ManifestError, match="no films in split 'val'"):
        next(checks)


class Unsteady:
    """Answers that depend on how many films are read at once, and maps that are not their logits' share."""

    name = OnnxRuntimeEngine.name

    def __init__(self, engine: Any, stray: float = 0.01) -> None:
        self.engine, self.stray = engine, stray

    def run(self, shown: np.ndarray) -> Outputs:
        answer = self.engine.run(shown)
        return answer._replace(logits=answer.logits + np.float32(self.stray * len(shown)))


def test_answers_that_change_with_the_batch_are_found_out(tiny_bundle, monkeypatch):
    bundle = load_bundle(tiny_bundle)
    engine = OnnxRuntimeEngine(bundle.graph)
    assert [check.passed for check in _steady(bundle, engine)] == [True, True]
    monkeypatch.setattr(
        "pneumoscope.evaluation.release.ENGINES", {engine.name: lambda graph, _: Unsteady(OnnxRuntimeEngine(graph))}
    )
    assert [check.passed for check in _steady(bundle, engine)] == [False, False]


@pytest.mark.parametrize("threads", THREADS)
def test_answers_that_are_no_numbers_on_some_number_of_threads_are_found_out(tiny_bundle, monkeypatch, threads):
    bundle = load_bundle(tiny_bundle)
    engine = OnnxRuntimeEngine(bundle.graph)
    engines = {engine.name: lambda graph, n: Unsteady(engine, float("nan") if n == threads else 0.0)}
    monkeypatch.setattr("pneumoscope.evaluation.release.ENGINES", engines)
    assert [check.passed for check in _steady(bundle, engine)] == [False, False]


def test_a_graph_that_takes_one_film_at_a_time_is_found_out(tiny_bundle, monkeypatch):
    class Single(Unsteady):
        def run(self, shown: np.ndarray) -> Outputs:
            if len(shown) > 1:
                raise DamagedBundle("ONNX Runtime refuses the films")
            return self.engine.run(shown)

    bundle = load_bundle(tiny_bundle)
    engine = OnnxRuntimeEngine(bundle.graph)
    monkeypatch.setattr("pneumoscope.evaluation.release.ENGINES", {engine.name: lambda graph, _: Single(engine)})
    (check,) = _steady(bundle, engine)
    assert (check.passed, check.found) == (False, "ONNX Runtime refuses the films")


def test_the_packaged_bundle_is_whole_and_steady():
    bundle = load_bundle()
    assert [(check.name, check.passed) for check in _steady(bundle, OnnxRuntimeEngine(bundle.graph))] == [
        (name, True) for name in GRAPHIC
    ]


def test_a_place_where_nothing_is_wrong_stays_so(tmp_path: Path, films):
    """Checking writes nothing."""
    path = write_tiny(tmp_path / "b", CARD, **whole_spec())
    before = {file: file.read_bytes() for file in sorted(path.iterdir())}
    list(check_release(path, films, "test"))
    assert {file: file.read_bytes() for file in sorted(path.iterdir())} == before
