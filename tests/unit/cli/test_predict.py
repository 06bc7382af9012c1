from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from math import exp
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from pneumoscope.bundle.spec import Certainty, Sample
from tests.helpers import (
    RAMP,
    chest,
    flat,
    picture,
    tiny_contents,
    tiny_graph,
    tiny_spec,
    write_second,
    write_several,
    write_tiny,
)

BRIGHT = 1 / (1 + exp(-5.3))
"""A film of grey 204: 8 * (2 * 0.8 - 1) + 0.5 = 5.3."""


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_all_films_are_read_and_written_in_every_form(run, ward, tiny_bundle, tmp_path):
    (ward / "b.png").unlink()
    out = tmp_path / "new" / "out"
    result = run(
        *("predict", ward, "--bundle", tiny_bundle),
        *("--out", out / "table.csv", "--html", out / "page.html", "--heatmaps", out / "maps"),
    )
    assert result.exit_code == 0
    table = rows(out / "table.csv")
    assert [Path(line["film"]).name for line in table] == ["a.png", "c.png"]
    assert float(table[0]["probability"]) == pytest.approx(BRIGHT, abs=1e-6)
    assert [line["decision"] for line in table] == ["pneumonia", "pneumonia"]
    assert [line["flags"] for line in table] == ["blank", ""]
    page = (out / "page.html").read_text(encoding="utf-8")
    assert "a.png" in page
    assert "c.png" in page
    assert "50% show pneumonia" in page  # for which share of films the probabilities hold
    maps = sorted((out / "maps").iterdir())
    assert [path.name.split(".")[0] for path in maps] == ["a", "c"]
    for path in maps:
        with Image.open(path) as picture:
            assert picture.size == (32, 24)
    assert sorted(path.name for path in out.iterdir()) == ["maps", "page.html", "table.csv"]
    assert [line for line in result.stderr.splitlines() if line] == [
        f"wrote {out / 'table.csv'}",
        f"wrote {out / 'page.html'}",
        f"wrote {out / 'maps'}",
    ]


def test_what_is_not_sure_is_told_everywhere(run, tmp_path):
    """Greys 60, 110 and 200: probabilities of 0.03, 0.35 and 0.99."""
    sample = Sample(films=40, patients=40)
    known = Certainty(
        yes_from=0.3, no_to=0.7, error_rate=0.05, positive=sample, negative=sample, data="40 films", chosen="2026-01-02"
    )
    bundle = write_tiny(tmp_path / "b", labels=(msgspec.structs.replace(tiny_spec().labels[0], certainty=known),))
    (tmp_path / "ward").mkdir()
    for grey in (60, 110, 200):
        (tmp_path / "ward" / f"{grey:03}.png").write_bytes(flat(grey))
    table, lines, page = (tmp_path / f"r.{kind}" for kind in ("csv", "jsonl", "html"))
    result = run("predict", tmp_path / "ward", "--bundle", bundle, "--out", table, "--html", page)
    run("predict", tmp_path / "ward", "--bundle", bundle, "--out", lines)
    assert [line["certainty"] for line in rows(table)] == ["sure", "not sure: ask a reader", "sure"]
    found = [json.loads(line)["findings"][0] for line in lines.read_text().splitlines()]
    assert [one["sure"] for one in found] == [True, False, True]
    assert [("not sure: ask" in line) for line in result.stdout.splitlines()[2:]] == [False, True, False, False]
    assert page.read_text(encoding="utf-8").count("Not sure: ask a reader") == 1
    assert "Yes is possible from a probability of 30.00%, no up to 70.00%" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("told", [True, False])
def test_that_a_second_answer_may_be_left_open_is_told_where_it_may(run, ward, tmp_path, told):
    sample = Sample(films=40, patients=40)
    known = Certainty(
        yes_from=0.3, no_to=0.7, error_rate=0.05, positive=sample, negative=sample, data="40 films", chosen="2026-01-02"
    )
    bundle = write_second(tmp_path / "b", {"certainty": known if told else None})
    page = tmp_path / "r.html"
    run("predict", ward, "--bundle", bundle, "--html", page)
    about = page.read_text(encoding="utf-8").partition("<dt>Second answer</dt>")[2].partition("</dd>")[0]
    assert "bacterial rather than viral: told only beside a positive answer" in about
    assert ("not sure which" in about) == told


def test_all_labels_of_a_bundle_are_told(run, ward, tmp_path):
    bundle = write_several(tmp_path / "several", {"tuberculosis": -4.0, "tumour": 4.0, "normal": 0.0})
    table, page = tmp_path / "table.csv", tmp_path / "page.html"
    result = run("predict", ward / "a.png", "--bundle", bundle, "--out", table, "--html", page)
    line = rows(table)[0]
    assert (line["label"], line["decision"]) == ("tuberculosis", "no tuberculosis")
    assert (line["tumour_decision"], line["normal_decision"]) == ("tumour", "normal")
    assert float(line["tumour_probability"]) == pytest.approx(BRIGHT, abs=1e-6)
    assert float(line["probability"]) == pytest.approx(1 / (1 + exp(4.3)), abs=1e-6)
    assert [words.split()[-1] for words in result.stdout.splitlines()[3:]] == ["tumour", "normal"]
    told = page.read_text(encoding="utf-8")
    assert "50% show tuberculosis, 50% tumour, 50% normal" in told
    assert "0.900 (0.800-0.950) for tuberculosis" in told
    assert "<dt>tumour</dt>" in told


def test_a_bad_film_has_a_row_and_the_command_ends_with_1(run, ward, tiny_bundle, tmp_path):
    result = run("predict", ward, "--bundle", tiny_bundle, "--out", tmp_path / "table.csv")
    assert result.exit_code == 1
    table = rows(tmp_path / "table.csv")
    assert [Path(line["film"]).name for line in table] == ["a.png", "b.png", "c.png"]
    assert [line["error_code"] for line in table] == ["", "unreadable", ""]
    assert table[1]["probability"] == ""
    assert "1 of 3 films could not be read" in result.stderr
    printed = [line for line in result.stdout.splitlines() if "evidence" not in line]
    assert ["not read" in line for line in printed] == [False, False, False, True, False]


def test_json_lines_hold_one_object_a_film(run, ward, tiny_bundle, tmp_path):
    run("predict", ward / "c.png", ward / "b.png", "--bundle", tiny_bundle, "--out", tmp_path / "table.jsonl")
    first, second = map(json.loads, (tmp_path / "table.jsonl").read_text().splitlines())
    assert (first["kind"], first["film"]) == ("reading", str(ward / "c.png"))
    assert (len(first["heatmap"]), len(first["heatmap"][0])) == (3, 4)
    assert first["findings"][0]["label"] == "pneumonia"
    assert (second["kind"], second["error_code"]) == ("failure", "unreadable")


def test_where_the_evidence_lies_is_told_everywhere(run, ward, tiny_bundle, tmp_path):
    table, lines, page = (tmp_path / f"r.{kind}" for kind in ("csv", "jsonl", "html"))
    result = run("predict", ward / "a.png", ward / "c.png", "--bundle", tiny_bundle, "--out", table, "--html", page)
    run("predict", ward / "a.png", ward / "c.png", "--bundle", tiny_bundle, "--out", lines, "-q")
    assert result.stdout.splitlines()[3::2] == [
        "  The evidence is spread: no region of the picture stands out.",
        "  72% of the evidence lies on the right of the picture (25% of its area), 28% elsewhere.",
    ]
    greys = (RAMP / 255).reshape(3, 8, 4, 8).mean(axis=(1, 3))[0]
    *_, third, fourth = 8 * (2 * greys - 1) + 0.5  # log-odds of the columns of cells; of the others below 0
    assert [line["regions"] for line in rows(table)] == ["", f"24,0,32,24:{fourth / (third + fourth):.3f}"]
    even, told = map(json.loads, lines.read_text().splitlines())
    assert even["regions"] == []
    assert [{**box, "share": round(box["share"], 2)} for box in told["regions"]] == [
        {"top": 0, "left": 24, "bottom": 24, "right": 32, "share": 0.72}
    ]
    assert (told["film_size"], told["strong_evidence"]) == ([24, 32], 6.0)
    assert "100% (log-odds of 6.0) is what only" in page.read_text(encoding="utf-8")


def test_quiet_prints_no_table(run, ward, tiny_bundle):
    assert run("predict", ward / "a.png", "--bundle", tiny_bundle, "-q").stdout == ""


def test_names_keep_their_order_and_globs_are_understood(run, ward, tiny_bundle, tmp_path):
    out = tmp_path / "table.csv"
    run("predict", ward / "c.png", ward / "[a]*", "--bundle", tiny_bundle, "--jobs", "3", "--out", out)
    assert [Path(line["film"]).name for line in rows(out)] == ["c.png", "a.png"]


def test_the_operating_point_is_chosen_by_name(run, ward, tiny_bundle, tmp_path):
    (ward / "a.png").write_bytes(flat(102))  # 0.25
    for name, decision in (("balanced", "no pneumonia"), ("sensitive", "pneumonia")):
        out = tmp_path / f"{name}.csv"
        run("predict", ward / "a.png", "--bundle", tiny_bundle, "--operating-point", name, "--out", out)
        assert [(line["operating_point"], line["decision"]) for line in rows(out)] == [(name, decision)]


@pytest.mark.parametrize(
    "case",
    [
        (["none.png"], "no such file or folder"),
        (["*.gif"], "nothing matches it as a glob: *.gif"),
        (["empty"], "no films in empty"),
        (["ward/a.png", "none.png"], "none.png"),
        (["ward", "--operating-point", "best"], "balanced, sensitive"),
        (["ward", "--out", "table.xlsx"], ".csv or .jsonl"),
        (["ward", "--out", "table"], ".csv or .jsonl"),
        (["ward", "--out", "empty"], "is a directory"),
        (["ward", "--heatmaps", "ward/a.png"], "is a file"),
    ],
)
def test_misuse_ends_with_2_and_writes_nothing(run, ward, tiny_bundle, monkeypatch, case):
    arguments, message = case
    (ward.parent / "empty").mkdir()
    monkeypatch.chdir(ward.parent)
    result = run("predict", *arguments, "--bundle", tiny_bundle, "--html", "page.html")
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["empty", "ward"]


def test_a_bundle_that_cannot_be_used_ends_with_1(run, ward, tmp_path):
    out = tmp_path / "table.csv"
    altered = write_tiny(tmp_path / "altered")
    (altered / "model.onnx").write_bytes(tiny_graph(gain=5.0))
    wrong = write_tiny(tmp_path / "wrong", tiny_contents(graph=tiny_graph(gain=5.0)))
    for bundle, message in ((altered, "Get the bundle again"), (wrong, "do not use"), (ward, "no bundle.json")):
        result = run("predict", ward, "--bundle", bundle, "--out", out)
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ")
        assert message in result.stderr
        assert result.stdout == ""
    assert not out.exists()


def test_a_place_that_cannot_be_written_to_ends_with_1_before_any_film_is_read(run, ward, tiny_bundle, tmp_path):
    result = run("predict", ward, "--bundle", tiny_bundle, "--out", ward / "a.png" / "table.csv")
    assert result.exit_code == 1
    assert "cannot write the report" in result.stderr
    assert result.stdout == ""
    result = run(
        "predict", ward, "--bundle", tiny_bundle, "--out", tmp_path / "t.csv", "--html", ward / "a.png" / "page.html"
    )
    assert result.exit_code == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ward"]


def test_pictures_it_wrote_itself_are_not_read_as_films(run, ward, tiny_bundle):
    (ward / "b.png").unlink()
    for _ in range(2):
        result = run("predict", ward, "--bundle", tiny_bundle, "--heatmaps", ward)
        assert result.exit_code == 0
        assert len(result.stdout.splitlines()) == 6  # titles, rule, two films with their evidence
    assert len(list(ward.glob("*.heatmap.jpg"))) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts are sent the POSIX way")
def test_an_interrupt_leaves_no_half_written_file(ward, tiny_bundle, tmp_path):
    """More films than it can read before the interrupt, which comes when the first row is printed."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "table.csv").write_text("an older table")
    command = [sys.executable, "-u", "-c", INTERRUPTIBLE, "predict", *["c.png"] * 20_000, "--bundle", tiny_bundle]
    command += ["--out", out / "table.csv", "--html", out / "page.html"]
    with subprocess.Popen(command, cwd=ward, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        titles, _, first = (process.stdout.readline() for _ in range(3))
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert titles.startswith("film")
    assert first.startswith("c.png")
    assert process.returncode == 1
    assert "Aborted!" in told
    assert "Traceback" not in told
    assert [path.name for path in out.iterdir()] == ["table.csv"]
    assert (out / "table.csv").read_text() == "an older table"


INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a process in the background may have been told to ignore it
from pneumoscope.cli import main
main()
"""


def test_a_second_answer_is_told_beside_a_positive_first_one(run, tmp_path):
    """Greys 100, 150 and 230: none, bacterial of 0.92, viral of 0.88."""
    (tmp_path / "ward").mkdir()
    for grey in (100, 150, 230):
        (tmp_path / "ward" / f"{grey}.png").write_bytes(flat(grey))
    bundle, table, page = write_second(tmp_path / "b"), tmp_path / "t.csv", tmp_path / "p.html"
    result = run("predict", tmp_path / "ward", "--bundle", bundle, "--out", table, "--html", page)
    assert [line["bacterial_decision"] for line in rows(table)] == ["", "bacterial", "viral"]
    assert [line["bacterial_probability"] == "" for line in rows(table)] == [True, False, False]
    assert len(result.stdout.splitlines()) == 2 + 3 + 2 * 2  # a kind and a place for each positive film
    told = page.read_text(encoding="utf-8")
    assert told.count('<p class="second">If pneumonia: ') == 2
    assert "recognises 0.800 (0.700-0.850) of the bacterial and 0.750 (0.700-0.850) of the viral ones" in told
    assert "a group of films of which 50% show pneumonia: where" in told


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A sound film, one upside down, one of stripes, one that cannot be read."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    stripes = np.tile(np.repeat(np.array([50, 200] * 4, np.uint8), 4), (24, 1))
    for name, pixels in (("a", chest()), ("b", np.rot90(chest(), 2)), ("c", stripes)):
        (folder / f"{name}.png").write_bytes(picture(np.ascontiguousarray(pixels)))
    return folder


def test_what_is_not_answered_is_told_everywhere_and_is_no_failure(run, mixed, gated_bundle, tmp_path):
    table, page, maps = tmp_path / "t.csv", tmp_path / "t.html", tmp_path / "maps"
    result = run("predict", mixed, "--bundle", gated_bundle, "--out", table, "--html", page, "--heatmaps", maps)
    assert result.exit_code == 0
    found = rows(table)
    assert [line["decision"] for line in found[1:]] == ["not answered", "not answered"]
    assert [line["abstention"] for line in found] == ["", "upside-down", "not-frontal-chest"]
    assert found[1]["correction"] == "upside-down"
    assert found[1]["offered_decision"] == found[0]["decision"]
    assert len(list(maps.iterdir())) == 1
    assert "Not answered" in page.read_text(encoding="utf-8")
    assert "2 films not answered: 1 upside-down, 1 not-frontal-chest. A reader has to look at them" in result.stderr
    assert "1 of them can be read corrected: --correct" in result.stderr


def test_correct_reads_what_came_wrongly(run, mixed, gated_bundle, tmp_path):
    result = run("predict", mixed, "--bundle", gated_bundle, "--out", tmp_path / "t.csv", "--correct")
    upright, turned, stripes = rows(tmp_path / "t.csv")
    assert result.exit_code == 0
    assert turned["probability"] == upright["probability"]
    assert (turned["notes"], turned["flags"], turned["abstention"]) == ("read turned back by a half", "upside-down", "")
    assert stripes["decision"] == "not answered"


def test_force_answers_all_and_says_so(run, mixed, gated_bundle, tmp_path):
    result = run("predict", mixed, "--bundle", gated_bundle, "--out", tmp_path / "t.csv", "--force")
    found = rows(tmp_path / "t.csv")
    assert [line["forced"] for line in found] == ["", "yes", "yes"]
    assert all(line["probability"] for line in found)
    assert [line["abstention"] for line in found] == ["", "upside-down", "not-frontal-chest"]
    assert "2 of them in spite of the gate" in result.stderr


def test_a_film_that_cannot_be_read_still_ends_the_command_with_1(run, mixed, gated_bundle):
    (mixed / "d.png").write_bytes(b"no film")
    assert run("predict", mixed, "--bundle", gated_bundle, "-q").exit_code == 1


def test_a_bundle_without_a_gate_cannot_correct(run, mixed, tiny_bundle):
    result = run("predict", mixed, "--bundle", tiny_bundle, "--correct")
    assert result.exit_code == 2
    assert "has no gate" in result.stderr
