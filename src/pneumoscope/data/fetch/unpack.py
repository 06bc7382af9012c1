"""Unpacking an archive that somebody else made.

Only folders and plain files are made, by our own hand and inside one folder: the rules that ``tarfile`` has for links
have been broken before (CVE-2025-4517), and no data set needs a link.
"""

from __future__ import annotations

import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, BinaryIO, Self

from pneumoscope.core import FetchError
from pneumoscope.data.fetch.http import Wire, need_room

MOST_FILES = 2_000_000
MOST_GROWTH = 200
"""No archive of films unpacks to so many times its size."""
SMALL = 100_000_000
"""Bytes that harm nobody, whatever they came from."""

_LEFT_OUT = {"__MACOSX", ".DS_Store", "Thumbs.db"}
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    UnicodeDecodeError,
)


class DamagedArchive(FetchError):
    """The bytes are not those of a whole archive."""


class _Strict(tarfile.TarInfo):
    """``tarfile`` takes a damaged header for the end of the archive, and all after it would be missing in silence."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf == bytes(tarfile.BLOCKSIZE):  # the true end
                raise
            raise tarfile.ReadError(f"{error}") from error


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    plain: bool
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, folder: Path, wire: Wire) -> int:
    """Unpack a zip or tar file into ``folder`` and return the number of files.

    What systems leave in archives (``__MACOSX``, ``._*``, ``.DS_Store``) is left out.

    Raises
    ------
    DamagedArchive : if the file is no archive, or not a whole one.
    FetchError : if a member would land outside of ``folder``, is no plain file, or is there twice; if there is a
        password; if it unpacks to more than the disk holds, or to a multiple of its size that no film has.
    """
    try:
        if archive.suffix.lower() == ".zip":
            with zipfile.ZipFile(archive) as opened:
                total = sum(info.file_size for info in opened.infolist())
                need_room(folder, total, wire, f"unpacking {archive.name}")
                return _write(_zip_members(opened), total, archive, folder, wire)
        with _decompressed(archive) as file, tarfile.open(fileobj=file, mode="r:", tarinfo=_Strict) as tar:
            count = _write(_tar_members(tar), 0, archive, folder, wire)
            while file.read(1 << 20):  # gzip compares its checksum at the very end, after the tar file's
                pass
            return count
    except _DAMAGED as error:
        raise DamagedArchive(f"{archive.name}: expected a whole archive: {error}") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise FetchError(
            f"{archive.name}: refused: two members share the name {Path(error.filename).name!r}"
        ) from error


def _decompressed(archive: Path) -> gzip.GzipFile | BinaryIO:
    with archive.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(archive) if zipped else archive.open("rb")


def _zip_members(opened: zipfile.ZipFile) -> Iterator[_Member]:
    for info in opened.infolist():
        if info.flag_bits & 1:
            raise FetchError(f"{info.filename!r} in the archive has a password; unpack it by hand")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if not info.is_dir():
            yield _Member(info.filename, info.file_size, kind in {0, stat.S_IFREG}, partial(opened.open, info))


def _tar_members(opened: tarfile.TarFile) -> Iterator[_Member]:
    for info in opened:
        if not info.isdir():
            yield _Member(info.name, info.size, info.isreg(), partial(opened.extractfile, info))


def _write(members: Iterator[_Member], total: int, archive: Path, folder: Path, wire: Wire) -> int:
    count = seen = done = 0
    most = max(MOST_GROWTH * archive.stat().st_size, SMALL)
    with wire.progress(f"unpacking {archive.name}", total, 0) as bar:
        for member in members:
            seen, done = seen + 1, done + member.size
            if seen > MOST_FILES or done > most:
                raise FetchError(f"{archive.name}: refused: far more unpacks from it than from any archive of films")
            if path := _inside(member):
                need_room(folder, member.size, wire, f"unpacking {archive.name}")
                _write_one(member, folder / path)
                count += 1
            bar.update(member.size)
    return count


def _write_one(member: _Member, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source = member.open()
    if source is None:
        raise tarfile.ReadError(f"{member.name!r} has no bytes")
    with source, target.open("xb") as out:
        shutil.copyfileobj(source, out, 1 << 20)


def _inside(member: _Member) -> PurePosixPath | None:
    """Where the member belongs, or None if it is left out."""
    name = _readable(member.name).replace("\\", "/")
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts or PureWindowsPath(name).drive or not path.parts
    if outside or not member.plain or any(ord(letter) < 32 for letter in name):
        raise FetchError(f"refused: {member.name!r} in the archive is no plain file inside its folder")
    return None if _LEFT_OUT.intersection(path.parts) or path.name.startswith("._") else path


def _readable(name: str) -> str:
    """A name in no Unicode, which tarfile holds as surrogates, in the letters that zipfile would take."""
    raw = name.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp437")
