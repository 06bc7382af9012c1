from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pneumoscope.core import ManifestError
from pneumoscope.core.manifest import Film, Listing, Manifest
from pneumoscope.data import open_manifest, with_validation
from pneumoscope.data.shifted import with_shifted_validation
from pneumoscope.data.split import (
    assigned,
    k_folds,
    patient_groups,
    without_tiny_validation,
)
from tests.helpers import row

STRATA = {(0, ""): 0.3, (1, "bacterial"): 0.45, (1, "viral"): 0.25}


def ward(patients: int = 300, seed: int = 0) -> Manifest:
    """Patients with one to six films each, of three kinds; every tenth film is a copy of another patient's."""
    rng = np.random.default_rng(seed)
    films: list[Film] = []
    for patient in range(patients):
        label, subtype = list(STRATA)[rng.choice(3, p=list(STRATA.values()))]
        for film in range(rng.integers(1, 7)):
            films.append(row(f"{patient}-{film}.png", patient=f"p{patient}", label=label, subtype=subtype))
    for i in range(0, len(films) - 40, 10):
        films[i] = replace(films[i], digest=films[i + 37].digest)
    films += [row("test.png", patient="t", split="test"), row("unlabelled.png", patient="u", label=None)]
    return Manifest(Path("root"), tuple(films))


def homes(manifest: Manifest, key: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for film in manifest.films:
        found[getattr(film, key)].add(film.split)
    return found


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_neither_a_patient_nor_a_copy_sits_on_both_sides(seed):
    split = with_validation(ward(seed=seed), folds=5, seed=seed)
    for key in ("patient", "digest"):
        assert all(len(splits) == 1 for splits in homes(split, key).values())
    assert Counter(film.split for film in split.films).keys() == {"train", "val", "test"}


@pytest.mark.parametrize("seed", range(6))
def test_each_kind_of_film_gives_its_share(seed):
    split = with_validation(ward(), folds=5, seed=seed)
    films = [film for film in split.films if film.split != "test" and film.label is not None]
    for label, subtype in STRATA:
        kind = [film.split for film in films if (film.label, film.subtype) == (label, subtype)]
        assert kind.count("val") / len(kind) == pytest.approx(0.2, abs=0.03), (label, subtype)


def test_nothing_changes_but_the_split_of_labelled_train_films():
    before = ward()
    after = with_validation(before, folds=5, seed=0)
    assert [replace(film, split="train") for film in after.films] == [
        replace(film, split="train") for film in before.films
    ]
    assert {"test.png": "test", "unlabelled.png": "train"}.items() <= {f.path: f.split for f in after.films}.items()


def test_the_same_seed_draws_the_same_films():
    drawn = [with_validation(ward(), folds=5, seed=seed).digest for seed in (7, 7, 8)]
    assert drawn[0] == drawn[1] != drawn[2]


def with_val_films(n: int) -> Manifest:
    kept = tuple(row(f"v{i}.png", split="val") for i in range(n))
    return Manifest(Path("root"), (*kept, *ward().films))


def test_a_split_that_exists_is_kept():
    frozen = with_val_films(40)
    assert with_validation(frozen, folds=5, seed=0) is frozen
    with pytest.raises(ManifestError, match="has validation films already"):
        with_shifted_validation(frozen, np.zeros(len(frozen)), folds=5, seed=0)


def test_a_validation_folder_too_small_to_decide_anything_goes_back_to_training():
    tiny = with_val_films(8)
    merged, given_back = without_tiny_validation(tiny)
    assert given_back == 8
    assert {film.split for film in merged.films} == {"train", "test"}
    assert without_tiny_validation(with_val_films(40))[1] == 0
    assert Counter(film.split for film in with_validation(tiny, folds=5, seed=0).films)["val"] > 150


def test_every_film_is_validated_on_once():
    drawn = list(k_folds(ward(), folds=5, seed=3))
    held_out = Counter(film.path for fold in drawn for film in fold.only("val").labelled().films)
    assert held_out == Counter(film.path for film in ward().only("train").labelled().films)
    for fold in drawn:
        assert all(len(splits) == 1 for key in ("patient", "digest") for splits in homes(fold, key).values())


def test_the_shifted_split_takes_the_negatives_that_look_most_like_pneumonia():
    before = ward()
    hardness = np.random.default_rng(5).normal(size=len(before))
    after = with_shifted_validation(before, hardness, folds=5, seed=0)
    for key in ("patient", "digest"):
        assert all(len(splits) == 1 for splits in homes(after, key).values())
    hard = dict(zip((film.path for film in before.films), hardness, strict=True))
    joined_to_pneumonia = {g for g, f in zip(patient_groups(after.films), after.films, strict=True) if f.label == 1}
    by_group = defaultdict(list)
    for film, group in zip(after.films, patient_groups(after.films), strict=True):
        if film.split != "test" and film.label == 0 and group not in joined_to_pneumonia:
            by_group[film.split, group].append(hard[film.path])
    val, train = ([np.mean(s) for (split, _), s in by_group.items() if split == name] for name in ("val", "train"))
    assert min(val) >= max(train)
    negatives = [film.split for film in after.films if film.label == 0 and film.split != "test"]
    assert negatives.count("val") / len(negatives) == pytest.approx(0.2, abs=0.04)
    positives = [film.split for film in after.films if film.label == 1 and film.split != "test"]
    assert positives.count("val") / len(positives) == pytest.approx(0.2, abs=0.04)


@pytest.mark.parametrize("share", [0.2, 0.1])
def test_films_without_a_split_are_given_one(share):
    films = tuple(replace(film, split="") for film in ward().films)
    after = assigned(Listing(Path("root"), films), test_share=share, seed=4)
    assert Counter(film.split for film in after.films).keys() == {"train", "test"}
    assert sum(film.split == "test" for film in after.films) / len(after) == pytest.approx(share, abs=0.03)
    assert assigned(Listing(Path("root"), films), test_share=0, seed=4).only("train").films


def test_each_finding_gives_its_share_of_test_films():
    films = tuple(replace(film, split="") for film in clinic(tuberculosis=30, tumour=10))
    after = assigned(Listing(Path("root"), films), test_share=0.2, seed=0)
    assert Counter(film.findings for film in after.only("test").films) == {("tuberculosis",): 12, ("tumour",): 4}


def test_films_without_a_split_follow_their_patient():
    films = (row("a", patient="ann", split="test"), row("b", patient="ann", split=""), row("c", split=""))
    after = assigned(Listing(Path("root"), films), test_share=0, seed=0)
    assert [film.split for film in after.films] == ["test", "test", "train"]


def test_films_without_a_label_follow_their_patient():
    """Whichever patients are set aside, their unlabelled films may not stay among the train films."""
    films = tuple(
        film
        for i in range(12)
        for film in (row(f"{i}.png", patient=f"p{i}", label=i % 2), row(f"{i}b.png", patient=f"p{i}", label=None))
    )
    split = with_validation(Manifest(Path("root"), films), folds=3, seed=0)
    assert {split.films[i].split for i in range(24)} == {"train", "val"}
    assert all(a.split == b.split for a, b in zip(split.films[::2], split.films[1::2], strict=True))


def clinic(**patients: int) -> list[Film]:
    """Films of patients with a finding and no label, two films each."""
    return [
        row(f"{finding}-{i}-{k}.png", patient=f"{finding}-{i}", label=None, findings=(finding,))
        for finding, n in patients.items()
        for i in range(n)
        for k in "ab"
    ]


def test_films_whose_findings_alone_are_stated_are_set_aside_too():
    """A folder for each class: those of "normal" are labelled, those of the others are not."""
    normal = [row(f"normal-{i}.png", label=0) for i in range(40)]
    manifest = Manifest(Path("root"), (*normal, *clinic(tuberculosis=30, tumour=15)))
    split = with_validation(manifest, folds=5, seed=0)
    assert all(len(splits) == 1 for splits in homes(split, "patient").values())
    drawn = Counter(film.path.split("-")[0] for film in split.films if film.split == "val")
    assert drawn == {"normal": 8, "tuberculosis": 12, "tumour": 6}
    alone = Manifest(Path("root"), tuple(clinic(tuberculosis=30, tumour=15)))
    drawn = Counter(film.path.split("-")[0] for film in with_validation(alone, folds=5, seed=0).only("val").films)
    assert drawn == {"tuberculosis": 12, "tumour": 6}


def test_labelled_films_are_drawn_as_if_there_were_no_others():
    before = ward()
    more = Manifest(before.root, (*clinic(effusion=50), *before.films, *clinic(fracture=20)))
    for one, other in zip(k_folds(before, folds=5, seed=1), k_folds(more, folds=5, seed=1), strict=True):
        assert one.films == other.films[100:-40]
    held_out = Counter(film.path for fold in k_folds(more, folds=5, seed=1) for film in fold.only("val").films)
    assert held_out == Counter(film.path for film in more.only("train").films if film.path != "unlabelled.png")


def test_films_with_findings_of_too_few_patients_stay_train_films():
    before = ward()
    more = Manifest(before.root, (*before.films, *clinic(effusion=4)))
    split = with_validation(more, folds=5, seed=1)
    assert split.films[: len(before)] == with_validation(before, folds=5, seed=1).films
    assert {film.split for film in split.films[len(before) :]} == {"train"}


def test_films_with_findings_follow_their_patient():
    films = [
        film
        for i in range(12)
        for film in (
            row(f"{i}.png", patient=f"p{i}", label=0),
            row(f"{i}b.png", patient=f"p{i}", label=None, findings=("effusion",)),
        )
    ]
    split = with_validation(Manifest(Path("root"), (*films, *clinic(effusion=12))), folds=3, seed=0)
    assert all(len(splits) == 1 for splits in homes(split, "patient").values())
    assert Counter(film.split for film in split.films) == {"train": 32, "val": 16}


def test_a_rare_finding_is_spread_whatever_it_comes_with():
    both = [replace(film, findings=("Effusion", "Hernia")) for film in clinic(hernia=10)]
    films = Manifest(Path("root"), (*both, *clinic(effusion=190)))
    for fold in k_folds(films, folds=5, seed=0):
        assert sum("Hernia" in film.findings for film in fold.only("val").films) == 4


def test_the_split_of_the_demo_films_is_frozen(demo_films):
    split = with_validation(open_manifest(demo_films), folds=8, seed=0)
    assert split.digest == "b8446d8aac15445b11012980a5196064cc506aa8bab68186a5fc382a1ac361de"


def test_too_few_patients_are_refused():
    films = tuple(row(f"{i}.png", patient=f"p{i % 4}") for i in range(40))
    with pytest.raises(ManifestError, match="labelled films of at least 5 patients to set some aside, got 4"):
        with_validation(Manifest(Path("root"), films), folds=5, seed=0)
