"""Make the model that the package carries, from films to a bundle that may be released, by the commands of a user.

MobileNetV2 learns from a shifted split of the official train folder (docs/decisions/0009), then the second answer; the
exported bundle is given a gate, and put in its place if it passes the release check. The test folder has no part in any
of it. What exists already in --runs is taken up where it ended.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import common
from common import ROOT, say
from training_runs import TrainingRun, changes, command, shifted_split

RUNS = ROOT / "runs" / "packaged"
SEED = 20
VERSION = "2.0"
PLACE = ROOT / "src" / "pneumoscope" / "bundle" / "default"
_FOREIGN = "not_frontal_chest"
_ORIGIN = "MobileNetV2 1.0 224, ImageNet, published with TensorFlow"


def main() -> None:
    args = _arguments()
    data = common.data_folder()
    films = shifted_split(data / "kermany224", args.runs)
    run = second(args.runs, SEED, films, args.weights)
    run.train()
    bare, gated = args.runs / "default-bare.zip", args.runs / "default"
    if not bare.exists():
        said = ("--name", "pneumoscope-children", "--bundle-version", VERSION, "--weights-from", _ORIGIN)
        command("export", run.run, "--out", bare, *said, "--weights-licence", "Apache-2.0")
    if not gated.exists():
        foreign = ("--foreign", data / _FOREIGN, "--bundle-version", VERSION)
        command("gate", "--bundle", bare, "--data", films, "--out", gated, *foreign)
    command("release-check", "--bundle", gated, "--data", films)
    shutil.rmtree(PLACE, ignore_errors=True)
    shutil.copytree(gated, PLACE)
    say(f"put in place: {PLACE}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=RUNS, help="where the runs are kept")
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


if __name__ == "__main__":
    main()
