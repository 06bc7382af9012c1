"""How long it takes to know one's films: index, audit, explore and prepare 5,840 films, and 200,000 in bounded memory.

The 200,000 are links to the films at hand, each under a name of its own: copies, which the audit has to find.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
from pathlib import Path

import common
from child import Run, pneumoscope, run
from common import TEST, TRAIN, Figure, Result, say

_METHOD = (
    "Whole processes, wall time and peak resident memory, memory-mapped files included. Cold: nothing in the cache of "
    "measurements; warm: the command once more."
)
_PREPARE = (
    "import sys; from pathlib import Path\n"
    "from pneumoscope.data import open_manifest, prepare\n"
    "from pneumoscope.imaging.preprocess import Preprocessing\n"
    "prepare(open_manifest(Path(sys.argv[1])), Preprocessing(size=(224, 224)), Path(sys.argv[2]))\n"
)


def main() -> None:
    parser = common.options(__doc__, repeats=3)
    parser.add_argument("--films", type=int, default=200_000, help="how many links (200000); 0 for none")
    args = parser.parse_args()
    facts = common.machine()
    figures = _real(args.repeats)
    if args.films:
        figures += _many(args)
    command = f"python benchmarks/data_room.py --films {args.films} --repeats {args.repeats}"
    Result("data_room", command, _METHOD, figures, facts).write(args.out)


def _real(repeats: int) -> list[Figure]:
    """The films at hand."""
    films = common.data_folder() / TRAIN.split("/")[0]
    runs: dict[str, list[Run]] = {}
    for i in range(repeats):
        say(f"films at hand, run {i + 1} of {repeats}")
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["PNEUMOSCOPE_CACHE"] = str(Path(scratch, "cache"))
            for name, command in _commands(films, Path(scratch)).items():
                runs.setdefault(name, []).append(run(command))
    count = len(common.films_in(TRAIN) + common.films_in(TEST))
    return [figure for name, done in runs.items() for figure in _figures(f"{name}, {count:,} films", done)]


def _commands(films: Path, scratch: Path) -> dict[str, list[str]]:
    audit = pneumoscope("data", "audit", scratch / "m.csv", "--out", scratch / "audit", "--fail-on", "never")
    prepare = [sys.executable, "-c", _PREPARE, str(scratch / "m.csv"), str(scratch / "cache")]
    return {
        "data index": pneumoscope("data", "index", films, "--out", scratch / "m.csv"),
        "data audit, cold": audit,
        "data audit, warm": audit,
        "data explore, warm": pneumoscope("data", "explore", scratch / "m.csv", "--out", scratch / "explore"),
        "prepared films, cold": prepare,
        "prepared films, warm": prepare,
    }


def _many(args: argparse.Namespace) -> list[Figure]:
    films = itertools.islice(itertools.cycle(common.films_in(TRAIN) + common.films_in(TEST)), args.films)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["PNEUMOSCOPE_CACHE"] = str(Path(scratch, "cache"))
        folder = Path(scratch, "films")
        say(f"linking {common.link_films(films, folder):,} films")
        commands = _commands(folder, Path(scratch))
        figures = []
        for name in ("data index", "data audit, cold"):
            say(f"{name} of {args.films:,} films")
            figures += _figures(f"{name}, {args.films:,} links", [run(commands[name])])
    return figures


def _figures(name: str, runs: list[Run]) -> list[Figure]:
    return [
        Figure.of(f"{name}, time", [each.seconds for each in runs], "s"),
        Figure.of(f"{name}, peak memory", [each.peak_mb for each in runs], "MB"),
    ]


if __name__ == "__main__":
    main()
