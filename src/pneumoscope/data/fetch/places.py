"""Where a public data set lies. Imports nothing heavy, so that a source can name its places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit


def plain(url: str) -> str:
    """The address to show and to keep: without its query, which may be a signature."""
    return urlsplit(url)._replace(query="", fragment="").geturl()


@dataclass(frozen=True)
class Kaggle:
    """A Kaggle data set: ``owner/name``, or ``owner/name/versions/2`` for one version. ``bytes`` is about its size."""

    handle: str
    bytes: int = 0
    kind: ClassVar[str] = "kaggle"

    @property
    def page(self) -> str:
        """For people."""
        return f"https://www.kaggle.com/datasets/{self.handle}"


@dataclass(frozen=True)
class KaggleCompetition:
    """The data of a Kaggle competition, whose rules the user accepts on its page first."""

    handle: str
    bytes: int = 0
    kind: ClassVar[str] = "kaggle"

    @property
    def page(self) -> str:
        """For people."""
        return f"https://www.kaggle.com/competitions/{self.handle}/rules"


@dataclass(frozen=True)
class Mendeley:
    """One file of a version of a Mendeley data set. ``bytes`` is about its size."""

    dataset: str
    version: int
    file: str
    bytes: int = 0
    kind: ClassVar[str] = "mendeley"

    @property
    def page(self) -> str:
        """For people."""
        return f"https://data.mendeley.com/datasets/{self.dataset}/{self.version}"


@dataclass(frozen=True)
class Url:
    """One file, kept under the name ``filename``. ``sha256`` and ``bytes`` are exact where they are given."""

    url: str
    filename: str
    sha256: str = ""
    bytes: int = 0
    page: str = ""
    kind: ClassVar[str] = "url"

    def __post_init__(self) -> None:
        object.__setattr__(self, "page", self.page or plain(self.url))


@dataclass(frozen=True)
class Urls:
    """Several files that make up one data set, and the page that tells of them."""

    files: tuple[Url, ...]
    page: str
    kind: ClassVar[str] = "url"

    @property
    def bytes(self) -> int:
        """Of all files; 0 if that of one is not known."""
        sizes = [file.bytes for file in self.files]
        return sum(sizes) if all(sizes) else 0


@dataclass(frozen=True)
class Manual:
    """A data set that is given only to people who agree to something by hand; ``instructions`` says how to get it."""

    instructions: str
    page: str = ""
    bytes: int = 0
    kind: ClassVar[str] = "manual"


Place = Kaggle | KaggleCompetition | Mendeley | Url | Urls | Manual
