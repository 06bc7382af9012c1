from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from pneumoscope.core import ManifestError, UnreadableFilm
from pneumoscope.core.files import sha256_bytes
from pneumoscope.core.manifest import Manifest
from pneumoscope.data import prepare, prepared
from pneumoscope.imaging import read
from pneumoscope.imaging.preprocess import Preprocessing, resize
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
    return store(tmp_path, ramp=(1, picture(RAMP)), unknown=(None, flat(7)), grey=(0, picture(GREY)))


@pytest.fixture
def built(monkeypatch) -> list[str]:
    """Names of the films that were decoded, in order of their reading."""
    names: list[str] = []
    original = prepared.read
    monkeypatch.setattr(prepared, "read", lambda path, **options: names.append(path.name) or original(path, **options))
    return names


def test_labelled_films_come_in_order_as_they_are(tmp_path, manifest):
    films = prepare(manifest, SPEC, tmp_path / "cache")
    assert films.pixels.dtype == np.uint8
    np.testing.assert_array_equal(films.pixels, [RAMP, GREY])
    np.testing.assert_array_equal(films.labels, np.array([1, 0], np.float32))
    assert len(films) == 2
    with pytest.raises(ValueError, match="read-only"):
        films.pixels[0, 0, 0] = 1


def test_films_of_other_sizes_are_resized(tmp_path):
    bright_left = np.repeat([200, 50], 100).astype(np.uint8)[np.newaxis] * np.ones((60, 1), np.uint8)
    films = prepare(store(tmp_path, a=(1, picture(bright_left)), b=(0, flat(91, (300, 500)))), SPEC, tmp_path / "cache")
    assert films.pixels.shape == (2, *SIZE)
    assert (films.pixels[0, :, :15] == 200).all()
    assert (films.pixels[0, :, 17:] == 50).all()
    assert (films.pixels[1] == 91).all()


def test_pixels_are_rounded_to_the_nearest_of_256_greys(tmp_path):
    noise = picture(np.random.default_rng(0).integers(0, 256, (60, 100), np.uint8))
    films = prepare(store(tmp_path, a=(1, noise)), SPEC, tmp_path / "cache")
    error = films.pixels[0] - 255 * resize(read(noise), SPEC).astype(np.float64)
    assert 0.45 < np.abs(error).max() <= 0.5 + 1e-4


def test_the_second_call_decodes_nothing(tmp_path, manifest, built):
    first = prepare(manifest, SPEC, tmp_path / "cache")
    assert sorted(built) == ["grey", "ramp"]
    built.clear()
    again = prepare(manifest, Preprocessing(size=SIZE, mean=0.1, std=0.2), tmp_path / "cache")
    assert built == []
    np.testing.assert_array_equal(first.pixels, again.pixels)


def test_another_size_or_order_or_film_is_decoded_anew(tmp_path, manifest, built):
    cache = tmp_path / "cache"
    prepare(manifest, SPEC, cache)
    assert prepare(manifest, Preprocessing(size=(32, 24)), cache).pixels.shape == (2, 32, 24)
    turned = Manifest(tmp_path, manifest.films[::-1])
    np.testing.assert_array_equal(prepare(turned, SPEC, cache).pixels, [GREY, RAMP])
    other = store(tmp_path, ramp=(1, picture(RAMP)), grey=(0, flat(103)))
    assert (prepare(other, SPEC, cache).pixels[1] == 103).all()
    assert sorted(built) == ["grey"] * 4 + ["ramp"] * 4


def test_a_file_that_changed_is_refused_and_leaves_no_cache(tmp_path, manifest):
    (tmp_path / "grey").write_bytes(flat(103))
    with pytest.raises(ManifestError, match="grey: the file has changed since the manifest was made"):
        prepare(manifest, SPEC, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_film_that_cannot_be_read_is_refused_by_name(tmp_path):
    manifest = store(tmp_path, good=(1, flat(1)), bad=(0, flat(2)[:60]))
    with pytest.raises(UnreadableFilm, match="bad"):
        prepare(manifest, SPEC, tmp_path / "cache")


def test_no_labelled_films_are_refused(tmp_path):
    with pytest.raises(ManifestError, match="expected labelled films"):
        prepare(store(tmp_path, a=(None, flat(1))), SPEC, tmp_path / "cache")


@pytest.mark.parametrize("left", [0, 5, 128, 200, -1])
def test_a_cache_that_was_cut_short_is_built_again(tmp_path, manifest, left):
    cache = tmp_path / "cache"
    prepare(manifest, SPEC, cache)
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:left])
    np.testing.assert_array_equal(prepare(manifest, SPEC, cache).pixels, [RAMP, GREY])


def test_progress_sees_every_film(tmp_path, manifest):
    seen: list[tuple[int, int]] = []

    def progress(films: Iterable[np.ndarray], total: int) -> Iterable[np.ndarray]:
        for film in films:
            seen.append((int(film[0, 0]), total))
            yield film

    prepare(manifest, SPEC, tmp_path / "cache", progress)
    assert seen == [(0, 2), (102, 2)]
