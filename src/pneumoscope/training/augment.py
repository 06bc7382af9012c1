"""Random changes to a batch of films, each film with its own draw, all from one generator."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, conv2d, grid_sample, pad

from pneumoscope.training.recipe import Augmentation, Range

_BLUR_RADIUS = 4


def augment(films: Tensor, size: int, spec: Augmentation, generator: torch.Generator) -> Tensor:
    """Change (B, 1, H, W) films in [0, 1] at random into (B, 1, size, size) films in [0, 1]."""
    films = _crop(films, size, spec, generator)
    films = _sharpness(films, spec, generator)
    films = _tone(films, spec, generator)
    deviation = _draw(films, spec.noise, generator)
    films = films + deviation * torch.randn(films.shape, generator=generator)
    return films.clamp(0.0, 1.0)


def _draw(films: Tensor, bounds: Range, generator: torch.Generator, *, log: bool = False) -> Tensor:
    """A number for each film, (B, 1, 1, 1), uniform (or log-uniform) between the bounds."""
    low, high = (math.log(bound) for bound in bounds) if log else bounds
    drawn = low + (high - low) * torch.rand((len(films), 1, 1, 1), generator=generator)
    return drawn.exp() if log else drawn


def _crop(films: Tensor, size: int, spec: Augmentation, generator: torch.Generator) -> Tensor:
    """Random crop, aspect, rotation and mirror in one sampling of the films.

    Samples at twice the size and averages 2x2, because plain bilinear sampling aliases where it shrinks.
    """
    area = _draw(films, spec.area, generator).flatten()
    stretch = _draw(films, spec.aspect, generator, log=True).flatten().sqrt()
    width = (area.sqrt() * stretch).clamp(max=1.0)
    height = (area.sqrt() / stretch).clamp(max=1.0)
    angle = math.radians(spec.rotation) * (2 * torch.rand(len(films), generator=generator) - 1)
    mirror = torch.where(torch.rand(len(films), generator=generator) < spec.flip, -1.0, 1.0)
    left = (1 - width) * (2 * torch.rand(len(films), generator=generator) - 1)
    top = (1 - height) * (2 * torch.rand(len(films), generator=generator) - 1)
    cos, sin = angle.cos(), angle.sin()
    across = torch.stack([mirror * width * cos, -height * sin, left], dim=1)
    down = torch.stack([mirror * width * sin, height * cos, top], dim=1)
    grid = affine_grid(torch.stack([across, down], dim=1), [len(films), 1, 2 * size, 2 * size], align_corners=False)
    return avg_pool2d(grid_sample(films, grid, padding_mode="zeros", align_corners=False), 2)


def _sharpness(films: Tensor, spec: Augmentation, generator: torch.Generator) -> Tensor:
    """Blur or sharpen: hides JPEG grain and the acquisition's own sharpness."""
    amount = _draw(films, spec.sharpness, generator)
    sigma = _draw(films, spec.blur, generator)
    return films + amount * (films - _blur(films, sigma))


def _blur(films: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of (B, 1, H, W) with a width (B, 1, 1, 1) for each film: the batch plays the channels."""
    offsets = torch.arange(-_BLUR_RADIUS, _BLUR_RADIUS + 1, dtype=films.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum(dim=-1, keepdim=True)
    batch = pad(films.transpose(0, 1), (_BLUR_RADIUS,) * 4, mode="replicate")
    batch = conv2d(batch, kernel, groups=len(films))
    batch = conv2d(batch, kernel.transpose(2, 3), groups=len(films))
    return batch.transpose(0, 1)


def _tone(films: Tensor, spec: Augmentation, generator: torch.Generator) -> Tensor:
    """Gamma, then contrast about the mean, then brightness."""
    films = films.clamp(0.0, 1.0) ** _draw(films, spec.gamma, generator, log=True)
    mean = films.mean(dim=(2, 3), keepdim=True)
    films = mean + (films - mean) * _draw(films, spec.contrast, generator, log=True)
    return films + _draw(films, spec.brightness, generator)
