from __future__ import annotations

import re

import msgspec
import pytest

from pneumoscope.core import RecipeError
from pneumoscope.training.recipe import (
    Augmentation,
    Input,
    Network,
    Optimisation,
    Recipe,
    load_recipe,
    packaged_recipes,
    parse_recipe,
)

LEAST = 'name = "a"\ndescription = "b"\n[network]\ntimm = "resnet18"\n'


def parse(text: str) -> Recipe:
    return parse_recipe(LEAST + text, "mine.toml")


@pytest.mark.parametrize("name", sorted(packaged_recipes()))
def test_a_packaged_recipe_is_sound_and_goes_by_its_own_name(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.description.endswith(".")
    assert recipe.input.train_size <= recipe.input.size


def test_the_packaged_model_has_a_recipe():
    recipe = load_recipe("mobilenetv2")
    assert (recipe.network.timm, recipe.network.weights, recipe.input.size) == ("mobilenetv2_100", "imagenet", 224)


def test_a_recipe_is_read_from_a_file(tmp_path):
    (tmp_path / "mine.toml").write_text(LEAST + "[augmentation]\nrotation = 12\ngamma = [0.5, 2]\n")
    recipe = load_recipe(str(tmp_path / "mine.toml"))
    assert (recipe.augmentation.rotation, recipe.augmentation.gamma) == (12.0, (0.5, 2.0))
    assert recipe.optimisation == Optimisation()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[optimisation]\nepoch = 3", "epoch"),
        ("[network.arguments]\nx = 1\n[optimizer]\nrate = 1", "optimizer"),
        ("[optimisation]\nepochs = 'ten'", "epochs"),
        ("[optimisation]\nepochs = 0", "epochs"),
        ("[optimisation]\nepochs = 2.5", "epochs"),
        ("[optimisation]\nepochs = true", "epochs"),
        ("[optimisation]\nrate = 0.0", "rate"),
        ("[optimisation]\nrate = nan", "rate"),
        ("[optimisation]\nrate = inf", "rate"),
        ("[optimisation]\nwarm_up = 1.1", "warm_up"),
        ("[optimisation]\nlabel_smoothing = 1.0", "label_smoothing"),
        ("[optimisation]\nprecision = '16'", "precision"),
        ("[input]\nsize = 16", "size"),
        ("[data]\nfolds = 1", "folds"),
        ("[augmentation]\nflip = -0.1", "flip"),
        ("[augmentation]\narea = [1.0, 0.5]", "area"),
        ("[augmentation]\narea = [0.0, 1.0]", "area"),
        ("[augmentation]\narea = [0.5, 1.5]", "area"),
        ("[augmentation]\narea = [nan, 1.0]", "area"),
        ("[augmentation]\ngamma = [-1.0, 1.0]", "gamma"),
        ("[augmentation]\ncontrast = [1.0, inf]", "contrast"),
        ("[augmentation]\nbrightness = [0.1, -0.1]", "brightness"),
        ("[augmentation]\nbrightness = [nan, nan]", "brightness"),
        ("[augmentation]\nbrightness = 0.1", "brightness"),
        ("[augmentation]\nnoise = [0.0]", "noise"),
        ("[augmentation]\nnoise = [-0.1, 0.0]", "noise"),
        ("[augmentation]\nrotation = 181", "rotation"),
    ],
)
def test_a_wrong_key_or_value_is_refused_by_name(text, key):
    with pytest.raises(RecipeError, match=rf"^mine\.toml: .*\b{key}\b"):
        parse(text)


@pytest.mark.parametrize("text", ["", "name = ", 'name = "a"\ndescription = "b"', 'name = "a"\n[network]\ntimm = "x"'])
def test_what_lacks_something_or_is_no_toml_is_refused(text):
    with pytest.raises(RecipeError, match=r"^mine\.toml: "):
        parse_recipe(text, "mine.toml")


@pytest.mark.parametrize("name", ["resnet", "no/such/file.toml", ""])
def test_an_unknown_recipe_is_told_with_those_that_exist(name):
    with pytest.raises(
        RecipeError, match=rf"^{re.escape(name)}: expected a TOML file or one of the recipes .*mobilenetv2"
    ):
        load_recipe(name)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError):
        load_recipe(str(tmp_path / "mine.toml"))


def test_equal_recipes_have_equal_digests_however_they_are_written():
    """Order, spacing, comments, whole numbers for decimals, and defaults left out or written down."""
    one = parse("[optimisation]\nrate = 0.001\nepochs = 10\n[augmentation]\nrotation = 12.0\n")
    two = parse(
        "# a remark\n[augmentation]\nrotation  =  12\nflip = 0\n[optimisation]\nrate = 1e-3\n[input]\nsize = 224\n"
    )
    assert one == two
    assert one.digest == two.digest
    assert re.fullmatch("[0-9a-f]{64}", one.digest)


@pytest.mark.parametrize(
    "text",
    [
        "[optimisation]\nepochs = 11",
        "[optimisation]\nbalance = false",
        "[augmentation]\nnoise = [0.0, 1e-9]",
        "[input]\ntrain_size = 160",
        "[data]\nfolds = 9",
        "[network.arguments]\npad_type = 'same'",
    ],
)
def test_every_choice_changes_the_digest(text):
    assert parse(text).digest != parse("").digest


def test_a_default_that_changes_in_a_later_version_changes_the_digest():
    """Though the file is the same: it is no longer the same training run."""

    class Later(Recipe, frozen=True, kw_only=True):
        optimisation: Optimisation = Optimisation(ema_decay=0.9)

    later = msgspec.toml.decode(LEAST, type=Later)
    assert later.digest != parse("").digest
    assert later.digest == parse("[optimisation]\nema_decay = 0.9").digest


def test_a_recipe_made_in_code_is_checked_too():
    with pytest.raises(ValueError, match="area"):
        Augmentation(area=(0.9, 0.1))
    made = Recipe(name="a", description="b", network=Network(timm="resnet18"), input=Input())
    assert made.digest == parse("").digest
