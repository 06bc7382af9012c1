"""Which files a folder scan considers. Reading itself never trusts a name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

EXTENSIONS: Final = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".dcm", ".dicom"})
"""Lower-case file name endings of films."""

PREAMBLE_END: Final = 132
"""A DICOM file has "DICM" at bytes 128 to 131 (PS3.10 section 7.1)."""


def has_preamble(head: bytes) -> bool:
    """Whether bytes begin as a DICOM file does: 128 bytes of anything, then ``DICM``."""
    return head[128:PREAMBLE_END] == b"DICM"


def is_film_name(path: str | os.PathLike[str]) -> bool:
    """Whether a folder scan should offer this file to :func:`~pneumoscope.imaging.read`.

    True for the endings in :data:`EXTENSIONS`, and for a file without an ending that begins with a DICOM preamble
    (scanners and archives write those, many with a UID for a name). A file that cannot be opened is no film here;
    nothing is raised.

    >>> is_film_name("ward/IM-0001.JPEG"), is_film_name("notes.txt")
    (True, False)
    """
    path = Path(path)
    if path.suffix and not path.suffix[1:].isdigit():  # a file named by its UID ends in digits and has no ending
        return path.suffix.lower() in EXTENSIONS
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return has_preamble(file.read(PREAMBLE_END))
    except OSError:
        return False
