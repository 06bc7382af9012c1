"""The peer in training: a Keras network over `flow_from_directory` with the usual notebook's augmentation.

Runs in an environment of its own (the requirements of the extra peer-keras). The weights are random: they do not change
the time. Prints one line of JSON: `seconds` are those of each step after the first ones, which trace the graph.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf
from keras import layers

_SIDE = 224
_AUGMENTATION = {
    "rescale": 1 / 255,
    "rotation_range": 30,
    "zoom_range": 0.2,
    "width_shift_range": 0.1,
    "height_shift_range": 0.1,
    "horizontal_flip": True,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", help="a name in keras.applications, or 'cnn-deep'")
    parser.add_argument("folder", type=Path, help="a folder with one folder a class")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=8, help="steps that count")
    parser.add_argument("--warm", type=int, default=2, help="steps before them")
    args = parser.parse_args()
    model = _cnn_deep() if args.network == "cnn-deep" else _transfer(args.network)
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    # Keras 3 keeps the generator under tf.keras only.
    generator = tf.keras.preprocessing.image.ImageDataGenerator(**_AUGMENTATION)
    flow = generator.flow_from_directory(
        args.folder, target_size=(_SIDE, _SIDE), batch_size=args.batch, class_mode="binary", seed=0
    )
    clock = _Clock()
    model.fit(flow, steps_per_epoch=args.warm + args.steps, epochs=1, verbose=0, callbacks=[clock])
    facts = {"parameters": model.count_params(), "tensorflow": tf.__version__, "keras": keras.__version__}
    print(json.dumps({"seconds": clock.seconds[args.warm :]} | facts))


def _transfer(name: str) -> keras.Model:
    """All of it learns, as in the notebooks' fine-tuning."""
    base = getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=(_SIDE, _SIDE, 3), pooling="avg"
    )
    return keras.Model(base.input, layers.Dense(1, activation="sigmoid")(layers.Dropout(0.2)(base.output)))


def _cnn_deep() -> keras.Model:
    """The recipe `cnn-deep`, layer by layer."""
    model = keras.Sequential([keras.Input((_SIDE, _SIDE, 3))])
    for width in (32, 64, 128, 256, 416):
        for _ in range(2):
            model.add(layers.Conv2D(width, 3, padding="same", use_bias=False))
            model.add(layers.BatchNormalization())
            model.add(layers.ReLU())
        model.add(layers.MaxPooling2D())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dropout(0.2))
    model.add(layers.Dense(1, activation="sigmoid"))
    return model


class _Clock(keras.callbacks.Callback):
    """From the end of a step to that of the next, the wait for films included."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._last = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        now = time.perf_counter()
        self.seconds.append(now - self._last)
        self._last = now


if __name__ == "__main__":
    main()
