"""How long a million scored films take to be measured, every figure with an interval over 2,000 draws of the patients.

The scores are made up, so no films are needed: two films a patient, half of them with the finding, six digits.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
import tempfile
from pathlib import Path

import common
from child import pneumoscope, run
from common import Figure, Result, say

_METHOD = (
    "Whole processes on two cores, wall time and peak resident memory: reading a CSV table with film, patient, label "
    "and probability, all measures with their intervals, and the curves."
)


def main() -> None:
    args = _arguments()
    common.use_cores(2)
    facts = common.machine()
    with tempfile.TemporaryDirectory() as scratch:
        scores = Path(scratch, "scores.csv")
        _write_scores(scores, args.films)
        command = pneumoscope("evaluate", "--scores", scores, "--out", Path(scratch, "out"))
        runs = []
        for i in range(args.repeats):
            say(f"{args.films:,} films, run {i + 1} of {args.repeats}")
            runs.append(run(command))
    what, shown = f"evaluate --scores, {args.films:,} films", "pneumoscope evaluate --scores scores.csv --out out/"
    figures = [
        Figure.of(f"{what}, time", [each.seconds for each in runs], "s", shown),
        Figure.of(f"{what}, peak memory", [each.peak_mb for each in runs], "MB", shown),
    ]
    command_line = f"python benchmarks/evaluate_million.py --films {args.films} --repeats {args.repeats}"
    Result("evaluate_million", command_line, _METHOD, figures, facts).write(args.out)


def _arguments() -> argparse.Namespace:
    parser = common.options(__doc__, repeats=3)
    parser.add_argument("--films", type=int, default=1_000_000, help="how many rows (1000000)")
    return parser.parse_args()


def _write_scores(path: Path, films: int) -> None:
    rng = random.Random(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["film", "patient", "label", "probability"])
        for i in range(films):
            label = int(rng.random() < 0.5)
            probability = 1 / (1 + math.exp(-rng.gauss(4 * label - 2, 2)))
            writer.writerow([f"{i:07d}.png", f"p{i // 2:06d}", label, f"{probability:.6f}"])


if __name__ == "__main__":
    main()
