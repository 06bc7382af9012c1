import csv
import json

import msgspec
import pytest

from pneumoscope.core import PneumoscopeError, Region
from pneumoscope.report import (
    CSV_COLUMNS,
    CsvReport,
    FailureRow,
    JsonlReport,
    ReadingRow,
    open_table,
    unguarded,
)
from pneumoscope.report.table import GATE_COLUMNS, guarded
from pneumoscope.report.text import utf8


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_csv_row_holds_the_reading(tmp_path, items, write):
    write(CsvReport(tmp_path / "t.csv"), items)
    rows = read_csv(tmp_path / "t.csv")
    assert [row["film"] for row in rows] == [outcome.film for outcome, _ in items]
    assert tuple(rows[0]) == CSV_COLUMNS
    assert rows[1] == {
        "film": "ward/high.png",
        "probability": "0.950000",
        "decision": "pneumonia",
        "label": "pneumonia",
        "operating_point": "balanced",
        "threshold": "0.420000",
        "flags": "inverted;small",
        "notes": "Turned back.; Window applied.",
        "film_sha256": items[1][0].film_digest,
        "bundle_sha256": "4f" * 32,
        "decode_ms": "2.12",
        "prepare_ms": "1.50",
        "infer_ms": "9.75",
        "total_ms": "13.38",
        "error_code": "",
        "error": "",
        "regions": "",
    }
    assert rows[0]["decision"] == "no pneumonia"


def test_further_labels_have_columns_after_all_others(tmp_path, item, items, write):
    write(open_table(tmp_path / "t.csv", ["tumour", "=1"]), [item(further={"tumour": 0.2, "=1": 0.75}), items[2]])
    reading, failure = read_csv(tmp_path / "t.csv")
    further = ("tumour_probability", "tumour_decision", "'=1_probability", "'=1_decision")
    assert tuple(reading) == (*CSV_COLUMNS, *further)
    assert [reading[name] for name in further] == ["0.200000", "no tumour", "0.750000", "'=1"]
    assert (reading["probability"], reading["decision"], reading["label"]) == ("0.900000", "pneumonia", "pneumonia")
    assert [failure[name] for name in further] == [""] * 4
    write(JsonlReport(tmp_path / "t.jsonl"), [item(further={"tumour": 0.2})])
    told = [(one["label"], one["positive"]) for one in read_jsonl(tmp_path / "t.jsonl")[0]["findings"]]
    assert told == [("pneumonia", True), ("tumour", False)]


def test_a_csv_failure_has_no_answer(tmp_path, items, write):
    write(CsvReport(tmp_path / "t.csv"), items)
    broken, notes = read_csv(tmp_path / "t.csv")[2::2]
    assert {name: cell for name, cell in broken.items() if cell} == {
        "film": "ward/broken.dcm",
        "film_sha256": "ab" * 32,
        "error_code": "unreadable",
        "error": "The file ends early.",
    }
    assert notes["film_sha256"] == ""


def test_hostile_names_survive_a_csv_and_are_no_formulas(tmp_path, hostile, write):
    write(CsvReport(tmp_path / "t.csv"), hostile)
    rows = read_csv(tmp_path / "t.csv")
    assert [unguarded(row["film"]) for row in rows] == [utf8(outcome.film) for outcome, _ in hostile]
    assert not [cell for row in rows for cell in row.values() if cell[:1] in tuple("=+-@\t\r\n")]


def test_every_csv_cell_is_quoted_so_that_a_semicolon_splits_none(tmp_path, item, write):
    write(CsvReport(tmp_path / "t.csv"), [item("a;=cmd()")])
    assert (tmp_path / "t.csv").read_text().splitlines()[1].startswith('"a;=cmd()","')


@pytest.mark.parametrize("text", ["", "a", "'", "''=", "=1", "'=1", "\t=1", "\uff1d1", "x=1"])
def test_guarding_loses_nothing(text):
    assert unguarded(guarded(text)) == text


def test_a_json_line_holds_everything(tmp_path, items, write):
    write(JsonlReport(tmp_path / "t.jsonl"), items)
    rows = read_jsonl(tmp_path / "t.jsonl")
    assert rows[1] == {
        "kind": "reading",
        "schema": 1,
        "film": "ward/high.png",
        "film_sha256": items[1][0].film_digest,
        "bundle_sha256": "4f" * 32,
        "findings": [
            {
                "label": "pneumonia",
                "probability": 0.95,
                "operating_point": "balanced",
                "threshold": 0.42,
                "positive": True,
            }
        ],
        "flags": [
            {"code": "inverted", "message": "The film looks inverted."},
            {"code": "small", "message": "The film is small."},
        ],
        "notes": ["Turned back.", "Window applied."],
        "heatmap": [[0.0, 0.0909, 0.1818, 0.2727], [0.3636, 0.4545, 0.5455, 0.6364], [0.7273, 0.8182, 0.9091, 1.0]],
        "milliseconds": {"decode": 2.12, "prepare": 1.5, "infer": 9.75, "total": 13.38},
        "strong_evidence": None,
        "film_size": [24, 20],
        "regions": [],
        "abstention": [],
        "forced": False,
        "correction": None,
    }
    assert rows[4] == {
        "kind": "failure",
        "schema": 1,
        "film": "ward/notes.txt",
        "film_sha256": None,
        "error_code": "unsupported",
        "error": "Not a picture.",
    }


def test_the_published_structs_decode_a_line(tmp_path, items, write):
    write(JsonlReport(tmp_path / "t.jsonl"), items)
    decoder = msgspec.json.Decoder(ReadingRow | FailureRow)
    rows = decoder.decode_lines((tmp_path / "t.jsonl").read_bytes())
    assert [type(row) for row in rows] == [ReadingRow, ReadingRow, FailureRow, ReadingRow, FailureRow]


def test_hostile_names_survive_json_lines(tmp_path, hostile, write):
    write(JsonlReport(tmp_path / "t.jsonl"), hostile)
    assert [row["film"] for row in read_jsonl(tmp_path / "t.jsonl")] == [utf8(outcome.film) for outcome, _ in hostile]


def test_a_reading_without_a_heat_map_says_null(tmp_path, item, write):
    write(JsonlReport(tmp_path / "t.jsonl"), [item()])
    assert read_jsonl(tmp_path / "t.jsonl")[0]["heatmap"] is None


def test_the_ending_picks_the_format(tmp_path):
    with open_table(tmp_path / "t.CSV") as upper, open_table(tmp_path / "t.jsonl") as lines:
        assert (type(upper), type(lines)) == (CsvReport, JsonlReport)


@pytest.mark.parametrize("name", ["t.xlsx", "t", "t.csv.gz"])
def test_an_unknown_ending_names_what_is_allowed(tmp_path, name):
    with pytest.raises(ValueError, match=r"\.csv or \.jsonl"):
        open_table(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_is_told_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PneumoscopeError, match="cannot write the report"):
        CsvReport(tmp_path / "file" / "t.csv")
    with pytest.raises(PneumoscopeError, match="it is a folder"):
        CsvReport(tmp_path)


def test_certainty_has_a_column_where_the_bundle_says_it(tmp_path, item, items, write):
    films = [item(sure=True, further={"tumour": 0.2}), item(sure=False, further={"tumour": 0.2}), items[2]]
    write(open_table(tmp_path / "t.csv", ["tumour"], ["pneumonia", "tumour"]), films)
    rows = read_csv(tmp_path / "t.csv")
    assert tuple(rows[0])[-4:] == ("tumour_probability", "tumour_decision", "certainty", "tumour_certainty")
    assert [row["certainty"] for row in rows] == ["sure", "not sure: ask a reader", ""]
    assert [row["tumour_certainty"] for row in rows] == ["sure", "not sure: ask a reader", ""]
    write(open_table(tmp_path / "u.csv", ["tumour"], ["tumour"]), films)
    assert tuple(read_csv(tmp_path / "u.csv")[0])[-2:] == ("tumour_decision", "tumour_certainty")


def test_certainty_is_a_key_where_the_bundle_says_it(tmp_path, item, write):
    write(JsonlReport(tmp_path / "t.jsonl"), [item(sure=True), item(sure=False), item()])
    found = [row["findings"][0].get("sure", "no key") for row in read_jsonl(tmp_path / "t.jsonl")]
    assert found == [True, False, "no key"]
    decoder = msgspec.json.Decoder(ReadingRow)
    rows = decoder.decode_lines((tmp_path / "t.jsonl").read_bytes())
    assert [row.findings[0].sure for row in rows] == [True, False, msgspec.UNSET]


REGIONS = (Region(2, 3, 12, 13, 0.71234), Region(15, 0, 24, 9, 0.2))


def test_regions_are_a_cell_and_a_list(tmp_path, item, write):
    films = [item(regions=REGIONS, strong_evidence=10.35), item("b.png", 0.1)]
    write(CsvReport(tmp_path / "t.csv"), films)
    assert [row["regions"] for row in read_csv(tmp_path / "t.csv")] == ["3,2,13,12:0.712;0,15,9,24:0.200", ""]
    write(JsonlReport(tmp_path / "t.jsonl"), films)
    one, other = read_jsonl(tmp_path / "t.jsonl")
    assert one["film_size"] == [24, 20]
    assert one["strong_evidence"] == 10.35
    assert one["regions"] == [
        {"top": 2, "left": 3, "bottom": 12, "right": 13, "share": 0.7123},
        {"top": 15, "left": 0, "bottom": 24, "right": 9, "share": 0.2},
    ]
    assert (other["regions"], other["strong_evidence"]) == ([], None)


def test_a_line_of_before_there_were_regions_can_be_read(tmp_path, item, write):
    write(JsonlReport(tmp_path / "t.jsonl"), [item()])
    (line,) = read_jsonl(tmp_path / "t.jsonl")
    for key in ("regions", "film_size", "strong_evidence"):
        del line[key]
    row = msgspec.json.decode(json.dumps(line), type=ReadingRow)
    assert (row.regions, row.film_size, row.strong_evidence) == ([], None, None)


def test_a_second_answer_has_its_columns_whether_it_was_asked_or_not(tmp_path, item, items, kind, write):
    asked = [item(second=[kind(0.81, True)]), item(second=[kind(0.2, True)]), item(second=[kind(0.55, False)])]
    write(open_table(tmp_path / "t.csv", ["bacterial"], ["bacterial"]), [*asked, item(probability=0.1), items[2]])
    rows = read_csv(tmp_path / "t.csv")
    assert tuple(rows[0])[-3:] == ("bacterial_probability", "bacterial_decision", "bacterial_certainty")
    assert [row["bacterial_probability"] for row in rows] == ["0.810000", "0.200000", "0.550000", "", ""]
    assert [row["bacterial_decision"] for row in rows] == ["bacterial", "viral", "not sure which", "", ""]
    assert [row["bacterial_certainty"] for row in rows] == ["sure", "sure", "not sure which", "", ""]
    assert [row["decision"] for row in rows][:4] == [*["pneumonia"] * 3, "no pneumonia"]


def test_a_second_answer_names_what_it_hangs_on_in_json(tmp_path, item, kind, write):
    write(JsonlReport(tmp_path / "t.jsonl"), [item(second=[kind(0.2, True)]), item(probability=0.1)])
    asked, not_asked = read_jsonl(tmp_path / "t.jsonl")
    assert [one["label"] for one in not_asked["findings"]] == ["pneumonia"]
    first, second = asked["findings"]
    assert "given" not in first
    assert {name: second[name] for name in ("given", "otherwise", "positive", "sure")} == {
        "given": "pneumonia",
        "otherwise": "viral",
        "positive": False,
        "sure": True,
    }
    row = msgspec.json.decode((tmp_path / "t.jsonl").read_bytes().splitlines()[0], type=ReadingRow)
    assert (row.findings[0].given, row.findings[1].given) == (msgspec.UNSET, "pneumonia")


def test_a_film_that_is_not_answered_has_a_row_with_the_reason(tmp_path, refused, write):
    write(open_table(tmp_path / "t.csv", gated=True), refused)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        side, down, righted, forced, plain = csv.DictReader(file)
    for row in (side, down):
        assert row["decision"] == "not answered"
        assert not any(
            row[name] for name in ("probability", "label", "operating_point", "threshold", "forced", "error")
        )
        assert row["film_sha256"]
        assert row["total_ms"]
    assert (side["abstention"], side["reason"]) == ("wrong-view", "The header says view LL.")
    assert (side["correction"], side["offered_probability"], side["offered_decision"]) == ("", "", "")
    assert (down["correction"], down["offered_probability"], down["offered_decision"]) == (
        "upside-down",
        "0.800000",
        "pneumonia",
    )
    assert (righted["decision"], righted["correction"], righted["offered_decision"]) == ("pneumonia", "upside-down", "")
    assert (forced["decision"], forced["forced"], forced["abstention"]) == ("no pneumonia", "yes", "wrong-view")
    assert not any(plain[name] for name in GATE_COLUMNS)


def test_a_bundle_that_answers_all_has_no_columns_for_it(tmp_path, items, write):
    write(open_table(tmp_path / "t.csv"), items)
    assert not set(GATE_COLUMNS) & set((tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()[0].split('"'))


def test_json_lines_tell_it_too(tmp_path, refused, write):
    write(open_table(tmp_path / "t.jsonl", gated=True), refused)
    rows = [msgspec.json.decode(line, type=ReadingRow) for line in (tmp_path / "t.jsonl").read_bytes().splitlines()]
    assert [len(row.findings) for row in rows] == [0, 0, 1, 1, 1]
    assert [[reason.code for reason in row.abstention] for row in rows] == [
        ["wrong-view"],
        ["upside-down"],
        [],
        ["wrong-view"],
        [],
    ]
    assert [row.forced for row in rows] == [False, False, False, True, False]
    assert [row.correction and (row.correction.code, row.correction.done) for row in rows] == [
        None,
        ("upside-down", False),
        ("upside-down", True),
        None,
        None,
    ]
    assert rows[1].correction.findings[0].probability == 0.8


def test_lines_of_before_can_still_be_read(tmp_path, items, write):
    write(open_table(tmp_path / "t.jsonl"), items)
    line = json.loads((tmp_path / "t.jsonl").read_bytes().splitlines()[0])
    for key in ("abstention", "forced", "correction"):
        del line[key]
    row = msgspec.json.decode(json.dumps(line), type=ReadingRow)
    assert (row.abstention, row.forced, row.correction) == ([], False, None)
