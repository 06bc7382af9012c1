"""Page and print of one report: the same content, whole or not there at all."""

from __future__ import annotations

import re

import pytest

from pneumoscope.core import PneumoscopeError
from pneumoscope.core.document import Table, plain
from pneumoscope.report.evaluation import EvaluationReport, write_evaluation_page, write_evaluation_pdf
from pneumoscope.report.evaluation.sections import evaluation_document
from pneumoscope.report.text import one_line
from tests.evaluations import case, full_report, measured
from tests.unit.report.conftest import HOSTILE
from tests.unit.report.test_html import Page

WRITERS = {"report.html": write_evaluation_page, "report.pdf": write_evaluation_pdf}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with the full report as a page and as a print."""
    folder = tmp_path_factory.mktemp("report")
    for name, write in WRITERS.items():
        write(full_report(), folder / name)
    return folder


def squeezed(text):
    return re.sub(r"\s+|\N{SOFT HYPHEN}", "", text)


def table_cells():
    sections = evaluation_document(full_report()).sections
    tables = [block for section in sections for block in section.blocks if isinstance(block, Table)]
    return {squeezed(plain(cell)) for table in tables for row in table.rows for cell in row}


def test_the_page_holds_every_figure(files):
    text = squeezed(Page((files / "report.html").read_text(encoding="utf-8")).text)
    assert [cell for cell in table_cells() if cell not in text] == []


def test_the_print_holds_every_figure(files):
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
    reader = pypdf.PdfReader(files / "report.pdf")
    text = squeezed(" ".join(page.extract_text() for page in reader.pages))
    assert [cell for cell in table_cells() if cell not in text] == []
    assert 6 <= len(reader.pages) <= 12
    titles = [section.title for section in evaluation_document(full_report()).sections]
    assert [one.title for one in reader.outline] == titles
    head = "pneumoscope-children 1.0, int8, sha256 e7e7e7e7e7e7e7e7; mind the warnings on the first pages"
    assert squeezed(head) in squeezed(reader.pages[3].extract_text())


def test_the_page_asks_for_nothing_and_runs_nothing(files):
    html = (files / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert {one["src"].partition(":")[0] for one in page.all("img")} == {"data"}
    assert not page.all("link")
    assert {one["href"][0] for one in page.all("a")} == {"#"}
    assert re.search(r"<script>\s*</script>", html)
    assert len(html) < 3_000_000


def test_every_picture_has_words(files):
    page = Page((files / "report.html").read_text(encoding="utf-8"))
    assert all(len(one["alt"]) > 8 for one in page.all("img"))


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_report_gives_the_same_bytes(tmp_path, name):
    full = full_report()
    report = EvaluationReport(measured=measured(), points=full.points, heat=full.heat, missed=full.missed[:1])
    for copy in ("first", "second"):
        WRITERS[name](report, tmp_path / copy)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("films", [0, 5])
def test_a_report_of_almost_nothing_can_be_written(tmp_path, name, films):
    WRITERS[name](EvaluationReport(measured=measured(films=films, positives=0)), tmp_path / name)
    assert (tmp_path / name).stat().st_size > 3000


@pytest.mark.parametrize("name", WRITERS)
def test_hostile_names_stop_nothing(tmp_path, name):
    report = EvaluationReport(
        measured=measured(bundle=HOSTILE[0], operating_point=HOSTILE[1], sources=tuple(HOSTILE), label=HOSTILE[2]),
        missed=tuple(case(i, name=text, stated=text, flags=(text,), pixels=None) for i, text in enumerate(HOSTILE)),
        warnings=tuple(HOSTILE),
        exclusions=tuple(HOSTILE),
    )
    WRITERS[name](report, tmp_path / name)
    if name == "report.html":
        page = Page((tmp_path / name).read_text(encoding="utf-8"))
        assert len(page.all("script")) == 1
        assert not page.all("img", src="x")
        for text in HOSTILE:
            assert " ".join(one_line(text).split()) in page.text


@pytest.mark.parametrize("name", WRITERS)
def test_a_place_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(PneumoscopeError, match="cannot write the report"):
        WRITERS[name](EvaluationReport(measured=measured()), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
