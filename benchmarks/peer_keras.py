"""The peer: Keras DenseNet121 with one output, reading a folder as its users do, files to a CSV of probabilities.

Runs in an environment of its own (the requirements of the extra peer-keras). The weights are random: they do not change
the time. Reads JPEG and PNG alone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import peer_common
import tensorflow as tf

_SIDE = 224
_BATCH = 32


def main() -> None:
    args = peer_common.options(__doc__).parse_args()
    model = _model()

    def read_all() -> None:
        flow = _flow(args.folder)
        probabilities = model.predict(flow, verbose=0)
        peer_common.write(args.out, flow.filenames, probabilities[:, 0].tolist())

    def read_one(film: Path) -> float:
        picture = keras.utils.img_to_array(keras.utils.load_img(film, target_size=(_SIDE, _SIDE)))
        return float(model.predict(picture[None] / 255, verbose=0)[0, 0])

    peer_common.measure(peer_common.films_in(args.folder), read_all, read_one, args.warm)


def _model() -> keras.Model:
    base = keras.applications.DenseNet121(weights=None, include_top=False, input_shape=(_SIDE, _SIDE, 3), pooling="avg")
    return keras.Model(base.input, keras.layers.Dense(1, activation="sigmoid")(base.output))


def _flow(folder: Path) -> Any:
    # Keras 3 keeps the generator under tf.keras only.
    generator = tf.keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255)
    return generator.flow_from_directory(
        folder, target_size=(_SIDE, _SIDE), batch_size=_BATCH, class_mode="binary", shuffle=False
    )


if __name__ == "__main__":
    main()
