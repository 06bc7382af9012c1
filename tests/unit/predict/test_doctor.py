from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest

import pneumoscope
from pneumoscope.core import DamagedBundle, ForeignBundle
from pneumoscope.predict import doctor
from tests.helpers import tiny_contents, tiny_graph, write_tiny


def test_it_tells_versions_bundle_and_speed(tiny_bundle, predictor):
    found = doctor.examine(tiny_bundle)
    assert found["pneumoscope"] == pneumoscope.__version__
    assert found["numpy"] == np.__version__
    assert found["bundle"] == f"tiny 1.2 (fp32), sha256 {predictor.bundle.digest[:16]}"
    assert found["operating point"] == "balanced, 0.500"
    assert found["files"] == "3 whole"
    assert found["golden check"] == "onnxruntime within 0 of the golden logits (0.01 allowed)"
    assert found["self-test"].split()[1:6] == ["ms", "a", "film", "on", "one"]
    assert 0 <= float(found["self-test"].split()[0]) < 1000
    assert 1 <= int(found["cores"]) <= os.cpu_count()
    assert "MISSING" not in found.values()


def test_a_missing_library_is_told_and_an_optional_one_is_not_mentioned(tiny_bundle, monkeypatch):
    def installed(name: str) -> str:
        if name in ("pydicom", "torch"):
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(doctor, "version", installed)
    found = doctor.examine(tiny_bundle)
    assert found["pydicom"] == "MISSING"
    assert "torch" not in found


def test_a_bad_bundle_is_refused(tmp_path):
    with pytest.raises(ForeignBundle):
        doctor.examine(tmp_path)
    with pytest.raises(DamagedBundle, match="golden logit"):
        doctor.examine(write_tiny(tmp_path / "a", tiny_contents(graph=tiny_graph(gain=9.0))))
