"""What may happen to a film between the patient and the model, as pure functions on its pixels.

Lengths are in pixels of a film whose shorter side has 224, whatever the film's own size, so that a level means the same
harm to the picture that the network is shown.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from pneumoscope.core import Radiograph

Grid: TypeAlias = NDArray[np.float32]
SIDE: Final = 224
_LEAST: Final = 1e-6


@dataclass(frozen=True)
class Perturbation:
    """A way to harm a film, and how much of it is tried.

    Attributes
    ----------
    title, unit : what it is and what a level counts, for people.
    levels : in ascending order, without ``identity``.
    identity : the level at which the film stays as it is, bit for bit; None if none does.
    apply : pixels (H, W) in [0, 1], level and the film's digest to pixels; values beyond [0, 1] are cut off afterwards.
    """

    title: str
    unit: str
    levels: tuple[float, ...]
    identity: float | None
    apply: Callable[[Grid, float, str], Grid]


def perturbed(film: Radiograph, name: str, level: float) -> Radiograph:
    """The film after the perturbation of that name in :data:`PERTURBATIONS`, at a level; the film itself at identity.

    The film keeps its digest and all that its header says. The same film, name and level give the same pixels.
    """
    how = PERTURBATIONS[name]
    if level == how.identity:
        return film
    pixels = np.clip(how.apply(film.pixels, level, film.digest), 0.0, 1.0).astype(np.float32)
    full = (round(f * p / b) for f, p, b in zip(film.full_size, pixels.shape, film.pixels.shape, strict=True))
    height, width = full
    return replace(film, pixels=np.ascontiguousarray(pixels), full_size=(height, width))


def _rotated(pixels: Grid, degrees: float, _: str) -> Grid:
    """Around the film's middle, anticlockwise; what comes in at the corners is black, as outside a collimator."""
    return np.asarray(Image.fromarray(pixels).rotate(degrees, Image.Resampling.BILINEAR))


def _brighter(pixels: Grid, shift: float, _: str) -> Grid:
    return pixels + np.float32(shift)


def _steeper(pixels: Grid, factor: float, _: str) -> Grid:
    """About the film's own mean grey, which stays."""
    middle = np.float32(pixels.mean(dtype=np.float64))
    return middle + np.float32(factor) * (pixels - middle)


def _bent(pixels: Grid, gamma: float, _: str) -> Grid:
    bent: Grid = pixels ** np.float32(gamma)
    return bent


def _blurred(pixels: Grid, sigma: float, _: str) -> Grid:
    blurred: Grid = gaussian_filter(pixels, sigma * min(pixels.shape) / SIDE, mode="nearest")
    return blurred


def _grained(pixels: Grid, spread: float, digest: str) -> Grid:
    """Each film has a grain of its own, the same at all levels."""
    finer = min(1.0, SIDE / min(pixels.shape))
    rng = np.random.default_rng(list(digest.encode()))
    grain = rng.standard_normal([max(1, round(finer * side)) for side in pixels.shape], dtype=np.float32)
    return pixels + np.float32(spread) * _sized(grain, pixels.shape, Image.Resampling.NEAREST)


def _compressed(pixels: Grid, quality: float, _: str) -> Grid:
    """At the size that it was decoded to, in 8 bits, as a JPEG of one grey channel."""
    file = io.BytesIO()
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(file, "JPEG", quality=round(quality))
    with Image.open(file, formats=["JPEG"]) as picture:
        return np.asarray(picture, np.float32) / np.float32(255)


def _coarser(pixels: Grid, side: float, _: str) -> Grid:
    """Averaged down until the shorter side has so many pixels, and back up; films that have no more stay."""
    scale = side / min(pixels.shape)
    if scale >= 1:
        return pixels
    small = tuple(max(1, round(scale * length)) for length in pixels.shape)
    return _sized(_sized(pixels, small, Image.Resampling.BOX), pixels.shape, Image.Resampling.BILINEAR)


def _cropped(pixels: Grid, share: float, _: str) -> Grid:
    height, width = (round(share * side) for side in pixels.shape)
    return pixels[height : pixels.shape[0] - height, width : pixels.shape[1] - width]


def _inverted(pixels: Grid, level: float, _: str) -> Grid:
    return np.float32(1) - pixels


def _burnt(pixels: Grid, share: float, _: str) -> Grid:
    """That share of the pixels, the brightest, burn to white; the darkest fall to black if it is below 0."""
    if share > 0:
        return pixels / max(np.float32(np.quantile(pixels, 1 - share)), np.float32(_LEAST))
    black = np.float32(np.quantile(pixels, -share))
    return (pixels - black) / max(1 - black, np.float32(_LEAST))


def _flipped(pixels: Grid, level: float, _: str) -> Grid:
    return pixels[:, ::-1]


def _sized(pixels: Grid, shape: tuple[int, ...], resample: Image.Resampling) -> Grid:
    return np.asarray(Image.fromarray(pixels).resize((shape[1], shape[0]), resample))


_GREYS: Final = "share of the grey range"

PERTURBATIONS: Final[dict[str, Perturbation]] = {
    "rotation": Perturbation("Rotation", "degrees, anticlockwise", (-20, -10, -5, 5, 10, 20), 0, _rotated),
    "brightness": Perturbation("Brightness", _GREYS, (-0.3, -0.2, -0.1, 0.1, 0.2, 0.3), 0, _brighter),
    "contrast": Perturbation("Contrast", "factor, about the mean grey", (0.5, 0.75, 1.33, 1.5, 2), 1, _steeper),
    "gamma": Perturbation("Gamma", "exponent of the greys", (0.5, 0.75, 1.33, 2), 1, _bent),
    "blur": Perturbation("Blur", "standard deviation, pixels of 224", (0.5, 1, 2, 3), 0, _blurred),
    "noise": Perturbation("Noise", f"standard deviation, {_GREYS}", (0.02, 0.05, 0.1, 0.2), 0, _grained),
    "jpeg": Perturbation("JPEG compression", "quality", (5, 15, 30, 50, 75), None, _compressed),
    "resolution": Perturbation("Resolution", "pixels of the shorter side", (40, 56, 80, 112, 160), None, _coarser),
    "crop": Perturbation("Crop", "share cut off each side", (0.025, 0.05, 0.1, 0.15), 0, _cropped),
    "inversion": Perturbation("Inversion", "0 as it is, 1 black for white", (1,), 0, _inverted),
    "exposure": Perturbation("Exposure", "share of pixels burnt; below 0 black", (-0.2, -0.1, 0.1, 0.2), 0, _burnt),
    "flip": Perturbation("Mirroring", "0 as it is, 1 left for right", (1,), 0, _flipped),
}
"""By name, in the order in which they are reported."""
