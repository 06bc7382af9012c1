"""Whatever happens to a bundle's bytes, it is refused, or it is still the same bundle."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pneumoscope.bundle import load_bundle
from pneumoscope.core import BundleError
from tests.helpers import write_tiny

ANYWHERE = st.floats(0, 1, exclude_max=True)
NEAR_THE_END = st.floats(0.87, 1, exclude_max=True)  # the zip's directory
BYTE = st.integers(0, 255)


class Tiny:
    """The tiny bundle as a zip file, and what must hold for anything made of its bytes."""

    def __init__(self, path: Path) -> None:
        self.path = write_tiny(path)
        self.bytes = path.read_bytes()
        self.bundle = load_bundle(path)

    def refused_or_same(self, data: bytes) -> None:
        self.path.write_bytes(data)
        try:
            loaded = load_bundle(self.path)
        except BundleError:
            return
        assert loaded.digest == self.bundle.digest
        assert loaded.graph == self.bundle.graph
        assert loaded.golden.to_bytes() == self.bundle.golden.to_bytes()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return Tiny(tmp_path_factory.mktemp("properties") / "tiny.zip")


@given(
    st.lists(st.tuples(ANYWHERE, BYTE), min_size=1, max_size=3) | st.lists(st.tuples(NEAR_THE_END, BYTE), min_size=1)
)
def test_bytes_changed_anywhere(tiny, changes):
    data = bytearray(tiny.bytes)
    for place, value in changes:
        data[int(place * len(data))] = value
    tiny.refused_or_same(bytes(data))


@given(ANYWHERE)
def test_cut_short_anywhere(tiny, place):
    tiny.refused_or_same(tiny.bytes[: int(place * len(tiny.bytes))])


@given(ANYWHERE, st.binary(min_size=1, max_size=20))
def test_bytes_put_in_anywhere(tiny, place, more):
    cut = int(place * len(tiny.bytes))
    tiny.refused_or_same(tiny.bytes[:cut] + more + tiny.bytes[cut:])


@pytest.mark.parametrize("offset", [6, 8, 10, 24, 28, 42])
@pytest.mark.parametrize("value", [0, 1, 2, 8, 14, 99, 255])
def test_each_field_of_an_entry_of_the_directory(tiny, offset, value):
    """Version needed, flags, method, size, length of the name, place in the file (PKZIP's APPNOTE, 4.3.12)."""
    entry = tiny.bytes.index(b"PK\x01\x02")
    tiny.refused_or_same(tiny.bytes[: entry + offset] + bytes([value]) + tiny.bytes[entry + offset + 1 :])
