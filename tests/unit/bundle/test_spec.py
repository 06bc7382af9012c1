from __future__ import annotations

import msgspec
import pytest

from pneumoscope.bundle.spec import Graph, Member
from pneumoscope.stats.calibration import Calibration
from tests.helpers import second_label, tiny_spec


def test_an_operating_point_is_found_by_name_or_is_the_default():
    spec = tiny_spec()
    assert spec.operating_point().threshold == 0.5
    assert spec.operating_point("sensitive").threshold == 0.2


def test_an_unknown_operating_point_is_told_with_those_that_exist():
    with pytest.raises(ValueError, match="expected one of the operating points balanced, sensitive, got 'best'"):
        tiny_spec().operating_point("best")


def test_views_and_calibrations_that_make_no_sense_are_refused():
    graph = {"precision": "fp32", "opset": 18, "parity": {}}
    assert msgspec.convert(graph, Graph).views == ("plain",)
    with pytest.raises(msgspec.ValidationError, match="expected each once, got plain, plain"):
        msgspec.convert(graph | {"views": ["plain", "plain"]}, Graph)
    for views in ([], ["upside-down"]):
        with pytest.raises(msgspec.ValidationError, match="views"):
            msgspec.convert(graph | {"views": views}, Graph)
    member = Member(
        recipe="one",
        recipe_digest="0" * 64,
        manifest_digest="1" * 64,
        initial_weights=tiny_spec().initial_weights,
        size=(24, 32),
        calibrations=(Calibration(1.0, 0.0, 0.5),) * 2,
    )
    with pytest.raises(ValueError, match="expected 1 calibrations of each"):
        tiny_spec(members=(member,))


def test_a_default_that_does_not_exist_is_refused_when_made():
    with pytest.raises(ValueError, match="got 'best'"):
        tiny_spec(default_operating_point="best")


def test_a_second_answer_hangs_on_the_first_and_has_a_threshold_of_its_own():
    first, second = tiny_spec().labels[0], second_label()
    spec = tiny_spec(labels=(first, second))
    assert spec.given == {"bacterial": "pneumonia"}
    assert tiny_spec().given == {}
    assert (first.no, second.no, second_label(otherwise="").no) == ("no pneumonia", "viral", "no bacterial")
    for labels in (
        (first, second_label(given="tumour")),
        (msgspec.structs.replace(second, name="pneumonia"), second),
        (first, second, second_label(name="lobar", given="bacterial")),
    ):
        with pytest.raises(ValueError, match=r"given: expected the first label \(pneumonia\)"):
            tiny_spec(labels=labels)
    with pytest.raises(ValueError, match="do not exclude each other"):
        tiny_spec(labels=(first, second), exclusive=True)
    for label in (second_label(point=None), second_label(given=None)):
        with pytest.raises(ValueError, match="bacterial: expected given and point, or neither"):
            tiny_spec(labels=(first, label))
