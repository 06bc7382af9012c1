"""The door itself: what comes in by which road, and the names that a folder scan considers."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumoscope.core import FilmError, UnreadableFilm, UnsupportedFilm
from pneumoscope.imaging import EXTENSIONS, is_film_name, limits, read

GREY = np.tile(np.arange(0, 160, 4, dtype=np.uint8), (32, 1))


def png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(GREY).save(file, "PNG")
    return file.getvalue()


def test_path_string_and_bytes_give_the_same_film(tmp_path):
    path = tmp_path / "film.png"
    path.write_bytes(png())
    films = [read(path), read(str(path)), read(path.read_bytes()), read(bytearray(path.read_bytes()))]
    assert {film.digest for film in films} == {hashlib.sha256(png()).hexdigest()}
    for film in films:
        np.testing.assert_array_equal(film.pixels, films[0].pixels)


@pytest.mark.parametrize("name", ["film.dcm", "film.jpg", "film", "film.txt"])
def test_the_name_does_not_matter(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(png())
    assert read(path).container == "png"


def test_dicom_may_carry_another_format_in_its_preamble(make_dicom):
    data = b"II*\0" + make_dicom(GREY)[4:]
    assert read(data).container == "dicom"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "an empty file"),
        (b"\0" * 500, "a file of zeros"),
        (b"%PDF-1.7 etc", "a PDF"),
        (b"GIF89a......", "a GIF"),
        (b"PK\x03\x04....", "a ZIP archive"),
        (b"<html>", "a text file"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a bare JPEG 2000"),
        (b"MZ\x90\0\x03\0\0\0", "first bytes 4d5a900003000000"),
        (b"\x89PN", "first bytes 89504e"),
    ],
)
def test_what_came_instead_is_named(data, what):
    with pytest.raises(UnreadableFilm, match=what) as caught:
        read(data)
    assert "expected a JPEG, PNG, TIFF, BMP, WebP or DICOM file" in str(caught.value)


@pytest.mark.parametrize("kind", ["GIF", "PPM", "ICO", "PDF", "TGA", "JPEG2000", "PCX"])
def test_other_formats_that_pillow_reads_are_refused(kind):
    file = io.BytesIO()
    Image.fromarray(GREY).save(file, kind)
    with pytest.raises(UnreadableFilm, match="expected"):
        read(file.getvalue())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UnreadableFilm, match=r"no such file: .*gone\.png"):
        read(tmp_path / "gone.png")


def test_a_folder_is_no_film(tmp_path):
    with pytest.raises(UnreadableFilm, match="got a folder"):
        read(tmp_path)


def test_a_file_without_permission(tmp_path):
    path = tmp_path / "film.png"
    path.write_bytes(png())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(UnreadableFilm, match="no permission"):
        read(path)


def test_permission_errors_are_translated(tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UnreadableFilm, match="no permission"):
        read(tmp_path / "film.png")


def test_a_name_with_a_null_byte():
    with pytest.raises(UnreadableFilm, match="cannot be read"):
        read("film\0.png")


def test_a_pipe_is_refused_without_waiting(tmp_path):
    pipe = tmp_path / "film.png"
    os.mkfifo(pipe)
    with pytest.raises(UnreadableFilm, match="device or a pipe"):
        read(pipe)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "film.dcm"
    with path.open("wb") as file:
        file.truncate(limits.MAX_BYTES + 1)
    with pytest.raises(UnsupportedFilm, match="at most 512 MB"):
        read(path)


def test_something_else_is_refused():
    with pytest.raises(UnreadableFilm, match="got int"):
        read(42)


@pytest.mark.parametrize("size", [(0, 224), (224, -1)])
def test_a_minimum_size_must_be_positive(size):
    with pytest.raises(ValueError, match="min_size"):
        read(png(), min_size=size)


def test_errors_have_stable_codes():
    with pytest.raises(FilmError) as caught:
        read(b"")
    assert caught.value.code == "unreadable"


@pytest.mark.parametrize("name", ["a.JPG", "a.jpeg", "a.Png", "a.tif", "a.tiff", "a.bmp", "a.webp", "a.dcm", "a.DICOM"])
def test_film_names(name):
    assert is_film_name(name)
    assert Path(name).suffix.lower() in EXTENSIONS


@pytest.mark.parametrize("name", ["a.txt", "a.gif", "a.dcm.bak", "absent"])
def test_other_names(name):
    assert not is_film_name(name)


def test_a_file_without_ending_is_a_film_if_it_begins_as_dicom(tmp_path, make_dicom):
    (tmp_path / "IM0001").write_bytes(make_dicom(GREY))
    (tmp_path / "README").write_bytes(b"text" * 100)
    (tmp_path / "folder").mkdir()
    assert [is_film_name(tmp_path / name) for name in ("IM0001", "README", "folder")] == [True, False, False]


def test_importing_the_room_is_light():
    """In a fresh interpreter: no pydicom before a DICOM file comes, and never torch."""
    code = "import sys, pneumoscope.imaging; print({'pydicom', 'gdcm', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_several_threads_read_the_same(make_dicom):
    """Warnings are never touched, so threads cannot disturb each other's filters."""
    from pydicom.uid import JPEG2000Lossless, JPEGLossless, JPEGLSLossless

    sources = [make_dicom(GREY, syntax=s) for s in (JPEG2000Lossless, JPEGLossless, JPEGLSLossless)] + [png()]
    expected = [read(source).pixels for source in sources]
    failures = []

    def work() -> None:
        for source, pixels in zip(sources * 5, expected * 5, strict=True):
            if not np.array_equal(read(source).pixels, pixels):
                failures.append(source)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
