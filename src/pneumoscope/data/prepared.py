"""Films decoded and prepared once, into an array that training maps into memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import FilmError, ManifestError
from pneumoscope.core.manifest import Manifest
from pneumoscope.core.parallel import ordered_map, usable_cores
from pneumoscope.data.film_arrays import film_array
from pneumoscope.imaging import read
from pneumoscope.imaging.preprocess import Preprocessing, planes

Progress = Callable[[Iterable[NDArray[np.uint8]], int], Iterable[NDArray[np.uint8]]]


def prepare(
    manifest: Manifest, spec: Preprocessing, cache: Path, progress: Progress | None = None
) -> NDArray[np.uint8]:
    """Decode and prepare every film of the manifest, or map what an earlier call left in the folder ``cache``.

    The file's name holds the digests of the films and of the preprocessing, so a change of either builds a new one.

    Returns
    -------
    (N, C, H, W) uint8, in the manifest's order, mapped read-only: the planes of
    :func:`pneumoscope.imaging.preprocess.planes` in 256 steps. Channel 0 is the film, channel 1, if ``spec.edges``, its
    edges.

    Raises
    ------
    ManifestError : if there is no film, or a file's bytes are no longer those of the manifest.
    FilmError : if a film cannot be read.
    MissingExtra : without the libraries that the preprocessing needs, or without filelock.
    """
    if not manifest.films:
        raise ManifestError(f"{manifest.root}: expected films, found none")

    def decoded() -> Iterable[NDArray[np.uint8]]:
        films = ordered_map(
            lambda film: _planes(manifest.root / film.path, film.digest, spec), manifest.films, usable_cores()
        )
        return progress(films, len(manifest)) if progress else films

    shape = (len(manifest), spec.channels, *spec.size)
    return film_array(cache / f"{_key(manifest, spec)}.npy", shape, np.uint8, decoded)


def _key(manifest: Manifest, spec: Preprocessing) -> str:
    """Names the content: film order, film bytes and how they are prepared; not mean and std, which come later."""
    steps = msgspec.structs.replace(spec, mean=0.0, std=1.0)
    parts = [msgspec.json.encode(steps), *(film.digest.encode() for film in manifest.films)]
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:32]


def _planes(path: Path, digest: str, spec: Preprocessing) -> NDArray[np.uint8]:
    try:
        film = read(path, min_size=spec.size)
    except FilmError as error:
        raise type(error)(f"{path}: {error}") from error
    if film.digest != digest:
        raise ManifestError(f"{path}: the file has changed since the manifest was made; index the folder again")
    prepared: NDArray[np.uint8] = np.rint(planes(film, spec) * 255.0).astype(np.uint8)
    return prepared
