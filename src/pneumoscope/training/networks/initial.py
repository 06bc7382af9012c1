"""Weights that a network starts from: a file, another run, or a set on timm's hub."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.models import adapt_input_conv
from torch import Tensor, nn

from pneumoscope.core import RecipeError
from pneumoscope.training.recipe import Network
from pneumoscope.training.recipe.weights import no_weights

_OWN = "backbone."


def load_weights(backbone: nn.Module, path: Path) -> None:
    """Load a safetensors file, a published backbone's or that of a run, into a headless backbone.

    A stem for colour is summed to one grey channel, which is exact: a grey film is a colour film with three equal
    channels. A further channel starts at 0.

    Raises
    ------
    RecipeError : if the file cannot be read, or does not fit the network.
    """
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise RecipeError(f"--weights {path}: expected a safetensors file: {error}") from error
    if any(name.startswith(_OWN) for name in state):
        state = {name.removeprefix(_OWN): value for name, value in state.items() if name.startswith(_OWN)}
    _load(backbone, state, f"--weights {path}")


def load_first_answer(head: nn.Linear, path: Path) -> None:
    """Take the first label's row of the head from the file of a run.

    Raises
    ------
    RecipeError : if the file cannot be read, or its head does not fit.
    """
    try:
        state = load_file(path)
        weight, bias = state["head.weight"], state["head.bias"]
    except (OSError, SafetensorError, KeyError) as error:
        raise RecipeError(f"--weights {path}: expected the weights of a run, with its head: {error}") from error
    if weight.shape[1] != head.in_features:
        raise RecipeError(f"--weights {path}: expected a head of {head.in_features} features, got {weight.shape[1]}")
    with torch.no_grad():
        head.weight[0] = weight[0]
        head.bias[0] = bias[0]


def download_weights(backbone: nn.Module, spec: Network) -> None:
    """Load the weights that the recipe names from timm's hub, or from what an earlier download left on this machine.

    Raises
    ------
    RecipeError : if they cannot be had.
    """
    options: dict[str, Any] = {"num_classes": 0, "global_pool": "", **spec.arguments}
    try:
        donor = timm.create_model(
            spec.name,
            pretrained=True,
            pretrained_cfg_overlay={"hf_hub_id": spec.weights, "url": "", "file": "", "custom_load": False},
            **options,
        )
    except (OSError, RuntimeError, SafetensorError, httpx2.HTTPError) as error:
        raise no_weights(spec, error) from error
    _load(backbone, donor.state_dict(), f"network.weights {spec.weights}")


def _load(backbone: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    own = backbone.state_dict()
    fitted = {name: _fitted(value, own[name]) for name, value in state.items() if name in own}
    misfits = [name for name in own if name not in fitted or fitted[name].shape != own[name].shape]
    misfits = [name for name in misfits if not name.endswith("num_batches_tracked")]
    if misfits:
        raise RecipeError(f"{source}: does not fit the network at {len(misfits)} places, first {misfits[0]}")
    backbone.load_state_dict(fitted, strict=False)


def _fitted(value: Tensor, own: Tensor) -> Tensor:
    """A convolution of the film's channels, whatever channels it was learned with."""
    if value.ndim != 4 or value.shape == own.shape:
        return value
    if value.shape[1] == 3 and own.shape[1] < 3:
        value = adapt_input_conv(1, value)
    if value.shape[1] == 1 and own.shape[1] == 2:
        value = torch.cat([value, torch.zeros_like(value)], dim=1)
    return value
