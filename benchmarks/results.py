"""Measure the packaged models again and put its figures where they are told: results/, docs/claims.md and the README.

PNEUMOSCOPE_DATA names the films. Speed is measured by `make bench`, networks are trained by kermany_official.py.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import common
from common import ROOT, say
from readme import OFFICIAL

RESULTS = ROOT / "results"
_PROGRAM = (sys.executable, "-m", "pneumoscope")
_ADULTS = "adults of other hospitals; the class goes with the place that a film comes from"


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    films = f"${common.DATA_VARIABLE}"
    common.data_folder()
    for bundle, place in OFFICIAL.items():
        _run([*_PROGRAM, "evaluate", "--bundle", bundle, "--data", f"{films}/kermany224", *_to("test", place)])
    with tempfile.TemporaryDirectory() as folder:
        adults = f"{folder}/adults.csv"
        found = ("--class", "covid=1", "--split", "test", "--out", adults)
        _run([*_PROGRAM, "data", "index", f"{films}/adult224", *found])
        whose = ("--outside-population", _ADULTS, "--robustness-films", "0")
        _run([*_PROGRAM, "evaluate", "--bundle", "default", "--data", adults, *_to("test", "adults"), *whose])
    (RESULTS / "adults" / "scores.csv").unlink()  # megabytes, and no more than anybody can make again
    _run([sys.executable, "benchmarks/claims.py"])
    _run([sys.executable, "benchmarks/readme.py"])


def _to(split: str, name: str) -> tuple[str, ...]:
    return "--split", split, "--out", str((RESULTS / name).relative_to(ROOT))


def _run(words: Sequence[str]) -> None:
    """Run it from the repository's root; a failure ends the program."""
    say(" ".join(words))
    subprocess.run([os.path.expandvars(word) for word in words], check=True, cwd=Path(ROOT))


if __name__ == "__main__":
    main()
