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
        (Table(("a", "b"), (("1", "2"),), "By group"), "By group\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"),
        (Notice("warning", "few films"), "**Warning.** few films"),
        (Command("one\ntwo"), "```\none\ntwo\n```"),
    ],
)
def test_each_block_has_its_form(block, text):
    assert block_markdown(block) == text


def test_parts_are_apart_by_one_empty_line():
    document = Document("T", (Paragraph("opens"),), (Section("a", "A", (Paragraph("x"), Paragraph("y"))),))
    assert markdown(document) == "# T\n\nopens\n\n## A\n\nx\n\ny\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("![x](http://example.org) *b* `c`", r"!\[x\](http://example.org) \*b\* \`c\`"),
        ("a | b \\| &lt; ~~d~~", r"a \| b \\\| \&lt; \~\~d\~\~"),
        ("# title", r"\# title"),
        ("- item", r"\- item"),
        ("12. item", r"12\. item"),
        ("---", r"\---"),
        ("two\nlines\x1b[2J", r"two\\nlines\\x1b\[2J"),
        ("0.984 (0.95-1.0), -3 - 2 = 5", "0.984 (0.95-1.0), -3 - 2 = 5"),
    ],
)
def test_text_from_outside_is_shown_and_never_acted_on(text, shown):
    assert block_markdown(Paragraph(text)) == shown
    assert block_markdown(Items.of(text)) == f"- {shown}"
    assert block_markdown(Table(("a",), ((text,),))).splitlines()[2] == f"| {shown} |"


def test_code_and_commands_cannot_be_left():
    assert block_markdown(Paragraph((Code("a`b"),))) == "`` a`b ``"
    assert block_markdown(Table(("a",), (((Code("a|b"),),),))).endswith(r"| `a\|b` |")
    assert block_markdown(Command("one\n```\n<b>")) == "````\none\n```\n<b>\n````"


def test_titles_are_text_too():
    document = Document("<i>", (), (Section("a", "[b](c)", (Heading("*d*"),)),))
    assert markdown(document) == "# \\<i\\>\n\n## \\[b\\](c)\n\n### \\*d\\*\n"


def test_a_block_without_a_form_is_refused():
    with pytest.raises(TypeError, match="expected a block of text, got Block"):
        block_markdown(Block())
