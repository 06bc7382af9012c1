from __future__ import annotations

import msgspec
import numpy as np
import pytest
from scipy.stats import hypergeom

from pneumoscope.evaluation.subgroups import Subgroups, difference, subgroups


def ward(seen, n: int = 30, **facts):
    """As many with the finding as without, all read right; ``facts`` are functions of the place."""
    return [
        seen(f"{label}{i}", bool(label), 0.9 if label else 0.1, **{name: fact(i) for name, fact in facts.items()})
        for label in (0, 1)
        for i in range(n)
    ]


def by(result: Subgroups, name: str) -> dict:
    return {group.value: group for group in result.groups if group.by == name}


def test_what_all_films_share_makes_no_group(seen):
    assert subgroups(ward(seen)).groups == ()


def test_groups_are_measured_by_themselves(seen):
    films = [
        *(seen(f"f{i}", True, 0.9 if i else 0.2, sex="F") for i in range(4)),
        *(seen(f"m{i}", True, 0.9, sex="M") for i in range(3)),
        *(seen(f"n{i}", False, 0.1 if i else 0.8, sex="F") for i in range(2)),
        seen("u", False, 0.3),
    ]
    found = by(subgroups(films), "sex")
    assert list(found) == ["F", "M", "not stated"]
    assert (found["F"].measured.films, found["F"].measured.positive, found["F"].measured.patients) == (6, 4, 6)
    assert found["F"].measured.recall.value == 0.75
    assert found["F"].measured.specificity.value == 0.5
    assert found["M"].measured.specificity is None
    assert found["M"].measured.auc is None
    assert found["M"].caution == "3 films with the finding and no films without the finding: too few to tell"
    assert found["not stated"].caution.startswith("no films with the finding and 1 film without")


def test_a_group_with_enough_of_both_has_no_caution(seen):
    found = by(subgroups(ward(seen, 40, sex=lambda i: "FM"[i % 2])), "sex")
    assert [group.caution for group in found.values()] == ["", ""]


def test_subtypes_are_compared_with_all_others(seen):
    films = [
        *(seen(f"b{i}", True, 0.9, subtype="bacterial") for i in range(3)),
        *(seen(f"v{i}", True, (0.2, 0.9)[i], subtype="viral") for i in range(2)),
        seen("x", True, 0.9),
        *(seen(f"n{i}", False, 0.1) for i in range(4)),
    ]
    found = by(subgroups(films), "subtype")
    bacterial, viral = found["bacterial, against all without"], found["viral, against all without"]
    assert (bacterial.measured.films, viral.measured.films) == (7, 6)
    assert (bacterial.measured.recall.value, viral.measured.recall.value) == (1.0, 0.5)
    assert bacterial.measured.specificity == viral.measured.specificity


@pytest.mark.parametrize(
    ("by_what", "facts", "values"),
    [
        ("age", {"age": lambda i: (0.5, 3, 5.9, 70)[i % 4]}, ["under 1 year", "1 to 5 years", "65 years and more"]),
        (
            "size",
            {"full_size": lambda i: ((224, 224), (600, 400), (2500, 2000))[i % 3]},
            ["under 500 pixels", "2000 pixels and more"],
        ),
        (
            "aspect",
            {"full_size": lambda i: ((900, 500), (500, 500), (500, 650), (500, 900))[i % 4]},
            ["higher than wide", "square, within 5%", "wide, to 1.4 times the height", "wider still"],
        ),
        ("source", {"source": lambda i: "ab"[i % 3 > 0]}, ["b", "a"]),
        ("view", {"view": lambda i: ("AP", "PA")[i % 2]}, ["PA", "AP"]),
        ("container", {"container": lambda i: ("jpeg", "dicom", "jpeg")[i % 3]}, ["jpeg", "dicom"]),
        ("colour", {"colour": lambda i: i % 3 == 0}, ["grey", "colour channels"]),
        ("flags", {"flags": lambda i: ["inverted"] * (i % 3 == 0)}, ["without", "with a quality flag"]),
        ("marks", {"markers": lambda i: i % 3}, ["none found", "a mark found"]),
    ],
)
def test_each_question_sorts_films_in_its_order(seen, by_what, facts, values):
    result = subgroups(ward(seen, 12, **facts))
    assert list(by(result, by_what)) == values
    assert sum(group.measured.films for group in by(result, by_what).values()) == 24


def test_a_real_difference_is_told_and_survives_the_correction(seen):
    films = [
        *(seen(f"p{i}", True, 0.9 if i % 2 or i % 5 else 0.1, sex="FM"[i % 2], markers=i % 3) for i in range(80)),
        *(seen(f"q{i}", True, 0.1, sex="F") for i in range(12)),
        *(seen(f"n{i}", False, 0.1 if i % 9 else 0.7, sex="FM"[i % 2], markers=i % 3) for i in range(80)),
    ]
    result = subgroups(films)
    found = {(one.by, one.measure): one for one in result.differences}
    assert set(found) == {(name, measure) for name in ("sex", "marks") for measure in ("recall", "specificity")}
    assert found["sex", "recall"].p_holm < 0.01
    assert found["sex", "recall"].values == ("F", "M")
    assert found["sex", "recall"].films == 92
    assert all(one.p_holm >= one.p for one in result.differences)
    assert found["sex", "specificity"].p_holm > 0.05


def test_groups_of_few_films_and_films_that_state_nothing_are_not_compared(seen):
    films = ward(seen, 60, sex=lambda i: "" if i < 30 else "F" if i < 50 else "M")
    assert subgroups(films).differences == ()


def test_films_that_are_all_read_rightly_differ_in_nothing(seen):
    result = subgroups(ward(seen, 60, sex=lambda i: "FM"[i % 2]))
    assert [one.p for one in result.differences] == [1.0, 1.0]


@pytest.mark.parametrize(("one", "other"), [((18, 20), (10, 20)), ((29, 30), (24, 40)), ((9, 10), (8, 10))])
def test_two_groups_are_compared_as_the_hypergeometric_law_says(one, other):
    groups = np.repeat([0, 1], [one[1], other[1]])
    hits = np.concatenate([np.arange(n) < k for k, n in (one, other)])
    law = hypergeom(len(hits), int(hits.sum()), one[1])
    as_far = np.arange(len(hits) + 1)
    extreme = np.abs(as_far - law.mean()) >= abs(one[0] - law.mean()) - 1e-9
    expected = law.pmf(as_far[extreme]).sum()
    assert difference(groups, hits, np.arange(len(hits))) == pytest.approx(expected, abs=0.025)


def test_copies_of_patients_films_prove_nothing_more():
    groups, hits = np.repeat([0, 1], 15), np.r_[np.arange(15) < 14, np.arange(15) < 9]
    once = difference(groups, hits, np.arange(30))
    often = difference(np.repeat(groups, 6), np.repeat(hits, 6), np.repeat(np.arange(30), 6))
    assert often == pytest.approx(once, abs=0.02)
    assert difference(np.repeat(groups, 6), np.repeat(hits, 6), np.arange(180)) < 0.1 * once


def test_a_patient_with_films_in_two_groups_counts_in_each():
    groups, hits = np.tile([0, 1], 25), np.tile([True, False], 25)
    assert difference(groups, hits, np.repeat(np.arange(25), 2)) < 0.01


def test_chance_alone_is_seldom_called_a_difference():
    rng = np.random.default_rng(5)
    found = [difference(np.repeat([0, 1, 2], 25), rng.random(75) < 0.8, np.arange(75), seed=i) for i in range(12)]
    assert np.mean(np.array(found) < 0.05) < 0.25
    assert len(set(found)) > 5


def test_groups_come_back_from_json(seen):
    result = subgroups(ward(seen, 60, sex=lambda i: "FM"[i % 2]))
    assert msgspec.json.decode(msgspec.json.encode(result), type=Subgroups) == result
