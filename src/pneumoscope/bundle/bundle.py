"""A model that explains and proves itself: reading and writing bundles as folders or zip files."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle.gate import UNREADABLE, GateNumbers
from pneumoscope.bundle.spec import (
    CARD_FILE,
    FORMAT,
    GATE_FILE,
    GOLDEN_FILE,
    GRAPH_FILE,
    OUTPUTS,
    SCHEMA_VERSION,
    SPEC_FILE,
    BundleSpec,
    Gate,
)
from pneumoscope.core import BundleError, DamagedBundle, ForeignBundle, NewerBundle
from pneumoscope.core.files import atomic_write, sha256_bytes

DEFAULT = "default"
PACKAGED = (DEFAULT, "accurate")
"""Names of the packaged bundles, wherever a bundle is asked for: a small quick one, and one that takes longer.

A folder of one's own that is called so is meant by a path with a slash, such as ``./accurate``.
"""

_LARGEST_FILE = 2**30
_NAMES = {SPEC_FILE, GRAPH_FILE, GOLDEN_FILE, GATE_FILE, CARD_FILE}


@dataclass(frozen=True, eq=False)
class GoldenVectors:
    """Films, and what the graph answered for them when it was exported.

    ``films`` are (h, w) uint8 pictures of any sizes, 255 = bone: they go through the preprocessing too. ``outputs``
    holds arrays with one row a film under the names of the graph's outputs.
    """

    films: tuple[NDArray[np.uint8], ...]
    outputs: Mapping[str, NDArray[np.float32]]

    def __post_init__(self) -> None:
        if not self.films:
            raise DamagedBundle(f"{GOLDEN_FILE}: expected at least one film, found none")
        for film in self.films:
            if film.ndim != 2 or film.dtype != np.uint8 or not film.size:
                raise DamagedBundle(f"{GOLDEN_FILE}: expected (h, w) uint8 films, got {film.shape} {film.dtype}")
        for name, answers in self.outputs.items():
            if answers.dtype != np.float32 or answers.shape[:1] != (len(self.films),):
                raise DamagedBundle(
                    f"{GOLDEN_FILE}: expected float32 {name} of {len(self.films)} films, got {answers.shape} "
                    f"{answers.dtype}"
                )

    def to_bytes(self) -> bytes:
        """As a compressed NumPy archive."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {f"film_{i}": film for i, film in enumerate(self.films)} | dict(self.outputs)
        np.savez_compressed(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> GoldenVectors:
        """Read what :meth:`to_bytes` wrote.

        Raises
        ------
        DamagedBundle : if it cannot be read.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                films = tuple(archive[f"film_{i}"] for i in range(len(archive.files) - len(OUTPUTS)))
                return cls(films, {name: archive[name] for name in OUTPUTS})
        except UNREADABLE as error:
            raise DamagedBundle(f"{GOLDEN_FILE}: cannot be read: {error}. Get the bundle again.") from error


@dataclass(frozen=True, eq=False)
class ModelBundle:
    """A loaded bundle whose files are whole and those that ``bundle.json`` names.

    ``digest`` (SHA-256 of ``bundle.json``) names it. That the graph computes what it should is checked by the engine
    that opens it, with ``golden``. ``gate`` is there where the description has one.
    """

    spec: BundleSpec
    graph: bytes
    golden: GoldenVectors
    digest: str
    gate: GateNumbers | None = None


def bundle_path(bundle: str | Path = DEFAULT) -> Path:
    """Where a bundle lies: the folder of a packaged one for its name, else the path itself."""
    return Path(str(files("pneumoscope.bundle") / str(bundle))) if str(bundle) in PACKAGED else Path(bundle)


def load_bundle(path: str | Path = DEFAULT) -> ModelBundle:
    """Load a bundle from a folder, a zip file, or a name of ``PACKAGED``, and check every file.

    Raises
    ------
    ForeignBundle : if the path holds no bundle.
    NewerBundle : if it was written by a later version of the format.
    DamagedBundle : if a file is missing or altered, or ``bundle.json`` breaks the schema.
    """
    spec, spec_bytes, contents = _read_all(path)
    golden = GoldenVectors.from_bytes(contents[GOLDEN_FILE])
    gate = _gate(spec.gate, contents[GATE_FILE], golden) if spec.gate else None
    return ModelBundle(spec, contents[GRAPH_FILE], golden, sha256_bytes(spec_bytes), gate)


def _gate(about: Gate, data: bytes, golden: GoldenVectors) -> GateNumbers:
    """The numbers, which must be for the graph's features and the kinds that the description names."""
    numbers = GateNumbers.from_bytes(data)
    expected, found = (len(about.kinds), *golden.outputs["features"].shape[1:]), (numbers.kinds, numbers.features)
    if found != expected:
        raise DamagedBundle(f"{GATE_FILE}: expected {expected} kinds of pictures and features of a film, got {found}")
    return numbers


def bundle_files(path: str | Path = DEFAULT) -> dict[str, bytes]:
    """The files that a bundle's description lists, byte by byte, for a bundle that keeps them under a new description.

    Raises
    ------
    ForeignBundle, NewerBundle, DamagedBundle : as :func:`load_bundle`.
    """
    return _read_all(path)[2]


def _read_all(path: str | Path) -> tuple[BundleSpec, bytes, dict[str, bytes]]:
    """The description, its bytes, and the files that it lists, each with the digest that it names."""
    place = bundle_path(path)
    members = _Members.open(place)
    spec_bytes = members.read(SPEC_FILE)
    spec = _parse_spec(spec_bytes, place)
    contents = {name: members.read(name) for name in spec.files}
    for name, data in contents.items():
        if sha256_bytes(data) != spec.files[name]:
            raise DamagedBundle(f"{place}: {name} is not the file that {SPEC_FILE} names. Get the bundle again.")
    return spec, spec_bytes, contents


def save_bundle(spec: BundleSpec, contents: Mapping[str, bytes], path: Path) -> None:
    """Write a bundle, as a zip file if ``path`` ends in ``.zip``, else as a folder.

    The digests in ``spec.files`` are made here. In a folder ``bundle.json`` is written last: without it there is no
    bundle.

    Raises
    ------
    BundleError : if the path holds something that is no bundle.
    """
    spec = msgspec.structs.replace(spec, files={name: sha256_bytes(data) for name, data in sorted(contents.items())})
    spec_bytes = msgspec.json.format(msgspec.json.encode(spec)) + b"\n"
    check_target(path)
    if path.suffix == ".zip":
        with atomic_write(path, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in [(SPEC_FILE, spec_bytes), *contents.items()]:
                archive.writestr(name, data)
        return
    (path / SPEC_FILE).unlink(missing_ok=True)
    for name, data in [*contents.items(), (SPEC_FILE, spec_bytes)]:
        with atomic_write(path / name, "wb") as file:
            file.write(data)


def check_target(path: Path) -> None:
    """Refuse to write a bundle over anything but a bundle, before any work is done for it.

    Raises
    ------
    BundleError : if the path holds something that is no bundle.
    """
    if path.suffix == ".zip":
        if path.exists():
            _Members.open(path)
        return
    if path.exists() and not path.is_dir():
        raise BundleError(f"{path}: expected a new folder, an older bundle or a name ending in .zip; it is a file")
    strangers = {entry.name for entry in path.iterdir()} - _NAMES if path.exists() else set()
    if strangers:
        raise BundleError(f"{path}: expected a new folder or an older bundle; it holds {min(strangers)}")


class _Header(msgspec.Struct):
    """The two fields that every version of the format has."""

    format: str = ""
    schema_version: int = 0


def _parse_spec(data: bytes, place: Path) -> BundleSpec:
    try:
        header = msgspec.json.decode(data, type=_Header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedBundle(f"{place}: {SPEC_FILE} cannot be read: {error}. Get the bundle again.") from error
    if header.format != FORMAT:
        raise ForeignBundle(f"{place}: expected a {FORMAT}, got format {header.format!r}")
    if header.schema_version > SCHEMA_VERSION:
        raise NewerBundle(
            f"{place}: its schema is version {header.schema_version}, this program reads up to {SCHEMA_VERSION}: "
            f"update pneumoscope"
        )
    try:
        spec = msgspec.json.decode(data, type=BundleSpec)
    except msgspec.DecodeError as error:
        raise DamagedBundle(f"{place}: {SPEC_FILE} breaks the schema: {error}") from error
    if missing := {GRAPH_FILE, GOLDEN_FILE, *([GATE_FILE] if spec.gate else [])} - set(spec.files):
        raise DamagedBundle(f"{place}: {SPEC_FILE} does not list {', '.join(sorted(missing))}")
    return spec


class _Members:
    """The files of a bundle, in a folder or a zip file; nothing is unpacked to disk."""

    def __init__(self, place: Path, archive: zipfile.ZipFile | None) -> None:
        self.place, self.archive = place, archive

    @classmethod
    def open(cls, place: Path) -> _Members:
        if place.is_dir():
            if not (place / SPEC_FILE).is_file():
                raise ForeignBundle(f"{place}: expected a bundle, but the folder has no {SPEC_FILE}")
            return cls(place, None)
        try:
            archive = zipfile.ZipFile(place)
        except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
            raise ForeignBundle(f"{place}: expected a bundle (a folder or a zip file): {error}") from error
        if SPEC_FILE not in archive.namelist():
            raise ForeignBundle(f"{place}: expected a bundle, but the zip file has no {SPEC_FILE}")
        return cls(place, archive)

    def read(self, name: str) -> bytes:
        try:
            if self.archive is None:
                return (self.place / name).read_bytes()
            if self.archive.getinfo(name).file_size > _LARGEST_FILE:
                raise DamagedBundle(f"{self.place}: {name} claims to be larger than {_LARGEST_FILE} bytes")
            return self.archive.read(name)
        except (
            OSError,
            KeyError,
            EOFError,
            RuntimeError,
            NotImplementedError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise DamagedBundle(f"{self.place}: {name} cannot be read: {error}. Get the bundle again.") from error
