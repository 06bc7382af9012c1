"""An array with one row a film, computed once and mapped into memory ever after.

The file is a plain ``.npy`` with the SHA-256 of its bytes behind the last row, where NumPy does not look. It is written
to a temporary name, so that a killed process leaves none, and under a lock, so that of two processes that want the same
array one builds it and the other waits. A file that fails its digest is built again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pneumoscope.core import MissingExtra
from pneumoscope.core.files import atomic_write

_CHUNK = 1 << 22


def film_array(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike, rows: Callable[[], Iterable[NDArray[Any]]]
) -> NDArray[Any]:
    """Map the array at ``path``, read-only; build it from ``rows()`` first where there is none or a damaged one.

    Raises
    ------
    MissingExtra : without filelock, when the array must be built.
    OSError : if the place cannot be written.
    """
    dtype = np.dtype(dtype)
    found = _sound(path, shape, dtype)
    if found is not None:
        return found
    path.parent.mkdir(parents=True, exist_ok=True)
    with _lock(path):
        found = _sound(path, shape, dtype)  # another process may have built it while this one waited
        if found is None:
            _build(path, shape, dtype, rows())
            found = np.load(path, mmap_mode="r", allow_pickle=False)
    return found


def _sound(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """What an earlier call left; None if there is none, it was cut short, or a byte has changed."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            digest = _digest(file, size - hashlib.sha256().digest_size)
            if digest != file.read():
                return None
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return array if array.shape == shape and array.dtype == dtype else None


def _digest(file: Any, length: int) -> bytes:
    file.seek(0)
    digest = hashlib.sha256()
    while length > 0:
        chunk = file.read(min(_CHUNK, length))
        if not chunk:
            break
        digest.update(chunk)
        length -= len(chunk)
    return digest.digest()


def _lock(path: Path) -> Any:
    try:
        from filelock import FileLock  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra("keeping prepared films", "data") from error
    return FileLock(path.with_name(f".{path.name}.lock"))


class _Hashing:
    """A file that takes the digest of what is written to it."""

    def __init__(self, file: Any) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.digest.update(data)


def _build(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], rows: Iterable[NDArray[Any]]) -> None:
    with atomic_write(path, "wb") as file:
        both = _Hashing(file)
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(both, header)
        for row in rows:
            both.write(row.tobytes())
        file.write(both.digest.digest())
