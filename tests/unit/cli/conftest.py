from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pneumoscope.cli import main
from tests.helpers import RAMP, flat, picture

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Run the command line in this process; anything but its own ways to end is a failure."""

    def _run(*arguments: str | Path) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="pneumoscope")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return _run


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    """A bright film, a dark one, one cut short and a note."""
    folder = tmp_path / "ward"
    folder.mkdir()
    (folder / "a.png").write_bytes(flat(204))
    (folder / "b.png").write_bytes(picture(RAMP)[:70])
    (folder / "c.png").write_bytes(picture(RAMP))
    (folder / "notes.txt").write_text("not a film")
    return folder
