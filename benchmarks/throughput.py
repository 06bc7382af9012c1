"""Films a second, files to CSV, as whole processes: pneumoscope beside Keras DenseNet121 (peer_keras.py).

The two take turns on the same cores, so that a machine that slows down slows both. The peer runs twice a turn: as its
user would run it, and warm, to time its work without imports, model building and the tracing of its graph.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path

import common
from child import pneumoscope, run
from common import CLASSES, TEST, Figure, Result, say

_PEER = Path(__file__).with_name("peer_keras.py")
_PEER_NAME = "Keras DenseNet121"
_METHOD = (
    "Wall time of whole processes, films in the page cache, a new output each time, pneumoscope and the peer in turn. "
    "'Warm' is the peer's reading, predicting and writing only, timed inside its process at its second pass over the "
    "films; the ratio to it still counts the whole of our process. Ratios are of the same turn."
)
_VARIANTS = {
    "csv": {"--out": "x.csv"},
    "csv and heat maps": {"--out": "x.csv", "--heatmaps": "maps"},
    "html": {"--html": "x.html"},
}
_COLD, _WARM = _PEER_NAME, f"{_PEER_NAME}, warm"


def main() -> None:
    args = _arguments()
    bundle = common.bundle_facts(args.bundle)
    common.use_cores(args.cores)
    films = _some(common.films_in(TEST), args.limit)
    bench = _Bench(args.bundle, None if args.no_peer else _peer_python(args))
    facts = common.machine()
    with tempfile.TemporaryDirectory() as scratch:
        folder, few = Path(scratch, "films"), Path(scratch, "few")
        common.link_films(films, folder)
        common.link_films(_some(films, 1), few)
        _warm_page_cache(films)
        bench.turn(few, Path(scratch, "warm"), "programs once, not counted")
        bench.seconds.clear()
        for turn in range(args.repeats):
            bench.turn(folder, Path(scratch, f"turn{turn}"), f"turn {turn + 1} of {args.repeats}")
    limit = f" --limit {args.limit}" if args.limit else ""
    command = f"python benchmarks/throughput.py --repeats {args.repeats} --cores {args.cores}{limit}"
    detail = {"films": len(films), "seconds": dict(bench.seconds), "peer": bench.peer}
    figures = _figures(bench.seconds, len(films))
    Result("throughput", command, _METHOD, figures, facts, bundle, detail).write(args.out)


def _arguments() -> argparse.Namespace:
    parser = common.options(__doc__, repeats=5)
    parser.add_argument("--cores", type=int, default=2, help="cores that both may use (2)")
    parser.add_argument("--limit", type=int, help="only so many films of each class, for a quick try")
    parser.add_argument(
        "--peer-python", type=Path, default=common.PEER_PYTHON, help="Python with TensorFlow (.venv-peer/bin/python)"
    )
    parser.add_argument("--no-peer", action="store_true", help="measure pneumoscope alone")
    return parser.parse_args()


def _peer_python(args: argparse.Namespace) -> Path:
    if not args.peer_python.exists():
        raise SystemExit(
            f"--peer-python: there is no {args.peer_python}. The peer runs in an environment of its own, with the "
            "requirements of the extra peer-keras in pyproject.toml; `make bench` makes it. To do without: --no-peer"
        )
    return Path(args.peer_python)


def _some(films: Sequence[Path], limit: int | None) -> list[Path]:
    return [film for name in CLASSES for film in [f for f in films if f.parent.name == name][:limit]]


def _warm_page_cache(films: Sequence[Path]) -> None:
    """The first to read a film should not pay for the disk."""
    for film in films:
        film.read_bytes()


class _Bench:
    """Measures turn by turn; ``seconds`` are those of each contestant, ``peer`` what the peer says about itself."""

    def __init__(self, bundle: str, peer_python: Path | None) -> None:
        self._bundle, self._peer_python = bundle, peer_python
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.peer: dict[str, object] = {}

    def turn(self, folder: Path, out: Path, title: str) -> None:
        """Let each have its go."""
        out.mkdir()
        for name, measure in self._contestants(folder, out).items():
            seconds = measure()
            self.seconds[name].append(seconds)
            say(f"{title}: {name}, {seconds:.1f} s")

    def _contestants(self, folder: Path, out: Path) -> Mapping[str, Callable[[], float]]:
        """In this order: ours, the peer, ours, the peer, ours."""
        ours = {name: partial(self._ours, folder, out / name, name) for name in _VARIANTS}
        if not self._peer_python:
            return ours
        csv, maps, html = ours.items()
        cold = (_COLD, partial(self._cold_peer, folder, out / "cold.csv"))
        warm = (_WARM, partial(self._warm_peer, folder, out / "warm.csv"))
        return dict([csv, cold, maps, warm, html])

    def _ours(self, folder: Path, out: Path, name: str) -> float:
        outputs = [word for option, file in _VARIANTS[name].items() for word in (option, out / file)]
        return run(pneumoscope("predict", folder, "--bundle", self._bundle, *outputs, "-q")).seconds

    def _cold_peer(self, folder: Path, out: Path) -> float:
        return run([str(self._peer_python), str(_PEER), str(folder), "--out", str(out)]).seconds

    def _warm_peer(self, folder: Path, out: Path) -> float:
        found = run([str(self._peer_python), str(_PEER), str(folder), "--out", str(out), "--warm"])
        self.peer = json.loads(found.stdout.splitlines()[-1])
        return float(str(self.peer.pop("seconds")))


def _figures(seconds: dict[str, list[float]], films: int) -> list[Figure]:
    figures = [_speed(f"pneumoscope, {name}", seconds[name], films, _shown(name)) for name in _VARIANTS]
    peers = [name for name in (_COLD, _WARM) if name in seconds]
    for name in peers:
        command = f"peer_keras.py $PNEUMOSCOPE_DATA/{TEST} --out x.csv{' --warm' if name == _WARM else ''}"
        figures.append(_speed(name, seconds[name], films, command))
    for mine, name in product(("csv", "csv and heat maps"), peers):
        ratios = [theirs / ours for ours, theirs in zip(seconds[mine], seconds[name], strict=True)]
        figures.append(Figure.of(f"pneumoscope, {mine} : {name}", ratios, "times as fast"))
    return figures


def _speed(what: str, seconds: Sequence[float], films: int, command: str) -> Figure:
    return Figure.of(what, [films / each for each in seconds], "films/s", command)


def _shown(name: str) -> str:
    outputs = " ".join(f"{option} {file}" for option, file in _VARIANTS[name].items())
    return f"pneumoscope predict $PNEUMOSCOPE_DATA/{TEST} {outputs} -q"


if __name__ == "__main__":
    main()
