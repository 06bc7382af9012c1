import pytest

from pneumoscope.core import Region
from pneumoscope.report import format_table
from pneumoscope.report.text import columns


def outcomes(items):
    return [outcome for outcome, _ in items]


def test_the_table_says_what_there_is_to_say(items):
    lines = format_table(outcomes(items), 120).splitlines()
    assert lines[0].split() == ["film", "probability", "decision", "remarks"]
    assert lines[2].split() == ["ward/low.png", "10.0%", "no", "pneumonia"]
    assert lines[3].split() == ["ward/high.png", "95.0%", "pneumonia", "inverted,", "small"]
    assert lines[4].split() == ["ward/broken.dcm", "-", "not", "read", "unreadable:", "The", "file", "ends", "early."]


@pytest.mark.parametrize("probability", [0.2, 0.55])
def test_no_digit_of_a_second_answer_is_cut_off(item, kind, probability):
    """In a narrow terminal it goes on in the next line."""
    films = [item("a", second=[kind(probability, probability != 0.55)])]
    narrow, wide = (format_table(outcomes(films), width).splitlines()[3:] for width in (60, 120))
    assert len(narrow) > len(wide) == 1
    assert " ".join(line.strip() for line in narrow) == wide[0].strip()


@pytest.mark.parametrize("width", [60, 80, 96, 140])
def test_no_line_is_wider_than_asked(items, hostile, width):
    assert max(columns(line) for line in format_table(outcomes(items + hostile), width).splitlines()) == width


def test_each_finding_has_a_line(items, item):
    reading, _ = item("a.png", further={"tuberculosis": 0.2, "tumour": 0.5})
    lines = format_table([reading, items[2][0]]).splitlines()
    assert [line.split() for line in lines[2:5]] == [
        ["a.png", "90.0%", "pneumonia"],
        ["20.0%", "no", "tuberculos…"],
        ["50.0%", "tumour"],
    ]
    assert lines[3].index("20.0%") == lines[2].index("90.0%")
    assert lines[5].startswith("ward/broken.dcm")
    assert len(lines) == 6


def test_hostile_names_cannot_drive_the_terminal_or_break_the_rows(hostile):
    lines = format_table(outcomes(hostile)).split("\n")
    assert len(lines) == 2 + len(hostile)
    assert all(line.isprintable() for line in lines)


def test_a_long_name_keeps_its_start_and_its_end(item):
    line = format_table([item("archive/2019/" + "x" * 200 + "/film-17.png")[0]]).splitlines()[2]
    assert line.startswith("archive/")
    assert "/film-17.png " in line
    assert "…" in line


def test_what_is_not_sure_is_remarked_before_all_else(items, item):
    flags = items[1][0].flags
    lines = format_table(outcomes([item("a", sure=False, flags=flags), item("b", sure=True, flags=flags)]), 120)
    first, second = lines.splitlines()[2:]
    assert "not sure: ask a reader, inverted" in first
    assert "sure" not in second


@pytest.mark.parametrize("width", [60, 110])
def test_where_the_evidence_lies_is_told_below_a_positive_film(item, width):
    boxes = (Region(12, 10, 24, 20, 0.71), Region(0, 0, 8, 6, 0.2))
    low = item("b.png", 0.1, strong_evidence=10.4)
    films = [item("a.png", 0.9, [[0.5]], regions=boxes, strong_evidence=10.4), low, item("c.png")]
    lines = format_table(outcomes(films), width).splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["a.png", "71%", "b.png", "c.png"]
    assert lines[3].startswith("  71% of the evidence lies in the lower right of the pict")
    assert max(map(columns, lines)) <= width


def test_a_second_answer_is_an_aside_below_the_first(item, kind):
    films = [item("a", second=[kind(0.2, True)]), item("b", second=[kind(0.55, False)]), item("c", 0.1)]
    lines = format_table(outcomes(films)).splitlines()[2:]
    assert [line.split()[0] for line in lines] == ["a", "if", "b", "if", "c"]
    assert lines[1] == "  if pneumonia: viral rather than bacterial, probability 80.0%"
    assert lines[3] == "  if pneumonia: not sure which, bacterial (55.0%) or viral (45.0%)"


def test_a_second_answer_is_no_wider_than_asked_either(item, kind):
    films = [item("a", second=[kind(0.9, label="x" * 99)])]
    assert max(columns(line) for line in format_table(outcomes(films), 70).splitlines()) == 70


def test_what_is_not_answered_is_no_answer(refused):
    lines = format_table([outcome for outcome, _ in refused], 140).splitlines()[2:]
    assert ["not answered" in line for line in lines] == [True, True, False, False, False]
    assert lines[0].split()[:2] == ["side.png", "-"]
    assert lines[0].endswith("wrong-view")
    assert lines[1].endswith("upside-down; corrected: pneumonia 80.0%")
    assert lines[2].endswith("corrected: upside-down")
    assert lines[3].endswith("forced: wrong-view")
