"""Networks from timm, and the weights that they start from."""

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from pneumoscope.core import RecipeError
from pneumoscope.training.network import build_network
from pneumoscope.training.recipe import Network

pytestmark = pytest.mark.train
TINY = Network(timm="test_resnet", weights="none", dropout=0.0)


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
    with pytest.raises(RecipeError, match="knows no network called 'no_such_net'"):
        build_network(Network(timm="no_such_net", weights="none"))


def test_a_network_without_a_map_is_refused() -> None:
    with pytest.raises(RecipeError, match="expected a map"):
        build_network(Network(timm="test_vit", weights="none", arguments={"img_size": 64}))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"stem.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(RecipeError, match="does not fit the network"):
        build_network(TINY, tmp_path / "other.safetensors")


def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"PK\x03\x04 not what it says")
    with pytest.raises(RecipeError, match="expected a safetensors file"):
        build_network(TINY, tmp_path / "weights.safetensors")
