"""Whether the shifted validation split foretells test specificity better than a random one.

A logistic regression on frozen ImageNet features is fitted on what each split leaves for training, its threshold is set
for 99% recall on the split's validation films, and specificity is compared between the validation and the test films.
Nothing is chosen by it: the splits never see a test film.
"""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path

import common
import numpy as np
import torch
from common import Figure, Result, say
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pneumoscope.core.manifest import Manifest
from pneumoscope.data import open_manifest, prepare
from pneumoscope.data.shifted import hardness, with_shifted_validation
from pneumoscope.data.split import k_folds
from pneumoscope.data.survey import survey
from pneumoscope.imaging.preprocess import Preprocessing, standardise
from pneumoscope.training.networks import build_network
from pneumoscope.training.recipe import load_recipe

_SEED, _FOLDS, _RECALL = 20, 8, 0.99
_METHOD = (
    f"MobileNetV2 with ImageNet weights, frozen; 1,280 pooled features; standardised logistic regression (C 0.01, "
    f"balanced). Specificity at the threshold for {_RECALL:.0%} recall on the validation films. Random: {_FOLDS} folds "
    f"(seed {_SEED}), median and range; shifted: one split, pneumonia films of {_FOLDS} folds."
)


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="ImageNet weights (safetensors)")
    args = parser.parse_args()
    facts = common.machine()
    manifest = open_manifest(common.data_folder() / "kermany224")
    with tempfile.TemporaryDirectory() as scratch:
        cache = Path(os.environ.get("PNEUMOSCOPE_CACHE", scratch))
        features = _features(manifest, cache, args.weights)
        hard = hardness(survey(manifest, cache), _SEED)
    probe = partial(_probe, features=features)
    random = [probe(fold) for fold in k_folds(manifest, folds=_FOLDS, seed=_SEED)]
    seeds = range(_SEED, _SEED + _FOLDS)
    shifted = [probe(with_shifted_validation(manifest, hard, folds=_FOLDS, seed=seed)) for seed in seeds]
    figures = [figure for name, found in (("random", random), ("shifted", shifted)) for figure in _figures(name, found)]
    command = "python benchmarks/shifted_split.py --weights mobilenetv2_100.imagenet.safetensors"
    Result("shifted_split", command, _METHOD, figures, facts).write(args.out)


def _features(manifest: Manifest, cache: Path, weights: Path) -> NDArray[np.float32]:
    """(N, 1280) of the manifest's films."""
    spec = Preprocessing(size=(224, 224))
    pixels = prepare(manifest, spec, cache)
    network = build_network(load_recipe("mobilenetv2").network, weights, start=True).eval()
    rows = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(pixels), 64):
            films = standardise(pixels[start : start + 64].astype(np.float32) / 255, spec)
            rows.append(network.explain(torch.from_numpy(films)).features.float().numpy())
            say(f"features of {start + len(films)} films")
    return np.concatenate(rows)


def _probe(manifest: Manifest, *, features: NDArray[np.float32]) -> tuple[float, float]:
    """Specificity on validation and on test films."""
    split = np.array([film.split for film in manifest.films])
    label = np.array([film.label for film in manifest.films])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=3000, class_weight="balanced"))
    model.fit(features[split == "train"], label[split == "train"])
    score = model.decision_function(features)
    threshold = np.quantile(score[(split == "val") & (label == 1)], 1 - _RECALL)
    val, test = (float((score[(split == each) & (label == 0)] < threshold).mean()) for each in ("val", "test"))
    return val, test


def _figures(name: str, found: list[tuple[float, float]]) -> list[Figure]:
    return [
        Figure.of(f"{name} split, specificity on validation films", [val for val, _ in found], ""),
        Figure.of(f"{name} split, specificity on test films", [test for _, test in found], ""),
        Figure.of(f"{name} split, validation less test", [val - test for val, test in found], ""),
    ]


if __name__ == "__main__":
    main()
