"""Make candidates for the places of the packaged models, from films to bundles that may be released.

`fast` is one network of the recipe `mobilenetv2`. `accurate` is the mean of four others: two of that recipe, and two of
`children`, which tell bacterial from viral too (docs/decisions/0022). All learn from one ordinary split of the official
train folder (docs/decisions/0020); each bundle is given a gate and put to the release check. The test folder has no
part in any of it. What exists already in --runs is taken up where it ended. --install puts those that pass into the
package: `fast` as `default`, `accurate` under its own name.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import common
from common import ROOT, say
from training_runs import TrainingRun, changes, command, drawn_split

_SPLIT_SEED = 20
_PACKAGE = ROOT / "src" / "pneumoscope" / "bundle"
_FOREIGN = "not_frontal_chest"
_VERSION = ("--bundle-version", "2.0")
_ORIGIN = ("--weights-from", "MobileNetV2 1.0 224, ImageNet, published with TensorFlow")
_LICENCE = ("--weights-licence", "Apache-2.0")


@dataclass(frozen=True)
class Model:
    """What a bundle is called by itself and in the package, and the recipe and seed of each of its networks."""

    title: str
    packaged: str
    networks: tuple[tuple[str, int], ...]

    @property
    def makes(self) -> str:
        """The command that makes it of its runs."""
        return "export" if len(self.networks) == 1 else "ensemble"


_FOUR = (("mobilenetv2", 21), ("mobilenetv2", 22), ("children", 20), ("children", 21))
_MODELS = {
    "fast": Model("pneumoscope-children", "default", (("mobilenetv2", 20),)),
    "accurate": Model("pneumoscope-children-accurate", "accurate", _FOUR),
}


def main() -> None:
    args = _arguments()
    data = common.data_folder()
    films = drawn_split(data / "kermany224", args.runs / "films.csv", "random", _SPLIT_SEED)
    for name in args.only or _MODELS:
        runs = [_run(args.runs, *network, films, args.weights) for network in _MODELS[name].networks]
        for run in runs:
            run.train()
        bundle = _gated(name, runs, films, data / _FOREIGN)
        command("release-check", "--bundle", bundle, "--data", films)
        if args.install:
            _install(bundle, _PACKAGE / _MODELS[name].packaged)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "candidate", help="where the runs are kept")
    parser.add_argument("--only", action="append", choices=_MODELS, help="this bundle; may be repeated")
    parser.add_argument("--weights", type=Path, help="ImageNet weights of MobileNetV2 (safetensors), else timm's hub")
    parser.add_argument("--install", action="store_true", help="put what passes into the package")
    return parser.parse_args()


def _run(runs: Path, recipe: str, seed: int, films: Path, weights: Path | None) -> TrainingRun:
    start = ("--weights", str(weights)) if weights else ()
    options = (*changes(f"seed={seed}"), *start)
    return TrainingRun(runs, f"{recipe}-{seed}", recipe, films, options, "ImageNet")


def _gated(name: str, runs: Sequence[TrainingRun], films: Path, foreign: Path) -> Path:
    """The bundle of these runs, with a gate."""
    model, folder = _MODELS[name], runs[0].folder
    bare, gated = folder / f"{name}-bare.zip", folder / name
    if not bare.exists():
        said = ("--name", model.title, *_VERSION, *_ORIGIN, *_LICENCE)
        command(model.makes, *(run.run for run in runs), "--out", bare, *said)
    if not gated.exists():
        command("gate", "--bundle", bare, "--data", films, "--foreign", foreign, "--out", gated, *_VERSION)
    return gated


def _install(bundle: Path, place: Path) -> None:
    """Copied whole before the old one goes: a full disk must not leave the package without a model."""
    new = place.with_name("new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(bundle, new)
    shutil.rmtree(place, ignore_errors=True)
    new.rename(place)
    say(f"put in place: {place}")


if __name__ == "__main__":
    main()
