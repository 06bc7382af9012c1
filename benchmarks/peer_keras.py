"""The peer: Keras DenseNet121 with one output, reading a folder as its users do, files to a CSV of probabilities.

Runs in an environment of its own (the requirements of the extra peer-keras). The weights are random: they do not change
the time. Prints one line of JSON: `seconds` is reading, predicting and writing, without imports and the model.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

_SIDE = 224
_BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a folder with one folder a class")
    parser.add_argument("--out", type=Path, required=True, help="the CSV file")
    parser.add_argument("--warm", action="store_true", help="predict once before the clock starts")
    args = parser.parse_args()
    model = _model()
    if args.warm:
        # All of it, since Keras traces its graph anew for the last batch, which is smaller.
        model.predict(_flow(args.folder), verbose=0)
    started = time.perf_counter()
    flow = _flow(args.folder)
    probabilities = model.predict(flow, verbose=0)
    _write(args.out, flow.filenames, probabilities[:, 0])
    seconds = time.perf_counter() - started
    print(json.dumps({"films": len(flow.filenames), "seconds": seconds} | _about(model)))


def _model() -> keras.Model:
    base = keras.applications.DenseNet121(weights=None, include_top=False, input_shape=(_SIDE, _SIDE, 3), pooling="avg")
    return keras.Model(base.input, keras.layers.Dense(1, activation="sigmoid")(base.output))


def _flow(folder: Path) -> Any:
    # Keras 3 keeps the generator under tf.keras only.
    generator = tf.keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255)
    return generator.flow_from_directory(
        folder, target_size=(_SIDE, _SIDE), batch_size=_BATCH, class_mode="binary", shuffle=False
    )


def _write(path: Path, films: list[str], probabilities: Any) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["film", "probability"])
        writer.writerows(zip(films, probabilities.tolist(), strict=True))


def _about(model: keras.Model) -> dict[str, Any]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "network": "DenseNet121",
        "parameters": model.count_params(),
        "batch": _BATCH,
        "cores": cores,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }


if __name__ == "__main__":
    main()
