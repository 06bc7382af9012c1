"""Processes under the clock: wall time, peak memory, and memory while they run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_MB = 1e6

# An installed package has its modules compiled; with this setting a checkout would compile them at each start.
_SLOWS_STARTS = "PYTHONDONTWRITEBYTECODE"


@dataclass(frozen=True)
class Run:
    """A process that ended well."""

    seconds: float
    peak_mb: float
    stdout: str


def pneumoscope(*arguments: str | Path) -> list[str]:
    """The command line of the package in the environment that runs this script."""
    return [sys.executable, "-m", "pneumoscope", *map(str, arguments)]


def run(command: Sequence[str]) -> Run:
    """Run a command to its end; one that fails ends the program with what it said."""
    return _timed(command, lambda pid: None)


@dataclass(frozen=True)
class Sample:
    """Resident memory at a moment since the start."""

    seconds: float
    mb: float


def run_sampled(command: Sequence[str], interval: float, tell: Callable[[Sample], None]) -> tuple[Run, list[Sample]]:
    """Run a command and look at its resident memory every ``interval`` seconds."""
    samples: list[Sample] = []

    def watch(pid: int) -> None:
        started = time.perf_counter()
        while (mb := _resident_mb(pid)) is not None:
            samples.append(Sample(time.perf_counter() - started, mb))
            tell(samples[-1])
            time.sleep(interval)

    return _timed(command, watch), samples


def _timed(command: Sequence[str], watch: Callable[[int], None]) -> Run:
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        environment = {name: value for name, value in os.environ.items() if name != _SLOWS_STARTS}
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=environment)
        watch(process.pid)
        # wait4 tells the peak of this child; getrusage(RUSAGE_CHILDREN) the largest of all so far.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}\nended with {process.returncode}: {_text(stderr).strip()[-2000:]}")
        return Run(seconds, usage.ru_maxrss * 1024 / _MB, _text(stdout))


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _resident_mb(pid: int) -> float | None:
    """Resident memory of a process; None once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    # A process that has ended, but was not waited for yet, has no memory left to show.
    line = next((line for line in status.splitlines() if line.startswith("VmRSS:")), None)
    return int(line.split()[1]) * 1024 / _MB if line else None
