"""Text from outside (file names, headers, error messages, what a bundle says of itself) made safe to be shown."""

from __future__ import annotations


def utf8(text: str) -> str:
    r"""Return ``text`` so that it can be written as UTF-8.

    A byte of a file name that is not UTF-8 (Python holds it as a lone surrogate) becomes a backslash escape: ``\xff``.
    The name can then be told from its neighbours by eye; the film's digest is what identifies it for certain.

    >>> utf8("film\udcff.png")
    'film\\xff.png'
    """
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a surrogate that stands for no byte: half a character, from Windows
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def one_line(text: str) -> str:
    r"""Return ``text`` with everything that a terminal or a page would act on, or not show, escaped.

    Covers new lines, escape sequences, and the marks that reverse the reading direction.

    >>> one_line("a\nb\x1b[2J")
    'a\\nb\\x1b[2J'
    """
    text = utf8(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
