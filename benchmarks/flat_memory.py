"""Whether memory grows with the number of films: 10,000 through one `pneumoscope predict`, to CSV and to HTML.

The resident memory of the process is looked at while it runs. The films are links, each to one of the films at hand.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import common
from child import Run, Sample, pneumoscope, run_sampled
from common import TEST, TRAIN, Figure, Result, say

_INTERVAL = 0.2
_MOMENTS = (0.1, 0.5, 1.0)
_WINDOW = 0.05
_METHOD = (
    f"Resident memory (VmRSS) every {_INTERVAL} s. At 10%, 50% and 100% of the run's time: the median of the "
    f"{_WINDOW:.0%} of the run that end there. Growth is from 10% to 100%."
)
_OUTPUTS = {"csv": "--out", "html": "--html"}


@dataclass(frozen=True)
class _Pass:
    """One run over all films."""

    run: Run
    samples: list[Sample]
    written_mb: float

    def mb_at(self, moment: float) -> float:
        """Resident memory at a moment of the run, 0 to 1."""
        end = self.run.seconds * moment
        inside = [s.mb for s in self.samples if end - _WINDOW * self.run.seconds <= s.seconds <= end]
        nearest = min(self.samples, key=lambda sample: abs(sample.seconds - end))  # a short run has few samples
        return statistics.median(inside or [nearest.mb])

    def curve(self) -> list[float]:
        """Resident memory at each twentieth of the run."""
        return [round(self.mb_at(step / 20), 1) for step in range(1, 21)]


def main() -> None:
    args = _arguments()
    bundle = common.bundle_facts(args.bundle)
    films = itertools.islice(itertools.cycle(common.films_in(TRAIN) + common.films_in(TEST)), args.films)
    facts = common.machine()
    figures: list[Figure] = []
    curves: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "films")
        say(f"linking {common.link_films(films, folder):,} films")
        for kind in _OUTPUTS:
            passes = [_measure(folder, args, kind, i) for i in range(args.repeats)]
            figures += _figures(kind, args.films, passes)
            curves[kind] = [each.curve() for each in passes]
    command = f"python benchmarks/flat_memory.py --films {args.films} --repeats {args.repeats}"
    detail = {"films": args.films, "mb_at_each_twentieth": curves}
    Result("flat_memory", command, _METHOD, figures, facts, bundle, detail).write(args.out)


def _arguments() -> argparse.Namespace:
    parser = common.options(__doc__, repeats=3)
    parser.add_argument("--films", type=int, default=10_000, help="how many films (10000)")
    return parser.parse_args()


def _measure(folder: Path, args: argparse.Namespace, kind: str, i: int) -> _Pass:
    say(f"{kind}, run {i + 1} of {args.repeats}")
    out = folder.parent / f"x.{kind}"
    command = pneumoscope("predict", folder, "--bundle", args.bundle, _OUTPUTS[kind], out, "-q")
    found, samples = run_sampled(command, _INTERVAL, _telling(every=10.0))
    written = out.stat().st_size / 1e6
    out.unlink()
    return _Pass(found, samples, written)


def _telling(every: float) -> Callable[[Sample], None]:
    due = every

    def tell(sample: Sample) -> None:
        nonlocal due
        if sample.seconds >= due:
            say(f"  {sample.seconds:.0f} s: {sample.mb:.0f} MB")
            due += every

    return tell


def _figures(kind: str, films: int, passes: Sequence[_Pass]) -> list[Figure]:
    what, command = f"{films:,} films to {kind}", f"pneumoscope predict FILMS {_OUTPUTS[kind]} x.{kind} -q"
    at = [
        Figure.of(f"{what}, memory at {moment:.0%}", [each.mb_at(moment) for each in passes], "MB", command)
        for moment in _MOMENTS
    ]
    growth = [each.mb_at(1.0) - each.mb_at(_MOMENTS[0]) for each in passes]
    written = Figure.of(f"{what}, size written", [each.written_mb for each in passes], "MB", command)
    return [
        *at,
        Figure.of(f"{what}, growth", growth, "MB", command),
        Figure.of(f"{what}, peak", [each.run.peak_mb for each in passes], "MB", command),
        Figure.of(f"{what}, speed", [films / each.run.seconds for each in passes], "films/s", command),
        written,
    ]


if __name__ == "__main__":
    main()
