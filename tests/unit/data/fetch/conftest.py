from __future__ import annotations

from collections.abc import Iterator

import pytest

from pneumoscope.data.fetch.http import Wire
from tests.unit.data.fetch.web import Web, serve, unheard


@pytest.fixture(autouse=True)
def directly(monkeypatch) -> None:
    """Whatever proxy this machine has, what is on the machine itself is reached without."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens."""
    return unheard()


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as web:
        yield web


class Ears:
    """What was told, and the pauses that were made, none of which costs time."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.pauses: list[float] = []

    def wire(self, **changes) -> Wire:
        return Wire(**({"tell": self.told.append, "sleep": self.pauses.append, "timeout": (20.0, 20.0)} | changes))

    def __str__(self) -> str:
        return "\n".join(self.told)


@pytest.fixture
def ears() -> Ears:
    return Ears()
