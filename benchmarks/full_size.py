"""Whether a film and its small copy get the same answer: full-size originals beside their 224-pixel copies.

With the manifest of a training run, also for those films alone that were set aside for validation.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import common
from common import CLASSES, ORIGINAL, TRAIN, Figure, Result, say

from pneumoscope import Predictor

_METHOD = (
    "Each original is read at full size, and so is the copy of the same name, by the same bundle at its default "
    "operating point. The difference is probability of the original minus probability of the copy."
)
_COMMAND = "python benchmarks/full_size.py"


@dataclass(frozen=True)
class _Pair:
    """What one film was answered, both ways."""

    film: str
    original: float
    copy: float
    same_decision: bool

    @property
    def difference(self) -> float:
        """Above 0 where the original looks more like pneumonia."""
        return self.original - self.copy


def main() -> None:
    args = _arguments()
    bundle = common.bundle_facts(args.bundle)
    facts = common.machine()
    predictor = Predictor.open(args.bundle)
    originals = common.films_in(ORIGINAL)
    pairs = []
    for i, original in enumerate(originals, start=1):
        pairs.append(_pair(predictor, original))
        if i % 10 == 0:
            say(f"{i} of {len(originals)} films")
    groups = _groups(pairs, args.manifest)
    figures = [_figure(what, found) for what, found in groups.items()]
    point = predictor.operating_point
    detail = {
        "threshold": point.threshold,
        "groups": {what: _summary(found) for what, found in groups.items() if found},
        "films": [asdict(pair) for pair in pairs],
    }
    command = _COMMAND + (" --manifest MANIFEST" if args.manifest else "")
    Result("full_size", command, _METHOD, figures, facts, bundle, detail).write(args.out)


def _arguments() -> argparse.Namespace:
    parser = common.options(__doc__)
    parser.add_argument("--manifest", type=Path, help="the manifest of the training run (CSV with path and split)")
    return parser.parse_args()


def _pair(predictor: Predictor, original: Path) -> _Pair:
    name = _key(original)
    copy = common.data_folder() / TRAIN / name
    if not copy.is_file():
        raise SystemExit(f"expected the 224-pixel copy of {name} in {TRAIN}, found none")
    large, small = (predictor.read(film, heatmap=False).finding for film in (original, copy))
    return _Pair(name, large.probability, small.probability, large.positive == small.positive)


def _key(film: Path) -> str:
    return f"{film.parent.name}/{film.name}"


def _groups(pairs: list[_Pair], manifest: Path | None) -> dict[str, list[_Pair]]:
    groups = {"all films": pairs}
    for name in CLASSES:
        groups[name] = [pair for pair in pairs if pair.film.startswith(f"{name}/")]
    if manifest:
        held_out = _held_out(manifest)
        groups["films not learned from"] = [pair for pair in pairs if pair.film in held_out]
    return groups


def _held_out(manifest: Path) -> set[str]:
    """Films of the manifest that training did not see, as ``class/name``."""
    with manifest.open(newline="", encoding="utf-8") as file:
        return {_key(Path(row["path"])) for row in csv.DictReader(file) if row["split"] == "val"}


def _figure(what: str, pairs: Sequence[_Pair]) -> Figure:
    title = f"full size and copy, {what}"
    if not pairs:
        return Figure(title, "no such films", command=_COMMAND)
    found = _summary(pairs)
    text = (
        f"same decision {found['same_decision']} of {found['films']}, mean absolute difference "
        f"{found['mean_absolute']:.3f}, largest {found['largest']:.3f}, mean with its sign {found['mean_signed']:+.3f}"
    )
    return Figure(title, text, command=_COMMAND)


def _summary(pairs: Sequence[_Pair]) -> dict[str, float]:
    sizes = [abs(pair.difference) for pair in pairs]
    return {
        "films": len(pairs),
        "same_decision": sum(pair.same_decision for pair in pairs),
        "mean_absolute": fmean(sizes),
        "largest": max(sizes),
        "mean_signed": fmean(pair.difference for pair in pairs),
    }


if __name__ == "__main__":
    main()
