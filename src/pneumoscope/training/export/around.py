"""What is around networks in one graph: how each is shown a film, and how their answers become one.

All of it is linear, but for labels that exclude each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from pneumoscope.bundle.spec import View
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.stats.calibration import Calibration

_SEEN: dict[View, tuple[float, float]] = {"plain": (0.0, 1.0), "mirrored": (0.0, 1.0), "closer": (1 / 16, 15 / 16)}
"""Which part of the film's width and height a view shows."""


@dataclass(frozen=True)
class Frame:
    """What the whole graph takes, a film in this preprocessing, and what it makes of it.

    Where the labels exclude each other (``exclusive``), the logit of each is set against those of all others.
    """

    spec: Preprocessing
    views: tuple[View, ...] = ("plain",)
    exclusive: bool = False


class Lens(nn.Module):
    """How a network is shown a film: (B, C, H, W) of the frame -> (V * B, C, h, w), one view after the other.

    Resampling is the runtime's own: bilinear with a support that grows with the scale.
    """

    def __init__(self, frame: Frame, own: Preprocessing) -> None:
        super().__init__()
        self.views = frame.views
        self.scale, self.shift = frame.spec.std / own.std, (frame.spec.mean - own.mean) / own.std
        for view in frame.views:
            for side, before, after in zip(("rows", "columns"), frame.spec.size, own.size, strict=True):
                self.register_buffer(f"{view}_{side}", _resampling(before, after, *_SEEN[view]))

    def forward(self, films: Tensor) -> Tensor:
        """The views."""
        shown = torch.cat([self._view(view, films) for view in self.views])
        return shown if (self.scale, self.shift) == (1, 0) else shown * self.scale + self.shift

    def _view(self, view: View, films: Tensor) -> Tensor:
        films = films.flip(3) if view == "mirrored" else films
        return _applied(films, getattr(self, f"{view}_rows"), getattr(self, f"{view}_columns"))


def _resampling(before: int, after: int, low: float, high: float) -> Tensor | None:
    """(after, before) weights with which Pillow resamples the part from ``low`` to ``high`` of a side's pixels.

    None where that changes nothing.
    """
    if before == after and (low, high) == (0, 1):
        return None
    each = Image.fromarray(np.eye(before, dtype=np.float32))
    box = (low * before, 0, high * before, before)
    return torch.from_numpy(np.array(each.resize((after, before), Image.Resampling.BILINEAR, box=box)).T.copy())


def _applied(maps: Tensor, rows: Tensor | None, columns: Tensor | None) -> Tensor:
    maps = maps if rows is None else rows @ maps
    return maps if columns is None else maps @ columns.T


class Averaging(nn.Module):
    """From each network's logits (V * B, K), features (V * B, F) and cam (V * B, K, h, w) to those of the film.

    A view's map is laid where the view lies in the film, and all maps on the finest grid of any network; a cell is
    the mean of the cells under it, by area. What a view does not see has the view's logit, neither more nor less than
    it says of the film. So the mean of the map stays the logit.

    ``grids`` are the sizes of the networks' maps; ``calibrations`` one a label for each network, or none for any;
    ``tells`` says which of the film's labels each of a network's K is. A label is the mean of those that tell it.
    """

    def __init__(
        self,
        frame: Frame,
        grids: Sequence[tuple[int, int]],
        calibrations: Sequence[tuple[Calibration, ...]],
        tells: Sequence[tuple[int, ...]],
    ) -> None:
        super().__init__()
        self.frame, self.tells = frame, tells
        self.calibrated = bool(calibrations[0])
        finest = [max(sizes) for sizes in zip(*grids, strict=True)]
        for i, (grid, own) in enumerate(zip(grids, calibrations, strict=True)):
            self.register_buffer(f"slope_{i}", torch.tensor([calibration.slope for calibration in own]))
            self.register_buffer(f"intercept_{i}", torch.tensor([calibration.intercept for calibration in own]))
            for view in frame.views:
                for side, before, after in zip(("rows", "columns"), grid, finest, strict=True):
                    self.register_buffer(f"{view}_{side}_{i}", _overlap(before, after, *_SEEN[view]))

    def forward(self, answers: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
        """``answers`` are logits, features and cam of the first network, then those of the second, ..."""
        networks = [self._network(i // 3, *answers[i : i + 3]) for i in range(0, len(answers), 3)]
        logits, features, cam = zip(*networks, strict=True)
        return self._by_label(logits), torch.cat(features, dim=1), self._by_label(cam)

    def _by_label(self, answers: Sequence[Tensor]) -> Tensor:
        """From (B, k, ...) of each network, of the k labels that it tells, to (B, K, ...)."""
        told = [dict(zip(tells, each.unbind(1), strict=True)) for tells, each in zip(self.tells, answers, strict=True)]
        labels = range(1 + max(map(max, self.tells)))
        means = [torch.stack([one[label] for one in told if label in one]).mean(0) for label in labels]
        return torch.stack(means, dim=1)

    def _network(self, i: int, logits: Tensor, features: Tensor, cam: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if self.frame.exclusive:
            evidence = _against_the_others(logits)
            logits, cam = evidence, cam + (evidence - logits)[..., None, None]
        by_view = [answer.reshape(len(self.frame.views), -1, *answer.shape[1:]) for answer in (logits, features, cam)]
        placed = [self._placed(view, i, *each) for view, *each in zip(self.frame.views, *by_view[::2], strict=True)]
        logits, features, cam = by_view[0].mean(0), by_view[1].mean(0), torch.stack(placed).mean(0)
        if self.calibrated:
            slope, intercept = getattr(self, f"slope_{i}"), getattr(self, f"intercept_{i}")
            logits, cam = slope * logits + intercept, slope[:, None, None] * cam + intercept[:, None, None]
        return logits, features, cam

    def _placed(self, view: View, i: int, logits: Tensor, cam: Tensor) -> Tensor:
        cam = cam.flip(3) if view == "mirrored" else cam
        rows, columns = getattr(self, f"{view}_rows_{i}"), getattr(self, f"{view}_columns_{i}")
        if rows is None and columns is None:
            return cam
        whole = logits[..., None, None]
        return _applied(cam - whole, rows, columns) + whole


def _against_the_others(logits: Tensor) -> Tensor:
    """The log-odds of each label, of which exactly one is true, by softmax: (B, K) -> (B, K)."""
    others = [torch.cat([logits[:, :k], logits[:, k + 1 :]], dim=1) for k in range(logits.shape[1])]
    return logits - torch.stack([each.logsumexp(1) for each in others], dim=1)


def _overlap(before: int, after: int, low: float, high: float) -> Tensor | None:
    """(after, before) which share of each of ``after`` cells along a side is covered by each of ``before`` cells that
    lie from ``low`` to ``high`` of it. None where that changes nothing."""
    if before == after and (low, high) == (0, 1):
        return None
    old, new = np.linspace(low, high, before + 1) * after, np.arange(after + 1)
    shared = np.minimum(new[1:, None], old[1:]) - np.maximum(new[:-1, None], old[:-1])
    return torch.from_numpy(shared.clip(0).astype(np.float32))
