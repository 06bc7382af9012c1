"""Make a candidate for the place of the packaged model, from films to a bundle that may be released.

MobileNetV2 learns from a shifted split of the official train folder (docs/decisions/0009), then the second answer; the
exported bundle is given a gate and put to the release check. The test folder has no part in any of it. What exists
already in --runs is taken up where it ended. --install puts a candidate that passes in the packaged model's place.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import common
from common import ROOT, say
from training_runs import TrainingRun, changes, command, drawn_split

_SEED = 20
_VERSION = "2.0"
_PLACE = ROOT / "src" / "pneumoscope" / "bundle" / "default"
_FOREIGN = "not_frontal_chest"
_ORIGIN = "MobileNetV2 1.0 224, ImageNet, published with TensorFlow"


def main() -> None:
    args = _arguments()
    data = common.data_folder()
    films = drawn_split(data / "kermany224", args.runs / "children.csv", "shifted")
    run = _second(_first(args.runs, films, args.weights), films)
    run.train()
    bare, gated = args.runs / "candidate-bare.zip", args.runs / "candidate"
    if not bare.exists():
        said = ("--name", "pneumoscope-children", "--bundle-version", _VERSION, "--weights-from", _ORIGIN)
        command("export", run.run, "--out", bare, *said, "--weights-licence", "Apache-2.0")
    if not gated.exists():
        foreign = ("--foreign", data / _FOREIGN, "--bundle-version", _VERSION)
        command("gate", "--bundle", bare, "--data", films, "--out", gated, *foreign)
    command("release-check", "--bundle", gated, "--data", films)
    if args.install:
        _install(gated)


def _install(bundle: Path) -> None:
    """Copied whole before the old one goes: a full disk must not leave the package without a model."""
    new = _PLACE.with_name("new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(bundle, new)
    shutil.rmtree(_PLACE)
    new.rename(_PLACE)
    say(f"put in place: {_PLACE}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "candidate", help="where the runs are kept")
    parser.add_argument("--weights", type=Path, help="ImageNet weights of MobileNetV2 (safetensors), else timm's hub")
    parser.add_argument("--install", action="store_true", help="put it in the place of the packaged model")
    args = parser.parse_args()
    args.runs.mkdir(parents=True, exist_ok=True)
    return args


def _first(runs: Path, films: Path, weights: Path | None) -> TrainingRun:
    """The network that learns whether there is pneumonia."""
    start = ("--weights", str(weights)) if weights else ()
    options = (*changes(f"seed={_SEED}"), *start)
    return TrainingRun(runs, f"mobilenetv2-{_SEED}", "mobilenetv2", films, options, "ImageNet")


def _second(before: TrainingRun, films: Path) -> TrainingRun:
    """The same network when it has learned of which kind a pneumonia is."""
    recipe, options = "mobilenetv2-subtype", changes(f"seed={_SEED}")
    return TrainingRun(before.folder, f"subtype-{_SEED}", recipe, films, options, "ImageNet", before=before)


if __name__ == "__main__":
    main()
