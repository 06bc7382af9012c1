"""From the places where a data set lies to a folder of films, which is whole or not there at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pneumoscope.core import FetchError, MissingExtra
from pneumoscope.data.fetch import kaggle, mendeley
from pneumoscope.data.fetch.http import Downloaded, Wire, download, is_archive, need_room
from pneumoscope.data.fetch.places import Kaggle, KaggleCompetition, Manual, Mendeley, Place, Url, Urls
from pneumoscope.data.fetch.unpack import DamagedArchive, unpack

RECORD = "fetch.json"
_LOCK = ".lock"


class Archive(msgspec.Struct, frozen=True):
    """One file as it came."""

    name: str
    url: str
    bytes: int
    sha256: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What ``fetch.json`` in the data set's folder tells; ``files`` is the number of files beside it."""

    name: str
    date: str
    page: str
    licence: str
    citation: str
    program: str
    files: int
    archives: tuple[Archive, ...]


def fetch(
    name: str,
    places: Sequence[Place],
    to: Path,
    *,
    licence: str = "",
    citation: str = "",
    sha256: str = "",
    keep_archive: bool = False,
    wire: Wire | None = None,
) -> Path:
    """Download and unpack a data set into ``to/<name>`` and return that folder; do nothing if it is there already.

    The first place is taken; the next one only where Kaggle wants a token or kagglehub is missing. Until all is done,
    everything lies in ``to/<name>.part``, from where the next call goes on. ``sha256`` is what the one archive must
    have, in place of what the place says. With ``keep_archive`` the archives stay in ``to``.

    Raises
    ------
    FetchError : if no place can be used, or a download or an archive is not as it should be.
    MissingExtra : if kagglehub is missing where only Kaggle has the data set.
    """
    wire = wire or Wire()
    home, work = to / name, to / f"{name}.part"
    if home.exists():
        wire.tell(_what_is_there(home))
        return home
    with _alone(work):
        try:
            place, archives = _download(places, work, sha256, wire)
            unpacked, count = _unpack(archives, work / "unpacked", wire)
        except (KeyboardInterrupt, SystemExit):
            wire.tell(f"stopped; what has come is kept in {work}, and the same command goes on from there")
            raise
        finally:
            if {path.name for path in work.iterdir()} == {_LOCK}:
                shutil.rmtree(work)
        record = Record(
            name=name,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            page=place.page,
            licence=licence,
            citation=citation,
            program=wire.program,
            files=count,
            archives=tuple(Archive(file.path.name, file.url, file.bytes, file.sha256) for file in archives),
        )
        (unpacked / RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
        if keep_archive:
            for file in archives:
                file.path.replace(to / file.path.name)
        unpacked.replace(home)
        shutil.rmtree(work)
        return home


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Keep a second process out of what is being downloaded; the lock goes with the process, however it ends."""
    try:
        from filelock import FileLock, Timeout  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra("downloading a data set", "fetch") from error
    work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(work / _LOCK, timeout=0):
            yield
    except Timeout as error:
        raise FetchError(f"{work}: another process is downloading here; wait for it or name another folder") from error


def _what_is_there(home: Path) -> str:
    try:
        record = msgspec.json.decode((home / RECORD).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError) as error:
        raise FetchError(
            f"{home}: expected nothing, or a data set that this command has brought; found something else. Choose "
            f"another folder with --to, or remove it"
        ) from error
    return f"{home} is there already: {record.files} files from {record.page}, {record.date}. Remove it to fetch anew"


def _download(places: Sequence[Place], work: Path, sha256: str, wire: Wire) -> tuple[Place, list[Downloaded]]:
    for place, others in ((place, places[i + 1 :]) for i, place in enumerate(places)):
        try:
            return place, _download_from(place, work, sha256, wire)
        except (kaggle.NoToken, MissingExtra) as error:
            if not others:
                raise
            wire.tell(f"{error}.\nGoing on with {others[0].page}")
        except FetchError as error:
            if kinds := {other.kind for other in others} - {place.kind, Manual.kind}:
                raise FetchError(
                    f"{error}. It is to be had elsewhere too: --from {' or '.join(sorted(kinds))}"
                ) from error
            raise
    raise FetchError("there is no place to download this from; point pneumoscope at films of your own")


def _download_from(place: Place, work: Path, sha256: str, wire: Wire) -> list[Downloaded]:
    files = _locate(place, wire)
    if sha256 and len(files) != 1:
        raise FetchError(f"--sha256 is for one archive; {place.page} has {len(files)}")
    if sha256:
        files = [replace(files[0], sha256=sha256)]
    have = sum(path.stat().st_size for path in work.iterdir() if path.is_file())
    need_room(work, 2 * sum(file.bytes for file in files) - have, wire, "archives and films")
    return [download(file, work, wire) for file in files]


def _locate(place: Place, wire: Wire) -> list[Url]:
    match place:
        case Kaggle() | KaggleCompetition():
            return [kaggle.locate(place, wire)]
        case Mendeley():
            return [mendeley.locate(place, wire)]
        case Url():
            return [place]
        case Urls():
            return [replace(file, page=place.page) for file in place.files]
        case Manual():
            raise FetchError(
                f"this data set is given to people, not to programs: {place.instructions} {place.page}".rstrip()
            )


def _unpack(archives: Sequence[Downloaded], folder: Path, wire: Wire) -> tuple[Path, int]:
    """All archives in one new folder, which is removed if anything goes wrong."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        return folder, sum(_unpack_one(file.path, folder, wire) for file in archives)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _unpack_one(path: Path, folder: Path, wire: Wire) -> int:
    if not is_archive(path.name):
        shutil.copyfile(path, folder / path.name)
        return 1
    try:
        return unpack(path, folder, wire)
    except DamagedArchive as error:
        path.unlink()
        raise FetchError(
            f"{error}. It has been removed: try again, and if it stays so, look at the file in a browser"
        ) from error
