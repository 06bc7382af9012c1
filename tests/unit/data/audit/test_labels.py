from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pneumoscope.data.audit.labels import classes, label_suspects, patients_unknown, unlabelled
from tests.phantoms import case, film, put


@pytest.fixture
def films(tmp_path):
    """Sixty rows of one file: these checks do not look at pixels."""
    data = film(1)
    return [put(tmp_path, f"{i:02}.png", data, label=i % 2, split=("train", "test")[i % 3 == 0]) for i in range(60)]


def probabilities(films, wrong):
    """A model that is nearly sure of every label but those of the ``wrong`` ones, where it is sure of the other."""
    rng = np.random.default_rng(0)
    told = {}
    for i, one in enumerate(films):
        towards = one.label if i not in wrong else 1 - one.label
        doubt = 0.01 * wrong.index(i) if i in wrong else rng.uniform(0, 0.3)
        told[one.path] = abs(towards - doubt)
    return told


def test_planted_label_errors_are_found_the_surest_first(tmp_path, films):
    wrong = [17, 4, 33, 48]
    (finding,) = label_suspects(case(tmp_path, films, probabilities(films, wrong)))
    assert finding.groups == tuple((f"{i:02}.png",) for i in wrong)
    assert (finding.severity, finding.action) == ("warning", "forget-label")
    assert finding.remarks[0] == "train: labelled pneumonia, the model says 0%"
    assert finding.remarks[3] == "test: labelled no pneumonia, the model says 97%"
    assert {figure.what: (figure.value, figure.films) for figure in finding.figures} == {
        "suspects in test": (2, 20),
        "suspects in train": (2, 40),
    }


def test_the_suspects_are_those_of_cleanlab(tmp_path, films):
    """Noisy scores, so that the two programs have something to disagree about."""
    cleanlab = pytest.importorskip("cleanlab.filter", reason="cleanlab is not installed")
    rng = np.random.default_rng(5)
    labels = np.array([one.label for one in films])
    p = 1 / (1 + np.exp(-rng.normal(1.5 * (2 * labels - 1), 1.5)))
    (finding,) = label_suspects(case(tmp_path, films, dict(zip([one.path for one in films], p, strict=True))))
    theirs = cleanlab.find_label_issues(
        labels,
        np.stack([1 - p, p], axis=1),
        filter_by="prune_by_noise_rate",
        return_indices_ranked_by="normalized_margin",
        n_jobs=1,  # its processes are forked: one forked off threads may hang
    )
    assert len(theirs) > 3
    assert [path for (path,) in finding.groups] == [films[i].path for i in theirs]


def test_only_films_with_a_score_and_a_label_are_suspected(tmp_path, films):
    wrong = [17, 4, 33]
    scores = probabilities(films, wrong)
    del scores["04.png"]
    films[33] = replace(films[33], label=None)
    (finding,) = label_suspects(case(tmp_path, films, scores))
    assert finding.groups == (("17.png",),)


def test_sound_labels_are_not_suspected(tmp_path, films):
    assert label_suspects(case(tmp_path, films, probabilities(films, []))) == []


def test_without_scores_or_with_one_class_no_label_is_suspected(tmp_path, films):
    assert label_suspects(case(tmp_path, films)) is None
    alike = [replace(one, label=1) for one in films]
    assert label_suspects(case(tmp_path, alike, probabilities(alike, []))) is None


def test_a_split_of_one_class_is_a_warning(tmp_path, films):
    normal = [replace(one, label=0) if one.split == "test" else one for one in films]
    (finding,) = classes(case(tmp_path, normal))
    assert (finding.code, finding.severity) == ("one-class", "warning")
    assert finding.title == "All labelled films of test are of one class: no pneumonia"
    assert classes(case(tmp_path, films)) == []


def test_a_tiny_validation_split_is_a_warning(tmp_path, films):
    data, root = film(1), tmp_path
    train = [put(root, f"more/{i}.png", data, label=i % 2) for i in range(200)]
    val = [put(root, f"val/{i}.png", data, label=i, split="val") for i in range(2)]
    (finding,) = classes(case(root, [*train, *val]))
    assert (finding.code, finding.groups) == ("tiny-validation", (("val/0.png",), ("val/1.png",)))
    assert finding.meaning.startswith("One film is 50 points")
    assert classes(case(root, [*train[:100], *val])) == []


def test_sources_that_know_no_patients_are_named(tmp_path, films):
    (finding,) = patients_unknown(case(tmp_path, films))
    assert finding.title == "No two of the 60 films of source 'made-up' share a patient"
    known = [*films[:-1], replace(films[-1], patient=films[0].patient)]
    assert patients_unknown(case(tmp_path, known)) == []
    assert patients_unknown(case(tmp_path, films[:40])) == []


def test_films_without_a_label_are_counted(tmp_path, films):
    (finding,) = unlabelled(case(tmp_path, [replace(films[0], label=None), *films[1:]]))
    assert (finding.severity, finding.title) == ("note", "1 of 60 films have no label")
    assert unlabelled(case(tmp_path, films)) == []
