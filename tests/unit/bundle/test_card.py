from __future__ import annotations

import re

import msgspec

from pneumoscope.bundle.card import model_card
from pneumoscope.bundle.spec import Interval
from tests.helpers import tiny_spec


def test_the_card_tells_what_the_spec_says():
    spec = tiny_spec(exclusions=("Adults", "Photographs"), name="chest", version="3.1")
    first = msgspec.structs.replace(spec.operating_points[0], sensitivity=Interval(value=0.9512, low=0.91, high=0.98))
    card = model_card(msgspec.structs.replace(spec, operating_points=(first, *spec.operating_points[1:])))
    lines = card.splitlines()
    assert lines[0] == "# chest 3.1"
    assert "- Adults" in lines
    assert "- Photographs" in lines
    assert "| balanced (default) | 0.500 | 0.951 (0.910-0.980) | 0.900 (0.800-0.950) | by hand |" in lines
    assert "| sensitive | 0.200 | 0.900 (0.800-0.950) | 0.900 (0.800-0.950) | by hand |" in lines
    assert "scaled to 24 x 32" in card
    assert "(pixel - 0.5) / 0.5" in card
    assert "- Data: made up. nobody. Licence: CC0." in lines


def test_its_tables_are_tables():
    for table in re.findall(r"(?:^\|.*\n)+", model_card(tiny_spec()), re.MULTILINE):
        rows = [line.split("|")[1:-1] for line in table.splitlines()]
        assert len({len(row) for row in rows}) == 1
        assert {cell.strip() for cell in rows[1]} == {"---"}
        assert len(rows) > 2
