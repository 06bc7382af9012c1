"""Plain convolutional networks, as the first notebooks about these films had them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn


class Cnn(nn.Module):
    """Blocks of 3x3 convolutions, each block ending with 2x2 max-pooling: (B, C, H, W) -> (B, widths[-1], h, w).

    Parameters
    ----------
    widths : channels of each block's convolutions; the map is smaller than the film by 2 for each block.
    depth : convolutions in a block.
    norm : batch normalisation after each convolution.
    dropout : share of channels dropped at the end of each block; one number, or one for each block.

    Raises
    ------
    ValueError : if there is no block, or not one dropout for each.
    """

    def __init__(
        self,
        in_chans: int = 1,
        *,
        widths: Sequence[int] = (32, 64, 128),
        depth: int = 1,
        norm: bool = True,
        dropout: float | Sequence[float] = 0.0,
    ) -> None:
        super().__init__()
        shares = [dropout] * len(widths) if isinstance(dropout, float | int) else list(dropout)
        if not widths or len(shares) != len(widths):
            raise ValueError(f"expected blocks and one dropout for each, got widths {widths}, dropout {dropout}")
        steps = zip((in_chans, *widths), widths, shares, strict=False)
        self.blocks = nn.Sequential(*(_block(before, width, depth, norm, share) for before, width, share in steps))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, films: Tensor) -> Tensor:
        """The feature map."""
        return self.blocks(films)  # type: ignore[no-any-return]

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Which parameter belongs to which block, in timm's way of saying so."""
        return {"stem": r"^nothing$", "blocks": r"^blocks\.(\d+)"}


def _block(before: int, width: int, depth: int, norm: bool, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in range(depth):
        layers.append(nn.Conv2d(before if i == 0 else width, width, 3, padding=1, bias=not norm))
        layers.extend([nn.BatchNorm2d(width)] if norm else [])
        layers.append(nn.ReLU(inplace=True))
    layers.append(nn.MaxPool2d(2))
    layers.extend([nn.Dropout2d(dropout)] if dropout else [])
    return nn.Sequential(*layers)
