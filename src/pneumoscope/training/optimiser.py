"""Which parameters learn, how fast, and by which rule."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from pneumoscope.training.networks import FilmNetwork
from pneumoscope.training.recipe import Optimisation, Stage, Whole
from pneumoscope.training.schedule import Pace


def build_optimiser(network: FilmNetwork, spec: Optimisation) -> Optimizer:
    """The recipe's optimiser over groups of parameters, each with its ``scale`` of the learning rate."""
    groups = _groups(network, spec)
    match spec.optimiser:
        case "adam":
            return torch.optim.Adam(groups, lr=spec.rate)
        case "adamw":
            return torch.optim.AdamW(groups, lr=spec.rate)
        case "nadam":
            return torch.optim.NAdam(groups, lr=spec.rate, decoupled_weight_decay=True)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=spec.rate, momentum=spec.momentum)
        case "sgd":
            return torch.optim.SGD(groups, lr=spec.rate, momentum=spec.momentum, nesterov=spec.momentum > 0)


def _groups(network: FilmNetwork, spec: Optimisation) -> list[dict[str, Any]]:
    """No decay on biases and normalisation, as is usual; the further from the head, the slower."""
    depths = network.depths(coarse=False)
    top = max(depths.values()) + 1
    groups: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    for name, parameter in network.named_parameters():
        decay = spec.weight_decay if parameter.ndim > 1 else 0.0
        groups[decay, spec.layer_decay ** (top - depths.get(name, top))].append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, "scale": scale}
        for (decay, scale), parameters in sorted(groups.items(), key=lambda group: group[0])
    ]


def set_pace(optimiser: Optimizer, pace: Pace) -> None:
    """Set the learning rate of each group, and the momentum where the schedule moves it."""
    for group in optimiser.param_groups:
        group["lr"] = pace.rate * group["scale"]
        if pace.momentum is not None and "betas" in group:
            group["betas"] = (pace.momentum, *group["betas"][1:])
        elif pace.momentum is not None:
            group["momentum"] = pace.momentum


def set_learning(network: FilmNetwork, stage: Stage | Whole, *, freeze_norm: bool) -> None:
    """Let what the stage names learn; the rest keeps its weights and its normalisation's statistics.

    The head is one tensor and learns as a whole: in a "further" stage the learner puts the first label's row back.
    """
    depths = network.depths(coarse=True)
    blocks = sorted(set(depths.values()))
    named = {"head": 0, "further": 0, "all": len(blocks)}
    count = named[stage.learns] if isinstance(stage.learns, str) else stage.learns
    learning = set(blocks[max(0, len(blocks) - count) :])
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(depths.get(name) in learning or name not in depths)
    network.train()
    for layer in network.backbone.modules():
        if isinstance(layer, _BatchNorm | nn.LayerNorm | nn.GroupNorm):
            own = list(layer.parameters(recurse=False))
            if freeze_norm:
                for parameter in own:
                    parameter.requires_grad_(False)
            layer.train(any(parameter.requires_grad for parameter in own))
