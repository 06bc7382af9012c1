"""Prints, read back by pypdf."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pneumoscope.core.document import Block, Command, Document, Heading, Items, Paragraph, Section, Table
from pneumoscope.report.blocks import Counts, FilmCard, Films, Picture
from pneumoscope.report.document_pdf import block_flow, document_pdf
from pneumoscope.report.text import one_line
from tests.unit.report.conftest import HOSTILE
from tests.unit.report.test_document_html import every_block

pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")


def encoded(kind, width=30, height=20):
    file = io.BytesIO()
    Image.fromarray(np.full((height, width), 90, np.uint8)).save(file, kind)
    return file.getvalue()


def drawing(width=8.6, height=4.0):
    return Picture(svg=lambda: b"", png=lambda: encoded("PNG"), width=width, height=height, alt="", caption="Caption")


def printed(*sections, title="Title", head="bundle 1.0, sha256 4f4f"):
    return pypdf.PdfReader(io.BytesIO(document_pdf(Document(title, (Paragraph("Opening."),), sections), head=head)))


def words(reader):
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_text_can_be_selected_and_comes_in_order():
    table = Table(("group", "AUC"), (("sex: F", "0.900 (0.800 to 0.950)"),), "By group")
    section = Section("a", "Figures", (Paragraph("First."), table, Items.of("A point."), Command("pneumoscope card")))
    said = words(printed(section))
    expected = ["Title", "Opening.", "Figures", "First.", "By group", "group AUC", "sex: F 0.900 (0.800 to 0.950)"]
    places = [said.index(one) for one in [*expected, "A point.", "pneumoscope card"]]
    assert places == sorted(places)


def test_every_page_has_head_and_number():
    long = Section("a", "Long", tuple(Paragraph(f"Paragraph {i}.") for i in range(150)))
    reader = printed(long)
    assert len(reader.pages) > 2
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text()
        assert "bundle 1.0, sha256 4f4f" in text
        assert f"page {number} of" in text
        assert "not a medical device" in text
        assert text.split("page")[-1].split()[:3] == [str(number), "of", str(len(reader.pages))]


def test_the_outline_leads_to_each_section():
    sections = tuple(Section(f"s{i}", f"Section {i}", (Paragraph("x"),) * 60) for i in range(3))
    reader = printed(*sections)
    assert [one.title for one in reader.outline] == ["Section 0", "Section 1", "Section 2"]
    pages = [reader.get_destination_page_number(one) for one in reader.outline]
    assert pages == sorted(set(pages))


def test_the_same_document_gives_the_same_bytes():
    card = FilmCard("a.png", ("x",), encoded("JPEG"), encoded("JPEG"), (30, 20))
    document = Document("T", (), (Section("a", "A", (drawing(), Films((card,)), Paragraph("é Грудь"))),))
    assert document_pdf(document, head="h") == document_pdf(document, head="h")


def test_it_states_its_title_and_no_date():
    reader = printed(title="Evaluation of x")
    assert reader.root_object["/ViewerPreferences"]["/DisplayDocTitle"]
    metadata = reader.metadata
    assert metadata.title == "Evaluation of x"
    assert metadata.creation_date.year == 2000  # reportlab's fixed one


def test_letters_of_any_script_are_there():
    said = words(printed(Section("a", "Грудь", (Paragraph("Ärzte in Łódź, Αθήνα; 胸部.png"),))))
    assert "Грудь" in said
    assert "Ärzte in Łódź, Αθήνα; \\u80f8\\u90e8.png" in said


def test_text_from_outside_is_printed_letter_for_letter():
    """But for letters that the font has not, which are written as escapes."""
    for text in [text for text in HOSTILE if one_line(text).isascii() and text]:
        blocks = [block for block in every_block(text) if not isinstance(block, Picture | Films)]
        said = words(printed(Section("a", text, tuple(blocks)), head=text, title=text))
        assert "".join(said.split()).count("".join(one_line(text).split())) >= 10


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_stops_a_print(text):
    card = FilmCard(text, (text,), encoded("JPEG"), None, (30, 20), text, text)
    blocks = [block for block in every_block(text) if not isinstance(block, Picture | Films)]
    assert len(printed(Section("a", text, (*blocks, Films((card,)))), head=text, title=text).pages)


@pytest.mark.parametrize("text", ["x" * 20_000, "many words " * 2_000], ids=["one word", "many"])
def test_no_length_stops_a_print(text):
    card = FilmCard(text, (text,) * 8, encoded("JPEG"), None, (30, 20), text, text)
    blocks = [block for block in every_block(text) if not isinstance(block, Picture | Films)]
    (*_, last) = printed(Section("a", text, (*blocks, Films((card,)), Paragraph("The end."))), head=text).pages
    assert "The end." in last.extract_text()


def test_a_short_table_of_long_texts_goes_on_on_another_page():
    table = Table(("a", "b", "c", "d"), tuple((f"row {i} " + "words " * 60,) * 4 for i in range(12)), "By row")
    reader = printed(Section("a", "A", (Paragraph("First."), table)))
    assert len(reader.pages) > 1
    said = words(reader)
    assert all(f"row {i} words" in said for i in range(12))


def test_a_short_table_is_not_cut():
    rows = tuple((f"row {i}", "1") for i in range(12))
    for before in range(25, 50, 4):
        blocks = (*[Paragraph("x")] * before, Table(("name", "n"), rows, numbers=frozenset({1})))
        holders = [page for page in printed(Section("a", "A", blocks)).pages if "row" in page.extract_text()]
        assert len(holders) == 1


def test_a_table_may_have_a_title_and_no_head():
    said = words(printed(Section("a", "A", (Table((), (("a", "1"), ("b", "2")), "Title of it"),))))
    assert "Title of it a 1 b 2" in said


def test_a_very_high_picture_fits_a_page():
    image, _ = block_flow(drawing(8.6, 40))
    assert image.drawWidth / image.drawHeight == pytest.approx(8.6 / 40)
    assert len(printed(Section("a", "A", (drawing(8.6, 40),))).pages) == 1


def test_pictures_are_as_wide_as_the_text_and_keep_their_shape():
    (page,) = printed(Section("a", "A", (drawing(8.6, 4.3),))).pages
    (image,) = page.images
    assert image.image.size == (30, 20)
    image_flow, caption = block_flow(drawing(8.6, 4.3))
    assert image_flow.drawWidth / image_flow.drawHeight == pytest.approx(2)
    assert 400 < image_flow.drawWidth < 595 - 2 * 30
    assert block_flow(drawing(3.0, 1.5))[0].drawWidth == pytest.approx(3 * 72)
    assert caption.getPlainText() == "Caption"


def test_a_title_never_stands_alone_at_the_foot_of_a_page():
    for before in range(20, 60, 3):
        fill = Section("a", "A", (Paragraph("x"),) * before)
        reader = printed(fill, Section("b", "Picture title", (drawing(8.6, 6),)))
        holders = [page for page in reader.pages if "Picture title" in page.extract_text()]
        assert len(holders) == 1
        assert "Caption" in holders[0].extract_text()


def test_wide_tables_fit_the_page_and_long_ones_go_on_under_their_head():
    wide = Table(
        ("name", *(f"column {i}" for i in range(7))),
        tuple((f"row {i}, a path/that/is/long-" + "x" * 80, *["0.900 (0.800 to 0.950)"] * 7) for i in range(40)),
        "By column",
        numbers=frozenset(range(1, 8)),
    )
    table, _ = block_flow(wide)
    assert sum(table._argW) <= 500
    reader = printed(Section("a", "A", (Items.of("First."), wide)))
    assert len(reader.pages) > 1
    for page in reader.pages:
        assert "By column" in page.extract_text()
        assert "column 6" in page.extract_text()


def test_numbers_stay_on_one_line_while_words_give_way():
    table = Table(("name", "AUC"), (("words " * 60, "0.900 (0.800 to 0.950)"),), numbers=frozenset({1}))
    assert "0.900 (0.800 to 0.950)" in words(printed(Section("a", "A", (table,))))
    flow, _ = block_flow(table)
    name, number = flow._argW
    assert name > number > 90
    assert name + number == pytest.approx(printable_width(), abs=1)


def printable_width():
    (counts,) = [piece for piece in block_flow(Counts((("films", "5"),))) if hasattr(piece, "_argW")]
    return sum(counts._argW)


def test_films_come_two_in_a_row_and_an_absent_one_says_so():
    cards = tuple(FilmCard(f"film-{i}.png", ("x",), encoded("JPEG"), encoded("JPEG"), (30, 20)) for i in range(3))
    gone = FilmCard("gone.png", ("x",), absent="cannot be read any more")
    reader = printed(Section("a", "A", (Heading("Missed"), Films((*cards, gone)))))
    assert len(reader.pages) == 1
    (table,) = block_flow(Films((*cards, gone)))
    assert [len(row) for row in table._cellvalues] == [2, 2]
    assert "gone.png" in words(reader)
    assert "cannot be read any more" in words(reader)


def test_a_block_without_a_form_is_refused():
    with pytest.raises(TypeError, match="expected a block that can be printed, got Block"):
        block_flow(Block())
