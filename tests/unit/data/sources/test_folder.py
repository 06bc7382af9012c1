from __future__ import annotations

import re

import pytest

from pneumoscope.core import ManifestError
from pneumoscope.data.sources import Options, detect, index
from pneumoscope.data.sources.folder import meaning
from tests.contract.source_fixtures import films_in


def listed(root, **options):
    return {
        f.path: (f.split, f.label, f.patient, f.subtype, f.findings)
        for f in index(root, "folder", Options(**options)).films
    }


def test_the_nearest_folder_is_the_class_and_one_above_the_split(tmp_path):
    root = films_in(
        tmp_path,
        "Training/Normal/a.png",
        "Training/viral pneumonia/b.png",
        "valid/Bacterial Pneumonia/c.png",
        "test/covid/d.png",
        "NORMAL/test/e.png",
        "f.png",
    )
    assert listed(root) == {
        "Training/Normal/a.png": ("train", 0, "Training/Normal/a", "", ()),
        "Training/viral pneumonia/b.png": ("train", 1, "Training/viral pneumonia/b", "viral", ()),
        "valid/Bacterial Pneumonia/c.png": ("val", 1, "valid/Bacterial Pneumonia/c", "bacterial", ()),
        "test/covid/d.png": ("test", None, "test/covid/d", "", ("covid",)),
        "NORMAL/test/e.png": ("test", 0, "NORMAL/test/e", "", ()),
        "f.png": ("", None, "f", "", ()),
    }


def test_a_class_further_up_wins_over_a_folder_that_means_nothing(tmp_path):
    root = films_in(tmp_path, "NORMAL/patient7/x.png", "PNEUMONIA/viral/2019/y.png", "covid/z.png", "odd/bob/z.png")
    said = {path: (label, subtype, findings) for path, (_, label, _, subtype, findings) in listed(root).items()}
    assert said == {
        "NORMAL/patient7/x.png": (0, "", ()),
        "PNEUMONIA/viral/2019/y.png": (1, "viral", ()),
        "covid/z.png": (None, "", ("covid",)),
        "odd/bob/z.png": (None, "", ("bob",)),
    }
    assert listed(root, classes={"odd": 1})["odd/bob/z.png"][1] == 1


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("NORMAL", 0),
        ("Healthy lungs", 0),
        ("negative", 0),
        ("No Finding", 0),
        ("no_pneumonia", 0),
        ("non-pneumonia", 0),
        ("without disease", 0),
        ("0", 0),
        ("PNEUMONIA", 1),
        ("COVID-19 pneumonia", 1),
        ("virus", 1),
        ("1", 1),
        ("not normal", None),
        ("abnormal", None),
        ("normal or pneumonia", None),
        ("effusion", None),
        ("patient_1", None),
        ("10", None),
        ("level 0", None),
        ("", None),
    ],
)
def test_what_a_folder_s_name_means(name, label):
    assert meaning(name, {}) == label


def test_the_user_s_word_for_a_class_comes_first(tmp_path):
    root = films_in(tmp_path, "normal/a.png", "effusion/b.png", "covid/c.png")
    labels = {path: label for path, (_, label, *_) in listed(root, classes={"effusion": 0, "normal": None}).items()}
    assert labels == {"covid/c.png": None, "effusion/b.png": 0, "normal/a.png": None}


def test_a_pattern_finds_the_patient_in_the_path(tmp_path):
    root = films_in(tmp_path, "normal/p7_1.png", "normal/p7_2.png", "normal/p8_1.png", "normal/x.png")
    patients = [patient for _, _, patient, *_ in listed(root, patient_pattern=re.compile(r"p\d+")).values()]
    assert patients == ["p7", "p7", "p8", "normal/x"]
    patients = [patient for _, _, patient, *_ in listed(root, patient_pattern=re.compile(r"/p(\d+)_")).values()]
    assert patients == ["7", "7", "8", "normal/x"]


def test_classes_of_no_known_meaning_are_named(tmp_path):
    root = films_in(tmp_path, "covid/a.png", "covid/b.png", "effusion/c.png")
    with pytest.raises(ManifestError, match=r"found covid \(2 films\), effusion \(1 films\)\. Say what they mean"):
        index(root, "folder")
    with pytest.raises(ManifestError, match="no folder is called covd; found covid, effusion"):
        index(root, "folder", Options(classes={"covid": 1, "covd": 1}))


def test_a_folder_without_classes_is_not_recognised(tmp_path):
    with pytest.raises(ManifestError, match=r"expected a folder in (.*\n)*  kermany: train/NORMAL"):
        detect(films_in(tmp_path, "a.png", "b/c.png"))


def test_classes_that_say_nothing_of_pneumonia_are_findings_once_each_is_named(tmp_path):
    root = films_in(tmp_path, "TUBERCULOSIS/a.png", "TUMOUR/b.png")
    with pytest.raises(ManifestError, match="or NAME=unknown"):
        index(root, "folder", Options(classes={"TUMOUR": None}))
    films = index(root, "folder", Options(classes={"TUBERCULOSIS": 0, "TUMOUR": None})).films
    assert [(film.label, film.findings) for film in films] == [(0, ("TUBERCULOSIS",)), (None, ("TUMOUR",))]
