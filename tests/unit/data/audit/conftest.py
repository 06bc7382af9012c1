from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.core.manifest import Film
from pneumoscope.data.audit import Audit
from tests.phantoms import audited, ward


@pytest.fixture(scope="session")
def clean_ward(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Film]]:
    """Films of both classes in train and test with nothing wrong about them. Not to be written to."""
    root = tmp_path_factory.mktemp("clean")
    return root, ward(root)


@pytest.fixture(scope="session")
def clean_audit(clean_ward: tuple[Path, list[Film]]) -> Audit:
    return audited(*clean_ward)
