"""Training runs as a user makes them, by our commands, kept so that a stopped benchmark goes on where it ended."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from common import say

from pneumoscope.core.files import atomic_write

MEASURES = ("auc", "accuracy", "recall", "specificity", "f1", "log_loss")
_ENDS = {"": "value", "_low": "low", "_high": "high"}

Key = tuple[str, int]
Row = dict[str, Any]


def changes(*assignments: str) -> tuple[str, ...]:
    """As options of the command."""
    return tuple(word for assignment in assignments for word in ("--set", assignment))


@dataclass(frozen=True)
class TrainingRun:
    """A run under ``folder`` with its bundle and the figures that were measured with it.

    ``options`` are those of `pneumoscope train`, ``origin`` says in words where the initial weights come from. Bundles
    of one run that look at a film in other ``views`` have names of their own, and so has one that answers the mean of
    this run and the ``others``. ``before`` is a run that this one starts from, ``teacher`` one whose bundle it learns
    from.
    """

    folder: Path
    name: str
    recipe: str
    films: Path
    options: tuple[str, ...]
    origin: str
    views: tuple[str, ...] = ()
    before: TrainingRun | None = None
    teacher: TrainingRun | None = None
    others: tuple[TrainingRun, ...] = ()

    @property
    def run(self) -> Path:
        """The run's folder."""
        return self.folder / self.name

    @property
    def begun(self) -> bool:
        """Whether there is anything of it."""
        return self.run.exists()

    @property
    def complete(self) -> bool:
        """Whether it has been trained to its end, and so have those that it is averaged with."""
        return all((each.run / "model.safetensors").exists() for each in (self, *self.others))

    def train(self) -> None:
        """Train it to its end, with those that it is averaged with, if they are not there yet."""
        for other in self.others:
            other.train()
        if self.complete:
            return
        more: tuple[object, ...] = ()
        if self.before:
            self.before.train()
            more = ("--weights", self.before.run)
        if self.teacher:
            self.teacher.make()
            more = (*more, "--teacher", self.teacher.bundle)
        command("train", self.recipe, "--data", self.films, "--out", self.run, "--resume", *self.options, *more)

    def make(self) -> None:
        """Train and export what is not there yet."""
        self.train()
        if not self.bundle.exists():
            views = ("--views", ",".join(self.views)) if self.views else ()
            runs = [each.run for each in (self, *self.others)]
            makes = "ensemble" if self.others else "export"
            command(makes, *runs, "--out", self.bundle, "--weights-from", self.origin, *views)

    def evaluated(self, films: Path, split: str) -> Path:
        """The folder with the figures on a split of the films; measures them if they are not there yet."""
        results = self.folder / f"{self._shipped}-{split}"
        if not (results / "metrics.json").exists():
            where = ("--data", films, "--split", split, "--out", results)
            command("evaluate", "--bundle", self.bundle, *where, "--quick")
        return results

    def facts(self) -> Row:
        """What was trained, for a table."""
        summaries = [_json(each.run / "summary.json") for each in (self, *self.others)]
        parameters, minutes = (sum(each[name] for each in summaries) for name in ("parameters", "minutes"))
        shown, summary = _json(self.run / "run.json")["recipe"]["input"], summaries[0]
        return {
            "weights": self.origin,
            "parameters": parameters,
            "megabytes": round(parameters * 4 / 1e6, 1),
            "train_pixels": shown["train_size"],
            "pixels": shown["size"],
            "epochs": summary["epochs"],
            "minutes": round(minutes, 1),
            "device": summary["device"],
            "validation_auc": round(summary["validation"]["val_auc"], 4),
        }

    @property
    def validation(self) -> dict[str, float]:
        """What the network itself reached on the validation films, at even odds: nothing was fitted to them."""
        found: dict[str, float] = _json(self.run / "summary.json")["validation"]
        return found

    @property
    def recipe_digest(self) -> str:
        """Of the recipe with all its changes."""
        return str(_json(self.run / "run.json")["recipe_digest"])

    @property
    def bundle(self) -> Path:
        """The exported bundle."""
        return self.folder / f"{self._shipped}.zip"

    @property
    def _shipped(self) -> str:
        return "-".join([self.name, *self.views, *(other.name for other in self.others)])


def drawn_split(films: Path, manifest: Path, strategy: Literal["random", "shifted"], seed: int = 20) -> Path:
    """The manifest of these films with a validation split of their own; drawn once."""
    if not manifest.exists():
        manifest.parent.mkdir(parents=True, exist_ok=True)
        command("data", "split", films, "--strategy", strategy, "--seed", seed, "--out", manifest)
    return manifest


def figures(results: Path, names: Sequence[str] = MEASURES) -> Row:
    """Measures with their intervals, from a folder that `pneumoscope evaluate` wrote."""
    found = _json(results / "metrics.json")["metrics"]
    return {f"{name}{end}": round(found[name][key], 4) for name in names for end, key in _ENDS.items()}


def bundle_measured(results: Path) -> dict[str, str]:
    """Which bundle the figures are of."""
    bundle: dict[str, str] = _json(results / "metrics.json")["bundle"]
    return bundle


def command(*words: object) -> None:
    """Run our command; one that fails ends the program."""
    say("pneumoscope " + " ".join(map(str, words)))
    subprocess.run([sys.executable, "-m", "pneumoscope", *map(str, words)], check=True, env=os.environ)


def read_table(path: Path, key: Callable[[Row], Key]) -> dict[Key, Row]:
    """The rows that a table has."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {key(row): row for row in csv.DictReader(file)}


def write_table(path: Path, table: Mapping[Key, Row], order: Sequence[str]) -> None:
    """The rows, by name in the given ``order`` and by seed."""
    rows = [table[key] for key in sorted(table, key=lambda key: (order.index(key[0]), key[1]))]
    with atomic_write(path) as file:  # its rows are hours of training
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    say(f"wrote {path}: {len(rows)} runs")


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content
