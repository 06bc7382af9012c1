from __future__ import annotations

import pytest

from pneumoscope.core.document import Code, Item, Items, Strong, Table, plain


def test_a_line_without_its_marks():
    assert plain("as it is") == "as it is"
    assert plain(("sha256 ", Code("4f"), ", ", Strong("checked"))) == "sha256 4f, checked"


def test_lines_make_items_without_any_under_them():
    assert Items.of("one", ("two",)) == Items((Item("one"), Item(("two",))))


@pytest.mark.parametrize(("head", "rows"), [(("a", "b"), (("1",),)), ((), (("1",), ("1", "2")))])
def test_a_ragged_table_is_refused(head, rows):
    with pytest.raises(ValueError, match=r"figures: expected rows of one length, got \[1, 2\]"):
        Table(head, rows, "figures")


def test_a_table_may_have_no_head_or_no_rows():
    assert Table((), (("a", "1"), ("b", "2"))).head == ()
    assert Table(("a", "b"), ()).rows == ()


def test_a_table_without_head_and_rows_is_refused():
    with pytest.raises(ValueError, match="figures: expected a head or rows, got neither"):
        Table((), (), "figures")
