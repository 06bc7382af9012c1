"""A backbone with a linear head that can say where it looked."""

from __future__ import annotations

from typing import Any, NamedTuple

from timm.models import group_parameters
from torch import Tensor, nn


class Explained(NamedTuple):
    """The three outputs of a bundle's graph.

    logits (B, K); features (B, C), the averaged feature map; cam (B, K, h, w), whose mean over the map is the logits.
    """

    logits: Tensor
    features: Tensor
    cam: Tensor


class FilmNetwork(nn.Module):
    """Feature map, average, linear: (B, C, H, W) -> logits (B, K).

    Because the head is linear, moving it before the average changes nothing: each cell of the map then has a logit
    of its own (Zhou et al., "Learning deep features for discriminative localization", 2016), and a heat map is free.
    A transformer's tokens are such a map too, once those that stand for no place are left out.
    """

    def __init__(self, backbone: nn.Module, features: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(features, labels)

    def forward(self, films: Tensor) -> Tensor:
        """Logits, as training needs them."""
        return self.head(self.dropout(self._map(films).mean(dim=(2, 3))))  # type: ignore[no-any-return]

    def explain(self, films: Tensor) -> Explained:
        """Logits, features and class-activation map in one pass."""
        maps = self._map(films)
        pooled = maps.mean(dim=(2, 3))
        weight = self.head.weight[:, :, None, None]
        cam = nn.functional.conv2d(maps, weight, self.head.bias)
        return Explained(self.head(pooled), pooled, cam)

    def depths(self, *, coarse: bool) -> dict[str, int]:
        """Of each parameter of the backbone, how many layers (or with ``coarse``, blocks) from the film it is."""
        matcher = self.backbone.group_matcher(coarse=coarse)  # type: ignore[operator]
        return {
            f"backbone.{name}": depth for name, depth in group_parameters(self.backbone, matcher, reverse=True).items()
        }

    def _map(self, films: Tensor) -> Tensor:
        return feature_map(self.backbone, films)


def feature_map(backbone: nn.Module, films: Tensor) -> Tensor:
    """What the backbone makes of the films, as a map (B, C, h, w) where it is one."""
    maps: Tensor = backbone(films)
    if maps.ndim == 3 and hasattr(backbone, "patch_embed"):
        transformer: Any = backbone
        height, width = transformer.patch_embed.dynamic_feat_size(films.shape[-2:])
        tokens = maps[:, transformer.num_prefix_tokens :].transpose(1, 2)
        return tokens.reshape(*tokens.shape[:2], height, width)
    return maps
