from __future__ import annotations

import pytest

from pneumoscope.imaging import is_film_name


@pytest.mark.parametrize("name", ["IM-0001", "1.2.840.113619.2.55", "1.2.840.10008.5.1"])
def test_a_dicom_file_without_an_ending_is_told_by_its_preamble(tmp_path, name):
    (tmp_path / name).write_bytes(bytes(128) + b"DICM")
    assert is_film_name(tmp_path / name)
    (tmp_path / name).write_bytes(bytes(132))
    assert not is_film_name(tmp_path / name)


@pytest.mark.parametrize(("name", "film"), [("a.DCM", True), ("a.jpeg", True), ("a.txt", False), ("a.dcm.zip", False)])
def test_an_ending_decides_without_a_look(name, film):
    assert is_film_name(name) is film
