from __future__ import annotations

import csv
import json
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from pneumoscope.core.files import sha256_bytes
from pneumoscope.core.manifest import Manifest
from pneumoscope.data import read_manifest, write_manifest
from tests.helpers import flat, row, write_second, write_several

GREYS = {"a.png": (30, 0), "b.png": (130, 0), "c.png": (140, 1), "d.png": (200, 1), "e.png": (60, 1)}


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    monkeypatch.setattr(import_module("pneumoscope.evaluation.measures"), "RESAMPLES", 20)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Five films, of which three are decided rightly, and one that is cut short."""
    films = [row("cut.png", split="test", digest=sha256_bytes(flat(1)[:50]))]
    (tmp_path / "cut.png").write_bytes(flat(1)[:50])
    for name, (grey, label) in GREYS.items():
        (tmp_path / name).write_bytes(flat(grey))
        films.append(row(name, label=label, split="test", digest=sha256_bytes(flat(grey))))
    write_manifest(Manifest(tmp_path, tuple(films)), tmp_path / "films.csv")
    return tmp_path / "films.csv"


def test_it_prints_the_figures_and_writes_them(run, manifest, tiny_bundle, tmp_path):
    out = tmp_path / "out"
    result = run("evaluate", "--data", manifest, "--bundle", tiny_bundle, "--out", out)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "tiny 1.2 (fp32) on 5 films, split test, at the operating point balanced (probability >= 0.500)"
    )
    printed = {words[0]: words[1] for words in (line.split() for line in lines[1:16])}
    assert printed["accuracy"] == "0.6000"
    assert printed["recall"] == "0.6667"
    assert printed["specificity"] == "0.5000"
    assert printed["auc"] == "0.8333"  # of six pairs five are the right way round
    assert lines[16].strip() == "true positive 2, false positive 1, true negative 1, false negative 1"
    assert "could not be read" in lines[17]
    metrics = json.loads((out / "metrics.json").read_text())["metrics"]
    assert metrics["accuracy"]["value"] == 0.6
    assert list(metrics) == list(printed)
    with (out / "scores.csv").open(newline="") as file:
        assert [line["film"] for line in csv.DictReader(file)] == ["cut.png", *GREYS]


def test_each_label_is_printed_and_the_choice_among_them(run, demo_films, tmp_path):
    """A negative gain of one label and none of another: every film but the darkest is read as normal."""
    gains = {"bacterial": -0.5, "viral": 0.0, "normal": 0.5}
    out, bundles = tmp_path / "out", tmp_path / "bundles"
    write_several(bundles / "each", gains)
    write_several(bundles / "one", gains, exclusive=True)
    printed = {}
    for name in ("each", "one"):
        result = run("evaluate", "--data", demo_films, "--bundle", bundles / name, "--out", out, "--quick")
        assert result.exit_code == 0
        *printed[name], caution = result.stdout.splitlines()
        assert "not known to have learned from films of this source (kermany)" in caution
    assert printed["one"][: len(printed["each"])] == printed["each"]
    heads = [line for line in printed["one"] if not line.startswith(" ")]
    assert heads[1:] == [
        *(f"{label}, stated of 32 films" for label in gains),
        "the most probable label, on the 32 films of which exactly one is true",
    ]
    lines = printed["one"][len(printed["each"]) + 1 :]
    (accuracy, area), table = lines[:2], lines[-3:]
    choice = json.loads((out / "metrics.json").read_text())["argmax"]
    assert accuracy.split()[:2] == ["accuracy", f"{choice['metrics']['accuracy']['value']:.4f}"]
    assert area.split()[0] == "macro_auc"
    counts = [[int(word) for word in line.split() if word.isdigit()] for line in table]
    assert counts == choice["confusion"]
    assert [sum(row) for row in counts] == [10, 6, 16]
    assert table[0].strip().startswith("bacterial read ")


def test_a_folder_for_each_class_goes_all_the_way(run, tmp_path):
    """Indexed, split and measured by a bundle about tuberculosis and tumours, with no word about pneumonia.

    It takes whatever is darker than a grey of 127 for a tumour.
    """
    for name, first in {"NORMAL": 100, "Tuberculosis": 170, "Tumour": 30}.items():
        (tmp_path / "films" / name).mkdir(parents=True)
        for i in range(20):
            (tmp_path / "films" / name / f"{i}.png").write_bytes(flat(first + i))
    bundle = write_several(tmp_path / "bundle", {"tuberculosis": 8.0, "tumour": -8.0, "normal": 0.0}, exclusive=True)
    films, split = tmp_path / "films.csv", tmp_path / "split.csv"
    assert run("data", "index", tmp_path / "films", "--source", "folder", "--out", films).exit_code == 0
    assert run("data", "split", films, "--out", split, "--folds", "4", "--test-share", "0.2").exit_code == 0
    homes = Counter((film.path.split("/")[1], film.split) for film in read_manifest(split).films)
    shares = {"train": 12, "val": 4, "test": 4}
    assert homes == {(name, part): n for name in ("NORMAL", "Tuberculosis", "Tumour") for part, n in shares.items()}
    result = run("evaluate", "--data", split, "--bundle", bundle, "--out", tmp_path / "out", "--quick")
    assert result.exit_code == 0
    measured = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert measured["argmax"]["confusion"] == [[4, 0, 0], [0, 4, 0], [0, 4, 0]]
    assert (measured["data"]["films"], measured["data"]["positive"]) == (12, 4)


def test_the_demo_films_can_be_measured(run, demo_films, tiny_bundle, tmp_path):
    result = run(
        "evaluate", "--data", demo_films, "--bundle", tiny_bundle, "--out", tmp_path / "out", "--jobs", "2", "--quick"
    )
    assert result.exit_code == 0
    data = json.loads((tmp_path / "out" / "metrics.json").read_text())["data"]
    assert (data["sources"], data["films"], data["positive"], data["unreadable"]) == (["kermany"], 32, 16, 0)


def test_prepared_films_are_kept_for_the_next_time(run, demo_films, tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("PNEUMOSCOPE_CACHE", str(tmp_path / "cache"))
    for name in ("first", "second"):
        words = ("--data", demo_films, "--bundle", tiny_bundle, "--out", tmp_path / name, "--prepared", "--quick")
        assert run("evaluate", *words).exit_code == 0
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 1
    first, second = ((tmp_path / name / "metrics.json").read_bytes() for name in ("first", "second"))
    assert first == second


def test_misuse_ends_with_2_and_writes_nothing(run, manifest, tiny_bundle, tmp_path):
    out = tmp_path / "out"
    for arguments, message in [
        (("--data", tmp_path / "none.csv"), "does not exist"),
        (("--data", tmp_path / "a.png"), "expected the columns"),
        (("--data", tmp_path), "known layout"),
        (("--data", manifest, "--split", "val"), "no films in split 'val'"),
        (("--data", manifest, "--split", "all"), "'all' is not one of"),
        (("--data", manifest, "--operating-point", "best"), "balanced, sensitive"),
    ]:
        result = run("evaluate", "--bundle", tiny_bundle, "--out", out, *arguments)
        assert result.exit_code == 2, message
        assert message in " ".join(result.stderr.split())
    assert run("evaluate", "--bundle", tiny_bundle, "--data", manifest).exit_code == 2
    assert not out.exists()


def test_a_place_that_cannot_be_written_to_ends_with_1(run, manifest, tiny_bundle, tmp_path):
    result = run("evaluate", "--data", manifest, "--bundle", tiny_bundle, "--out", tmp_path / "a.png" / "out")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert str(tmp_path / "a.png") in result.stderr


def test_a_bundle_that_cannot_be_used_ends_with_1(run, manifest, tmp_path):
    result = run("evaluate", "--bundle", tmp_path, "--data", manifest, "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no bundle.json" in result.stderr


def test_a_file_of_scores_is_measured_without_a_bundle(run, tmp_path):
    scores, out = tmp_path / "mine.csv", tmp_path / "out"
    scores.write_text("film,label,probability,patient\na,0,0.2,p\nb,1,0.4,q\nc,1,0.9,q\nd,0,0.3,r\n")
    result = run("evaluate", "--scores", scores, "--out", out)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "mine.csv: 4 films of 3 patients, probability >= 0.500"
    assert lines[1].split()[:2] == ["auc", "1.0000"]
    assert lines[-1].strip() == "true positive 1, false positive 0, true negative 2, false negative 1"
    assert "bundle" not in json.loads((out / "metrics.json").read_text())
    assert result.stderr.splitlines()[-1] == f"wrote metrics.json and curves.png in {out}"
    lower = run("evaluate", "--scores", scores, "--out", out, "--threshold", "0.35").stdout.splitlines()
    assert lower[0].endswith("probability >= 0.350")
    assert lower[-1].strip().startswith("true positive 2, false positive 0")


def test_what_is_not_defined_is_printed_with_the_reason(run, tmp_path):
    scores = tmp_path / "ill.csv"
    scores.write_text("film,label,probability,decision,error\na,1,0.2,0,\nb,1,0.9,1,\nc,,0.3,0,\nd,1,,,cut short\n")
    result = run("evaluate", "--scores", scores, "--out", tmp_path / "out")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "ill.csv: 2 films of 2 patients, the file's own decisions"
    assert lines[1].split(maxsplit=1) == ["auc", "not defined: every film has the label"]
    assert lines[-2:] == [
        "  1 films have no probability and were left out",
        "  1 films state no label and were left out",
    ]
    assert result.stderr.splitlines()[-1] == f"wrote metrics.json in {tmp_path / 'out'}"


def test_scores_and_a_manifest_must_agree(run, manifest, tmp_path):
    rows = [f"{name},{label},{grey / 255}" for name, (grey, label) in GREYS.items()]
    scores = tmp_path / "s.csv"
    scores.write_text("\n".join(["film,label,probability", *rows, "cut.png,1,0.5"]) + "\n")
    words = ("evaluate", "--scores", scores, "--data", manifest, "--out", tmp_path / "out")
    assert run(*words).exit_code == 0
    scores.write_text(scores.read_text().replace("c.png,1", "c.png,0"))
    result = run(*words)
    assert result.exit_code == 2
    assert "with another label, the first is c.png" in " ".join(result.stderr.split())


def test_options_that_do_not_go_together_are_refused(run, manifest, tmp_path):
    scores, out = tmp_path / "s.csv", tmp_path / "out"
    scores.write_text("film,label,probability\na,0,0.2\nb,1,0.4\n")
    for words, message in [
        (("--scores", scores, "--bundle", "default"), "--bundle does not go with --scores"),
        (("--scores", scores, "--operating-point", "x"), "--operating-point does not go with --scores"),
        (("--scores", scores, "--prepared"), "--prepared does not go with --scores"),
        (("--scores", scores, "--threshold", "2"), "is not in the range"),
        (("--data", manifest, "--threshold", "0.5"), "--threshold goes with --scores"),
        (("--scores", scores, "--threshold", "nan"), "threshold: expected a probability from 0 to 1, got nan"),
        (("--scores", scores, "--split", "val"), "--split goes with --data"),
        ((), "Missing option '--data'"),
    ]:
        result = run("evaluate", "--out", out, *words)
        assert result.exit_code == 2, message
        assert message in " ".join(result.stderr.split())
    assert not out.exists()


def test_it_names_the_files_that_it_wrote(run, manifest, tiny_bundle, tmp_path):
    words = ("evaluate", "--bundle", tiny_bundle, "--quick", "--out")
    both = run(*words, tmp_path / "both", "--data", manifest)
    assert both.stderr.splitlines()[-1] == (
        f"wrote report.html, report.pdf, metrics.json, scores.csv and curves.png in {tmp_path / 'both'}"
    )
    films = read_manifest(manifest)
    sick = tuple(film for film in films.films if film.label == 1)
    write_manifest(Manifest(films.root, sick), tmp_path / "sick.csv")
    one = run(*words, tmp_path / "one", "--data", tmp_path / "sick.csv")
    assert one.stderr.splitlines()[-1] == (
        f"wrote report.html, report.pdf, metrics.json and scores.csv in {tmp_path / 'one'}"
    )
    assert not (tmp_path / "one" / "curves.png").exists()


def test_who_is_on_the_films_is_said_however_quick_the_look(run, manifest, tiny_bundle, tmp_path):
    words = ("--data", manifest, "--bundle", tiny_bundle, "--out", tmp_path / "out", "--quick")
    result = run("evaluate", *words, "--outside-population", "adults")
    assert result.exit_code == 0
    assert "  Outside the intended population: these films are of adults." in result.stdout
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["cautions"][0].startswith("Outside")


def test_a_closer_look_needs_the_first_label_and_says_so(run, manifest, tmp_path):
    """Pneumonias of no stated kind say nothing of the first label."""
    bundle = write_several(tmp_path / "bundle", {"viral": 1.0, "pneumonia": 4.0})
    films = read_manifest(manifest)
    write_manifest(Manifest(films.root, tuple(f for f in films.films if f.label == 1)), tmp_path / "sick.csv")
    words = ("evaluate", "--bundle", bundle, "--data", tmp_path / "sick.csv", "--out", tmp_path / "out")
    result = run(*words)
    assert result.exit_code == 2
    assert "expected films that state 'viral', found none" in " ".join(result.stderr.split())
    assert (tmp_path / "out" / "metrics.json").exists()
    assert "--quick" in result.stderr
    assert run(*words, "--quick").exit_code == 0


def test_what_is_known_is_not_lost_when_the_closer_look_is_stopped(run, demo_films, tiny_bundle, tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pneumoscope.evaluation.look_closer", stopped)
    assert run("evaluate", "--data", demo_films, "--bundle", tiny_bundle, "--out", tmp_path / "out").exit_code != 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"metrics.json", "scores.csv", "curves.png"}


def test_a_second_answer_is_printed_by_itself(run, demo_films, tmp_path):
    bundle = write_second(tmp_path / "second")
    result = run("evaluate", "--data", demo_films, "--bundle", bundle, "--out", tmp_path / "out", "--quick")
    assert result.exit_code == 0
    heads = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert heads[1:] == [
        "bacterial rather than viral, on the 16 films with pneumonia that state which (recall is that of bacterial, "
        "specificity that of viral)",
        "both answers, on 32 films",
    ]
    second = json.loads((tmp_path / "out" / "metrics.json").read_text())["second"][0]
    assert f"  no pneumonia read {second['whole']['confusion'][0][0]} as no pneumonia, " in result.stdout
