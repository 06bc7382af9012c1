"""One file over HTTP: resumed where it stopped, checked, and never half there under its own name."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from pneumoscope.core import FetchError, MissingExtra
from pneumoscope.core.files import atomic_write, sha256_file
from pneumoscope.data.fetch.places import Url, plain

try:
    import requests
    import urllib3
except ModuleNotFoundError as missing:
    raise MissingExtra("pneumoscope data fetch", "fetch") from missing

T = TypeVar("T")

_BLOCK = 1 << 16
_LONGEST_PAUSE = 60.0
_BUSY = {408, 429, 500, 502, 503, 504}
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Bar(Protocol):
    """A progress bar, as tqdm's."""

    def update(self, n: float = 1, /) -> object:
        """``n`` more bytes are done."""


class _NoBar:
    def update(self, n: float = 1, /) -> object:
        return None


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


@dataclass(frozen=True, kw_only=True)
class Wire:
    """How to talk with servers and with the user.

    Attributes
    ----------
    tell : is given lines for the user.
    progress : ``progress(what, total, done)`` opens a bar in bytes; ``total`` is 0 when nobody knows.
    free : bytes free in a folder.
    sleep : waits for so many seconds between attempts.
    timeout : seconds for a connection, and seconds without a byte.
    tries : failed attempts in a row, none of which brought a new byte, after which we give up.
    program : our name and version, for servers and for the record.
    """

    tell: Callable[[str], object] = lambda line: None
    progress: Callable[[str, int, int], AbstractContextManager[Bar]] = lambda what, total, done: nullcontext(_NoBar())
    free: Callable[[Path], int] = _free
    sleep: Callable[[float], None] = time.sleep
    timeout: tuple[float, float] = (10.0, 60.0)
    tries: int = 6
    program: str = "pneumoscope"


@dataclass(frozen=True)
class Downloaded:
    """A whole file; ``url`` is without its query, which may be a signature."""

    path: Path
    url: str
    bytes: int
    sha256: str


def download(file: Url, folder: Path, wire: Wire) -> Downloaded:
    """Bring ``file`` into ``folder``; go on from what an earlier call left there as ``<filename>.part``.

    Raises
    ------
    FetchError : if the server cannot be reached, refuses, or sends another file, or the disk is too small.
    """
    part = _Part(folder / file.filename)
    if not part.whole.exists():
        _Transfer(file, part, wire).run()
    digest = sha256_file(part.whole)
    if file.sha256 and digest != file.sha256.lower():
        part.whole.unlink()
        raise FetchError(
            f"{file.filename}: expected the SHA-256 {file.sha256}, got {digest}; the file has been removed. Try again; "
            f"if it stays so, the file at {file.page} is no longer the one expected"
        )
    return Downloaded(part.whole, plain(file.url), part.whole.stat().st_size, digest)


def read(url: str, page: str, wire: Wire) -> bytes:
    """A short answer in one piece.

    Raises
    ------
    FetchError : as ``download`` does.
    """
    line = Line(page, wire)

    def work() -> bytes:
        with line.ask(url) as response:
            return bytes(response.content)

    return line.insist(work)


def need_room(folder: Path, need: int, wire: Wire, what: str) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises
    ------
    FetchError : with both figures in GB.
    """
    if need > (free := wire.free(folder)):
        raise FetchError(
            f"{what}: {need / 1e9:.1f} GB are needed in {folder}, {free / 1e9:.1f} GB are free. Make room, or choose "
            f"another folder with --to"
        )


def is_archive(name: str) -> bool:
    """Whether a file of this name is unpacked."""
    return name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz"))


class _Again(Exception):
    """This attempt failed; the next may not."""


class Line:
    """Requests to a server, made again while there is hope."""

    def __init__(self, page: str, wire: Wire) -> None:
        self.page = page
        self.wire = wire
        self.reached = False

    def insist(self, work: Callable[[], T], gained: Callable[[], int] = lambda: 0) -> T:
        """``work()``, as often as it brings more bytes than any attempt before, and ``tries`` times beyond that."""
        failures, most = 0, gained()
        while True:
            try:
                return work()
            except _Again as error:
                failures = 0 if gained() > most else failures + 1
                most = max(most, gained())
                if failures >= self.wire.tries:
                    raise FetchError(f"{error}; given up after {failures} attempts. {self.advice()}") from error
                pause = min(2.0**failures, _LONGEST_PAUSE)
                self.wire.tell(f"{error}; trying again in {pause:.0f} s")
                self.wire.sleep(pause)

    @contextmanager
    def ask(self, url: str, **headers: str) -> Iterator[requests.Response]:
        """GET; the answer is good when the block begins."""
        headers |= {"User-Agent": self.wire.program, "Accept-Encoding": "identity"}
        with self.errors(url), requests.get(url, headers=headers, stream=True, timeout=self.wire.timeout) as response:
            self.reached = True
            self.judge(response.status_code, f"{plain(url)}: HTTP {response.status_code} {response.reason}")
            yield response

    @contextmanager
    def errors(self, url: str) -> Iterator[None]:
        """What goes wrong on the way becomes an error of ours, or another attempt."""
        try:
            yield
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            cause = _cause(error)
            reason = f"{urlsplit(url).hostname or url}: {getattr(cause, 'strerror', None) or cause}"
            # A connection that was there once will come back; one that never was is a matter for the user.
            if self.reached or isinstance(error, requests.ReadTimeout) or isinstance(cause, ConnectionResetError):
                raise _Again(reason) from error
            raise FetchError(f"no connection to {reason}. Check the network and its proxy. {self.advice()}") from error

    def judge(self, status: int, told: str) -> None:
        """Refuse an answer without the file."""
        if status in _BUSY:
            raise _Again(told)
        if status not in {200, 206, 416}:
            raise FetchError(f"{told}. The file may have moved, or may want a login. {self.advice()}")

    def advice(self) -> str:
        """What a user can do without us."""
        return f"Or download it by hand from {self.page}, unpack it, and run 'pneumoscope data index' on the folder"


def _cause(error: BaseException) -> BaseException:
    """What the system said, below the layers of libraries."""
    while below := error.__cause__ or error.__context__:
        error = below
    return error


class _State(msgspec.Struct, frozen=True):
    """By what the server names this version of the file, and its size."""

    etag: str = ""
    modified: str = ""
    total: int = 0

    @classmethod
    def of(cls, response: requests.Response, total: int) -> _State:
        etag = response.headers.get("ETag", "")  # a weak one does not promise the same bytes: RFC 9110, 13.1.5
        return cls("" if etag.startswith("W/") else etag, response.headers.get("Last-Modified", ""), total)

    def differs(self, other: _State) -> bool:
        pairs = ((self.etag, other.etag), (self.modified, other.modified), (self.total, other.total))
        return any(mine and theirs and mine != theirs for mine, theirs in pairs)


class _Part:
    """The bytes so far, and beside them what they are a part of."""

    def __init__(self, whole: Path) -> None:
        self.whole = whole
        self.path = whole.with_name(f"{whole.name}.part")
        self._note = whole.with_name(f"{whole.name}.part.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def state(self) -> _State:
        try:
            return msgspec.json.decode(self._note.read_bytes(), type=_State)
        except (FileNotFoundError, msgspec.DecodeError):
            return _State()

    def restart(self, state: _State) -> None:
        self.path.write_bytes(b"")  # first: old bytes must never lie beside a new note
        with atomic_write(self._note, "wb") as file:
            file.write(msgspec.json.encode(state))

    def finish(self) -> None:
        self.path.replace(self.whole)
        self._note.unlink(missing_ok=True)


class _Transfer:
    """One file on its way."""

    def __init__(self, file: Url, part: _Part, wire: Wire) -> None:
        self.file, self.part, self.wire = file, part, wire
        self.line = Line(file.page, wire)

    def run(self) -> None:
        self.line.insist(self._attempt, lambda: self.part.size)
        self.part.finish()

    def _attempt(self) -> None:
        state, size = self.part.state(), self.part.size
        if size and size == state.total:  # stopped between the last byte and the file's name
            return
        validator = state.etag or state.modified
        asked = {"Range": f"bytes={size}-", "If-Range": validator} if size and validator else {}
        with self.line.ask(self.file.url, **asked) as response:
            start, state = self._start(response, state, size)
            self._check(state.total, start)
            if not start:
                if size:
                    self.wire.tell(f"{self.file.filename}: the server begins again with the first byte")
                self.part.restart(state)
            self._receive(response, state.total, start)
        if state.total and self.part.size != state.total:
            raise _Again(f"{self.file.filename}: {self.part.size} bytes came of {state.total}")

    def _start(self, response: requests.Response, known: _State, size: int) -> tuple[int, _State]:
        """The first byte that this answer holds, and what it is a part of."""
        if response.status_code == 200:
            length = response.headers.get("Content-Length", "")
            return 0, _State.of(response, int(length) if length.isdecimal() else self.file.bytes)
        span = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        total = int(span[2]) if span and span[2] != "*" else 0
        if not span or int(span[1]) != size or known.differs(_State.of(response, total)):
            self.part.restart(_State())
            raise _Again(f"{self.file.filename}: the server now has another file")
        return size, known

    def _check(self, total: int, start: int) -> None:
        name = self.file.filename
        if total and self.file.bytes and total != self.file.bytes:
            raise FetchError(
                f"{name}: expected {self.file.bytes} bytes, the server offers {total}. {self.line.advice()}"
            )
        unpacked = total if is_archive(name) else 0  # films hardly shrink in an archive
        need_room(self.part.path.parent, total - start + unpacked, self.wire, f"{name} ({total / 1e9:.1f} GB)")

    def _receive(self, response: requests.Response, total: int, start: int) -> None:
        """The bytes as they are sent: some servers call a ``.tar.gz`` a tar in gzip encoding."""
        with self.part.path.open("ab") as out, self.wire.progress(self.file.filename, total, start) as bar:
            for block in response.raw.stream(_BLOCK, decode_content=False):
                out.write(block)
                bar.update(len(block))
