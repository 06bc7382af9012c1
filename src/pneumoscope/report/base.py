"""What every report format is, and the file that appears only when it is whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pneumoscope.core import Outcome, PneumoscopeError, Radiograph
from pneumoscope.core.files import atomic_write


class Report(ABC):
    """One report format. The pipeline knows nothing else about it.

    As a context manager it closes when the block ends well and aborts when it does not.
    """

    @abstractmethod
    def render(self, outcome: Outcome, film: Radiograph | None) -> Any:
        """Do the work of one film. Called in worker threads, many at once: pure, no shared state.

        ``film`` is None for a ``Failure``. The result is opaque: it goes to ``add``.
        """

    @abstractmethod
    def add(self, rendered: Any) -> None:
        """Take what ``render`` returned. Called in one thread, in input order."""

    @abstractmethod
    def close(self) -> None:
        """Finish. A file report appears under its final name only now."""

    @abstractmethod
    def abort(self) -> None:
        """Remove what is half-written; an older report of the same name stays whole."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a ``PneumoscopeError`` that names the place and what to do."""
    try:
        yield
    except OSError as error:
        raise PneumoscopeError(
            f"cannot write the report {path}: {error.strerror or error}; "
            "choose a place that can be written to and has free space"
        ) from error


class PendingFile:
    """A binary file that takes its name only at ``close``. Opens at once, so that an unwritable place shows early."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open = True
        if path.is_dir():
            raise PneumoscopeError(f"cannot write the report {path}: it is a folder; name a file")
        self._context = atomic_write(path, "wb")
        with writing_to(path):
            self._file = self._context.__enter__()

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        with writing_to(self.path):
            self._file.write(data)

    def close(self) -> None:
        """Give the file its name. A second call does nothing."""
        if self._open:
            self._open = False
            with writing_to(self.path):
                self._context.__exit__(None, None, None)

    def abort(self) -> None:
        """Remove the unfinished file. After ``close`` does nothing."""
        if self._open:
            self._open = False
            stop = GeneratorExit()  # any exception makes atomic_write clean up; this one it may swallow
            with suppress(OSError):  # a full disk, usually: the error that led here says so
                self._context.__exit__(type(stop), stop, None)
