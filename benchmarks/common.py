"""What the benchmarks share: options, films, facts about machine and bundle, and the JSON file with the result.

For Linux: memory and load are read from /proc. Only the standard library: the system never counts a child's peak memory
below that of the process that started it, so the process that measures has to stay small.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import statistics
import sys
import time
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results" / "benchmarks"
PEER_PYTHON = ROOT / ".venv-peer" / "bin" / "python"
DATA_VARIABLE = "PNEUMOSCOPE_DATA"

TEST = "kermany224/test"
TRAIN = "kermany224/train"
ORIGINAL = "kermany_original"
DICOM = "dicom_chest"
CLASSES = ("NORMAL", "PNEUMONIA")

_PACKAGED = ("default", "accurate")
_PACKAGES = ("pneumoscope", "numpy", "onnxruntime", "pillow", "pydicom", "msgspec")
_QUIET = 0.2


@dataclass(frozen=True)
class Figure:
    """One line of the table. ``low`` and ``high`` are the least and the largest of ``repeats`` measurements."""

    what: str
    value: float | str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    repeats: int = 1
    command: str = ""

    @classmethod
    def of(cls, what: str, values: Sequence[float], unit: str, command: str = "") -> Figure:
        """The median of several measurements, with their range."""
        low, high = min(values), max(values)
        return cls(what, statistics.median(values), unit, low, high, len(values), command)

    def __str__(self) -> str:
        if isinstance(self.value, str):
            return self.value
        spread = f" ({number(self.low)} to {number(self.high)})" if self.low is not None and self.repeats > 1 else ""
        return f"{number(self.value)}{spread} {self.unit}".rstrip()


@dataclass(frozen=True)
class Result:
    """What one benchmark found; becomes one JSON file."""

    benchmark: str
    command: str
    method: str
    figures: list[Figure]
    machine: dict[str, Any]
    bundle: dict[str, str] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Print the figures and write ``<benchmark>.json``."""
        width = max(len(figure.what) for figure in self.figures)
        for figure in self.figures:
            print(f"{figure.what:<{width}}  {figure}")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.benchmark}.json"
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        print(f"wrote {path}")


def markdown(table: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table, of which the first row is the head."""
    lines = [f"| {' | '.join(row)} |" for row in table]
    return [lines[0], "|" + "---|" * len(table[0]), *lines[1:]]


def number(value: float | None) -> str:
    """Three digits that count, without an exponent."""
    if value is None:
        return "?"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def options(description: str | None, *, repeats: int | None = None) -> argparse.ArgumentParser:
    """The options that every benchmark takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="default", help="a folder, a zip file or a packaged one (default)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON file (results/benchmarks)")
    if repeats:
        parser.add_argument("--repeats", type=int, default=repeats, help=f"measurements of each figure ({repeats})")
    return parser


def say(text: str) -> None:
    """Progress, kept apart from the result."""
    print(text, file=sys.stderr, flush=True)


def data_folder() -> Path:
    """The folder that holds the films, or the end of the program."""
    named = os.environ.get(DATA_VARIABLE)
    if not named or not Path(named).is_dir():
        raise SystemExit(f"{DATA_VARIABLE}: expected the folder of films ({TEST}, {TRAIN}, {ORIGINAL}), got {named!r}")
    return Path(named).resolve()


def films_in(part: str) -> list[Path]:
    """The films of one part of the data, by class and name, or the end of the program."""
    folder = data_folder() / part
    films = [film for name in CLASSES for film in sorted((folder / name).glob("*.*"))]
    if not films:
        raise SystemExit(f"expected films in {folder}/{{{','.join(CLASSES)}}}, found none")
    return films


def link_films(films: Iterable[Path], folder: Path) -> int:
    """Link films into ``folder/<class>`` under names of their own; the same film may come again."""
    count = 0
    for count, film in enumerate(films, start=1):
        link = folder / film.parent.name / f"{count:06d}{film.suffix}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(film)
    return count


def use_cores(count: int) -> None:
    """Keep this process and all that it starts on so many cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def machine() -> dict[str, Any]:
    """What the figures depend on. To be asked before measuring: what is busy then are others."""
    busy = _busy_cores()
    if busy > _QUIET:
        say(f"warning: {busy:.1f} cores are busy with something else: do not trust the figures")
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "busy_cores_before": round(busy, 2),
        "measured": datetime.now(UTC).isoformat(timespec="minutes"),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
    }


def _busy_cores() -> float:
    """Cores in use by anyone during a second. The load average would still hold our own previous benchmark."""
    before = _cpu_ticks()
    time.sleep(1.0)
    total, idle = (late - early for late, early in zip(_cpu_ticks(), before, strict=True))
    return (os.cpu_count() or 1) * (1 - idle / total) if total else 0.0


def _cpu_ticks() -> tuple[int, int]:
    """All ticks since the start of the system, and the idle ones (with those that wait for a disk)."""
    ticks = [int(word) for word in Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0].split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4]


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    found = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(found, platform.processor() or "unknown")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def bundle_facts(bundle: str) -> dict[str, str]:
    """Name, precision and digest of a bundle, read without loading the package; a missing one ends the program."""
    place = _packaged(bundle) if bundle in _PACKAGED else Path(bundle)
    try:
        spec = _bundle_json(place)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise SystemExit(f"--bundle {bundle}: expected a bundle (a folder or a zip file): {error}") from error
    facts = json.loads(spec)
    return {
        "name": facts["name"],
        "version": facts["version"],
        "precision": facts["graph"]["precision"],
        "sha256": hashlib.sha256(spec).hexdigest(),
    }


def _packaged(bundle: str) -> Path:
    spec = find_spec("pneumoscope")
    if spec is None or spec.origin is None:
        raise SystemExit(f"pneumoscope is not installed for {sys.executable}")
    return Path(spec.origin).parent / "bundle" / bundle


def _bundle_json(place: Path) -> bytes:
    if place.is_dir():
        return (place / "bundle.json").read_bytes()
    with zipfile.ZipFile(place) as archive:
        return archive.read("bundle.json")
