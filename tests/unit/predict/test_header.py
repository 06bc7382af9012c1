"""Which headers are reasons not to answer, which are reasons for doubt, and which are neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pneumoscope.bundle.spec import Population
from pneumoscope.core import Radiograph
from pneumoscope.imaging import read
from pneumoscope.predict.header import header_flags, header_reasons

CHILDREN = Population(ages=(1, 5))


def film(**header: Any) -> Radiograph:
    return Radiograph(pixels=np.zeros((4, 4), np.float32), digest="", full_size=(4, 4), container="dicom", **header)


def judged(population: Population = CHILDREN, **header: Any) -> tuple[list[str], list[str]]:
    reasons, doubts = header_reasons(film(**header), population)
    return [flag.code for flag in reasons], [flag.code for flag in doubts]


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"modality": "CR", "body_part": "CHEST", "view": "PA", "age": 1},
        {"modality": "DX", "body_part": "PORT CHEST", "view": "AP", "age": 5},
        {"modality": "OT", "body_part": "THORAX ABDOMEN"},
    ],
)
def test_a_childs_frontal_chest_film_is_answered_as_is_one_that_states_nothing(header):
    assert judged(**header) == ([], [])


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"modality": "CT"}, "wrong-modality"),
        ({"modality": "MG"}, "wrong-modality"),
        ({"body_part": "HAND"}, "wrong-body-part"),
        ({"body_part": "LEFT HAND AP"}, "wrong-body-part"),
        ({"body_part": "C-SPINE"}, "wrong-body-part"),
        ({"view": "LL"}, "wrong-view"),
        ({"view": "LATERAL"}, "wrong-view"),
        ({"view": "LLD"}, "wrong-view"),
        ({"view": "LEFT LATERAL"}, "wrong-view"),
        ({"view": "LATERAL_L"}, "wrong-view"),
        ({"age": 0}, "wrong-age"),
        ({"age": 6}, "wrong-age"),
        ({"age": 61}, "wrong-age"),
    ],
)
def test_what_names_something_else_is_not_answered(header, code):
    assert judged(**header) == ([code], [])


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"modality": "XR"}, "wrong-modality"),
        ({"modality": "RF"}, "wrong-modality"),
        ({"body_part": "RIBCAGE"}, "wrong-body-part"),
        ({"body_part": "PHARMACY"}, "wrong-body-part"),  # holds ARM, and is no arm
        ({"view": "XX"}, "wrong-view"),
        ({"view": "STANDING"}, "wrong-view"),
        ({"view": "AP AXIAL"}, "wrong-view"),  # a frontal film, if a tilted one
        ({"view": "PA_LAT"}, "wrong-view"),
    ],
)
def test_a_word_that_names_nothing_is_a_doubt_and_no_reason(header, code):
    assert judged(**header) == ([], [code])


def test_reasons_add_up_in_order():
    found = judged(modality="MR", body_part="KNEE", view="XX", age=40)
    assert found == (["wrong-modality", "wrong-body-part", "wrong-age"], ["wrong-view"])


def test_a_bundle_says_whom_it_is_for():
    adults = Population(modalities=("CT",), body_parts=("KNEE",), views=("LL",), ages=(18, 90))
    assert judged(adults, modality="CT", body_part="KNEE", view="LL", age=40) == ([], [])
    assert judged(Population(), age=40) == ([], [])
    with pytest.raises(ValueError, match="the least and the greatest"):
        Population(ages=(5, 1))


def test_messages_name_what_was_found():
    reasons, _ = header_reasons(film(modality="CT", view="LL", age=61), CHILDREN)
    messages = {reason.code: reason.message for reason in reasons}
    assert messages["wrong-modality"] == "The header says CT, not a plain X-ray (CR or DX)."
    assert messages["wrong-view"] == "The header says view LL, not frontal (AP or PA)."
    assert "61 years old" in messages["wrong-age"]
    assert "1 to 5" in messages["wrong-age"]


def test_a_bundle_that_does_not_say_flags_it_all():
    flags = header_flags(film(modality="CT", body_part="RIBCAGE", view="LL", age=61))
    assert [flag.code for flag in flags] == ["wrong-modality", "wrong-body-part", "wrong-view"]


@pytest.mark.data
def test_real_films_with_right_and_with_deliberately_wrong_headers(data_folder: Path):
    """Nine adults' films, some with a header that calls them a CT, or of the ribcage."""
    films = {path.stem: read(path) for path in (data_folder / "dicom_chest").iterdir()}
    found = {name: header_reasons(one, Population()) for name, one in films.items()}
    codes = {name: ([r.code for r in reasons], [d.code for d in doubts]) for name, (reasons, doubts) in found.items()}
    assert {name: both for name, both in codes.items() if any(both)} == {
        "udacity_test4_bodypart_RIBCAGE": ([], ["wrong-body-part"]),
        "udacity_test5_modality_CT": (["wrong-modality"], []),
    }
    assert {one.age for one in films.values()} == {23, 53, 58, 62, 64, 67, 68, 77, 81}
    for one in films.values():
        assert "wrong-age" in [reason.code for reason in header_reasons(one, CHILDREN)[0]]
