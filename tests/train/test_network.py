"""Networks from timm, and the weights that they start from."""

import copy
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from pneumoscope.core import RecipeError
from pneumoscope.training.networks import build as build_module
from pneumoscope.training.networks import build_network, quicken
from pneumoscope.training.recipe import Network, load_recipe, packaged_recipes
from pneumoscope.training.run_folder import network_of

pytestmark = pytest.mark.train
TINY = Network(name="test_resnet", dropout=0.0)


def rgb_weights(path: Path) -> torch.nn.Module:
    network = timm.create_model("test_resnet", pretrained=False, num_classes=0, global_pool="").eval()
    save_file(network.state_dict(), path)
    return network


def test_rgb_weights_answer_the_same_for_one_grey_channel(tmp_path: Path) -> None:
    rgb = rgb_weights(tmp_path / "rgb.safetensors")
    grey = build_network(TINY, tmp_path / "rgb.safetensors").eval().backbone
    film = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(grey(film), rgb(film.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-5)


def test_explain_and_forward_agree() -> None:
    network = build_network(TINY).eval()
    film = torch.rand(3, 1, 64, 64)
    with torch.no_grad():
        explained = network.explain(film)
        torch.testing.assert_close(explained.logits, network(film))
        torch.testing.assert_close(explained.cam.mean(dim=(2, 3)), explained.logits, rtol=1e-4, atol=1e-5)
    assert explained.features.shape[0] == 3


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(RecipeError, match="know a network 'no_such_net'"):
        build_network(Network(name="no_such_net"))


def test_a_network_without_a_map_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(build_module.OWN, "cnn", lambda in_chans: torch.nn.Sequential(torch.nn.Flatten()))
    with pytest.raises(RecipeError, match="expected a map"):
        build_network(Network(name="cnn"))


def test_a_network_that_takes_one_size_only_is_refused() -> None:
    with pytest.raises(RecipeError, match="does not take films of any size"):
        build_network(Network(name="vit_tiny_patch16_224"))


@pytest.mark.parametrize("arguments", [{"width": [8]}, {"widths": []}, {"widths": [8, 8], "dropout": [0.1]}])
def test_arguments_that_the_network_does_not_take_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match=r"network\.arguments: cnn refuses"):
        build_network(Network(name="cnn", arguments=arguments))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(packaged_recipes()))
def test_every_packaged_network_is_a_map_under_a_linear_head(name: str) -> None:
    """At the sizes that the recipe trains and ships at; and each block has parameters of its own."""
    recipe = load_recipe(name)
    network = network_of(recipe, start=False).eval()
    for size in {recipe.input.size, recipe.input.train_size}:
        with torch.no_grad():
            explained = network.explain(torch.rand(1, 1, size, size))
        assert min(explained.cam.shape[2:]) >= 3
        torch.testing.assert_close(explained.cam.mean(dim=(2, 3)), explained.logits, rtol=1e-3, atol=1e-4)
    for coarse in (True, False):
        depths = network.depths(coarse=coarse)
        assert set(depths) == {f"backbone.{name}" for name, _ in network.backbone.named_parameters()}
        assert len(set(depths.values())) >= 4


def test_a_second_channel_starts_at_nothing(tmp_path: Path) -> None:
    rgb_weights(tmp_path / "rgb.safetensors")
    grey = build_network(TINY, tmp_path / "rgb.safetensors").eval().backbone
    edged = build_network(TINY, tmp_path / "rgb.safetensors", channels=2).eval().backbone
    film, edges = torch.rand(2, 1, 64, 64), torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(edged(torch.cat([film, edges], dim=1)), grey(film))


def test_a_quickened_network_answers_the_same_and_keeps_its_weights_names() -> None:
    network = network_of(load_recipe("mobilenetv2"), start=False).eval()
    quick = copy.deepcopy(network)
    quicken(quick)
    film = torch.rand(2, 1, 96, 96)
    changed = [layer for layer in copy.deepcopy(quick).modules() if type(layer).__name__.startswith("Float32")]
    assert [(layer.groups, layer.stride) for layer in changed] == [(groups, (2, 2)) for groups in (96, 144, 192, 576)]
    with torch.no_grad():
        torch.testing.assert_close(quick(film), network(film), rtol=0, atol=0)
        with torch.autocast("cpu", torch.bfloat16):
            assert changed[0](torch.rand(1, 96, 9, 9)).dtype == torch.float32
    assert list(quick.state_dict()) == list(network.state_dict())


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"stem.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(RecipeError, match="does not fit the network"):
        build_network(TINY, tmp_path / "other.safetensors")


def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"PK\x03\x04 not what it says")
    with pytest.raises(RecipeError, match="expected a safetensors file"):
        build_network(TINY, tmp_path / "weights.safetensors")
