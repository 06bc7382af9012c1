"""Make the models that the package carries, from films to bundles that may be released, by the commands of a user.

`default` is one MobileNetV2, `accurate` the mean of three that differ in their seed. All of them learn from one shifted
split of the official train folder (docs/decisions/0009), then learn the second answer, and are given a gate. The test
folder has no part in any of it. What exists already in --runs is taken up where it ended; a bundle that the release
check does not pass is not put in its place.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import common
from common import ROOT, say
from training_runs import TrainingRun, changes, command, shifted_split

RUNS = ROOT / "runs" / "packaged"
SEEDS = (20, 21, 22)
VERSION = "2.0"
_FOREIGN = "not_frontal_chest"
_ORIGIN = "MobileNetV2 1.0 224, ImageNet, published with TensorFlow"
_SAID = ("--weights-from", _ORIGIN, "--weights-licence", "Apache-2.0", "--bundle-version", VERSION)


@dataclass(frozen=True)
class Model:
    """What a packaged bundle is called by itself, the command that makes it, and the seeds of its networks."""

    title: str
    makes: str
    seeds: tuple[int, ...]


_MADE = {
    "default": Model("pneumoscope-children", "export", SEEDS[:1]),
    "accurate": Model("pneumoscope-children-accurate", "ensemble", SEEDS),
}


def main() -> None:
    args = _arguments()
    data = common.data_folder()
    films = shifted_split(data / "kermany224", args.runs)
    for name in args.only or _MADE:
        model = _MADE[name]
        runs = [second(args.runs, seed, films, args.weights) for seed in model.seeds]
        for run in runs:
            run.train()
        place = _gated(name, runs, args.runs, films, data / _FOREIGN)
        command("release-check", "--bundle", place, "--data", films)
        _install(place, ROOT / "src" / "pneumoscope" / "bundle" / name)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=RUNS, help="where the runs are kept")
    parser.add_argument("--only", action="append", choices=_MADE, help="this bundle; may be repeated")
    parser.add_argument("--weights", type=Path, help="ImageNet weights of MobileNetV2 (safetensors), else timm's hub")
    args = parser.parse_args()
    args.runs.mkdir(parents=True, exist_ok=True)
    return args


def first(runs: Path, seed: int, films: Path, weights: Path | None) -> TrainingRun:
    """The network that learns whether there is pneumonia."""
    start = ("--weights", str(weights)) if weights else ()
    options = (*changes(f"seed={seed}"), *start)
    return TrainingRun(runs, f"mobilenetv2-{seed}", "mobilenetv2", films, options, "ImageNet")


def second(runs: Path, seed: int, films: Path, weights: Path | None) -> TrainingRun:
    """The same network when it has learned of which kind a pneumonia is."""
    before, options = first(runs, seed, films, weights), changes(f"seed={seed}")
    return TrainingRun(runs, f"subtype-{seed}", "mobilenetv2-subtype", films, options, "ImageNet", before=before)


def _gated(name: str, members: Sequence[TrainingRun], runs: Path, films: Path, foreign: Path) -> Path:
    """The bundle of these runs, with a gate."""
    model, bare, gated = _MADE[name], runs / f"{name}-bare.zip", runs / name
    if not bare.exists():
        command(model.makes, *(run.run for run in members), "--out", bare, "--name", model.title, *_SAID)
    if not gated.exists():
        given = ("--data", films, "--foreign", foreign, "--bundle-version", VERSION)
        command("gate", "--bundle", bare, "--out", gated, *given)
    return gated


def _install(bundle: Path, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(bundle, place)
    say(f"put in place: {place}")


if __name__ == "__main__":
    main()
