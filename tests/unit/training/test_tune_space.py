"""A search's space is read strictly, tried out on the recipe, and refused before anything slow is imported."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pneumoscope.core import RecipeError
from pneumoscope.training.recipe import Recipe, changed_recipe, load_recipe, parse_recipe
from pneumoscope.training.tune.space import Space, load_space, parse_space

BASE = """
name = "small"
description = "A recipe."
[network]
name = "resnet18"
weights = "none"
arguments = { pad_type = "same" }
[input]
size = 128
train_size = 96
[optimisation]
epochs = 4
"""

SLOW = ("torch", "lightning", "timm", "optuna", "sklearn", "matplotlib")
REFUSED = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {slow!r}:
            raise SystemExit("imported " + name)
from pneumoscope.cli import main, options
options.find_spec = lambda module: module
sys.meta_path.insert(0, Refuse())
main(sys.argv[1:])
"""


@pytest.fixture
def base() -> Recipe:
    return parse_recipe(BASE, "small")


def space(text: str, base: Recipe, objective: str = "val_loss") -> Space:
    return parse_space(tomllib.loads(text), "space.toml", base, objective)


def test_a_space_says_which_values_a_trial_may_have(base):
    found = space(
        """
        "optimisation.rate" = { low = 1e-4, high = 3e-3, log = true }
        "optimisation.batch" = { low = 16, high = 64, step = 16 }
        "optimisation.epochs" = { low = 2, high = 9 }
        "augmentation.rotation" = { low = 0.0, high = 20.0 }
        "augmentation.area" = { choices = [[0.08, 1.0], [0.5, 1.0]] }
        "optimisation.optimiser" = { choices = ["adamw", "sgd"] }
        "data.sampling" = { choices = ["natural", "balanced"] }
        "optimisation.freeze_norm" = { choices = [true, false] }
        """,
        base,
    )
    drawn = {
        "augmentation.area": "[0.5,1.0]",
        "augmentation.rotation": 12.5,
        "data.sampling": "balanced",
        "optimisation.batch": 48,
        "optimisation.epochs": 3,
        "optimisation.freeze_norm": "true",
        "optimisation.optimiser": "sgd",
        "optimisation.rate": 2e-3,
    }
    assert list(found.ranges) == list(drawn)
    recipe = found.recipe(base, drawn)
    assert (recipe.augmentation.area, recipe.augmentation.rotation) == ((0.5, 1.0), 12.5)
    assert (recipe.data.sampling, recipe.optimisation.batch, recipe.optimisation.epochs) == ("balanced", 48, 3)
    assert (recipe.optimisation.freeze_norm, recipe.optimisation.optimiser) == (True, "sgd")
    assert recipe.optimisation.rate == 2e-3
    assert (recipe.name, recipe.seed, recipe.input, recipe.network) == (base.name, 0, base.input, base.network)


def test_order_and_spelling_do_not_matter(base):
    one = space('"optimisation.rate" = { low = 1e-4, high = 1e-3 }\n"input.size" = { low = 96, high = 160 }', base)
    other = space("[input.size]\nlow = 96\nhigh = 160\n[optimisation]\nrate = { low = 1e-4, high = 1e-3 }", base)
    third = space("[input.size]\nlow = 96\nhigh = 161\n[optimisation]\nrate = { low = 1e-4, high = 1e-3 }", base)
    assert one.digest == other.digest != third.digest


def test_whole_numbers_stay_whole_where_a_step_says_so(base):
    steps = space('"augmentation.rotation" = { low = 0, high = 20, step = 10 }', base)
    assert steps.ranges["augmentation.rotation"].whole
    reals = space('"augmentation.rotation" = { low = 0.0, high = 20.0, step = 2.5 }', base)
    assert not reals.ranges["augmentation.rotation"].whole


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected keys such as"),
        ("[optimisation]", "`low`"),
        ('"optimisation.rat" = { low = 1e-4, high = 1e-2 }', "unknown field `rat`"),
        ('"optimiser.rate" = { low = 1e-4, high = 1e-2 }', "unknown field `optimiser`"),
        ('"optimisation.rate.low" = { low = 1e-4, high = 1e-2 }', r"\$.optimisation.rate"),
        ('"optimisation.rate" = 1e-4', r"optimisation.rate: expected \{ low, high \} or \{ choices \}, got 0.0001"),
        ('"optimisation.rate" = { low = 1e-4 }', "optimisation.rate: .*`high`"),
        ('"optimisation.rate" = { low = 1e-4, high = 1e-2, lag = true }', "optimisation.rate: .*`lag`"),
        ('"optimisation.rate" = { low = 1e-4, high = 1e-2, when = "sgd" }', "`when`"),
        ('"optimisation.rate" = { low = "1e-4", high = 1e-2 }', r"optimisation.rate: .*got `str`"),
        ('"optimisation.rate" = { low = 1e-2, high = 1e-4 }', "low < high, got 0.01 and 0.0001"),
        ('"optimisation.rate" = { low = 1e-4, high = inf }', "expected numbers"),
        ('"optimisation.rate" = { low = 0.0, high = 1e-2, log = true }', "log: expected low > 0"),
        ('"optimisation.rate" = { low = 0.1, high = 0.2, step = 0.1, log = true }', "log: .*no step"),
        ('"optimisation.rate" = { low = 0.0, high = 1e-2 }', r"Expected `float` > 0.0 - at `\$.optimisation.rate`"),
        ('"optimisation.rate" = { low = 1, high = 1.5 }', "all of low, high and step"),
        ('"optimisation.batch" = { low = 8, high = 64, step = 16 }', "whole steps of 16, got 64"),
        ('"optimisation.batch" = { low = 8, high = 64, step = 0 }', "step: expected more than 0"),
        ('"optimisation.batch" = { low = 8, high = 64, step = 8.0 }', "all of low, high and step"),
        (
            '"optimisation.batch" = { low = 8.0, high = 64.0 }',
            r"Expected `int`, got `float` - at `\$.optimisation.batch`",
        ),
        ('"optimisation.batch" = { low = true, high = 64 }', "got `bool`"),
        ('"augmentation.rotation" = { low = 0, high = 20 }', r"takes real numbers: expected low = 0.0, .* step = 1"),
        ('"augmentation.rotation" = { low = 0.0, high = 190.0 }', "<= 180.0"),
        ('"optimisation.optimiser" = { choices = ["adamw"] }', "at least two"),
        ('"optimisation.optimiser" = { choices = ["adamw", "adamw"] }', "each once"),
        ('"optimisation.optimiser" = { choices = ["adamw", "adamx"] }', "Invalid enum value 'adamx'"),
        ('"optimisation.optimiser" = { choices = ["adamw", "sgd"], log = true }', "`log`"),
        ('"augmentation.area" = { choices = [[0.1, 1.0], [1.0, 0.1]] }', "area: expected .low, high. with low <= high"),
        ('"input.size" = { low = 64, high = 128 }', "train_size: expected at most size .64., got 96"),
        ('"input" = { choices = [{ size = 64 }, { size = 128 }] }', "train_size: expected at most size"),
        (
            '"input.size" = { low = 96, high = 128 }\n"input.train_size" = { low = 64, high = 128 }',
            "train_size: expected",
        ),
        ('"input" = { choices = [{ size = 96 }, { size = 128 }] }\n"input.size" = { low = 96, high = 128 }', "once"),
        ('"optimisation.rate" = { low = 0.1, high = 0.2 }\n[optimisation]\nrate = { low = 0.1, high = 0.3 }', "once"),
        ('"seed" = { low = 0, high = 9 }', "seed cannot be searched: the luckiest seed"),
        ('"name" = { choices = ["a", "b"] }', "name cannot be searched"),
        ('"data.folds" = { low = 4, high = 8 }', "data.folds cannot be searched: the validation films are drawn once"),
        ('"data" = { choices = [{ folds = 5 }, { folds = 8 }] }', "data.folds cannot be searched"),
        ('"data.labels" = { choices = [["pneumonia"], ["viral"]] }', "data.labels cannot be searched"),
        ('"optimisation.loss" = { choices = ["bce", "focal"] }', "val_loss does not compare trials: use --objective"),
        ('"optimisation.label_smoothing" = { low = 0.0, high = 0.2 }', "optimisation.label_smoothing changes what"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(base, text, says):
    with pytest.raises(RecipeError, match=f"space.toml: .*{says}"):
        space(text, base)


def test_what_changes_the_loss_can_be_searched_by_another_objective(base):
    text = '"optimisation.loss" = { choices = ["bce", "focal"] }'
    assert list(space(text, base, "val_auc").ranges) == ["optimisation.loss"]


def test_any_two_values_are_tried_together(base):
    """Each key alone would do with the recipe, and so would any value with the others' first."""
    ranges = '"optimisation.rate" = { low = 0.1, high = 0.2 }\n"input.size" = { choices = [160, 112] }\n'
    assert space(ranges + '"input.train_size" = { choices = [96, 112] }', base)
    with pytest.raises(RecipeError, match=r"got 128 \(tried input.size = 112, input.train_size = 128, opt"):
        space(ranges + '"input.train_size" = { choices = [96, 128] }', base)


@pytest.mark.parametrize("data", [None, b"\xff\xfe", b"low = = 3"])
def test_a_file_that_is_no_toml_is_refused(base, tmp_path, data):
    if data is not None:
        (tmp_path / "space.toml").write_bytes(data)
    with pytest.raises(RecipeError, match=r"space\.toml: expected a TOML file"):
        load_space(tmp_path / "space.toml", base, "val_loss")


def test_a_wrong_space_is_refused_before_anything_slow_is_imported(tmp_path):
    (tmp_path / "space.toml").write_text('"optimisation.rat" = { low = 1e-4, high = 1e-2 }')
    words = ["tune", "mobilenetv2", "--space", tmp_path / "space.toml", "--trials", "3", "--data", tmp_path]
    command = [sys.executable, "-c", REFUSED.format(slow=SLOW), *map(str, words), "--out", str(tmp_path / "search")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "unknown field `rat`" in done.stderr) == (2, True), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["space.toml"]


def test_a_recipe_is_changed_as_the_command_line_changes_it(tmp_path):
    Path(tmp_path / "small.toml").write_text(BASE)
    name = str(tmp_path / "small.toml")
    values = {"optimisation.rate": 0.5, "augmentation.area": [0.5, 1.0], "network.name": "resnet34"}
    changes = ["optimisation.rate=0.5", "augmentation.area=[0.5, 1.0]", "network.name=resnet34"]
    assert changed_recipe(load_recipe(name), values) == load_recipe(name, changes)
    assert changed_recipe(load_recipe(name), {}) == load_recipe(name)
    with pytest.raises(RecipeError, match=r"small: .*unknown field `rat`"):
        changed_recipe(load_recipe(name), {"optimisation.rat": 1})
