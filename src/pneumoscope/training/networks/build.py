"""From a recipe's words to a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from pneumoscope.core import RecipeError
from pneumoscope.training.networks.cnn import Cnn
from pneumoscope.training.networks.film_network import FilmNetwork, feature_map
from pneumoscope.training.networks.initial import download_weights, load_weights
from pneumoscope.training.recipe import Network

OWN: dict[str, Callable[..., nn.Module]] = {"cnn": Cnn}
"""One line a network of our own; ``recipe.schema.OWN_NETWORKS`` names them for those who have no torch."""


def build_network(
    spec: Network, weights_file: Path | None = None, *, channels: int = 1, labels: int = 1, start: bool = True
) -> FilmNetwork:
    """Build the network that the recipe names.

    ``weights_file`` is a local safetensors file to start from in place of what the recipe says. With ``start=False``
    no weights are loaded, because a checkpoint brings them.

    Raises
    ------
    RecipeError : if there is no such network, its features are no map, or the weights cannot be had or do not fit.
    """
    backbone = _backbone(spec, channels)
    if start and weights_file is not None:
        load_weights(backbone, weights_file)
    elif start and spec.weights != "none":
        download_weights(backbone, spec)
    return FilmNetwork(backbone, _features(backbone, spec, channels), labels, spec.dropout)


def _backbone(spec: Network, channels: int) -> nn.Module:
    options: dict[str, Any] = {"in_chans": channels, **spec.arguments}
    try:
        if spec.name in OWN:
            return OWN[spec.name](**options)
        if spec.name not in timm.list_models():
            raise RecipeError(f"network.name: neither we nor timm {timm.__version__} know a network {spec.name!r}")
        backbone: nn.Module = timm.create_model(spec.name, num_classes=0, global_pool="", **options)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"network.arguments: {spec.name} refuses {spec.arguments}: {error}") from error
    if hasattr(backbone, "pre_logits"):  # VGG's dense layers, which know one size of film only
        backbone.pre_logits = nn.Identity()
    return backbone


def _features(backbone: nn.Module, spec: Network, channels: int) -> int:
    """Channels of the feature map."""
    film = torch.zeros(1, channels, 64, 64)
    with torch.no_grad():
        try:
            shape = feature_map(backbone.eval(), film).shape
        except (AssertionError, RuntimeError) as error:
            raise RecipeError(f"network: {spec.name} does not take films of any size: {error}") from error
    if len(shape) != 4:
        raise RecipeError(
            f"network.name: {spec.name} gives features of shape {tuple(shape)}; expected a map (B, C, h, w)"
        )
    return shape[1]
