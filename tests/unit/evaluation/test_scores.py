from __future__ import annotations

from importlib import import_module
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from pneumoscope.core import ManifestError, ScoresError
from pneumoscope.core.manifest import Film, Manifest
from pneumoscope.data import open_manifest
from pneumoscope.evaluation import (
    evaluate,
    matched,
    measure_scores,
    read_metrics,
    read_scores,
    write_figures,
    write_scores_evaluation,
)
from tests.helpers import row

ROWS = "a.png,0,0.1\nb.png,1,0.7\nc.png,0,0.6\nd.png,1,0.9\n"


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    monkeypatch.setattr(import_module("pneumoscope.evaluation.measures"), "RESAMPLES", 20)


def written(folder: Path, rows: str, head: str = "film,label,probability") -> Path:
    (folder / "s.csv").write_text(f"{head}\n{rows}")
    return folder / "s.csv"


def test_scores_of_anybody_are_measured(tmp_path):
    scores = read_scores(written(tmp_path, ROWS))
    assert scores.threshold == 0.5
    metrics = measure_scores(scores)
    assert msgspec.structs.astuple(metrics.confusion) == (2, 1, 1, 0)
    assert metrics.metrics["auc"].value == 1
    assert metrics.metrics["accuracy"].value == 0.75
    assert (metrics.data.films, metrics.data.patients, metrics.data.positive) == (4, 4, 2)
    assert (metrics.scores.file, metrics.scores.threshold, metrics.bundle) == ("s.csv", 0.5, None)
    write_scores_evaluation(metrics, scores, tmp_path / "out")
    assert read_metrics(tmp_path / "out") == metrics
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["curves.png", "metrics.json"]


def test_the_scores_of_a_bundle_measured_again_give_its_figures(predictor, demo_films, tmp_path):
    """Probabilities in the file have six digits; which film is above which they leave as it was."""
    first = evaluate(predictor, open_manifest(demo_films), "test")
    write_figures(first, tmp_path)
    again = measure_scores(read_scores(tmp_path / "scores.csv"))
    assert again.confusion == first.summary.confusion
    assert {name: figure.value for name, figure in again.metrics.items()} == pytest.approx(
        {name: figure.value for name, figure in first.summary.metrics.items()}, abs=1e-5
    )
    assert (again.data.films, again.data.patients) == (first.summary.data.films, first.summary.data.patients)
    assert again.scores.threshold is None
    assert matched(read_scores(tmp_path / "scores.csv"), open_manifest(demo_films), "test").split == "test"


def test_a_threshold_comes_before_the_decisions_of_the_file(tmp_path):
    file = written(tmp_path, "a.png,0,0.1,1\nb.png,1,0.7,0\nc.png,0,0.6,1\n", head="film,label,probability,decision")
    own, other = read_scores(file), read_scores(file, threshold=0.6)
    assert (own.threshold, own.answers.decisions.tolist()) == (None, [1, 0, 1])
    assert (other.threshold, other.answers.decisions.tolist()) == (0.6, [0, 1, 1])


def test_a_film_without_a_patient_is_one_of_its_own(tmp_path):
    file = written(
        tmp_path, "a.png,0,0.1,x\nb.png,1,0.7,\nc.png,0,0.6,x\nd.png,1,1,\n", "film,label,probability,patient"
    )
    people = read_scores(file).answers.patients.tolist()
    assert len(set(people)) == 3
    assert people[0] == people[2]


def test_films_without_an_answer_or_a_label_are_counted(tmp_path):
    file = written(
        tmp_path, "a.png,0,0.1,\nb.png,1,,cut short\nc.png,,0.3,\nd.png,1,0.9,\n", "film,label,probability,error"
    )
    scores = read_scores(file)
    assert (scores.rows["film"].to_pylist(), scores.unreadable, scores.unstated) == (
        ["a.png", "d.png"],
        ["b.png"],
        ["c.png"],
    )
    data = measure_scores(scores).data
    assert (data.films, data.unreadable, data.unstated) == (2, 1, 1)


@pytest.mark.parametrize("kind", ["text", "numbers", "single", "bool"])
def test_parquet_is_read_as_csv_is(tmp_path, kind):
    films, labels, p = ["a.png", "b.png", "c.png"], [0, 1, 1], [0.25, 0.5, 0.75]
    columns = {
        "text": (pa.array(map(str, labels)), pa.array(map(str, p))),
        "numbers": (pa.array(labels), pa.array(p)),
        "single": (pa.array(labels, pa.int8()), pa.array(p, pa.float32())),
        "bool": (pa.array([False, True, True]), pa.array(p)),
    }[kind]
    pyarrow.parquet.write_table(
        pa.table({"film": films, "label": columns[0], "probability": columns[1]}), tmp_path / "s.parquet"
    )
    scores = read_scores(tmp_path / "s.parquet")
    assert scores.answers.truth.tolist() == labels
    assert scores.answers.probabilities.tolist() == p


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "a.png,0,0.1\nb.png,1,nan\n",
            r"probability: expected a number from 0 to 1, got .* 1 films, .*'b.png' with 'nan'",
        ),
        ("a.png,0,0.1\nb.png,1,1.2\nc.png,1,-1\n", "for 2 films, the first is 'b.png' with '1.2'"),
        ("a.png,0,0.1\nb.png,1,\n", "'b.png' with ''"),
        ("a.png,0,0.1\nb.png,1,high\n", "probability: expected a number, got .* 'b.png' with 'high'"),
        ("a.png,0,0.1\nb.png,PNEUMONIA,0.2\n", "label: expected a number, got .* 'b.png' with 'PNEUMONIA'"),
        ("a.png,0,0.1\nb.png,2,0.2\n", "label: expected 0 or 1, got .* 'b.png' with '2'"),
        ("a.png,0,0.1\nb.png,nan,0.2\n", "label: expected 0 or 1"),
        (
            "a.png,0,0.1\na.png,1,0.2\nb.png,1,0.2\n",
            "expected one row a film, got 1 films more than once, such as 'a.png'",
        ),
        ("", "expected films with a label and a probability, found none in 0 rows"),
        ("a.png,,0.5\n", "found none in 1 rows"),
        ("a.png,1\n", "expected a table of scores"),
    ],
)
def test_what_cannot_be_measured_is_refused(tmp_path, rows, message):
    with pytest.raises(ScoresError, match=message):
        read_scores(written(tmp_path, rows))


def test_a_decision_that_is_none_is_refused(tmp_path):
    file = written(tmp_path, "a.png,0,0.1,0\nb.png,1,0.2,\n", "film,label,probability,decision")
    with pytest.raises(ScoresError, match=r"decision: expected 0 or 1, got .* 'b.png' with ''"):
        read_scores(file)


@pytest.mark.parametrize("text", ["film,label\na,1\n", "film,probability\n", "", "\x00\x01"])
def test_a_table_that_lacks_a_column_is_refused(tmp_path, text):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(ScoresError, match=r"expected the columns film, label, probability|expected a table of scores"):
        read_scores(tmp_path / "s.csv")
    (tmp_path / "s.parquet").write_bytes(b"PAR1 or not")
    with pytest.raises(ScoresError, match="expected a table of scores"):
        read_scores(tmp_path / "s.parquet")


@pytest.mark.parametrize("threshold", [float("nan"), -0.1, 1.5])
def test_a_threshold_that_is_no_probability_is_refused(tmp_path, threshold):
    with pytest.raises(ScoresError, match="threshold: expected a probability from 0 to 1, got"):
        read_scores(written(tmp_path, ROWS), threshold=threshold)


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    with pytest.raises(ScoresError, match="expected each column once, got label 2 times"):
        read_scores(written(tmp_path, "a.png,0,0.1,1\n", "film,label,probability,label"))


@pytest.mark.parametrize("column", ["film", "label", "probability", "patient"])
def test_a_parquet_column_of_no_use_is_refused(tmp_path, column):
    columns = {"film": ["a", "b"], "label": [0, 1], "probability": [0.1, 0.9], "patient": ["p", "q"]}
    table = pa.table(columns | {column: [[1], [2]]})
    pyarrow.parquet.write_table(table, tmp_path / "s.parquet")
    with pytest.raises(ScoresError, match="expected a table of scores"):
        read_scores(tmp_path / "s.parquet")


def test_names_are_text_however_they_are_stored(tmp_path):
    table = pa.table({"film": [7, 8], "label": pa.array(["0", "1"]).dictionary_encode(), "probability": [0.1, 0.9]})
    pyarrow.parquet.write_table(table, tmp_path / "s.parquet")
    scores = read_scores(tmp_path / "s.parquet")
    assert (scores.films, scores.digests, scores.answers.truth.tolist()) == (["7", "8"], ["", ""], [0, 1])
    assert read_scores(written(tmp_path, " a.png ,0,0.1\n")).films == ["a.png"]


def test_films_of_one_class_are_measured_as_far_as_they_can_be(tmp_path):
    scores = read_scores(written(tmp_path, "a.png,1,0.1\nb.png,1,0.7\n"))
    metrics = measure_scores(scores)
    assert metrics.metrics["auc"].reason == "every film has the label"
    assert metrics.metrics["recall"].value == 0.5
    write_scores_evaluation(metrics, scores, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["metrics.json"]


def listed(name: str, label: int | None, patient: str = "p") -> Film:
    return row(f"{name}.png", label=label, patient=patient, split="test", digest=name * 64)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return Manifest(
        tmp_path, (listed("a", 0), listed("b", 1), listed("c", 0, "q"), listed("d", 1, "q"), listed("e", None))
    )


def test_a_manifest_that_agrees_says_whose_the_films_are(manifest, tmp_path):
    metrics = measure_scores(matched(read_scores(written(tmp_path, ROWS)), manifest, "test"))
    assert (metrics.data.split, metrics.data.manifest_digest, metrics.data.patients) == ("test", manifest.digest, 2)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS + "x.png,0,0.1,\n", "got 1 that the manifest does not list, the first is x.png"),
        (ROWS.replace("b.png,1", "b.png,0"), "got 1 with another label, the first is b.png"),
        (ROWS.replace("0.6\n", f"0.6,{'f' * 64}\n"), "got 1 with another digest, the first is c.png"),
        (ROWS.replace("d.png,1,0.9\n", ""), "got 1 without a score, the first is d.png"),
    ],
)
def test_a_manifest_that_disagrees_is_refused(manifest, tmp_path, rows, message):
    padded = "".join(line + "," * (3 - line.count(",")) + "\n" for line in rows.splitlines())
    scores = read_scores(written(tmp_path, padded, "film,label,probability,film_sha256"))
    with pytest.raises(ScoresError, match=message):
        matched(scores, manifest, "test")


def test_a_film_that_could_not_be_read_or_states_nothing_is_not_missed(manifest, tmp_path):
    rows = "a.png,0,0.1,\nb.png,1,,cut\nc.png,,0.2,\nd.png,1,0.9,\ne.png,1,0.4,\n"
    scores = read_scores(written(tmp_path, rows, "film,label,probability,error"))
    assert matched(scores, manifest, "test").answers.patients == ["made-up/p", "made-up/q", "made-up/p"]
    with pytest.raises(ManifestError, match="no films in split 'val'"):
        matched(scores, manifest, "val")


def test_order_and_other_columns_do_not_matter(tmp_path):
    plain = read_scores(written(tmp_path, ROWS))
    (tmp_path / "t.csv").write_text(
        "probability,note,film,label\n"
        + "".join(f"{p},x,{film},{label}\n" for film, label, p in (r.split(",") for r in ROWS.split()))
    )
    other = read_scores(tmp_path / "t.csv")
    assert np.array_equal(plain.answers.probabilities, other.answers.probabilities)
    assert plain.rows["film"].to_pylist() == other.rows["film"].to_pylist()
