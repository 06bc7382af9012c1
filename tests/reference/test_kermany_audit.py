"""What the audit says of real films, held against plain NumPy, scikit-learn and what is known of the data set."""

from __future__ import annotations

import hashlib
import re
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pneumoscope.data import joined, open_listing
from pneumoscope.data.audit import Audit, audit
from pneumoscope.data.audit.case import Case
from pneumoscope.data.audit.copies import exact_copies, near_copies
from pneumoscope.data.survey import Survey, survey

pytestmark = pytest.mark.data


class Decoded(NamedTuple):
    """The films as Pillow and NumPy see them, by a way of their own."""

    digests: list[bytes]
    thumbs: NDArray[np.float32]
    texture: NDArray[np.float64]


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def children(data_folder, cache) -> Survey:
    folder = data_folder / "kermany224"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return survey(open_listing(folder), cache)


@pytest.fixture(scope="module")
def adults(data_folder, cache) -> Survey:
    """Every third film."""
    folder = data_folder / "adult224"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    listing = open_listing(folder)
    return survey(type(listing)(folder, listing.films[::3]), cache)


@pytest.fixture(scope="module")
def found(children) -> Audit:
    return audit(children, resamples=20)


@pytest.fixture(scope="module")
def decoded(children) -> Decoded:
    digests, thumbs, texture = [], [], []
    for film in children.listing.films:
        grey = Image.open(children.listing.root / film.path).convert("L")
        pixels = np.asarray(grey, np.float64) / 255
        inner = pixels[1:-1, 1:-1]
        edges = 4 * inner - pixels[2:, 1:-1] - pixels[:-2, 1:-1] - pixels[1:-1, 2:] - pixels[1:-1, :-2]
        along, across = (np.abs(np.diff(pixels, axis=axis)).mean() for axis in (1, 0))
        digests.append(hashlib.sha256(grey.tobytes()).digest())
        thumbs.append(np.asarray(grey.resize((32, 32), Image.Resampling.BOX), np.float32))
        texture.append((along, across, along / across, edges.std()))
    return Decoded(digests, np.stack(thumbs), np.array(texture))


def finding(found, code):
    (one,) = (finding for finding in found.findings if finding.code == code)
    return one


def figure(found, code, what):
    (one,) = (figure for figure in finding(found, code).figures if figure.what == what)
    return one


def peer_auc(features, labels, patients, c):
    """AUC out of fold by patient, all of it scikit-learn's."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=2000))
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=1)
    scores = cross_val_predict(model, features, labels, groups=patients, cv=folds, method="decision_function")
    return roc_auc_score(labels, scores)


def patients(films):
    """Of pneumonia, by the names alone."""
    return {re.match(r"(person\d+)_(bacteria|virus)", Path(film.path).name).groups() for film in films}


def test_the_films_are_those_that_were_published(found):
    """All but the sixteen of the folder ``val``."""
    assert found.counts == {
        "train": {"no pneumonia": 1341, "pneumonia": 3875},
        "test": {"no pneumonia": 234, "pneumonia": 390},
    }
    assert found.sources == ("kermany",)


def test_no_patient_with_pneumonia_is_in_two_splits(found, children):
    sick = [film for film in children.listing.films if film.label]
    train, test = (patients(film for film in sick if film.split == split) for split in ("train", "test"))
    assert (len(train), len(test), len(train & test)) == (2443, 203, 0)
    assert len({film.key for film in sick}) == 2443 + 203
    assert found.checked["patients in two splits"] == 0


def test_nothing_is_an_error(found):
    assert {finding.severity for finding in found.findings} <= {"warning", "note"}
    assert found.checked["unreadable files"] == found.checked["notes of the source"] == 0


def test_34_pairs_of_films_are_the_same_6_of_them_among_the_test_films(found, children, decoded):
    """By the decoded pixels, which is a wider net than the bytes; both find the same."""
    places: dict[bytes, list[str]] = {}
    for film, digest in zip(children.listing.films, decoded.digests, strict=True):
        places.setdefault(digest, []).append(film.path)
    theirs = {pair for group in places.values() for pair in combinations(sorted(group), 2)}
    ours = {pair for group in finding(found, "copies").groups for pair in combinations(sorted(group), 2)}
    assert ours == theirs
    assert len(ours) == 34
    split = {film.path: (film.split, film.label) for film in children.listing.films}
    assert all(split[one] == split[other] for one, other in ours)
    assert sum(split[one][0] == "test" for one, _ in ours) == 6


def test_no_other_films_are_nearly_the_same(found, decoded):
    """By the correlation of all 17 million pairs of thumbnails: next to the 34 there is a gap."""
    assert found.checked["near copies"] == 0
    films = decoded.thumbs.reshape(len(decoded.thumbs), -1)
    films = films - films.mean(axis=1, keepdims=True)
    films /= np.linalg.norm(films, axis=1, keepdims=True)
    alike = np.argwhere(np.triu(films @ films.T, 1) > 0.985)
    assert len(alike) == 34
    assert all(decoded.digests[i] == decoded.digests[j] for i, j in alike)


def test_the_class_is_told_without_looking_at_the_lungs(found, children, decoded):
    best = finding(found, "shortcuts")
    assert best.severity == "warning"
    assert figure(found, "shortcuts", "AUC of all measurements, train").value == pytest.approx(0.945, abs=0.015)
    case = Case(children, {}, 0, 0)
    train = case.splits == "train"
    peer = peer_auc(decoded.texture[train], case.labels[train], case.patients[train], 1.0)
    assert figure(found, "shortcuts", "AUC of texture, train").value == pytest.approx(peer, abs=0.005)


@pytest.mark.parametrize(("label", "seen", "measured"), [(0, 0.917, 0.95), (1, 0.636, 0.645)])
def test_normal_films_shift_from_train_to_test_and_pneumonia_hardly(found, children, decoded, *, label, seen, measured):
    code = f"shift-train-test-{('no-pneumonia', 'pneumonia')[label]}"
    thumbnails, everything = finding(found, code).figures
    assert thumbnails.value == pytest.approx(seen, abs=0.02)
    assert everything.value == pytest.approx(measured, abs=0.02)
    assert finding(found, code).severity == "warning"
    case = Case(children, {}, 0, 0)
    films = case.labels == label
    thumbs = decoded.thumbs.reshape(-1, 16, 2, 16, 2).mean((2, 4)).reshape(len(films), -1)
    peer = peer_auc(thumbs[films], case.splits[films] == "test", case.patients[films], 0.01)
    assert thumbnails.value == pytest.approx(peer, abs=0.02)


def test_films_of_children_and_of_adults_have_no_copies_in_common(children, adults):
    both = joined([children.listing, adults.listing])
    rows = np.concatenate([children.rows, adults.rows])
    case = Case(Survey(both, rows), {}, 0, 0)
    for check in (exact_copies, near_copies):
        for one in check(case):
            for group in one.groups:
                assert len({path.partition("/")[0] for path in group}) == 1, group
    assert any(one.code == "near-copies" for one in near_copies(case))  # of adults: the search did find something
