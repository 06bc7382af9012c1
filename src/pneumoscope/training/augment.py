"""Random changes to a batch of films, each film with its own draw, all from one generator on the films' device.

Resolution and erasing draw nothing where they are switched off, so that recipes without them keep the numbers that a
seed gave before there were any. Whoever adds a change does the same.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, grid_sample, interpolate, pad

from pneumoscope.training.recipe import Augmentation, Range

_BLUR_RADIUS = 4
_ERASED_ASPECT = (0.3, 1 / 0.3)


def augment(films: Tensor, size: int, spec: Augmentation, generator: torch.Generator) -> Tensor:
    """Change (B, C, H, W) films in [0, 1] at random into (B, C, size, size) films in [0, 1].

    Channel 0 is the film. Other channels, such as its edges, go where it goes and are erased where it is; its
    resolution, sharpness, tone and noise are not theirs. All is done in float32, within autocast too.
    """
    with torch.autocast(films.device.type, enabled=False):
        films = _crop(films, size, spec, generator)
        films = torch.cat([_picture(films[:, :1], spec, generator), films[:, 1:]], dim=1).clamp_(0.0, 1.0)
        return _erase(films, spec, generator) if spec.erasing else films


def _picture(films: Tensor, spec: Augmentation, generator: torch.Generator) -> Tensor:
    """All that changes how (B, 1, H, W) films look, not where things are."""
    if spec.resolution != (1.0, 1.0):
        films = _resolution(films, spec, generator)
    films = _sharpness(films, spec, generator)
    films = _tone(films, spec, generator)
    deviation = _draw(films, spec.noise, generator)
    return films + deviation * torch.randn(films.shape, generator=generator, device=films.device)


def _uniform(films: Tensor, generator: torch.Generator) -> Tensor:
    """A number in [0, 1) for each film, (B,)."""
    return torch.rand(len(films), generator=generator, device=films.device)


def _draw(films: Tensor, bounds: Range, generator: torch.Generator, *, log: bool = False) -> Tensor:
    """A number for each film, (B, 1, 1, 1), uniform (or log-uniform) between the bounds."""
    low, high = (math.log(bound) for bound in bounds) if log else bounds
    drawn = low + (high - low) * _uniform(films, generator).view(-1, 1, 1, 1)
    return drawn.exp() if log else drawn


def _crop(films: Tensor, size: int, spec: Augmentation, generator: torch.Generator) -> Tensor:
    """Random crop, aspect, rotation and mirror in one sampling of the films.

    Samples at twice the size and averages 2x2, because plain bilinear sampling aliases where it shrinks.
    """
    area = _draw(films, spec.area, generator).flatten()
    stretch = _draw(films, spec.aspect, generator, log=True).flatten().sqrt()
    width = (area.sqrt() * stretch).clamp(max=1.0)
    height = (area.sqrt() / stretch).clamp(max=1.0)
    angle = math.radians(spec.rotation) * (2 * _uniform(films, generator) - 1)
    mirror = torch.where(_uniform(films, generator) < spec.flip, -1.0, 1.0)
    left = (1 - width) * (2 * _uniform(films, generator) - 1)
    top = (1 - height) * (2 * _uniform(films, generator) - 1)
    cos, sin = angle.cos(), angle.sin()
    across = torch.stack([mirror * width * cos, -height * sin, left], dim=1)
    down = torch.stack([mirror * width * sin, height * cos, top], dim=1)
    points = _points(torch.stack([across, down], dim=1), 2 * size)
    return avg_pool2d(grid_sample(films, points, padding_mode="zeros", align_corners=False), 2)


def _points(maps: Tensor, size: int) -> Tensor:
    """Where affine maps (B, 2, 3) take the middles of size x size pixels: (B, size, size, 2) from -1 to 1.

    What ``torch.nn.functional.affine_grid`` gives, whose product of long, thin matrices takes most of the time that
    all changes together take; the other way round it is ten times quicker.
    """
    middles = torch.linspace(-1, 1, size, device=maps.device) * (size - 1) / size
    x, y = torch.meshgrid(middles, middles, indexing="xy")
    pixels = torch.stack([x, y, torch.ones_like(x)]).flatten(1)
    points = torch.bmm(maps, pixels.expand(len(maps), -1, -1))
    return points.view(len(maps), 2, size, size).movedim(1, -1)


def _resolution(films: Tensor, spec: Augmentation, generator: torch.Generator) -> Tensor:
    """Shrink each film, averaging, and enlarge it again: other detectors, and films that were stored small."""
    scales = _draw(films, spec.resolution, generator, log=True).flatten()
    size = films.shape[-1]
    sizes = (size * scales).round().int().clamp(min=1).tolist()
    return torch.cat([_at(film, small) for film, small in zip(films[:, None], sizes, strict=True)])


def _at(film: Tensor, small: int) -> Tensor:
    """A (1, 1, H, H) film with the detail that small x small pixels hold."""
    size = film.shape[-1]
    if small == size:
        return film
    shrunk = interpolate(film, (small, small), mode="bilinear", antialias=True)
    return interpolate(shrunk, (size, size), mode="bilinear")


def _sharpness(films: Tensor, spec: Augmentation, generator: torch.Generator) -> Tensor:
    """Blur or sharpen: hides JPEG grain and the acquisition's own sharpness."""
    amount = _draw(films, spec.sharpness, generator)
    sigma = _draw(films, spec.blur, generator)
    return films + amount * (films - _blur(films, sigma))


def _blur(films: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of (B, 1, H, W) with a width (B, 1, 1, 1) for each film: the batch plays the channels."""
    offsets = torch.arange(-_BLUR_RADIUS, _BLUR_RADIUS + 1, dtype=films.dtype, device=films.device)
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


def _erase(films: Tensor, spec: Augmentation, generator: torch.Generator) -> Tensor:
    """Paint a rectangle with the film's mean over what is there (Zhong et al., "Random erasing", 2017).

    Its aspect is log-uniform between 0.3 and 1/0.3, kept to what fits into the film with the area that was drawn.
    """
    area = _draw(films, spec.erased, generator)
    aspect = _draw(films, _ERASED_ASPECT, generator, log=True).clamp(area, 1 / area)
    hit = _uniform(films, generator).view(-1, 1, 1, 1) < spec.erasing
    inside = _stretch(films, (area / aspect).sqrt(), generator)
    beside = _stretch(films, (area * aspect).sqrt(), generator).transpose(2, 3)
    return torch.where(hit & inside & beside, films.mean(dim=(2, 3), keepdim=True), films)


def _stretch(films: Tensor, length: Tensor, generator: torch.Generator) -> Tensor:
    """Pixels, (B, 1, 1, W), of a stretch of that share of the side (B, 1, 1, 1), somewhere along it."""
    start = (1 - length) * _draw(films, (0.0, 1.0), generator)
    middles = (torch.arange(films.shape[-1], device=films.device) + 0.5) / films.shape[-1]
    return (start <= middles) & (middles < start + length)
