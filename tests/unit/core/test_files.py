from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pneumoscope.core.files import atomic_write, sha256_bytes, sha256_file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_takes_its_name_only_at_the_end(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    with atomic_write(path) as file:
        file.write("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert names(path.parent) == ["a.txt"]


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_whatever_stops_the_writing_the_old_file_stays_and_nothing_else(tmp_path, stop):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write() -> None:
        with atomic_write(path) as file:
            file.write("half of the ne")
            file.flush()
            raise stop

    with pytest.raises(stop):
        write()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_text_is_utf8_and_keeps_its_line_ends(tmp_path):
    with atomic_write(tmp_path / "a.csv") as file:
        file.write("é\r\nß\n")
    assert (tmp_path / "a.csv").read_bytes() == b"\xc3\xa9\r\n\xc3\x9f\n"


def test_bytes_are_written_as_they_are(tmp_path):
    with atomic_write(tmp_path / "a.bin", "wb") as file:
        file.write(b"\r\n\x00\xff")
    assert (tmp_path / "a.bin").read_bytes() == b"\r\n\x00\xff"


def test_two_writers_of_one_file_do_not_mix(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as first:
        first.write("first ")
        with atomic_write(path) as second:
            second.write("second")
        assert path.read_text() == "second"
        first.write("one")
    assert path.read_text() == "first one"
    assert names(tmp_path) == ["a.txt"]


def test_digests_are_sha256_in_hex(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    published = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    assert sha256_bytes(b"abc") == sha256_file(tmp_path / "abc") == published
    large = bytes(range(256)) * 5000  # more than one read
    (tmp_path / "large").write_bytes(large)
    assert sha256_file(tmp_path / "large") == hashlib.sha256(large).hexdigest()
