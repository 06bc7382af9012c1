from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Listing
from pneumoscope.data import stated as stated_module
from pneumoscope.data.exploration import as_json, explore
from pneumoscope.data.explore import (
    QUANTILES,
    contrasts,
    counts,
    drawn,
    findings,
    groups,
    mean_films,
    patients,
    separations,
    spreads,
    varying,
)
from pneumoscope.data.stated import Category, Stated
from pneumoscope.data.survey import SCALARS, Survey, survey
from tests.helpers import row
from tests.phantoms import film as phantom_film
from tests.phantoms import put
from tests.surveys import listed, made_survey


def ward() -> Survey:
    """Three patients in two splits and sources; one film is damaged, and of two the class is not stated."""
    films = [
        row("a.png", patient="p", label=1, subtype="viral", split="train"),
        row("b.png", patient="p", label=1, subtype="viral", split="train"),
        row("c.png", patient="p", label=1, subtype="bacterial", split="test"),
        row("d.png", patient="q", label=0, split="train", source="other"),
        row("e.png", patient="q", label=None, split="", source="other"),
        row("f.png", patient="p", label=None, split="", source="other"),
    ]
    return made_survey(films, unreadable=[1])


def test_what_is_stated_is_what_the_films_say():
    films = [
        row("a", label=None, split="", view="PA", sex="M", age=3.0),
        row("b", label=1, split="test", subtype="viral"),
        row("c", label=0, split="train", view="AP", source="x", patient="patient of a"),
    ]
    stated = Stated.of(made_survey(films, unreadable=[2]))
    assert [stated.kind.names[i] for i in stated.kind.codes] == ["not stated", "pneumonia", "no pneumonia"]
    assert stated.split.names == ("train", "test", "no split")
    assert [stated.view.names[i] for i in stated.view.codes] == ["PA", "", "AP"]
    assert stated.sex.named("M").tolist() == [True, False, False]
    assert not stated.sex.named("F").any()
    np.testing.assert_array_equal(stated.age, [3.0, np.nan, np.nan])
    assert len(set(stated.patient.tolist())) == 3  # of another source the same key is another patient
    assert stated.readable.tolist() == [True, True, False]


def test_counts_are_those_of_the_manifest():
    found = {count[:4]: count[4:] for count in counts(Stated.of(ward()))}
    assert found == {
        ("train", "made-up", "pneumonia", "viral"): (2, 1, 1),
        ("test", "made-up", "pneumonia", "bacterial"): (1, 1, 0),
        ("train", "other", "no pneumonia", ""): (1, 1, 0),
        ("no split", "other", "not stated", ""): (2, 2, 0),
    }


def test_films_per_patient():
    found = patients(Stated.of(ward()))
    assert sorted(found.films.tolist()) == [1, 2, 3]
    assert found.largest == 0
    assert found.straddling == 2  # p in train and test, q in train and in none
    assert [(name, int(mask.sum())) for name, mask in found.bins()] == [("1", 1), ("2", 1), ("3", 1)]


@pytest.mark.parametrize(
    ("number", "name"),
    [(1, "1"), (5, "5"), (6, "6 to 10"), (10, "6 to 10"), (50, "21 to 50"), (51, "51"), (70, "51 to 70")],
)
def test_many_films_are_counted_in_ranges(number, name):
    films = [row(f"{i}", patient="one") for i in range(number)]
    ((found, mask),) = patients(Stated.of(made_survey(films))).bins()
    assert (found, mask.tolist()) == (name, [True])


def test_groups_hold_every_readable_film_once():
    survey = made_survey(listed(40), unreadable=[3, 4])
    found = groups(Stated.of(survey))
    assert [(group.kind, group.split) for group in found] == [
        ("no pneumonia", "train"),
        ("pneumonia", "train"),
        ("pneumonia", "test"),
    ]
    assert sorted(i for group in found for i in group.films) == [i for i in range(40) if i not in (3, 4)]


def test_quantiles_are_those_of_numpy():
    survey = made_survey(listed(50), unreadable=[0])
    among = groups(Stated.of(survey))
    found = spreads(survey, among)
    assert len(found) == len(SCALARS) * len(among)
    chosen = [i for i in range(1, 50) if i % 2 and i % 4 < 3]
    (one,) = [s for s in found if (s.measure, s.kind, s.split) == ("mean", "pneumonia", "train")]
    assert one.films == len(chosen)
    np.testing.assert_allclose(one.quantiles, np.percentile(survey.rows["mean"][chosen], [100 * q for q in QUANTILES]))


def test_separations_are_mann_whitney_statistics():
    labels = np.arange(200) % 2
    bright = np.random.default_rng(1).normal(labels * 0.7, 1.0)
    survey = made_survey(listed(200), mean=bright, width=224, height=np.where(labels == 1, 2, 1))
    found = {(one.measure, one.contrast.about_class): one for one in separations(survey, contrasts(Stated.of(survey)))}
    one = found["mean", True]
    first, second = (survey.rows["mean"][films] for films in one.contrast.films)
    assert (one.contrast.first, one.contrast.second, one.contrast.within) == ("no pneumonia", "pneumonia", "train")
    expected = stats.mannwhitneyu(second, first).statistic / (len(first) * len(second))
    assert one.auc == pytest.approx(expected)
    assert found["height", True].auc == 1.0
    assert found["height", True].strength == 0.5
    assert ("width", True) not in found  # the same in all films
    assert set(varying(survey)) == set(SCALARS) - {"width"}


def test_splits_of_a_class_are_compared_and_small_groups_are_not():
    films = [row(f"{i}", label=i % 2, split=("train", "test", "val")[i % 3]) for i in range(150)]
    films = [film for film in films if film.split != "val" or int(film.path) < 60]
    found = contrasts(Stated.of(made_survey(films)))
    assert {(one.first, one.second, one.within) for one in found} == {
        ("no pneumonia", "pneumonia", "train"),
        ("train", "test", "no pneumonia"),
        ("train", "test", "pneumonia"),
    }
    assert contrasts(Stated.of(made_survey(listed(38)))) == []


def test_without_splits_the_two_largest_sources_of_a_class_are_compared():
    films = [row(f"{i}", label=0, split="", source="abc"[i % 3] if i < 90 else "a") for i in range(120)]
    films += [row(f"x{i}", label=1, split="", source="a") for i in range(30)]
    found = contrasts(Stated.of(made_survey(films)))
    assert [(one.first, one.second, one.within) for one in found] == [
        ("no pneumonia", "pneumonia", ""),
        ("a", "b", "no pneumonia"),
    ]
    assert [len(side) for side in found[1].films] == [60, 30]


def test_classes_that_are_not_stated_are_compared_too():
    films = [row(f"{i}", label=(0, None)[i % 2], split="") for i in range(80)]
    (found,) = contrasts(Stated.of(made_survey(films)))
    assert (found.first, found.second, found.about_class) == ("no pneumonia", "not stated", True)


@pytest.mark.parametrize("chunk", [1, 7, 8192])
def test_mean_films_are_means(monkeypatch, chunk):
    monkeypatch.setattr(stated_module, "_CHUNK", chunk)
    survey = made_survey(listed(60), unreadable=[0])
    stated = Stated.of(survey)
    found = mean_films(survey, stated.split, stated.kind, fewest=15)
    assert (found.rows, found.columns) == (("train", "test"), ("no pneumonia", "pneumonia"))
    of = {
        ("train", "no pneumonia"): [i for i in range(1, 60) if i % 2 == 0],
        ("train", "pneumonia"): [i for i in range(60) if i % 4 == 1],
        ("test", "pneumonia"): [i for i in range(60) if i % 4 == 3],
    }
    assert found.cells.keys() == of.keys()
    for name, chosen in of.items():
        assert found.cells[name].films == len(chosen)
        np.testing.assert_allclose(found.cells[name].pixels, survey.thumbs[chosen].mean(axis=0) / 255)


def test_few_films_and_films_of_no_subtype_have_no_mean():
    films = [row(f"{i}", subtype=("viral", "bacterial", "")[i % 3]) for i in range(57)]
    stated = Stated.of(made_survey(films))
    found = mean_films(made_survey(films), stated.split, stated.subtype)
    assert found.cells == {}
    found = mean_films(made_survey(films), stated.split, stated.subtype, fewest=19)
    assert found.columns == ("bacterial", "viral")


def test_films_are_drawn_of_each_group_and_of_as_many_patients():
    films = [row(f"{i}", patient=f"{i % 5}", label=i % 2, subtype="viral" if i % 4 == 3 else "") for i in range(80)]
    stated = Stated.of(made_survey(films, unreadable=range(0, 80, 10)))
    found = drawn(stated, 3, seed=5)
    assert [part[:3] for part in found] == [
        ("no pneumonia", "", "train"),
        ("pneumonia", "viral", "train"),
        ("pneumonia", "", "train"),
    ]
    for kind, subtype, _, chosen in found:
        assert len(chosen) == len({films[i].patient for i in chosen}) == 3
        assert {(films[i].label, films[i].subtype) for i in chosen} == {(int(kind == "pneumonia"), subtype)}
        assert all(i % 10 for i in chosen)
    again = drawn(stated, 3, seed=5)
    assert [part[3].tolist() for part in again] == [part[3].tolist() for part in found]
    assert [part[3].tolist() for part in drawn(stated, 3, seed=6)] != [part[3].tolist() for part in found]


def test_a_patient_is_drawn_once_even_if_that_is_all_there_is():
    films = [row(f"{i}", patient="one") for i in range(9)]
    ((*_, chosen),) = drawn(Stated.of(made_survey(films)), 5)
    assert len(chosen) == 1


def test_findings_are_counted_by_class_the_most_frequent_first():
    films = [
        row("a", label=1, findings=("Effusion", "Mass", "Mass")),
        row("b", label=0, findings=("Mass",)),
        row("c", label=None),
    ]
    assert list(findings(films).items()) == [
        ("Mass", Counter({"pneumonia": 1, "no pneumonia": 1})),
        ("Effusion", Counter({"pneumonia": 1})),
    ]


def test_rare_names_are_put_together():
    category = Category.of(["c", "a", "b", "a", "a", "b"])
    assert category.names == ("a", "b", "c")
    few = category.first(1)
    assert (few.names, few.codes.tolist()) == (("a", "others"), [1, 0, 1, 0, 0, 1])
    assert category.first(3) is category


def test_the_numbers_can_be_read_by_programs():
    films = listed(60, age=4.0, sex="F", view="AP", findings=("Mass",))
    films.append(row("odd\udcff.png", patient="patient of 0.png", split="test", label=0))
    survey = made_survey(films, unreadable=[60])
    found = json.loads(json.dumps(as_json(explore(survey)), allow_nan=False))
    assert (found["films"], found["readable"], found["patients"]) == (61, 60, 60)
    assert sum(count["films"] for count in found["counts"]) == 61
    assert {count["class"] for count in found["counts"]} == {"pneumonia", "no pneumonia"}
    assert found["unreadable"] == [{"path": "odd\udcff.png", "why": "it is damaged"}]
    assert found["films_per_patient"] == [{"films": "1", "patients": 59}, {"films": "2", "patients": 1}]
    assert found["patients_in_two_splits"] == 1
    assert {one["measure"] for one in found["measurements"]} == set(SCALARS)
    assert found["stated"]["by_class"]["pneumonia"]["sex"] == {"F": 30, "": 0}
    assert found["stated"]["by_class"]["pneumonia"]["age"] == [4.0] * 5
    assert found["stated"]["findings"] == {"Mass": {"pneumonia": 30, "no pneumonia": 30}}
    assert {(one["row"], one["column"], one["films"]) for one in found["mean_films"]} == {("train", "no pneumonia", 30)}
    assert np.shape(found["mean_films"][0]["pixels"]) == (32, 32)
    assert sorted(one["path"] for one in found["map"]["films"]) == sorted(film.path for film in films[:60])
    assert len(found["oddest"]) == 6


def test_the_same_seed_finds_the_same():
    survey = made_survey(listed(50))
    first, again, other = (json.dumps(as_json(explore(survey, seed))) for seed in (3, 3, 4))
    assert first == again
    assert first != other


@pytest.mark.parametrize("number", [1, 2, 9, 10, 39, 40])
@pytest.mark.parametrize("damaged", [0, 1, "all"])
def test_few_films_are_enough(number, damaged):
    survey = made_survey(listed(number), unreadable=range(number if damaged == "all" else damaged))
    found = explore(survey)
    readable = number - len(survey.errors)
    assert (found.map is not None) == (readable >= 10)
    assert bool(found.odd) == (readable >= 40)
    assert sum(len(group.films) for group in found.groups) == readable
    json.dumps(as_json(found), allow_nan=False)


def test_films_that_are_all_the_same_have_no_map():
    survey = made_survey(listed(50))
    survey.rows[:] = survey.rows[0]
    found = explore(survey)
    assert (found.map, found.odd, found.separations) == (None, [], [])
    assert found.means["split"].cells["train", "no pneumonia"].films == 25


def test_a_manifest_without_films_is_refused():
    with pytest.raises(ManifestError, match="lists none"):
        explore(Survey(Listing(Path("x"), ()), made_survey([]).rows))


def test_tables_of_means_are_those_that_say_something():
    of_splits = explore(made_survey(listed(200)))
    assert list(of_splits.means) == ["split"]
    small = explore(made_survey([row(f"{i}", label=0, split=("train", "test")[i % 2]) for i in range(30)]))
    assert list(small.means) == ["class"]
    films = [row(f"{i}", source="ab"[i % 2], subtype=("viral", "bacterial")[i // 2 % 2]) for i in range(160)]
    assert list(explore(made_survey(films)).means) == ["split", "source", "subtype"]


def test_real_measurements_are_explored(tmp_path):
    films = [put(tmp_path, f"{i}.png", phantom_film(i, 0.3 + 0.3 * (i % 2)), label=i % 2) for i in range(40)]
    films.append(put(tmp_path, "text.png", b"no film"))
    found = explore(survey(Listing(tmp_path, tuple(films)), tmp_path / "cache"))
    assert "mean" in {one.measure for one in found.separations if one.auc == 1.0}
    assert list(found.survey.errors) == [40]
    assert found.map is not None
    assert found.map.company["class"].share > 0.9
