"""Train the packaged recipes on the whole official train folder and measure them on the official test folder.

Each row of results/kermany-official.csv is a training run of its own: trained, exported and evaluated by the three
commands that a user has. What exists already in --runs is taken up where it ended, so that the script may be stopped at
any time; a row of the table whose run is not there stays as it is (remove the row to train it again). All runs share
one split, so that `pneumoscope ensemble` may average them. Nothing is chosen on the test folder: each network ships the
weights of its last epoch, at the operating point that its validation films gave it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import common
from common import ROOT, say
from training_runs import Row, TrainingRun, bundle_measured, changes, drawn_split, figures, read_table, write_table

TABLE = ROOT / "results" / "kermany-official.csv"
_FIRST_SEED = 20


@dataclass(frozen=True)
class Start:
    """Where a network's weights come from, in words for the table and for the command."""

    words: str
    options: tuple[str, ...]


def _taught(epochs: int, *, rate: float = 1e-3, pixels: tuple[int, int] = (128, 160)) -> Start:
    """Without ImageNet weights, labels alone teach a large network little: it learns from a finished one's answers too.

    Those that are not among the networks trained at full length have fewer ``epochs``, and the largest smaller films:
    ``pixels`` in training and after.
    """
    from_nothing = changes("network.weights=none", "optimisation.before=[]", "optimisation.layer_decay=1")
    length = changes(f"optimisation.rate={rate:g}", f"optimisation.epochs={epochs}")
    shown = changes(f"input.train_size={pixels[0]}", f"input.size={pixels[1]}")
    return Start("random, taught by the packaged MobileNetV2", ("--teacher", "default", *from_nothing, *length, *shown))


_FULL, _SHORT, _SHORTEST = 16, 8, 4
_RANDOM = Start("random", ())
_RECIPES = {
    "cnn-baseline": _RANDOM,
    "cnn-deep": _RANDOM,
    "cnn-dropout": _RANDOM,
    "densenet121": _taught(_FULL),
    "resnet50v2": _taught(_FULL),
    "resnet50": _taught(_SHORT),
    "xception": _taught(_SHORTEST),
    "vgg16": _taught(_SHORTEST, rate=2e-4, pixels=(96, 128)),
    "efficientnetv2": _taught(_SHORT),
    "convnextv2": _taught(_SHORT),
    "vit-tiny": _taught(_SHORT),
    "mobilenetv2": None,
}
"""None: ImageNet weights, from the file that --weights names."""


def main() -> None:
    args = _arguments()
    films = drawn_split(common.data_folder() / "kermany224", args.runs / "films.csv", "random", _FIRST_SEED)
    rows = read_table(args.out, lambda row: (row["recipe"], int(row["seed"])))
    for recipe, seed in _wanted(args):
        start = _RECIPES[recipe] or Start("ImageNet", ("--weights", str(args.weights)) if args.weights else ())
        options = (*changes(f"seed={seed}"), *start.options)
        run = TrainingRun(args.runs, f"{recipe}-{seed}", recipe, films, options, start.words)
        known = (recipe, seed) in rows and not run.begun
        if known or (args.collect and not run.complete):
            say(f"{run.name}: {'in the table already' if known else 'not complete, left out'}")
            continue
        run.make()
        rows[recipe, seed] = _row(run, seed)
        write_table(args.out, rows, list(_RECIPES))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "official", help="where the runs are kept")
    parser.add_argument("--out", type=Path, default=TABLE, help="the table (results/kermany-official.csv)")
    parser.add_argument("--only", action="append", choices=_RECIPES, help="this recipe; may be repeated")
    parser.add_argument(
        "--three-seeds", action="append", choices=_RECIPES, default=[], help="train this one three times"
    )
    parser.add_argument("--weights", type=Path, help="ImageNet weights of MobileNetV2 (safetensors), else timm's hub")
    parser.add_argument("--collect", action="store_true", help="train nothing, take the complete runs that there are")
    return parser.parse_args()


def _wanted(args: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """All recipes once, then the other seeds."""
    recipes = args.only or list(_RECIPES)
    yield from ((recipe, _FIRST_SEED) for recipe in recipes)
    yield from ((recipe, _FIRST_SEED + i) for recipe in recipes if recipe in args.three_seeds for i in (1, 2))


def _row(run: TrainingRun, seed: int) -> Row:
    results = run.evaluated(run.films, "test")
    bundle = bundle_measured(results)
    return {
        "recipe": run.recipe,
        "seed": seed,
        **run.facts(),
        "shipped": bundle["precision"],
        **figures(results),
        "bundle": bundle["digest"][:16],
        "recipe_digest": run.recipe_digest[:16],
    }


if __name__ == "__main__":
    main()
