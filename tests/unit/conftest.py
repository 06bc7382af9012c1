"""The tiny bundle of ``tests/helpers.py``, ready to be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.predict import Predictor
from tests.helpers import DEMO, write_gated, write_tiny


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle as a folder. Not to be written to."""
    return write_tiny(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture(scope="session")
def predictor(tiny_bundle: Path) -> Predictor:
    return Predictor.open(tiny_bundle)


@pytest.fixture(scope="session")
def gated_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle with a gate, as a folder. Not to be written to."""
    return write_gated(tmp_path_factory.mktemp("bundles") / "gated")


@pytest.fixture(scope="session")
def demo_films() -> Path:
    """The demo films' folder; a copy of the tests alone does not have it."""
    if not DEMO.is_dir():
        pytest.skip(f"the demo films are not in {DEMO}")
    return DEMO
