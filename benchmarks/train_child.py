"""One of our networks in training, as `pneumoscope train` trains it, each step timed; prints a line of JSON."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

from pneumoscope.data import open_manifest
from pneumoscope.training.fitting import Setup
from pneumoscope.training.recipe import load_recipe
from pneumoscope.training.run import train

_FROM_SCRATCH = (
    "network.weights=none",
    "optimisation.before=[]",
    "optimisation.layer_decay=1",
    "optimisation.epochs=1",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    parser.add_argument("folder", type=Path, help="a folder with one folder a class in 'train'")
    parser.add_argument("cache", type=Path)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=8, help="steps that count")
    parser.add_argument("--warm", type=int, default=2, help="steps before them")
    args = parser.parse_args()
    changes = (*_FROM_SCRATCH, f"optimisation.batch={args.batch}", "input.size=224", "input.train_size=224")
    clock = _Clock(args.warm + args.steps)
    with tempfile.TemporaryDirectory() as scratch, suppress(_EnoughError):
        train(
            load_recipe(args.recipe, changes),
            open_manifest(args.folder),
            Path(scratch) / "run",
            cache=args.cache,
            setup=Setup(callbacks=[clock]),
        )
    print(json.dumps({"seconds": clock.seconds[args.warm :], "parameters": clock.parameters}))


class _EnoughError(Exception):
    """The steps have been timed."""


class _Clock(Callback):
    """From the end of a step to that of the next."""

    def __init__(self, steps: int) -> None:
        self.steps, self.seconds, self.parameters = steps, [], 0
        self._last = 0.0

    def on_train_start(self, trainer: Any, module: Any) -> None:
        self.parameters = sum(weight.numel() for weight in module.network.parameters())
        self._last = time.perf_counter()

    def on_train_batch_end(self, *_: Any) -> None:
        now = time.perf_counter()
        self.seconds.append(now - self._last)
        self._last = now
        if len(self.seconds) == self.steps:
            raise _EnoughError


if __name__ == "__main__":
    main()
