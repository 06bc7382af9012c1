from __future__ import annotations

import pytest

from pneumoscope.core import ManifestError
from pneumoscope.data.sources import SOURCES, detect, index
from tests.contract.source_fixtures import films_in, kermany, labeled_chest_xray


def test_films_are_those_of_kermany_under_the_names_of_mendeley(tmp_path):
    films = index(labeled_chest_xray(tmp_path)).films
    assert [(film.source, film.split, film.label, film.patient, film.subtype) for film in films] == [
        ("labeled-chest-xray", "train", 0, "NORMAL-1003233", ""),
        ("labeled-chest-xray", "train", 1, "BACTERIA-1008087", "bacterial"),
        ("labeled-chest-xray", "test", 1, "VIRUS-1008087", "viral"),
    ]


def test_only_the_folder_s_name_tells_it_from_a_download_from_mendeley(tmp_path):
    root = labeled_chest_xray(tmp_path)
    assert detect(root / "chest_xray").name == "labeled-chest-xray"
    assert detect(root.rename(tmp_path / "mendeley")).name == "kermany"


def test_kaggle_s_other_copy_is_not_taken_for_it(tmp_path):
    assert detect(kermany(tmp_path / "labeled-chest-xray-images")).name == "kermany"


def test_an_empty_layout_is_not_recognised(tmp_path):
    root = tmp_path / "labeled-chest-xray"
    (root / "train" / "NORMAL").mkdir(parents=True)
    assert not SOURCES["labeled-chest-xray"].recognises(root)


def test_another_layout_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="expected the folders train/NORMAL"):
        index(films_in(tmp_path, "BACTERIA-1008087-0001.jpeg"), "labeled-chest-xray")
