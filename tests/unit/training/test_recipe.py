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
    as_toml,
    load_recipe,
    packaged_recipes,
    parse_recipe,
)
from pneumoscope.training.recipe.weights import check_start

LEAST = 'name = "a"\ndescription = "b"\n[network]\nname = "resnet18"\n'


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
    assert (recipe.network.name, recipe.input.size, recipe.input.train_size) == ("mobilenetv2_100", 224, 176)
    assert recipe.network.weights == "timm/mobilenetv2_100.ra_in1k"


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


@pytest.mark.parametrize("text", ["", "name = ", 'name = "a"\ndescription = "b"', 'name = "a"\n[network]\nname = "x"'])
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
    made = Recipe(name="a", description="b", network=Network(name="resnet18"), input=Input())
    assert made.digest == parse("").digest


@pytest.mark.parametrize("name", sorted(packaged_recipes()))
def test_a_recipe_written_out_is_the_same_recipe(name):
    recipe = load_recipe(name)
    assert parse_recipe(as_toml(recipe), "written").digest == recipe.digest


def test_a_recipe_builds_on_another_key_by_key(tmp_path):
    (tmp_path / "first.toml").write_text('extends = "densenet121"\nname = "first"\n[input]\nsize = 192\n')
    (tmp_path / "second.toml").write_text('extends = "first.toml"\nname = "second"\n[optimisation]\nbefore = []\n')
    packaged, second = load_recipe("densenet121"), load_recipe(str(tmp_path / "second.toml"))
    assert (second.name, second.input.size, second.optimisation.before) == ("second", 192, ())
    assert (second.network, second.augmentation) == (packaged.network, packaged.augmentation)
    assert second.optimisation.layer_decay == packaged.optimisation.layer_decay


def test_another_network_takes_none_of_the_first_ones_arguments():
    changed = load_recipe("mobilenetv2", ["network.name=resnet18", "network.weights=none"])
    assert changed.network.arguments == {}
    assert load_recipe("mobilenetv2", ["network.dropout=0.5"]).network.arguments == {"pad_type": "same"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('extends = "loop.toml"\n', "builds on itself"),
        ('extends = "nothing"\n', "expected a TOML file or one of the recipes"),
        ("extends = 3\n", "expected the name of a recipe"),
    ],
)
def test_what_cannot_be_built_upon_is_refused(tmp_path, text, says):
    (tmp_path / "loop.toml").write_text(text + LEAST)
    with pytest.raises(RecipeError, match=says):
        load_recipe(str(tmp_path / "loop.toml"))


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("optimisation.epochs=3", 3),
        ("optimisation.schedule=cosine", "cosine"),
        ("optimisation.schedule='cosine'", "cosine"),
        ("input.edges = true", True),
        ("augmentation.area=[0.5, 1]", (0.5, 1.0)),
    ],
)
def test_a_change_is_a_toml_value_or_a_word(change, value):
    section, key = change.split("=", 1)[0].strip().split(".")
    assert getattr(getattr(load_recipe("cnn-deep", [change]), section), key) == value


def test_the_last_change_counts():
    assert load_recipe("cnn-deep", ["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("optimisation.epochs=0", "expected at least 1"),
        ("data.labels=['pneumonia', 'pneumonia']", "expected each once"),
        ("data.labels=['normal', 'viral']", "put 'normal' last"),
        ("optimisation.before=[{epochs=1, learns='tail'}]", "tail"),
        ("optimisation.before=[{epochs=0}]", "epochs"),
        ("network.weights=imagenet", "weights"),
        ("augmentation.resolution=[0.5, 2]", "at most 1"),
        ("augmentation.erased=[0, 0.5]", "above 0"),
        ("input.contrast=sharper", "sharper"),
        ("seed.first=1", "seed"),
    ],
)
def test_an_impossible_change_is_refused(change, says):
    with pytest.raises(RecipeError, match=says):
        load_recipe("cnn-deep", [change])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (["optimisation.loss=focal", "data.exclusive=true", "data.labels=['viral', 'normal']"], "focal loss is for"),
        (["probe.smote=true", "optimisation.before=[{epochs=1}]"], "a probe has no stages"),
        (["probe.smote=true", "data.exclusive=true", "data.labels=['viral', 'normal']"], "each label on its own"),
    ],
)
def test_an_impossible_combination_is_refused(changes, says):
    with pytest.raises(RecipeError, match=says):
        load_recipe("cnn-deep", changes)


# A second answer


SECOND = ["data.labels=['pneumonia', 'bacterial']", "data.given.bacterial=pneumonia"]


def test_a_label_can_be_asked_on_a_condition():
    recipe = load_recipe("cnn-deep", SECOND)
    assert recipe.data.given == {"bacterial": "pneumonia"}
    assert load_recipe("cnn-deep").data.given == {}
    assert recipe.digest != load_recipe("cnn-deep", SECOND[:1]).digest
    assert parse_recipe(as_toml(recipe), "written").digest == recipe.digest


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (["data.given.bacterial=pneumonia"], "given: expected a further label"),
        ([*SECOND, "data.given.bacterial=viral"], r"the first \(pneumonia\), got bacterial = 'viral'"),
        (["data.given.pneumonia=pneumonia"], "given: expected a further label"),
        (
            [
                "data.labels=['pneumonia', 'bacterial', 'Viral']",
                "data.given={bacterial='pneumonia', Viral='pneumonia'}",
            ],
            "expected bacterial or viral, each of which is what the other is otherwise, got both",
        ),
        ([*SECOND, "data.exclusive=true"], "given: labels that exclude each other"),
        (["optimisation.before=[{epochs=1, learns='further'}]"], "needs labels after the first"),
        (
            [
                "data.labels=['viral', 'normal']",
                "data.exclusive=true",
                "optimisation.before=[{epochs=1, learns='further'}]",
            ],
            "each on its own",
        ),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(changes, says):
    with pytest.raises(RecipeError, match=says):
        load_recipe("cnn-deep", changes)


def test_a_condition_that_was_inherited_can_be_taken_back(tmp_path):
    """By an empty table within a section; an empty section says nothing."""
    alone = ["data.labels=['pneumonia']", "data.given={}", "optimisation.before=[]", "optimisation.epochs=1"]
    assert load_recipe("mobilenetv2-subtype", alone).data.given == {}
    (tmp_path / "mine.toml").write_text(
        'extends = "mobilenetv2-subtype"\nname = "mine"\n[data]\n[network]\narguments = {}\n'
    )
    mine = load_recipe(str(tmp_path / "mine.toml"))
    assert mine.data == load_recipe("mobilenetv2-subtype").data
    assert mine.network.arguments == {}


def test_the_packaged_second_answer_leaves_the_packaged_first_as_it_is():
    first, second = load_recipe("mobilenetv2"), load_recipe("mobilenetv2-subtype")
    assert (second.data.labels, second.data.given) == (("pneumonia", "bacterial"), {"bacterial": "pneumonia"})
    assert [stage.learns for stage in second.optimisation.stages] == ["further"]
    assert (second.keeps_first_answer, first.keeps_first_answer) == (True, False)
    assert (second.network, second.input, second.seed) == (first.network, first.input, first.seed)


@pytest.fixture
def earlier(tmp_path):
    """Write the record of a run of a recipe, and name the weights that would lie beside it."""

    def _earlier(recipe):
        (tmp_path / "run.json").write_bytes(msgspec.json.encode({"recipe": recipe}))
        (tmp_path / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
        return tmp_path / "model.safetensors"

    return _earlier


def test_a_kept_answer_must_be_to_the_same_question(earlier):
    second = load_recipe("mobilenetv2-subtype")
    check_start(second, earlier(load_recipe("mobilenetv2")))
    check_start(second, earlier(load_recipe("mobilenetv2", ["input.train_size=128", "seed=3"])))
    for change, says in (
        ("input.size=256", "input.size is 256 there and 224 here"),
        ("input.contrast=clahe", "input.contrast is 'clahe' there"),
        ("data.labels=['viral', 'pneumonia']", "the first of data.labels is 'viral' there and 'pneumonia' here"),
        ("network.name=resnet18", "network.name is 'resnet18' there"),
    ):
        with pytest.raises(RecipeError, match=re.escape(says)):
            check_start(second, earlier(load_recipe("mobilenetv2", [change])))


def test_a_kept_answer_comes_from_a_run(tmp_path):
    second = load_recipe("mobilenetv2-subtype")
    with pytest.raises(RecipeError, match="--weights RUN"):
        check_start(second, None)
    (tmp_path / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    with pytest.raises(RecipeError, match="needs the folder of a complete run"):
        check_start(second, tmp_path / "model.safetensors")
