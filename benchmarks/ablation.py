"""What each idea does for the default model: the same network with one thing changed at a time.

All learn from the shifted split of the train folder (docs/decisions/0009) and are compared on its validation films,
paired with the network that was trained with the same seed and nothing changed. The test folder has no part in it.
Short runs (fewer epochs and pixels) tell what is worth a long one: --full trains at the recipe's own length. What
exists already in --runs is taken up where it ended.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import common
import numpy as np
from common import ROOT, say
from training_runs import Row, TrainingRun, changes, command, drawn_split, figures, read_table, write_table

from pneumoscope.data import joined, read_listing, write_manifest
from pneumoscope.stats.paired import PairedTest, paired_bootstrap
from pneumoscope.stats.weighted import scored

TABLE = ROOT / "results" / "ablation" / "{length}.csv"
_SEED = 20
_RESAMPLES = 2000
_MEASURES = ("auc", "log_loss", "accuracy", "recall", "specificity")
_SHORT = changes("optimisation.epochs=6", "input.size=160", "input.train_size=128")
_BOTH_ANSWERS = changes("data.labels=['pneumonia', 'bacterial']", "data.given.bacterial=pneumonia")
_MILD_CROP = changes("augmentation.area=[0.5,1]")
_RESOLUTION = changes("augmentation.resolution=[0.3,1]")
_FROM_NOTHING = changes("network.weights=none", "optimisation.before=[]", "optimisation.layer_decay=1")


@dataclass(frozen=True)
class Idea:
    """One change: of the recipe, of the network, of what it learns from, or of how it looks at a film when finished.

    ``start`` is what it starts from: ImageNet weights, nothing, or a network that has learned adults' films before.
    ``mean_of`` so many seeds from its own on is the answer; those that are ``taught`` learn from the base's mean of
    three, too.
    """

    words: str
    options: tuple[str, ...] = ()
    recipe: str = "mobilenetv2"
    views: tuple[str, ...] = ()
    adults: bool = False
    start: Literal["ImageNet", "random", "adults"] = "ImageNet"
    mean_of: int = 1
    taught: bool = False


_IDEAS = {
    "base": Idea("the recipe as it is"),
    "mild-crop": Idea("crops keep half of the film or more", _MILD_CROP),
    "middle-crop": Idea("crops keep a quarter of the film or more", changes("augmentation.area=[0.25,1]")),
    "no-crop": Idea("no crops", changes("augmentation.area=[1,1]", "augmentation.aspect=[1,1]")),
    "narrow-aspect": Idea("aspect 3/4 to 4/3", changes("augmentation.aspect=[0.75,1.333]")),
    "wide-aspect": Idea("aspect 1/2 to 2", changes("augmentation.aspect=[0.5,2]")),
    "resolution": Idea("resolution at random, from 0.3", _RESOLUTION),
    "no-sharpness": Idea("sharpness as it is", changes("augmentation.sharpness=[0,0]")),
    "wide-sharpness": Idea(
        "sharpness and blur wider", changes("augmentation.sharpness=[-1,2]", "augmentation.blur=[0.4,3]")
    ),
    "no-tone": Idea(
        "greys as they are",
        changes("augmentation.gamma=[1,1]", "augmentation.contrast=[1,1]", "augmentation.brightness=[0,0]"),
    ),
    "wide-tone": Idea(
        "greys changed more",
        changes(
            "augmentation.gamma=[0.4,2.5]", "augmentation.contrast=[0.4,2.5]", "augmentation.brightness=[-0.3,0.3]"
        ),
    ),
    "erasing": Idea("half of the films with a rectangle painted over", changes("augmentation.erasing=0.5")),
    "equalise": Idea("histograms equalised", changes("input.contrast=equalise")),
    "clahe": Idea("contrast equalised locally (CLAHE)", changes("input.contrast=clahe")),
    "edges": Idea("edges as a second channel", changes("input.edges=true")),
    "mixup": Idea("mixup 0.2", changes("optimisation.mixup=0.2")),
    "no-average": Idea("weights of the last step, not their average", changes("optimisation.ema_decay=0")),
    "no-smoothing": Idea("labels not smoothed", changes("optimisation.label_smoothing=0")),
    "focal": Idea("focal loss", changes("optimisation.loss=focal")),
    "balanced": Idea("classes drawn equally often", changes("data.sampling=balanced")),
    "dropout": Idea("dropout 0.5", changes("network.dropout=0.5")),
    "both-answers": Idea("bacterial or viral learned at once", _BOTH_ANSWERS),
    "mild-both": Idea("mild-crop and both-answers together", (*_MILD_CROP, *_BOTH_ANSWERS)),
    "together": Idea("mild-crop, resolution and both-answers together", (*_MILD_CROP, *_RESOLUTION, *_BOTH_ANSWERS)),
    "smaller": Idea("96 pixels in training, 128 after", changes("input.size=128", "input.train_size=96")),
    "larger": Idea("176 pixels in training, 224 after", changes("input.size=224", "input.train_size=176")),
    "largest": Idea("224 pixels in training, 288 after", changes("input.size=288", "input.train_size=224")),
    "longer": Idea("twice as many epochs", changes("optimisation.epochs=12")),
    "mirrored": Idea("answers to the film and its mirror image averaged", views=("plain", "mirrored")),
    "closer": Idea("answers to the film and its middle averaged", views=("plain", "closer")),
    "all-views": Idea("answers to three views averaged", views=("plain", "mirrored", "closer")),
    "mean-of-three": Idea("answers of three seeds averaged", mean_of=3),
    "mean-of-three-mirrored": Idea(
        "answers of three seeds to the film and its mirror image averaged", mean_of=3, views=("plain", "mirrored")
    ),
    "mean-of-three-closer": Idea(
        "answers of three seeds to the film and its middle averaged", mean_of=3, views=("plain", "closer")
    ),
    "taught": Idea("learned from the mean of three, too", taught=True),
    "cnn-deep": Idea("a plain network from random weights", recipe="cnn-deep", start="random"),
    "random": Idea("MobileNetV2 from random weights", _FROM_NOTHING, start="random"),
    "with-adults": Idea("adults' films too, COVID-19 as pneumonia", adults=True),
    "adult-start": Idea("learned adults' films before", start="adults"),
}


def main() -> None:
    args = _arguments()
    length = "full" if args.full else "short"
    args.out = args.out or Path(str(TABLE).format(length=length))
    args.runs.mkdir(parents=True, exist_ok=True)
    rows = read_table(args.out, lambda row: (row["idea"], int(row["seed"])))
    for name in args.only or _IDEAS:
        for seed in range(_SEED, _SEED + args.seeds):
            run, base = (_run(each, seed, args) for each in (name, "base"))
            if args.collect and not (run.complete and base.complete):
                say(f"{run.name}: not complete, left out")
                continue
            base.make()
            run.make()
            rows[name, seed] = _row(name, seed, run, base)
            write_table(args.out, rows, list(_IDEAS))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "ablation", help="where the runs are kept")
    parser.add_argument("--out", type=Path, help="the table (results/ablation/short.csv, or full.csv)")
    parser.add_argument("--only", action="append", choices=_IDEAS, help="this idea; may be repeated")
    parser.add_argument("--seeds", type=int, default=1, help=f"how many seeds, from {_SEED} on (1)")
    parser.add_argument("--full", action="store_true", help="train at full length and size")
    parser.add_argument("--weights", type=Path, help="ImageNet weights of MobileNetV2 (safetensors), else timm's hub")
    parser.add_argument("--collect", action="store_true", help="train nothing, take the complete runs that there are")
    return parser.parse_args()


def _children(runs: Path) -> Path:
    return drawn_split(common.data_folder() / "kermany224", runs / "children.csv", "shifted", _SEED)


def _adults(runs: Path) -> Path:
    """Adults, all of them to be learned from."""
    manifest = runs / "adults.csv"
    if not manifest.exists():
        films = common.data_folder() / "adult224"
        command("data", "index", films, "--class", "covid=1", "--split", "train", "--out", manifest)
    return manifest


def _both(runs: Path) -> Path:
    manifest = runs / "both.csv"
    if not manifest.exists():
        write_manifest(joined([read_listing(_children(runs)), read_listing(_adults(runs))]), manifest)
    return manifest


def _run(name: str, seed: int, args: argparse.Namespace) -> TrainingRun:
    idea, folder = _IDEAS[name], args.runs / ("full" if args.full else "short")
    options = [*changes(f"seed={seed}"), *(() if args.full else _SHORT), *idea.options]
    imagenet = ("--weights", str(args.weights)) if args.weights else ()
    before = None
    if idea.start == "adults":
        films = _adults(args.runs)
        before = TrainingRun(folder, f"adults-{seed}", idea.recipe, films, (*options, *imagenet), "ImageNet")
    elif idea.start == "ImageNet":
        options += imagenet
    return TrainingRun(
        folder,
        f"base-{seed}" if idea.views or idea.mean_of > 1 else f"{name}-{seed}",
        idea.recipe,
        _both(args.runs) if idea.adults else _children(args.runs),
        tuple(options),
        idea.start,
        idea.views,
        before,
        _run("mean-of-three", seed, args) if idea.taught else None,
        tuple(_run("base", seed + more, args) for more in range(1, idea.mean_of)),
    )


def _row(name: str, seed: int, run: TrainingRun, base: TrainingRun) -> Row:
    ours, theirs = (each.evaluated(each.films, "val") for each in (run, base))
    differences = _compared(ours, theirs)
    against = {
        f"{measure}_change{end}": round(getattr(differences[measure], key), 4)
        for measure in ("auc", "log_loss")
        for end, key in (("", "difference"), ("_low", "low"), ("_high", "high"), ("_p", "p"))
    }
    return {
        "idea": name,
        "seed": seed,
        "what": _IDEAS[name].words,
        **_measured_on(ours),
        **run.facts(),
        **figures(ours, _MEASURES),
        **_as_trained(run),
        "second_auc": _second_auc(ours),
        **against,
    }


def _as_trained(run: TrainingRun) -> Row:
    """Recall and specificity before calibration, for which the hard normal films are used; of single networks only."""
    one = not (run.views or run.others)
    return {
        f"{name}_as_trained": round(run.validation[f"val_{name}"], 4) if one else ""
        for name in ("recall", "specificity")
    }


def _measured_on(results: Path) -> Row:
    """How many films, and how many of them with pneumonia."""
    data = json.loads((results / "metrics.json").read_text("utf-8"))["data"]
    return {name: data[name] for name in ("films", "positive")}


def _second_auc(results: Path) -> float | str:
    """How well the second answer is told, on films with pneumonia; nothing where there is none."""
    second = json.loads((results / "metrics.json").read_text("utf-8")).get("second")
    return round(second[0]["metrics"]["auc"]["value"], 4) if second else ""


def _compared(ours: Path, theirs: Path) -> dict[str, PairedTest]:
    """How the figures change, with patients drawn anew."""
    films, others = (list(_scores(folder)) for folder in (ours, theirs))
    if [film[:3] for film in films] != [film[:3] for film in others]:
        raise SystemExit(f"{ours} and {theirs}: expected figures of the same films")
    labels = np.array([int(film[2]) for film in films])
    first, second = (scored(labels, np.array([film[3] for film in each])) for each in (films, others))
    patients = [film[1] for film in films]
    return paired_bootstrap(first, second, patients, resamples=_RESAMPLES, seed=0)


def _scores(folder: Path) -> Iterator[tuple[str, str, str, float]]:
    """Film, patient, label and probability."""
    with (folder / "scores.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row["film"], row["patient"], row["label"], float(row["probability"])


if __name__ == "__main__":
    main()
