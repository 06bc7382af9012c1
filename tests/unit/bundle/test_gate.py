"""``gate.npz``: what was written is read, and what does not fit is refused."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from pneumoscope.bundle import GoldenVectors, load_bundle
from pneumoscope.bundle.gate import GateNumbers, seen
from pneumoscope.core import DamagedBundle
from tests.helpers import CHEST, tiny_contents, tiny_gate, tiny_golden, tiny_numbers, write_gated, write_tiny


def archive(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_numbers_come_back_as_they_were_written():
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(12, 3)).astype(np.float16).astype(np.float32)
    one = replace(tiny_numbers(), basis=basis)
    other = GateNumbers.from_bytes(one.to_bytes())
    for name in ("basis", "weights", "bias"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (other.features, other.side, other.kinds) == (12, 2, 6)


@pytest.mark.parametrize(
    "change",
    [
        {"weights": np.zeros((15, 6), np.float32)},  # 12 features and 3 cells: no square
        {"weights": np.zeros((16, 5), np.float32)},
        {"weights": np.zeros((12, 6), np.float32)},  # no greys at all
        {"bias": np.zeros((6, 1), np.float32)},
        {"basis": np.zeros(12, np.float32)},
        {"bias": np.full(6, np.nan, np.float32)},
        {"bias": np.zeros(6)},
    ],
)
def test_numbers_that_do_not_fit_each_other_are_refused(change):
    with pytest.raises(DamagedBundle, match=r"gate\.npz"):
        replace(tiny_numbers(), **change)


@pytest.mark.parametrize("data", [b"", b"no archive", archive(basis=np.eye(3)), archive(basis=np.array([{}]))])
def test_an_archive_that_cannot_be_read_is_refused(data):
    with pytest.raises(DamagedBundle, match=r"gate\.npz: cannot be read"):
        GateNumbers.from_bytes(data)


def test_an_archive_with_a_password_is_refused():
    data = bytearray(tiny_numbers().to_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # of a member, and of its line in the directory
        for match in re.finditer(re.escape(signature), bytes(data)):
            data[match.start() + flags] |= 1
    with pytest.raises(DamagedBundle, match=r"gate\.npz: cannot be read: .* is encrypted"):
        GateNumbers.from_bytes(bytes(data))


def test_a_bundle_has_its_gate_as_a_folder_and_as_a_zip_file(tmp_path: Path):
    for path in (tmp_path / "b", tmp_path / "b.zip"):
        bundle = load_bundle(write_gated(path))
        assert bundle.gate
        np.testing.assert_array_equal(bundle.gate.weights, tiny_numbers().weights)
    assert load_bundle(write_tiny(tmp_path / "plain")).gate is None


def test_a_gate_without_its_file_or_for_another_graph_is_refused(tmp_path: Path):
    with pytest.raises(DamagedBundle, match=r"does not list gate\.npz"):
        load_bundle(write_tiny(tmp_path / "a", gate=tiny_gate()))
    other = GateNumbers(np.eye(11, dtype=np.float32), np.zeros((15, 6), np.float32), np.zeros(6, np.float32))
    contents = tiny_contents() | {"gate.npz": other.to_bytes()}
    with pytest.raises(
        DamagedBundle, match=r"expected \(6, 12\) kinds of pictures and features of a film, got \(6, 11\)"
    ):
        load_bundle(write_tiny(tmp_path / "b", contents, gate=tiny_gate()))


def test_golden_features_that_are_no_table_are_refused(tmp_path: Path):
    golden = tiny_golden()
    flat = GoldenVectors(golden.films, {**golden.outputs, "features": golden.outputs["features"][:, 0]})
    contents = tiny_contents(golden=flat.to_bytes()) | {"gate.npz": tiny_numbers().to_bytes()}
    with pytest.raises(DamagedBundle, match=r"gate\.npz: expected \(6,\) kinds"):
        load_bundle(write_tiny(tmp_path / "b", contents, gate=tiny_gate()))


def test_an_altered_gate_is_refused(tmp_path: Path):
    folder = write_gated(tmp_path / "b")
    (folder / "gate.npz").write_bytes(replace(tiny_numbers(), bias=np.zeros(6, np.float32)).to_bytes())
    with pytest.raises(DamagedBundle, match=r"gate\.npz is not the file that bundle\.json names"):
        load_bundle(folder)


@pytest.mark.parametrize("kinds", [("inverted", "chest"), ("chest", "inverted", "inverted"), ("chest", "cat")])
def test_kinds_begin_with_the_chest_and_are_known(kinds):
    told = msgspec.json.encode(tiny_gate())
    told = told.replace(msgspec.json.encode(tiny_gate().kinds), msgspec.json.encode(kinds))
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(told, type=type(tiny_gate()))


def test_what_the_classifier_sees_has_neither_brightness_nor_contrast():
    plain = np.kron(CHEST, np.ones((8, 8))).astype(np.float32)
    expected = (CHEST - CHEST.mean()) / CHEST.std()
    np.testing.assert_allclose(seen(plain, 2), expected.ravel(), atol=1e-6)
    np.testing.assert_allclose(seen(0.3 + 0.2 * plain, 2), expected.ravel(), atol=1e-5)
    np.testing.assert_array_equal(seen(np.full((8, 8), 0.4, np.float32), 2), np.zeros(4, np.float32))
