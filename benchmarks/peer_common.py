"""What the peers of `reading_speed.py` share: their options, the clock, and the line of JSON that they end with.

For Python environments in which pneumoscope need not be installed: only the standard library.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

ONE_BY_ONE = 200
"""Films that are read one at a time, at most."""


def options(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a folder with one folder a class")
    parser.add_argument("--out", type=Path, required=True, help="the CSV file")
    parser.add_argument(
        "--warm", action="store_true", help="read all films once before the clock starts, then some one by one"
    )
    return parser


def films_in(folder: Path) -> list[Path]:
    return sorted(film for film in folder.glob("*/*") if film.is_file())


def measure(
    films: Sequence[Path], read_all: Callable[[], None], read_one: Callable[[Path], Any], warm: bool, **more: float
) -> None:
    """Time ``read_all``, from files to a CSV file; if ``warm``, at its second run, and then ``read_one`` of films.

    Prints ``seconds``, if warm the ``latencies`` in milliseconds, and what ``more`` was measured, as JSON.
    """
    if warm:
        read_all()
    found: dict[str, Any] = {"films": len(films), "cores": cores(), "seconds": timed(read_all)} | more
    if warm:
        read_one(films[0])
        found["latencies"] = [1e3 * timed(lambda film=film: read_one(film)) for film in films[:ONE_BY_ONE]]
    print(json.dumps(found))


def timed(work: Callable[[], Any]) -> float:
    """Seconds that it took."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def write(path: Path, films: Iterable[str], probabilities: Iterable[float]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["film", "probability"])
        writer.writerows(zip(films, probabilities, strict=True))


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
