"""Benchmarks that look into the program, and would end without a figure where that has changed."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless

from pneumoscope import Predictor
from pneumoscope.report import open_table
from tests.helpers import picture

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
GREY = np.linspace(0, 4095, 1000 * 900).astype(np.uint16).reshape(1000, 900)


@pytest.mark.parametrize("kind", ["jpeg", "dcm"])
def test_every_stage_of_a_film_is_timed(make_dicom, monkeypatch, tmp_path, kind):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    stages = import_module("stages")
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    films = {
        "jpeg": picture((GREY >> 4).astype(np.uint8), "JPEG"),
        "dcm": make_dicom(GREY, bits=12, syntax=JPEG2000Lossless, **window),
    }
    path = tmp_path / f"film.{kind}"
    path.write_bytes(films[kind])
    with open_table(tmp_path / "x.csv") as table:
        found = stages._watched(Predictor.open(), table, [path], 2).spent
    assert {"read the file", "decode", "graph", "heat map", "whole, no heat map", "row"} <= set(found)
    assert all(len(spent) == 2 for spent in found.values())
