from __future__ import annotations

import pytest

from pneumoscope.bundle.markdown import block_markdown, markdown
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


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (Paragraph(("see ", Code("a.json"), " and ", Strong("mind"))), "see `a.json` and **mind**"),
        (Heading("Missed"), "### Missed"),
        (Items((Item("one", ("first", "second")), Item("two"))), "- one\n  - first\n  - second\n- two"),
        (Table(("a", "b"), (("1", (Code("2"),)),)), "| a | b |\n| --- | --- |\n| 1 | `2` |"),
        (Table((), (("1", "2"),)), "|  |  |\n| --- | --- |\n| 1 | 2 |"),
        (Notice("warning", "few films"), "few films"),
        (Command("one\ntwo"), "```\none\ntwo\n```"),
    ],
)
def test_each_block_has_its_form(block, text):
    assert block_markdown(block) == text


def test_parts_are_apart_by_one_empty_line():
    document = Document("T", (Paragraph("opens"),), (Section("a", "A", (Paragraph("x"), Paragraph("y"))),))
    assert markdown(document) == "# T\n\nopens\n\n## A\n\nx\n\ny\n"


def test_a_block_without_a_form_is_refused():
    with pytest.raises(TypeError, match="expected a block of text, got Block"):
        block_markdown(Block())
