"""Films decoded and resized once, into an array that training maps into memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import FilmError, ManifestError
from pneumoscope.core.manifest import Manifest
from pneumoscope.core.parallel import ordered_map, usable_cores
from pneumoscope.data.film_arrays import film_array
from pneumoscope.imaging import read
from pneumoscope.imaging.preprocess import Preprocessing, resize

Progress = Callable[[Iterable[NDArray[np.uint8]], int], Iterable[NDArray[np.uint8]]]


@dataclass(frozen=True, eq=False)
class PreparedFilms:
    """Pixels and labels of a manifest's films, in its order.

    ``pixels`` is (N, H, W) uint8, 255 = bone, mapped read-only; ``labels`` is (N,) float32.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.labels)


def prepare(manifest: Manifest, spec: Preprocessing, cache: Path, progress: Progress | None = None) -> PreparedFilms:
    """Decode and resize every labelled film, or map what an earlier call left in the folder ``cache``.

    The file's name holds the digests of the films and of the resizing, so a change of either builds a new one.

    Raises
    ------
    ManifestError : if no film has a label, or a file's bytes are no longer those of the manifest.
    FilmError : if a film cannot be read.
    """
    manifest = manifest.labelled()
    if not manifest.films:
        raise ManifestError(f"{manifest.root}: expected labelled films, found none")
    path = cache / f"{_key(manifest, spec)}.npy"

    def decoded() -> Iterable[NDArray[np.uint8]]:
        films = ordered_map(
            lambda film: _pixels(manifest.root / film.path, film.digest, spec), manifest.films, usable_cores()
        )
        return progress(films, len(manifest)) if progress else films

    pixels = film_array(path, (len(manifest), *spec.size), np.uint8, decoded)
    return PreparedFilms(pixels, np.array([film.label for film in manifest.films], np.float32))


def _key(manifest: Manifest, spec: Preprocessing) -> str:
    """Names the content: film order, film bytes and the resizing; not mean and std, which come later."""
    resizing = msgspec.structs.replace(spec, mean=0.0, std=1.0)
    parts = [msgspec.json.encode(resizing), *(film.digest.encode() for film in manifest.films)]
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:32]


def _pixels(path: Path, digest: str, spec: Preprocessing) -> NDArray[np.uint8]:
    try:
        film = read(path, min_size=spec.size)
    except FilmError as error:
        raise type(error)(f"{path}: {error}") from error
    if film.digest != digest:
        raise ManifestError(f"{path}: the file has changed since the manifest was made; index the folder again")
    pixels: NDArray[np.uint8] = np.rint(resize(film, spec) * 255.0).astype(np.uint8)
    return pixels
