"""Films a second in training: our recipes beside the same networks in Keras (peer_keras_train.py).

Same network, batch and 224 x 224 pixels, on the same cores, in turn. Ours reads prepared films, changes them as the
recipe says and computes in bfloat16 where the processor has it; Keras decodes JPEG files and changes them one by one,
as the notebooks do. Films from the train folder; all layers learn.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import common
from child import run
from common import Figure, Result, say

_HERE = Path(__file__).parent
_NETWORKS = {
    "densenet121": "DenseNet121",
    "resnet50": "ResNet50",
    "resnet50v2": "ResNet50V2",
    "xception": "Xception",
    "vgg16": "VGG16",
    "mobilenetv2": "MobileNetV2",
    "cnn-deep": "cnn-deep",
}
"""Our recipe and Keras's name."""

_METHOD = (
    "Time of a training step, from the end of one to the end of the next, wait for films included; the first two "
    "(Keras traces its graph) do not count. Median of the steps of a turn; a ratio is of medians of the same turn."
)


def main() -> None:
    parser = common.options(__doc__, repeats=2)
    parser.add_argument("--peer-python", type=Path, default=common.PEER_PYTHON, help="Python with TensorFlow")
    parser.add_argument("--only", action="append", choices=_NETWORKS, help="this network; may be repeated")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=8, help="steps a turn that count")
    parser.add_argument("--cores", type=int, default=2)
    args = parser.parse_args()
    common.use_cores(args.cores)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    facts = common.machine()
    figures, detail = [], {}
    with tempfile.TemporaryDirectory() as cache:
        for recipe in args.only or _NETWORKS:
            turns = [_turn(recipe, args, cache) for _ in range(args.repeats)]
            figures += _figures(recipe, turns, args.batch)
            detail[recipe] = turns
    command = (
        f"python benchmarks/train_throughput.py --batch {args.batch} --steps {args.steps} --repeats {args.repeats}"
    )
    Result("train_throughput", command, _METHOD, figures, facts, detail=detail).write(args.out)


def _turn(recipe: str, args: Any, cache: str) -> dict[str, Any]:
    """What both found, one after the other."""
    folder = common.data_folder() / "kermany224"
    options = ["--batch", str(args.batch), "--steps", str(args.steps)]
    ours = [sys.executable, str(_HERE / "train_child.py"), recipe, str(folder), cache, *options]
    peer = [
        str(args.peer_python),
        str(_HERE / "peer_keras_train.py"),
        _NETWORKS[recipe],
        str(folder / "train"),
        *options,
    ]
    found = {}
    for name, command in (("pneumoscope", ours), ("keras", peer)):
        found[name] = json.loads(run(command).stdout.splitlines()[-1])
        say(f"{recipe}, {name}: {args.batch / median(found[name]['seconds']):.1f} films/s")
    return found


def _figures(recipe: str, turns: list[dict[str, Any]], batch: int) -> list[Figure]:
    """Both speeds and their ratio."""
    speeds = {name: [batch / median(turn[name]["seconds"]) for turn in turns] for name in ("pneumoscope", "keras")}
    ratios = [ours / theirs for ours, theirs in zip(speeds["pneumoscope"], speeds["keras"], strict=True)]
    return [
        Figure.of(f"training {recipe}, pneumoscope", speeds["pneumoscope"], "films/s"),
        Figure.of(f"training {recipe}, Keras", speeds["keras"], "films/s"),
        Figure.of(f"training {recipe}, pneumoscope : Keras", ratios, "times as fast"),
    ]


if __name__ == "__main__":
    main()
