from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from pneumoscope.core import ManifestError, UnreadableFilm
from pneumoscope.core.files import sha256_bytes
from pneumoscope.core.manifest import Manifest
from pneumoscope.data import prepare, prepared, write_manifest
from pneumoscope.imaging import read
from pneumoscope.imaging.preprocess import Preprocessing, planes, resize
from tests.helpers import GREY, RAMP, SIZE, flat, picture, row

SPEC = Preprocessing(size=SIZE)


def store(root: Path, **films: tuple[int | None, bytes]) -> Manifest:
    """Write films, given by name as label and bytes, and list them."""
    for name, (_, data) in films.items():
        (root / name).write_bytes(data)
    return Manifest(
        root, tuple(row(name, label=label, digest=sha256_bytes(data)) for name, (label, data) in films.items())
    )


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return store(tmp_path, ramp=(1, picture(RAMP)), grey=(0, picture(GREY)))


@pytest.fixture
def built(monkeypatch) -> list[str]:
    """Names of the films that were decoded, in order of their reading."""
    names: list[str] = []
    original = prepared.read
    monkeypatch.setattr(prepared, "read", lambda path, **options: names.append(path.name) or original(path, **options))
    return names


def test_all_films_come_in_order_as_they_are(tmp_path, manifest):
    unlabelled = store(tmp_path, unknown=(None, flat(7)))
    films = prepare(Manifest(tmp_path, (*unlabelled.films, *manifest.films)), SPEC, tmp_path / "cache")
    assert (films.shape, films.dtype) == ((3, 1, *SIZE), np.uint8)
    np.testing.assert_array_equal(films[:, 0], [np.full(SIZE, 7), RAMP, GREY])
    with pytest.raises(ValueError, match="read-only"):
        films[0, 0, 0, 0] = 1


def test_films_of_other_sizes_are_resized(tmp_path):
    bright_left = np.repeat([200, 50], 100).astype(np.uint8)[np.newaxis] * np.ones((60, 1), np.uint8)
    films = prepare(store(tmp_path, a=(1, picture(bright_left)), b=(0, flat(91, (300, 500)))), SPEC, tmp_path / "cache")
    assert films.shape == (2, 1, *SIZE)
    assert (films[0, 0, :, :15] == 200).all()
    assert (films[0, 0, :, 17:] == 50).all()
    assert (films[1] == 91).all()


@pytest.mark.parametrize("aspect", ["squash", "pad", "crop"])
@pytest.mark.parametrize("contrast", ["none", "equalise", "clahe"])
@pytest.mark.parametrize("edges", [False, True])
def test_what_is_prepared_is_what_the_network_sees_in_8_bits(tmp_path, aspect, contrast, edges):
    """But for films whose contrast was changed or edges found, which was done in 8 bits: these are the same."""
    spec = Preprocessing(size=SIZE, aspect=aspect, contrast=contrast, edges=edges)
    if edges or contrast != "none":
        pytest.importorskip("cv2")
    noise = picture(np.random.default_rng(0).integers(0, 256, (60, 100), np.uint8))
    (film,) = prepare(store(tmp_path, a=(1, noise)), spec, tmp_path / "cache")
    seen = planes(read(noise), spec)
    assert film.shape == seen.shape == (1 + edges, *SIZE)
    if edges or contrast != "none":
        np.testing.assert_array_equal(np.divide(film, np.float32(255), dtype=np.float32), seen)
    else:
        np.testing.assert_array_equal(film, np.rint(255 * seen))


def test_each_choice_has_a_cache_of_its_own(tmp_path, manifest, built):
    cache = tmp_path / "cache"
    pytest.importorskip("cv2")
    choices = [
        {},
        {"aspect": "pad"},
        {"aspect": "crop"},
        {"contrast": "equalise"},
        {"contrast": "clahe"},
        {"edges": True},
        {"edges": True, "contrast": "clahe"},
    ]
    for choice in choices:
        prepare(manifest, Preprocessing(size=SIZE, **choice), cache)
    assert len(built) == 2 * len(choices)
    assert len(list(cache.glob("*.npy"))) == len(choices)


def test_pixels_are_rounded_to_the_nearest_of_256_greys(tmp_path):
    noise = picture(np.random.default_rng(0).integers(0, 256, (60, 100), np.uint8))
    films = prepare(store(tmp_path, a=(1, noise)), SPEC, tmp_path / "cache")
    error = films[0, 0] - 255 * resize(read(noise), SPEC).astype(np.float64)
    assert 0.45 < np.abs(error).max() <= 0.5 + 1e-4


def test_the_second_call_decodes_nothing(tmp_path, manifest, built):
    first = prepare(manifest, SPEC, tmp_path / "cache")
    assert sorted(built) == ["grey", "ramp"]
    built.clear()
    again = prepare(manifest, Preprocessing(size=SIZE, mean=0.1, std=0.2), tmp_path / "cache")
    assert built == []
    np.testing.assert_array_equal(first, again)


def test_another_size_or_order_or_film_is_decoded_anew(tmp_path, manifest, built):
    cache = tmp_path / "cache"
    prepare(manifest, SPEC, cache)
    assert prepare(manifest, Preprocessing(size=(32, 24)), cache).shape == (2, 1, 32, 24)
    turned = Manifest(tmp_path, manifest.films[::-1])
    np.testing.assert_array_equal(prepare(turned, SPEC, cache)[:, 0], [GREY, RAMP])
    other = store(tmp_path, ramp=(1, picture(RAMP)), grey=(0, flat(103)))
    assert (prepare(other, SPEC, cache)[1] == 103).all()
    assert sorted(built) == ["grey"] * 4 + ["ramp"] * 4


def test_a_file_that_changed_is_refused_and_leaves_no_cache(tmp_path, manifest):
    (tmp_path / "grey").write_bytes(flat(103))
    with pytest.raises(ManifestError, match="grey: the file has changed since the manifest was made"):
        prepare(manifest, SPEC, tmp_path / "cache")
    assert [path for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"] == []


def test_a_film_that_cannot_be_read_is_refused_by_name(tmp_path):
    manifest = store(tmp_path, good=(1, flat(1)), bad=(0, flat(2)[:60]))
    with pytest.raises(UnreadableFilm, match="bad"):
        prepare(manifest, SPEC, tmp_path / "cache")


def test_no_films_are_refused(tmp_path):
    with pytest.raises(ManifestError, match="expected films, found none"):
        prepare(store(tmp_path), SPEC, tmp_path / "cache")


@pytest.mark.parametrize("left", [0, 5, 128, 200, -1])
def test_a_cache_that_was_cut_short_is_built_again(tmp_path, manifest, left):
    cache = tmp_path / "cache"
    prepare(manifest, SPEC, cache)
    (file,) = cache.glob("*.npy")
    file.write_bytes(file.read_bytes()[:left])
    np.testing.assert_array_equal(prepare(manifest, SPEC, cache)[:, 0], [RAMP, GREY])


@pytest.mark.parametrize("place", [3, 130, -40, -1], ids=["header", "film", "last film", "digest"])
def test_a_cache_with_a_changed_byte_is_built_again(tmp_path, manifest, place):
    cache = tmp_path / "cache"
    prepare(manifest, SPEC, cache)
    (file,) = cache.glob("*.npy")
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    np.testing.assert_array_equal(prepare(manifest, SPEC, cache)[:, 0], [RAMP, GREY])
    assert file.read_bytes() != bytes(data)


def test_of_two_processes_one_builds_and_the_other_maps(tmp_path, manifest):
    """Both start at once; between them every film is decoded once."""
    code = (
        "import sys; from pathlib import Path\n"
        "from pneumoscope.data import prepare, read_manifest\n"
        "from pneumoscope.imaging.preprocess import Preprocessing\n"
        "decoded = []\n"
        "def progress(films, total):\n"
        "    for film in films: decoded.append(1); yield film\n"
        f"films = prepare(read_manifest(Path(sys.argv[1])), Preprocessing(size={SIZE}), Path(sys.argv[2]), progress)\n"
        "print(len(decoded), films.sum(dtype='int64'))\n"
    )
    write_manifest(manifest, tmp_path / "m.csv")
    command = [sys.executable, "-c", code, str(tmp_path / "m.csv"), str(tmp_path / "cache")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(int(decoded) for decoded, _ in said) == [0, 2]
    assert {int(total) for _, total in said} == {int(RAMP.sum()) + int(GREY.sum())}


def test_a_killed_build_leaves_nothing_and_the_lock_goes_with_it(tmp_path, manifest):
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from pneumoscope.data import prepare, read_manifest\n"
        "from pneumoscope.imaging.preprocess import Preprocessing\n"
        "def progress(films, total):\n"
        "    yield next(iter(films)); os.kill(os.getpid(), signal.SIGKILL)\n"
        f"prepare(read_manifest(Path(sys.argv[1])), Preprocessing(size={SIZE}), Path(sys.argv[2]), progress)\n"
    )
    write_manifest(manifest, tmp_path / "m.csv")
    killed = subprocess.run([sys.executable, "-c", code, tmp_path / "m.csv", tmp_path / "cache"], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert list((tmp_path / "cache").glob("*.npy")) == []
    np.testing.assert_array_equal(prepare(manifest, SPEC, tmp_path / "cache")[:, 0], [RAMP, GREY])


def test_progress_sees_every_film(tmp_path, manifest):
    seen: list[tuple[int, int]] = []

    def progress(films: Iterable[np.ndarray], total: int) -> Iterable[np.ndarray]:
        for film in films:
            seen.append((int(film[0, 0, 0]), total))
            yield film

    prepare(manifest, SPEC, tmp_path / "cache", progress)
    assert seen == [(0, 2), (102, 2)]
