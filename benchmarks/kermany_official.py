"""Train the packaged recipes on the whole official train folder and measure them on the official test folder.

Each row of results/kermany-official.csv is a training run of its own: trained, exported and evaluated by the three
commands that a user has. What exists already in --runs is taken up where it ended, so that the script may be stopped at
any time; a row of the table whose run is not there stays as it is. Nothing is chosen on the test folder: each network
ships the weights of its last epoch, at the operating point that its validation films gave it.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import common
from common import ROOT, say

TABLE = ROOT / "results" / "kermany-official.csv"
_MEASURES = ("auc", "accuracy", "recall", "specificity", "f1", "log_loss")
_FIRST_SEED = 20


@dataclass(frozen=True)
class Start:
    """Where a network's weights come from, in words for the table and for the command."""

    words: str
    options: tuple[str, ...]


def _set(*changes: str) -> tuple[str, ...]:
    return tuple(word for change in changes for word in ("--set", change))


_TAUGHT = Start(
    "random, taught by the packaged MobileNetV2",
    (
        *("--teacher", "default"),
        *_set("network.weights=none", "optimisation.before=[]", "optimisation.layer_decay=1"),
        *_set("optimisation.rate=1e-3", "optimisation.epochs=16", "input.size=160", "input.train_size=128"),
    ),
)
"""Without ImageNet weights, labels alone teach a large network little: it learns from a finished one's answers too."""

_RANDOM = Start("random", ())
_RECIPES = {
    "cnn-baseline": _RANDOM,
    "cnn-deep": _RANDOM,
    "cnn-dropout": _RANDOM,
    "densenet121": _TAUGHT,
    "resnet50v2": _TAUGHT,
    "resnet50": _TAUGHT,
    "xception": _TAUGHT,
    "vgg16": _TAUGHT,
    "efficientnetv2": _TAUGHT,
    "convnextv2": _TAUGHT,
    "vit-tiny": _TAUGHT,
    "mobilenetv2": None,
}
"""None: ImageNet weights, from the file that --weights names."""


def main() -> None:
    args = _arguments()
    folder = common.data_folder() / "kermany224"
    rows = _read(args.out)
    for recipe, seed in _wanted(args):
        start = _RECIPES[recipe] or Start("ImageNet", ("--weights", str(args.weights)) if args.weights else ())
        if row := _Row(recipe, seed, start, folder, args.runs).measured(train=not args.collect):
            rows[recipe, seed] = row
            _write(args.out, rows)


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


@dataclass(frozen=True)
class _Row:
    """One run, from films to figures."""

    recipe: str
    seed: int
    start: Start
    films: Path
    runs: Path

    @property
    def run(self) -> Path:
        return self.runs / f"{self.recipe}-{self.seed}"

    @property
    def bundle(self) -> Path:
        return self.runs / f"{self.recipe}-{self.seed}.zip"

    @property
    def results(self) -> Path:
        return self.runs / f"{self.recipe}-{self.seed}-test"

    def measured(self, *, train: bool) -> dict[str, Any] | None:
        """The row; None for a run that is not complete and is not to be trained."""
        if not (self.run / "model.safetensors").exists():
            if not train:
                say(f"{self.run}: not complete, left out")
                return None
            options = (*_set(f"seed={self.seed}"), *self.start.options)
            _do("train", self.recipe, "--data", self.films, "--out", self.run, "--resume", *options)
        if not self.bundle.exists():
            _do("export", self.run, "--out", self.bundle, "--weights-from", self.start.words)
        if not (self.results / "metrics.json").exists():
            where = ("--data", self.films, "--split", "test", "--out", self.results)
            _do("evaluate", "--bundle", self.bundle, *where, "--quick")
        return self._figures()

    def _figures(self) -> dict[str, Any]:
        record, summary = (json.loads((self.run / name).read_text("utf-8")) for name in ("run.json", "summary.json"))
        found = json.loads((self.results / "metrics.json").read_text("utf-8"))
        shown = record["recipe"]["input"]
        row = {
            "recipe": self.recipe,
            "seed": self.seed,
            "weights": self.start.words,
            "parameters": summary["parameters"],
            "megabytes": round(summary["parameters"] * 4 / 1e6, 1),
            "train_pixels": shown["train_size"],
            "pixels": shown["size"],
            "epochs": summary["epochs"],
            "minutes": round(summary["minutes"], 1),
            "device": summary["device"],
            "validation_auc": round(summary["validation"]["val_auc"], 4),
            "shipped": found["bundle"]["precision"],
        }
        for name in _MEASURES:
            row |= {f"{name}{end}": round(found["metrics"][name][key], 4) for end, key in _ENDS.items()}
        return row | {"bundle": found["bundle"]["digest"][:16], "recipe_digest": record["recipe_digest"][:16]}


_ENDS = {"": "value", "_low": "low", "_high": "high"}


def _do(*words: object) -> None:
    """Run our command; one that fails ends the program."""
    say("pneumoscope " + " ".join(map(str, words)))
    subprocess.run([sys.executable, "-m", "pneumoscope", *map(str, words)], check=True, env=os.environ)


def _read(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """The rows that the table has, by recipe and seed."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["recipe"], int(row["seed"])): row for row in csv.DictReader(file)}


def _write(path: Path, table: Mapping[tuple[str, int], dict[str, Any]]) -> None:
    order = list(_RECIPES)
    rows = [table[key] for key in sorted(table, key=lambda key: (order.index(key[0]), key[1]))]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    say(f"wrote {path}: {len(rows)} runs")


if __name__ == "__main__":
    main()
