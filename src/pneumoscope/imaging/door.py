"""The one door: whatever a film comes as, a :class:`~pneumoscope.core.Radiograph` comes out."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from pneumoscope.core import Radiograph, UnreadableFilm
from pneumoscope.core.files import sha256_bytes
from pneumoscope.imaging.containers import check_whole, sniff
from pneumoscope.imaging.limits import check_bytes
from pneumoscope.imaging.pictures import read_picture

if TYPE_CHECKING:
    from pydicom import Dataset


def read(source: str | os.PathLike[str] | bytes | Dataset, *, min_size: tuple[int, int] | None = None) -> Radiograph:
    """Read one film.

    The format is told by the content, never by the name.

    Parameters
    ----------
    source : a path, the bytes of a file, or a pydicom ``Dataset`` (which is encoded first, and read as its file).
    min_size : (height, width) in pixels that the caller needs at least. A large JPEG or DICOM film is then read at a
        reduced scale, to no less than twice that size. A hint: other formats ignore it. The default keeps all of it.

    Returns
    -------
    Radiograph : (H, W) float32 pixels in [0, 1], 0 = air, and notes on all that was done to get there.

    Raises
    ------
    UnreadableFilm : no such file, damaged, cut short, or no format that we know.
    UnsupportedFilm : a sound file that does not hold one greyscale radiograph of a reasonable size.
    ValueError : ``min_size`` is not positive.

    Notes
    -----
    DICOM: see :mod:`pneumoscope.imaging.dicom` for the order of operations. Pictures:
    :mod:`pneumoscope.imaging.pictures`. Safe to call from several threads.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("L", (64, 48), 51).save(file, "PNG")
    >>> film = read(file.getvalue())
    >>> film.pixels.shape, round(float(film.pixels[0, 0]), 3), film.container
    ((48, 64), 0.2, 'png')
    """
    if min_size is not None and min(min_size) < 1:
        raise ValueError(f"min_size: expected a positive (height, width), got {min_size}")
    data = _bytes_of(source)
    check_bytes(len(data))
    container = sniff(data)
    check_whole(container, data)
    digest = sha256_bytes(data)
    if container == "dicom":
        from pneumoscope.imaging.dicom import read_dicom  # noqa: PLC0415 (pydicom is slow to import)

        return read_dicom(data, digest, min_size)
    return read_picture(data, container, digest, min_size)


def _bytes_of(source: str | os.PathLike[str] | bytes | Dataset) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        return _read_file(Path(source))
    from pneumoscope.imaging.dicom import encode_dataset  # noqa: PLC0415 (pydicom is slow to import)

    return encode_dataset(source)


def _read_file(path: Path) -> bytes:
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableFilm(f"expected a file, got a device or a pipe: {path}")
            check_bytes(status.st_size)
            return file.read(status.st_size)
    except FileNotFoundError as error:
        raise UnreadableFilm(f"expected a film, there is no such file: {path}") from error
    except IsADirectoryError as error:
        raise UnreadableFilm(f"expected one film, got a folder: {path}") from error
    except PermissionError as error:
        raise UnreadableFilm(f"no permission to read {path}; ask its owner") from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise UnreadableFilm(f"{str(path)!r} cannot be read: {error}") from error


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a named pipe without waiting for its writer, so that it can be refused."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
