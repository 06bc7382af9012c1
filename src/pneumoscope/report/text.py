"""Text from outside (file names, headers, error messages) made safe for each place it is shown in."""

from __future__ import annotations

import html
import unicodedata

from pneumoscope.core.text import one_line, utf8

__all__ = ["columns", "escape", "one_line", "pad", "shorten", "utf8"]


def escape(text: str) -> str:
    """Return ``text`` as HTML that shows it letter for letter, in content and in quoted attributes.

    >>> escape('<script src="x">')
    '&lt;script src=&quot;x&quot;&gt;'
    """
    return html.escape(one_line(text))


def columns(text: str) -> int:
    """Count the terminal columns that ``text`` takes; East Asian wide letters take two, combining marks none.

    >>> columns("film"), columns("胸部")
    (4, 4)
    """
    if text.isascii():
        return len(text)
    return sum(_columns_of(c) for c in text)


def shorten(text: str, width: int) -> str:
    """Cut ``text``, a path usually, in the middle to at most ``width`` columns; the file's name goes last.

    >>> shorten("/archive/2019/ward-7/IM-0001.jpeg", 20)
    '/archi…/IM-0001.jpeg'
    >>> shorten("a name without a folder.jpeg", 20)
    'a name … folder.jpeg'
    """
    if columns(text) <= width:
        return text
    name = columns(text.rpartition("/")[2]) + 1
    tail = _fitting(text[::-1], max(name if name < width else 0, width * 3 // 5))[::-1]
    head = _fitting(text, width - 1 - columns(tail))
    return f"{head}…{tail}"


def pad(text: str, width: int) -> str:
    """Fill ``text`` with spaces to ``width`` columns."""
    return text + " " * (width - columns(text))


def _columns_of(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _fitting(text: str, width: int) -> str:
    """Return the longest start of ``text`` that fits into ``width`` columns."""
    used = 0
    for index, letter in enumerate(text):
        used += _columns_of(letter)
        if used > width:
            return text[:index]
    return text
