from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pneumoscope.bundle import GoldenVectors, bundle, load_bundle, save_bundle
from pneumoscope.core import BundleError, DamagedBundle, ForeignBundle, NewerBundle
from pneumoscope.core.files import sha256_bytes
from tests.helpers import tiny_contents, tiny_golden, tiny_graph, tiny_spec, write_tiny

FILES = ("MODEL_CARD.md", "golden.npz", "model.onnx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "tiny")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "tiny.zip")


def rewritten(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Let ``change`` edit what ``bundle.json`` holds."""
    content = json.loads((folder / "bundle.json").read_text())
    change(content)
    (folder / "bundle.json").write_text(json.dumps(content))
    return folder


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_what_was_saved_is_loaded(folder):
    loaded = load_bundle(folder)
    assert loaded.graph == tiny_graph()
    golden = tiny_golden()
    assert len(loaded.golden.films) == 3
    for ours, theirs in zip(loaded.golden.films, golden.films, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for name in ("logits", "features", "cam"):
        np.testing.assert_array_equal(loaded.golden.outputs[name], golden.outputs[name])
    assert loaded.spec == tiny_spec(files={name: sha256_bytes(data) for name, data in tiny_contents().items()})


def test_folder_and_zip_are_one_bundle(folder, archive):
    assert load_bundle(folder).digest == load_bundle(archive).digest
    assert load_bundle(str(folder)).digest == sha256_bytes((folder / "bundle.json").read_bytes())
    assert load_bundle(write_tiny(folder.parent / "again")).digest == load_bundle(folder).digest


def test_any_choice_changes_the_digest(folder, tmp_path):
    other = write_tiny(tmp_path / "other", intended_use="Tests!")
    graph = write_tiny(tmp_path / "graph", tiny_contents(graph=tiny_graph(gain=5.0)))
    assert len({load_bundle(path).digest for path in (folder, other, graph)}) == 3


def test_the_digests_of_the_files_are_filled_in(folder):
    """Whatever the given spec says of them."""
    save_bundle(tiny_spec(files={"model.onnx": "0" * 64}), tiny_contents(), folder)
    assert set(load_bundle(folder).spec.files) == set(FILES)


# Files that are refused


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(DamagedBundle, match=name):
        load_bundle(folder)


@pytest.mark.parametrize("place", [0, -1])
@pytest.mark.parametrize("name", FILES)
def test_an_altered_byte_is_refused(folder, name, place):
    data = bytearray((folder / name).read_bytes())
    data[place] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(DamagedBundle, match=f"{name} is not the file that bundle.json names"):
        load_bundle(folder)


def test_a_zip_is_checked_file_by_file_too(tmp_path):
    with zipfile.ZipFile(write_tiny(tmp_path / "a.zip")) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as altered:
        for name, data in members.items():
            altered.writestr(name, tiny_graph(gain=5.0) if name == "model.onnx" else data)
    with pytest.raises(DamagedBundle, match=r"model\.onnx is not the file"):
        load_bundle(tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as partial:
        partial.writestr("bundle.json", members["bundle.json"])
    with pytest.raises(DamagedBundle, match="cannot be read"):
        load_bundle(tmp_path / "c.zip")


def test_what_is_no_bundle_at_all_is_told_so(tmp_path, folder):
    with pytest.raises(ForeignBundle, match=r"no bundle\.json"):
        load_bundle(tmp_path)
    with pytest.raises(ForeignBundle, match="a folder or a zip file"):
        load_bundle(folder / "model.onnx")
    with pytest.raises(ForeignBundle, match="No such file"):
        load_bundle(tmp_path / "nothing")
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        archive.writestr("tiny/bundle.json", (folder / "bundle.json").read_bytes())
    with pytest.raises(ForeignBundle, match=r"no bundle\.json"):
        load_bundle(tmp_path / "films.zip")


@pytest.mark.parametrize("name", ["bundle.json", "model.onnx", "golden.npz"])
def test_a_zip_that_claims_too_much_is_not_unpacked(archive, name):
    """The size in the zip's directory, 24 bytes into the entry, is made one gigabyte and a byte."""
    data = bytearray(archive.read_bytes())
    entry = data.rindex(name.encode()) - 46
    assert data[entry : entry + 4] == b"PK\x01\x02"
    struct.pack_into("<I", data, entry + 24, 2**30 + 1)
    archive.write_bytes(data)
    with pytest.raises(DamagedBundle, match=f"{name} claims to be larger"):
        load_bundle(archive)


# Descriptions that are refused


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format": 1}', b'{"a": ' + b"[" * 100_000],
    ids=["empty", "cut", "list", "null", "bytes", "number", "deep"],
)
def test_a_garbled_description_is_refused(folder, text):
    (folder / "bundle.json").write_bytes(text)
    with pytest.raises(DamagedBundle, match=r"bundle\.json cannot be read"):
        load_bundle(folder)


@pytest.mark.parametrize("content", [{}, {"format": "onnx-zoo", "schema_version": 9}, {"name": "package"}])
def test_another_format_is_foreign(folder, content):
    (folder / "bundle.json").write_text(json.dumps(content))
    with pytest.raises(ForeignBundle):
        load_bundle(folder)


@pytest.mark.parametrize("content", [{"schema_version": 2}, {"schema_version": 2, "name": 7, "files": "later"}])
def test_a_newer_bundle_is_told_so_before_anything_else(folder, content):
    (folder / "bundle.json").write_text(json.dumps({"format": "pneumoscope-bundle"} | content))
    (folder / "model.onnx").unlink()
    with pytest.raises(NewerBundle, match=r"version 2, this program reads up to 1: update pneumoscope"):
        load_bundle(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(surprise=1),
        lambda c: c["labels"][0].update(surprise=1),
        lambda c: c["labels"][0]["calibration"].update(slope=0),
        lambda c: c["preprocessing"].update(std=-1),
        lambda c: c.pop("exclusions"),
        lambda c: c.update(labels=[]),
        lambda c: c.update(operating_points=[]),
        lambda c: c.update(default_operating_point="best"),
        lambda c: c["operating_points"][0].update(threshold=1.01),
        lambda c: c["operating_points"][0].update(threshold=None),
        lambda c: c["golden"].update(tolerance=0),
        lambda c: c["golden"].update(tolerance=5),
        lambda c: c["graph"].update(precision="int4"),
        lambda c: c.update(typical_film=[]),
        lambda c: c.update(typical_film=[[]]),
        lambda c: c.update(typical_film=[[0.1, 0.2], [0.3]]),
        lambda c: c.update(recipe_digest="abc"),
        lambda c: c["files"].update({"model.onnx": "0" * 63}),
        lambda c: c["files"].pop("model.onnx"),
        lambda c: c["files"].pop("golden.npz"),
        lambda c: c.update(schema_version=0),
        lambda c: c.update(schema_version="1"),
    ],
)
def test_a_description_that_breaks_the_schema_is_refused(folder, change):
    with pytest.raises(DamagedBundle, match=r"bundle\.json"):
        load_bundle(rewritten(folder, change))


def test_a_description_with_a_figure_that_is_no_number_is_refused(tmp_path):
    """JSON has no NaN: it must not come back as something else."""
    with pytest.raises(DamagedBundle, match="typical_film"):
        load_bundle(write_tiny(tmp_path / "a", typical_film=((0.1, float("nan")),)))
    (tmp_path / "a" / "bundle.json").write_text('{"format":"pneumoscope-bundle","schema_version":NaN}')
    with pytest.raises(DamagedBundle):
        load_bundle(tmp_path / "a")


@pytest.mark.parametrize("name", ["../secret", "{tmp}/secret", "sub/secret", ".secret", "bundle.json", ""])
def test_names_that_lead_out_of_the_bundle_are_refused(tmp_path, folder, name):
    """Though a file is there, and its digest is right."""
    (folder / "sub").mkdir()
    for place in (tmp_path / "secret", folder / "sub" / "secret", folder / ".secret"):
        place.write_bytes(b"secret")
    name = name.format(tmp=tmp_path)
    with pytest.raises(DamagedBundle, match="expected plain file names"):
        load_bundle(rewritten(folder, lambda c: c["files"].update({name: sha256_bytes(b"secret")})))


# Golden vectors that are refused


class Trap:
    """Pickled, it makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_nothing_is_unpickled(tmp_path):
    sprung = tmp_path / "sprung"
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists()
    sprung.unlink()
    outputs = dict(tiny_golden().outputs)
    golden = npz(film_0=np.array([Trap(sprung)], object), **outputs)
    with pytest.raises(DamagedBundle, match=r"golden\.npz"):
        load_bundle(write_tiny(tmp_path / "a", tiny_contents(golden=golden)))
    with pytest.raises(DamagedBundle, match=r"golden\.npz"):
        load_bundle(write_tiny(tmp_path / "b", tiny_contents(golden=pickle.dumps(Trap(sprung)))))
    assert not sprung.exists()


def huge() -> bytes:
    """An archive of a few bytes whose only film claims ten terabytes."""
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (10000000, 1000000), }"
    header = header.ljust(117) + b"\n"
    file = io.BytesIO(npz(**tiny_golden().outputs))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("film_0.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    return file.getvalue()


@pytest.mark.parametrize(
    "golden",
    [
        b"",
        b"not an archive",
        tiny_golden().to_bytes()[:-40],
        npz(film_0=tiny_golden().films[0]),
        npz(film_1=tiny_golden().films[0], **tiny_golden().outputs),
        npz(film_0=tiny_golden().films[0], surprise=np.zeros(1), **tiny_golden().outputs),
        npy(np.zeros(3)),
        huge(),
    ],
    ids=["empty", "text", "cut", "no outputs", "no film 0", "one more", "one array", "huge"],
)
def test_golden_vectors_that_cannot_be_read_are_refused(tmp_path, golden):
    with pytest.raises(DamagedBundle, match=r"golden\.npz"):
        load_bundle(write_tiny(tmp_path / "a", tiny_contents(golden=golden)))


def test_golden_vectors_have_the_same_bytes_each_time():
    assert tiny_golden().to_bytes() == GoldenVectors(tiny_golden().films, dict(tiny_golden().outputs)).to_bytes()


# Saving


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "a" / "films").mkdir(parents=True)
    (tmp_path / "a" / "bundle.json").write_text("mine")
    with pytest.raises(BundleError, match="it holds films"):
        write_tiny(tmp_path / "a")
    assert (tmp_path / "a" / "bundle.json").read_text() == "mine"


def test_a_file_of_that_name_is_left_alone(tmp_path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(BundleError):
        write_tiny(tmp_path / "a")
    assert (tmp_path / "a").read_text() == "mine"


def test_an_older_bundle_is_replaced(folder):
    newer = write_tiny(folder, version="2.0")
    assert load_bundle(newer).spec.version == "2.0"
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "bundle.json"])


def test_a_save_that_is_cut_short_leaves_no_bundle_of_two_halves(folder, monkeypatch):
    def full_disk(path: Path, mode: str = "w") -> Any:
        if path.name == "golden.npz":
            raise OSError("no space left")
        return original(path, mode)

    original = bundle.atomic_write
    monkeypatch.setattr(bundle, "atomic_write", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write_tiny(folder, tiny_contents(graph=tiny_graph(gain=5.0)))
    with pytest.raises(ForeignBundle):
        load_bundle(folder)
