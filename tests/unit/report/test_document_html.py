from __future__ import annotations

import base64
from html.parser import HTMLParser

import pytest

from pneumoscope.core.document import (
    Block,
    Code,
    Command,
    Document,
    Heading,
    Item,
    Items,
    Notice,
    Paragraph,
    Section,
    Strong,
    Table,
)
from pneumoscope.report.blocks import Counts, FilmCard, Films, Picture
from pneumoscope.report.document_html import block_html, document_html
from pneumoscope.report.text import one_line
from tests.unit.report.conftest import HOSTILE
from tests.unit.report.test_html import Page

CARD = FilmCard("a.png", ("Probability 1%",), b"film", b"heat", (30, 20), "the film", "hottest left")


def drawing(alt="a curve", caption="what it shows"):
    return Picture(svg=lambda: b"<svg/>", png=lambda: b"", width=8, height=4, alt=alt, caption=caption)


def every_block(text):
    return (
        Paragraph((text, Code(text), Strong(text))),
        Heading(text),
        Items((Item(text, (text,)),)),
        Table((text, text), ((text, text),), text),
        Notice("note", text),
        Command(text),
        Counts(((text, text),)),
        drawing(text, text),
        Films((FilmCard(text, (text,), b"film", b"heat", (3, 2), text, text), FilmCard(text, (), absent=text))),
    )


@pytest.mark.parametrize(
    ("block", "html"),
    [
        (Paragraph(("a ", Code("b"), Strong("c"))), "<p>a <code>b</code><strong>c</strong></p>\n"),
        (Paragraph("in passing", soft=True), '<p class="soft">in passing</p>\n'),
        (Items((Item("a", ("b",)),)), "<ul><li>a<ul><li>b</li>\n</ul>\n</li>\n</ul>\n"),
        (Notice("warning", "few"), '<p class="notice warning"><strong>Warning.</strong> few</p>\n'),
        (Command("one\ntwo"), '<pre class="command">one\ntwo</pre>\n'),
        (Counts((("films", "5"),)), '<dl class="counts"><div><dt>films</dt><dd>5</dd></div></dl>\n'),
    ],
)
def test_each_block_has_its_form(block, html):
    assert block_html(block) == html


def test_tables_say_what_heads_what():
    table = Table(("group", "AUC"), (("a", "0.9"), ("b", "0.8")), "By group", numbers={1}, muted={1})
    page = Page(block_html(table))
    assert [one["scope"] for one in page.all("th")] == ["col", "col", "row", "row"]
    assert page.all("td", **{"class": "number"}) == [{"class": "number"}] * 2
    assert [one.get("class") for one in page.all("tr")] == [None, None, "muted"]
    assert page.text == "By group group AUC a 0.9 b 0.8"


def test_a_table_without_a_head_has_row_heads_alone():
    page = Page(block_html(Table((), (("a", "1"),))))
    assert page.all("th") == [{"scope": "row"}]
    assert not page.all("thead")


def test_a_table_can_be_scrolled_by_keyboard_and_has_a_name():
    page = Page(block_html(Table(("a", "b"), (("1", "2"),), "By group")) + block_html(Table(("a", "b"), (("1", "2"),))))
    named, headed = page.all("div", tabindex="0", role="group")
    assert (named["aria-label"], headed["aria-label"]) == ("By group", "a, b")


def test_pictures_say_in_words_what_they_show():
    page = Page(block_html(drawing()) + block_html(Films((CARD,))))
    assert [one["alt"] for one in page.all("img")] == ["a curve", "the film", "hottest left"]
    sources = [one["src"].split(",") for one in page.all("img")]
    assert [head for head, _ in sources] == ["data:image/svg+xml;base64"] + ["data:image/jpeg;base64"] * 2
    assert [base64.b64decode(data) for _, data in sources] == [b"<svg/>", b"film", b"heat"]
    assert page.all("img", width="30", height="20")


def test_a_film_without_a_picture_says_why():
    page = Page(block_html(Films((FilmCard("a.png", (), absent="gone"),))))
    assert page.text == "gone a.png"
    assert not page.all("img")


def test_every_section_can_be_reached():
    sections = (Section("a", "First", (Paragraph("x"),)), Section("b", "Second", (Paragraph("y"),)))
    page = Page(document_html(Document("Title", (Paragraph("opens"),), sections)))
    assert [one["href"] for one in page.all("a")] == ["#a", "#b"]
    assert [one["id"] for one in page.all("section")] == ["a", "b"]
    named = {one["id"] for one in page.all("h2")}
    assert {one["aria-labelledby"] for one in page.all("section")} == named
    assert page.all("html", lang="en")


def test_text_from_outside_is_shown_and_never_acted_on():
    sections = tuple(Section(f"s{i}", text, every_block(text)) for i, text in enumerate(HOSTILE))
    html = document_html(Document(HOSTILE[0], every_block(HOSTILE[1]), sections))
    page = Page(html)
    for text in HOSTILE:
        assert " ".join(one_line(text).split()) in page.text
    assert len(page.all("script")) == 1
    assert not [one for one in page.elements if any(name.startswith("on") for name in one[1])]
    assert " style=" not in html


def test_the_policy_allows_its_own_style_alone():
    html = document_html(Document("T", (), ()))

    class Styles(HTMLParser):
        found: list[str] = []  # noqa: RUF012

        def handle_data(self, data):
            if self.lasttag == "style" and data.strip():
                self.found.append(data)

    from pneumoscope.report.page import policy

    parser = Styles()
    parser.feed(html)
    (style,) = parser.found
    assert f'content="{policy(style, "")}"' in html
    assert "prefers-color-scheme: dark" in style


def test_a_block_without_a_form_is_refused():
    with pytest.raises(TypeError, match="expected a block that a page can show, got Block"):
        block_html(Block())
