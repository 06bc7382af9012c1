"""A timm backbone with a linear head that can say where it looked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.models import adapt_input_conv
from torch import Tensor, nn

from pneumoscope.core import RecipeError
from pneumoscope.training.recipe import Network


class Explained(NamedTuple):
    """The three outputs of a bundle's graph.

    logits (B, K); features (B, C), the averaged feature map; cam (B, K, h, w), whose mean over the map is the logits.
    """

    logits: Tensor
    features: Tensor
    cam: Tensor


class FilmNetwork(nn.Module):
    """Feature map, average, linear: (B, 1, H, W) -> logits (B, K).

    Because the head is linear, moving it before the average changes nothing: each cell of the map then has a logit
    of its own (Zhou et al., "Learning deep features for discriminative localization", 2016), and a heat map is free.
    """

    def __init__(self, backbone: nn.Module, features: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(features, labels)

    def forward(self, films: Tensor) -> Tensor:
        """Logits, as training needs them."""
        pooled: Tensor = self.backbone(films).mean(dim=(2, 3))
        return self.head(self.dropout(pooled))  # type: ignore[no-any-return]

    def explain(self, films: Tensor) -> Explained:
        """Logits, features and class-activation map in one pass."""
        maps = self.backbone(films)
        pooled = maps.mean(dim=(2, 3))
        weight = self.head.weight[:, :, None, None]
        cam = nn.functional.conv2d(maps, weight, self.head.bias)
        return Explained(self.head(pooled), pooled, cam)


def build_network(
    spec: Network, weights_file: Path | None = None, *, labels: int = 1, start: bool = True
) -> FilmNetwork:
    """Build the network that the recipe names, for one grey channel.

    ``weights_file`` is a local safetensors file to start from in place of timm's hub. With ``start=False`` no
    weights are loaded, because a checkpoint brings them.

    Raises
    ------
    RecipeError : if timm knows no such network, its features are no map, or the weights cannot be had or do not fit.
    """
    if spec.timm not in timm.list_models():
        raise RecipeError(f"network.timm: timm {timm.__version__} knows no network called {spec.timm!r}")
    hub = start and spec.weights == "imagenet" and weights_file is None
    options: dict[str, Any] = {"in_chans": 1, "num_classes": 0, "global_pool": "", **spec.arguments}
    try:
        backbone = timm.create_model(spec.timm, pretrained=hub, **options)
    except (OSError, RuntimeError, httpx2.HTTPError) as error:
        raise RecipeError(
            f"network.weights: no ImageNet weights for {spec.timm}: {error}. Without a connection, download them "
            f"elsewhere and name the safetensors file with --weights, or write weights = 'none' in the recipe."
        ) from error
    if start and weights_file is not None:
        load_weights(backbone, weights_file)
    with torch.no_grad():
        shape = backbone.eval()(torch.zeros(1, 1, 64, 64)).shape
    if len(shape) != 4:
        raise RecipeError(
            f"network.timm: {spec.timm} gives features of shape {tuple(shape)}; expected a map (B, C, h, w)"
        )
    return FilmNetwork(backbone, shape[1], labels, spec.dropout)


def load_weights(backbone: nn.Module, path: Path) -> None:
    """Load a safetensors file into a headless backbone; weights of an RGB stem are summed to one grey channel.

    The sum is exact: a grey film is an RGB film with three equal channels.

    Raises
    ------
    RecipeError : if the file cannot be read, or does not fit the network.
    """
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise RecipeError(f"--weights {path}: expected a safetensors file: {error}") from error
    own = backbone.state_dict()
    for name, value in state.items():
        if name in own and value.ndim == 4 and value.shape[1] == 3 and own[name].shape[1] == 1:
            state[name] = adapt_input_conv(1, value)
    misfits = [name for name in own if name not in state or state[name].shape != own[name].shape]
    misfits = [name for name in misfits if not name.endswith("num_batches_tracked")]
    if misfits:
        raise RecipeError(f"--weights {path}: does not fit the network at {len(misfits)} places, first {misfits[0]}")
    backbone.load_state_dict({name: state[name] for name in own if name in state}, strict=False)
