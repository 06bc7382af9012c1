"""Our own reading in a process that is warm, and what no reading can be faster than: decoding alone, the graph alone.

Takes what the peers take, and prints one line of JSON as they do, with ``decode`` and ``graph``: the seconds of reading
all files without a network, and of as many runs of the graph without a file, both with one thread a core.
"""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import peer_common

from pneumoscope import Predictor
from pneumoscope.core.parallel import ordered_map, usable_cores
from pneumoscope.imaging import read
from pneumoscope.imaging.preprocess import network_input
from pneumoscope.report import open_table

_DISTINCT = 64
"""Inputs that the graph is given in turn: enough not to stay in a cache, few enough for the memory."""


def main() -> None:
    parser = peer_common.options(__doc__)
    parser.add_argument("--bundle", default="default")
    parser.add_argument("--jobs", type=int, help="threads of the reading (one more than cores)")
    args = parser.parse_args()
    predictor, films = Predictor.open(args.bundle), peer_common.films_in(args.folder)

    def read_all() -> None:
        with open_table(args.out) as table:
            for row in predictor.read_many(films, table.render, heatmap=False, jobs=args.jobs):
                table.add(row)

    def read_one(film: Path) -> Any:
        return predictor.read(film, heatmap=False)

    limits = {"decode": _decode(predictor, films), "graph": _graph(predictor, films)}
    peer_common.measure(films, read_all, read_one, args.warm, **limits)


def _decode(predictor: Predictor, films: list[Path]) -> float:
    """Seconds of reading all files, to the pixels that preprocessing begins with."""
    size = predictor.bundle.spec.preprocessing.size
    read(films[0], min_size=size)  # imports what this kind of file needs
    return peer_common.timed(lambda: _through(lambda film: read(film, min_size=size), films))


def _graph(predictor: Predictor, films: list[Path]) -> float:
    """Seconds of as many runs of the graph as there are films."""
    spec = predictor.bundle.spec.preprocessing
    inputs = [network_input(read(film, min_size=spec.size), spec)[np.newaxis] for film in films[:_DISTINCT]]
    turns = list(islice(cycle(inputs), len(films)))
    _through(predictor.engine.run, inputs[: usable_cores()])
    return peer_common.timed(lambda: _through(predictor.engine.run, turns))


def _through(work: Any, items: Any) -> None:
    for _ in ordered_map(work, items, usable_cores()):
        pass


if __name__ == "__main__":
    main()
