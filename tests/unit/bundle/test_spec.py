from __future__ import annotations

import pytest

from tests.helpers import tiny_spec


def test_an_operating_point_is_found_by_name_or_is_the_default():
    spec = tiny_spec()
    assert spec.operating_point().threshold == 0.5
    assert spec.operating_point("sensitive").threshold == 0.2


def test_an_unknown_operating_point_is_told_with_those_that_exist():
    with pytest.raises(ValueError, match="expected one of the operating points balanced, sensitive, got 'best'"):
        tiny_spec().operating_point("best")


def test_a_default_that_does_not_exist_is_refused_when_made():
    with pytest.raises(ValueError, match="got 'best'"):
        tiny_spec(default_operating_point="best")
