"""A recipe and a run small enough for a test."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")

from pneumoscope.data import open_manifest
from pneumoscope.training.recipe import Recipe, parse_recipe
from pneumoscope.training.run import Run, train

ROOT = Path(__file__).parents[2]
FILMS = ROOT / "demo" / "films"

TINY = """
name = "tiny"
description = "A network of a third of a million parameters that learns the demo films by heart."
seed = 3
[network]
name = "test_resnet"
dropout = 0.1
[input]
size = 64
train_size = 48
[data]
folds = 4
[augmentation]
area = [0.6, 1.0]
flip = 0.5
noise = [0.0, 0.02]
[optimisation]
epochs = 3
batch = 8
rate = 3e-3
ema_decay = 0.9
precision = "32-true"
"""


@pytest.fixture(scope="session")
def tiny() -> Recipe:
    return parse_recipe(TINY, "tiny")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def finished(tiny: Recipe, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nothing disturbed."""
    return train(tiny, open_manifest(FILMS), tmp_path_factory.mktemp("runs") / "undisturbed", cache=cache)
