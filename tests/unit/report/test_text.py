import doctest
import importlib

import numpy as np
import pytest

from pneumoscope.report.text import columns, escape, one_line, pad, shorten, utf8


@pytest.mark.parametrize("module", ["text", "table", "wording", "overlay"])
def test_the_examples_in_the_docstrings_hold(module):
    found = doctest.testmod(importlib.import_module(f"pneumoscope.report.{module}"), extraglobs={"np": np})
    assert found.attempted
    assert not found.failed


@pytest.mark.parametrize(
    ("text", "safe"),
    [("a\udcff", "a\\xff"), ("é\udc80", "é\\x80"), ("\ud83d", "\\ud83d"), ("\ud83d\udcff", "\\ud83d\\udcff")],
)
def test_text_that_is_no_utf8_is_escaped(text, safe):
    assert utf8(text) == safe


def test_what_acts_or_hides_is_escaped():
    assert one_line("a\tb\u202ec\x00\u200b") == "a\\tb\\u202ec\\x00\\u200b"
    assert one_line("胸部 é 🫁") == "胸部 é 🫁"


def test_html_is_escaped_in_content_and_in_attributes():
    assert escape("<a href='x' title=\"&\">") == "&lt;a href=&#x27;x&#x27; title=&quot;&amp;&quot;&gt;"


@pytest.mark.parametrize("text", ["a" * 50, "胸" * 30, "e\u0301" * 40, "a胸" * 20])
@pytest.mark.parametrize("width", [5, 8, 21, 33])
def test_shortened_text_fits(text, width):
    assert columns(shorten(text, width)) <= width
    assert columns(pad(shorten(text, width), width)) == width
