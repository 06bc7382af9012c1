from __future__ import annotations

import pytest

from pneumoscope.bundle import load_bundle
from pneumoscope.bundle.spec import Source
from pneumoscope.evaluation.population import cautions, intended_ages
from tests.helpers import row, tiny_spec


def spec(*names: str):
    data = tuple(Source(name=name, citation="somebody", licence="CC0") for name in names)
    return tiny_spec(data=data, intended_use="For children.")


CHILDREN = spec("kermany")


def test_films_like_those_it_learned_from_need_no_caution():
    assert cautions(CHILDREN, [row(source="kermany"), row(source="kermany", age=5.9)]) == ()


def test_ages_outside_are_counted_among_those_that_are_stated():
    ages = [None, 0.5, 1, 5, 6, 40]
    (said,) = cautions(CHILDREN, [row(f"{i}.png", source="kermany", age=age) for i, age in enumerate(ages)])
    assert said == (
        "Outside the intended population: 3 of the 5 films whose patient's age is stated are of patients younger than "
        "1 or older than 5 years. The model's intended use: For children."
    )


def test_films_from_elsewhere_are_told():
    (said,) = cautions(CHILDREN, [row(source="kermany"), row("b.png", source="rsna"), row("c.png", source="nih")])
    assert "not known to have learned from films of this source (nih, rsna)" in said


def test_what_the_user_says_comes_first():
    first, second = cautions(CHILDREN, [row(source="folder")], outside=" adults ")
    assert (
        first == "Outside the intended population: these films are of adults. The model's intended use: For children."
    )
    assert "(folder)" in second


@pytest.mark.parametrize(
    ("names", "ages"),
    [
        (["kermany"], (1, 5)),
        (["kermany", "labeled-chest-xray"], (1, 5)),
        (["kermany", "nih"], None),
        (["somebody's own"], None),
        ([], None),
    ],
)
def test_the_intended_ages_are_those_of_all_it_learned_from(names, ages):
    assert intended_ages(spec(*names)) == ages


def test_a_bundle_for_anybody_has_no_age_to_be_outside_of():
    assert cautions(spec("nih"), [row(source="nih", age=80)]) == ()


def test_the_packaged_bundle_is_for_children():
    packaged = load_bundle("default").spec
    assert intended_ages(packaged) == (1, 5)
    (said,) = cautions(packaged, [row(source="kermany", age=44)])
    assert "children of one to five years" in said
