from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest

from pneumoscope.core import MetricsError, ScoresError
from pneumoscope.core.files import sha256_bytes
from pneumoscope.core.manifest import Manifest
from pneumoscope.evaluation import (
    evaluate,
    measure_scores,
    read_scores,
    write_figures,
    write_scores_evaluation,
)
from pneumoscope.evaluation.entries import names_of, open_entry
from pneumoscope.predict import Predictor
from tests.helpers import flat, row

GREYS = {"a.png": (30, 0), "b.png": (130, 0), "c.png": (140, 1), "d.png": (200, 1), "e.png": (60, None)}
ROWS = "film,label,probability\na.png,0,0.1\nb.png,1,0.8\nc.png,,0.5\n"


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    monkeypatch.setattr(import_module("pneumoscope.evaluation.measures"), "RESAMPLES", 20)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    for name, (grey, _) in GREYS.items():
        (tmp_path / name).write_bytes(flat(grey))
    (tmp_path / "cut.png").write_bytes(flat(1)[:50])
    films = [
        row(name, label=label, split="test", digest=sha256_bytes(flat(grey))) for name, (grey, label) in GREYS.items()
    ]
    cut = row("cut.png", split="test", digest=sha256_bytes(flat(1)[:50]))
    return Manifest(tmp_path, (cut, *films))


def never(place: str):
    raise AssertionError(f"{place} is no bundle")


def test_a_bundle_and_its_evaluation_are_the_same_entry(predictor: Predictor, manifest: Manifest, tmp_path: Path):
    found = evaluate(predictor, manifest, "test")
    write_figures(found, tmp_path / "ev")
    read_now = open_entry("default", "now", lambda place: found)
    for place in (tmp_path / "ev", tmp_path / "ev" / "metrics.json"):
        kept = open_entry(str(place), "kept", never)
        assert kept.films == read_now.films == ("a.png", "b.png", "c.png", "d.png")
        assert kept.digests == read_now.digests
        assert kept.about == read_now.about == "tiny 1.2 (fp32), balanced (probability >= 0.5)"
        assert kept.answers.truth.tolist() == read_now.answers.truth.tolist() == [0, 0, 1, 1]
        assert kept.answers.decisions.tolist() == read_now.answers.decisions.tolist() == [0, 1, 1, 1]
        assert kept.answers.probabilities.tolist() == read_now.answers.probabilities.tolist()
    table = open_entry(str(tmp_path / "ev" / "scores.csv"), "table", never)
    assert (table.films, table.about) == (kept.films, "the table's own decisions")


def test_a_table_of_anybodys_scores_is_an_entry(tmp_path: Path):
    (tmp_path / "theirs.csv").write_text(ROWS)
    found = open_entry(str(tmp_path / "theirs.csv"), "theirs", never)
    assert (found.films, found.digests, found.about) == (("a.png", "b.png"), ("", ""), "probability >= 0.5")
    assert found.answers.decisions.tolist() == [0, 1]


def test_bundles_and_runs_are_told_by_what_they_hold(tiny_bundle: Path, tmp_path: Path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")

    class MeasuredError(Exception):
        pass

    def measured(place: str):
        raise MeasuredError(place)

    for place in ("default", str(tiny_bundle), str(tmp_path / "b.zip"), str(tmp_path / "run")):
        with pytest.raises(MeasuredError):
            open_entry(place, "b", measured)


def test_what_cannot_be_compared_is_refused_with_the_remedy(tmp_path: Path):
    scored, empty = tmp_path / "scored", tmp_path / "empty"
    for folder in (scored, empty):
        folder.mkdir()
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "bad.csv").write_text("film,label\n")
    for place, message in [
        (empty, "it has no scores.csv"),
        (empty / "metrics.json", "it has no scores.csv"),
        (tmp_path / "none", "expected a bundle"),
        (tmp_path / "none.csv", "expected a bundle"),
        (tmp_path / "a.txt", "expected a bundle"),
        (tmp_path / "bad.csv", "expected the columns"),
    ]:
        with pytest.raises(ScoresError) as caught:
            open_entry(str(place), "x", never)
        assert message in str(caught.value)


def test_the_evaluation_of_a_table_leads_to_the_table(predictor: Predictor, manifest: Manifest, tmp_path: Path):
    write_figures(evaluate(predictor, manifest, "test"), tmp_path / "ev")
    told = json.loads((tmp_path / "ev" / "metrics.json").read_text())
    del told["bundle"]
    told["scores"] = {"file": "theirs.csv", "digest": "a" * 64}
    (tmp_path / "ev" / "metrics.json").write_text(json.dumps(told))
    with pytest.raises(ScoresError, match=r"name the table itself: theirs\.csv"):  # what lies there is another one
        open_entry(str(tmp_path / "ev"), "x", never)
    (tmp_path / "ev" / "scores.csv").unlink()
    with pytest.raises(ScoresError, match=r"name the table itself: theirs\.csv"):
        open_entry(str(tmp_path / "ev"), "x", never)


def test_a_table_that_lies_beside_its_evaluation_is_decided_as_it_was_there(tmp_path: Path):
    (tmp_path / "scores.csv").write_text(ROWS)
    scores = read_scores(tmp_path / "scores.csv", threshold=0.05)
    write_scores_evaluation(measure_scores(scores), scores, tmp_path)
    found = open_entry(str(tmp_path), "x", never)
    assert (found.about, found.answers.decisions.tolist()) == ("probability >= 0.05", [1, 1])


def test_an_unsound_metrics_file_is_told(tmp_path: Path):
    (tmp_path / "metrics.json").write_text('{"metrics": {}}')
    (tmp_path / "scores.csv").write_text(ROWS)
    with pytest.raises(MetricsError):
        open_entry(str(tmp_path), "x", never)


def test_a_film_that_states_nothing_leaves_nothing_to_compare(predictor: Predictor, manifest: Manifest):
    found = evaluate(predictor, manifest, "test")
    found.truth[:] = float("nan")
    with pytest.raises(ScoresError, match="films that state pneumonia, found none"):
        open_entry("default", "default", lambda place: found)


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (["default", "runs/a.zip", "ev/b"], ["default", "a", "b"]),
        (["x/scores.csv", "y/metrics.json", "z.csv"], ["x", "y", "z"]),
        (["x/one", "y/one", "two"], ["x/one", "y/one", "two"]),
        (["v1.2/", "."], ["v1.2", "."]),
    ],
)
def test_entrants_are_named_shortly_but_apart(places, names):
    assert names_of(places) == names


def test_a_place_named_twice_is_refused():
    with pytest.raises(ScoresError, match="a: expected each entrant once, got it 2 times"):
        names_of(["a", "b", "a"])
