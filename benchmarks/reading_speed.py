"""How fast films are read, by kind of file: films a second, latency, cold start and memory, beside peers and limits.

Peers: DenseNet121 in Keras (peer_keras.py), in torchvision and, where the peers' Python has it, in torchxrayvision
(peer_torch.py). Limits: what our own process needs for decoding alone, and for the graph alone (reading_child.py). The
contestants take turns on the same cores, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import common
from child import pneumoscope, run
from common import Figure, Result, say

_HERE = Path(__file__).parent
KINDS = {
    "224-pixel JPEG": ("jpeg224", None),
    "2000-pixel JPEG": ("jpeg2000px", None),
    "3000-pixel 16-bit DICOM": ("dicom16", 24),
    "JPEG 2000 DICOM": ("dicom-jpeg2000", 24),
}
"""What make_films.py calls a kind, and how many films of it are enough."""

_OURS, _KERAS, _TORCH, _XRAY = "pneumoscope", "Keras DenseNet121", "torchvision DenseNet121", "torchxrayvision DenseNet"
_METHOD = (
    "Films in the page cache, a new output each time, each contestant in turn. Films a second, cold start (one film) "
    "and peak memory (without worker processes) are those of whole processes from files to a CSV table. 'Warm' is "
    "reading, predicting and writing only, timed inside a process at its second pass over the films; latency that of "
    "one film at a time in such a process. Ratios are of the same turn. Decoding alone and the graph alone are of our "
    "own process, with a thread a core."
)
_COLUMNS = ("films/s", "films/s, warm", "one film, median", "one film, p99", "one film, cold process", "peak memory")
_FOLDER, _OUT = "FOLDER", "OUT"


@dataclass(frozen=True)
class _Contestant:
    """Who reads, by which command lines; ``warm`` is empty for one that is measured as a whole process only."""

    name: str
    whole: list[str]
    warm: list[str]
    reads_dicom: bool = True


def main() -> None:
    args = _arguments()
    bundle = common.bundle_facts(args.bundle)
    common.use_cores(args.cores)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    facts = common.machine()
    kinds = {kind: KINDS[kind] for kind in args.only or KINDS}
    figures, detail = [], {}
    for kind, (name, most) in kinds.items():
        with tempfile.TemporaryDirectory() as scratch:
            bench = _Bench(kind, _contestants(kind, args), Path(scratch))
            bench.make_films(name, args.limit or most)
            for turn in range(args.repeats):
                bench.turn(f"turn {turn + 1} of {args.repeats}")
            figures += bench.figures()
            detail[kind] = {"films": bench.films, "measured": bench.found}
    table = _table(figures, list(kinds))
    print("\n".join(common.markdown(table)))
    limit = f" --limit {args.limit}" if args.limit else ""
    only = "".join(f' --only "{kind}"' for kind in args.only or ())
    command = f"python benchmarks/reading_speed.py --repeats {args.repeats} --cores {args.cores}{limit}{only}"
    Result("reading_speed", command, _METHOD, figures, facts, bundle, {"table": table, "kinds": detail}).write(args.out)


def _arguments() -> argparse.Namespace:
    parser = common.options(__doc__, repeats=3)
    parser.add_argument("--cores", type=int, default=2, help="cores that all may use (2)")
    parser.add_argument("--only", action="append", choices=KINDS, help="this kind of file; may be repeated")
    parser.add_argument("--limit", type=int, help="only so many films of each kind, for a quick try")
    parser.add_argument(
        "--peer-python", type=Path, default=common.PEER_PYTHON, help="Python with TensorFlow (.venv-peer/bin/python)"
    )
    parser.add_argument("--no-peer", action="store_true", help="measure pneumoscope alone")
    return parser.parse_args()


def _contestants(kind: str, args: argparse.Namespace) -> list[_Contestant]:
    """Those that can read this kind of file here; who is left out is told."""
    found = [_reader(_OURS, args.bundle)]
    if kind == next(iter(KINDS)):
        for what, option, out in (("heat maps", "--heatmaps", f"{_OUT}.maps"), ("a page", "--html", f"{_OUT}.html")):
            found.append(_Contestant(f"{_OURS} with {what}", [*found[0].whole, option, out], []))
        if args.bundle == "default":
            found.append(_reader(f"{_OURS}, accurate", "accurate"))
    if not args.no_peer:
        found += [peer for peer in _peers(args.peer_python) if peer.reads_dicom or "DICOM" not in kind]
    return found


def _reader(name: str, bundle: str) -> _Contestant:
    options = ["--bundle", bundle, "--out", _OUT]
    child = [sys.executable, str(_HERE / "reading_child.py"), _FOLDER, *options, "--warm"]
    return _Contestant(name, pneumoscope("predict", _FOLDER, *options, "-q"), child)


def _peers(python: Path) -> Iterator[_Contestant]:
    for name, where, needs, script, *more in (
        (_KERAS, str(python), "keras", "peer_keras.py"),
        (_TORCH, sys.executable, "torchvision", "peer_torch.py"),
        (_XRAY, str(python), "torchxrayvision", "peer_torch.py", "--library", "torchxrayvision"),
    ):
        if not _has(where, needs):
            say(f"{name}: left out, {where} has no {needs}")
            continue
        command = [where, str(_HERE / script), _FOLDER, "--out", _OUT, *more]
        yield _Contestant(name, command, [*command, "--warm"], reads_dicom=name != _KERAS)


def _has(python: str, module: str) -> bool:
    question = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    try:
        return subprocess.run([python, "-c", question], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


class _Bench:
    """Measures one kind of file, turn by turn.

    ``found`` holds, by contestant and measure, a number a turn. Each is shown a folder of films, and one of a film.
    """

    def __init__(self, kind: str, contestants: Sequence[_Contestant], scratch: Path) -> None:
        self._kind, self._contestants, self._scratch = kind, contestants, scratch
        self._all, self._one = scratch / "all", scratch / "one"
        self.films = 0
        self.found: dict[str, dict[str, list[float]]] = {}

    def make_films(self, name: str, films: int | None) -> None:
        """Make the two folders, and run every program once, not counted."""
        say(f"{self._kind}: making films")
        limit = ["--films", str(films)] if films else []
        made = run([sys.executable, str(_HERE / "make_films.py"), name, str(self._all), *limit])
        self.films = int(made.stdout)
        common.link_films([sorted(self._all.glob("*/*"))[0]], self._one)
        for film in self._all.glob("*/*"):
            film.read_bytes()  # the first to read a film should not pay for the disk
        for contestant in self._contestants:
            run(self._command(contestant.whole, self._one, "first"))

    def turn(self, title: str) -> None:
        """Let each have its go at all films, at one, and warm."""
        for c in self._contestants:
            whole = run(self._command(c.whole, self._all, title))
            self._add(c, "films/s", self.films / whole.seconds)
            self._add(c, "peak memory", whole.peak_mb)
            say(f"{self._kind}, {title}: {c.name}, {whole.seconds:.1f} s")
        for c in self._contestants:
            self._add(c, "one film, cold process", run(self._command(c.whole, self._one, title)).seconds)
        for c in self._contestants:
            if c.warm:
                self._warm(c, json.loads(run(self._command(c.warm, self._all, title)).stdout.splitlines()[-1]))

    def _warm(self, contestant: _Contestant, found: dict[str, object]) -> None:
        """Take over what a warm process says of itself."""
        latencies = [float(each) for each in found["latencies"]]  # type: ignore[attr-defined]
        self._add(contestant, "films/s, warm", self.films / float(str(found["seconds"])))
        self._add(contestant, "one film, median", statistics.median(latencies))
        self._add(contestant, "one film, p99", _percentile_99(latencies))
        for limit in ("decode", "graph"):
            if limit in found:
                self._add(contestant, limit, self.films / float(str(found[limit])))

    def _add(self, contestant: _Contestant, measure: str, value: float) -> None:
        self.found.setdefault(contestant.name, {}).setdefault(measure, []).append(value)

    def _command(self, words: Sequence[str], folder: Path, title: str) -> list[str]:
        out = tempfile.mkdtemp(dir=self._scratch, prefix=title.replace(" ", "-"))
        return [word.replace(_FOLDER, str(folder)).replace(_OUT, f"{out}/x.csv") for word in words]

    def figures(self) -> list[Figure]:
        """All that was measured, and how many times as fast we are."""
        units = {"films/s, warm": "films/s", "films/s": "films/s", "peak memory": "MB", "one film, cold process": "s"}
        figures = [
            Figure.of(_name(self._kind, who, what), values, units.get(what, "ms"))
            for who, measures in self.found.items()
            for what, values in measures.items()
            if what not in _LIMITS
        ]
        return [*figures, *self._limits(), *self._ratios()]

    def _limits(self) -> list[Figure]:
        ours = self.found[_OURS]
        limits = [Figure.of(_name(self._kind, _LIMITS[what], "films/s"), ours[what], "films/s") for what in _LIMITS]
        longer = _quotients(ours["graph"], ours["films/s, warm"])
        return [*limits, Figure.of(f"{self._kind}, {_OURS}, warm : graph alone", longer, "times as long")]

    def _ratios(self) -> list[Figure]:
        ours = [who for who in self.found if who.startswith(_OURS)]
        return [
            Figure.of(f"{self._kind}, {one}{word} : {other}{word}", self._ratio(one, other, what), "times as fast")
            for one, other in product(ours, [who for who in self.found if who not in ours])
            for what, word in (("films/s", ""), ("films/s, warm", ", warm"))
            if what in self.found[one]
        ]

    def _ratio(self, one: str, other: str, what: str) -> list[float]:
        return _quotients(self.found[one][what], self.found[other][what])


_LIMITS = {"decode": "decoding alone", "graph": "graph alone"}


def _quotients(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def _percentile_99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else values[0]


def _name(kind: str, who: str, what: str) -> str:
    """What a figure is called; films a second need no word."""
    word = {"films/s": "", "films/s, warm": ", warm"}.get(what, f", {what}")
    return f"{kind}, {who}{word}"


def _table(figures: Sequence[Figure], kinds: Sequence[str]) -> list[list[str]]:
    """Head and rows: a line for each reader of each kind of file."""
    known = {figure.what: figure for figure in figures}
    rows = [["kind of file", "read by", *_COLUMNS]]
    for kind in kinds:
        readers = [f.what.removeprefix(f"{kind}, ") for f in figures if f.what.startswith(kind) and f.unit == "films/s"]
        for who in (reader for reader in readers if not reader.endswith(", warm")):
            cells = [known.get(_name(kind, who, column)) for column in _COLUMNS]
            rows.append([kind, who, *(str(cell) if cell else "" for cell in cells)])
    return rows


if __name__ == "__main__":
    main()
