"""Several networks, and several views of a film, in one ONNX graph.

    films -> lens: each network's own size and normalisation, a film as often as there are views
          -> the networks' own graphs
          -> averaging: the mean of all views and networks

What is around the networks is linear but for labels that exclude each other, and stays fp32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto, compose
from PIL import Image
from torch import Tensor, nn

from pneumoscope.bundle.spec import OUTPUTS, View
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.stats.calibration import Calibration
from pneumoscope.training.onnx_graph import INPUT, exported

_SEEN: dict[View, tuple[float, float]] = {"plain": (0.0, 1.0), "mirrored": (0.0, 1.0), "closer": (1 / 16, 15 / 16)}
"""Which part of the film's width and height a view shows."""


@dataclass(frozen=True, eq=False)
class Core:
    """A network's own graph, how it takes a film, and how its logits are calibrated before they are averaged.

    Without ``calibrations``, one a label, the logits are taken as they are.
    """

    graph: bytes
    spec: Preprocessing
    calibrations: tuple[Calibration, ...] = ()


@dataclass(frozen=True)
class Frame:
    """What the whole graph takes, a film in this preprocessing, and what it makes of it.

    Where the labels exclude each other (``exclusive``), the logit of each is set against those of all others.
    """

    spec: Preprocessing
    views: tuple[View, ...] = ("plain",)
    exclusive: bool = False


def combined(cores: Sequence[Core], frame: Frame) -> bytes:
    """One graph of all ``cores``: films (B, C, H, W) -> logits, features, cam.

    Logits and class-activation maps are averaged, features put side by side. The mean of ``cam`` is the logit, if it
    is so in each core.
    """
    if len(cores) == 1 and frame == Frame(cores[0].spec) and not cores[0].calibrations:
        return cores[0].graph
    graphs = [onnx.load_from_string(core.graph) for core in cores]
    model = _lens_graph(cores, frame)
    for i, graph in enumerate(graphs):
        model = _joined(model, _named_apart(graph, f"network_{i}_"), [(f"shown_{i}", f"network_{i}_{INPUT}")])
    tail = _averaging_graph(cores, graphs, frame)
    names = [(f"network_{i}_{name}", f"{name}_{i}") for i in range(len(graphs)) for name in OUTPUTS]
    return _joined(model, tail, names).SerializeToString()  # type: ignore[no-any-return]


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


class _Lenses(nn.Module):
    """One lens for each network."""

    def __init__(self, lenses: Sequence[Lens]) -> None:
        super().__init__()
        self.lenses = nn.ModuleList(lenses)

    def forward(self, films: Tensor) -> tuple[Tensor, ...]:
        return tuple(lens(films) for lens in self.lenses)


class _Averaging(nn.Module):
    """From each network's logits (V * B, K), features (V * B, F) and cam (V * B, K, h, w) to those of the film.

    A view's map is laid where the view lies in the film, and all maps on the finest grid of any network; a cell is
    the mean of the cells under it, by area. What a view does not see has the view's logit, neither more nor less than
    it says of the film. So the mean of the map stays the logit.
    """

    def __init__(self, cores: Sequence[Core], grids: Sequence[tuple[int, int]], frame: Frame) -> None:
        super().__init__()
        self.frame = frame
        self.calibrated = bool(cores[0].calibrations)
        finest = [max(sizes) for sizes in zip(*grids, strict=True)]
        for i, (core, grid) in enumerate(zip(cores, grids, strict=True)):
            self.register_buffer(f"slope_{i}", torch.tensor([c.slope for c in core.calibrations]))
            self.register_buffer(f"intercept_{i}", torch.tensor([c.intercept for c in core.calibrations]))
            for view in frame.views:
                for side, before, after in zip(("rows", "columns"), grid, finest, strict=True):
                    self.register_buffer(f"{view}_{side}_{i}", _overlap(before, after, *_SEEN[view]))

    def forward(self, answers: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
        """``answers`` are logits, features and cam of the first network, then those of the second, ..."""
        networks = [self._network(i // 3, *answers[i : i + 3]) for i in range(0, len(answers), 3)]
        logits, features, cam = zip(*networks, strict=True)
        return torch.stack(logits).mean(0), torch.cat(features, dim=1), torch.stack(cam).mean(0)

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


def seen_by(core: Core, frame: Frame, films: NDArray[np.float32]) -> NDArray[np.float32]:
    """What ``films`` (B, C, H, W) are when they come to the network itself."""
    with torch.no_grad():
        shown: NDArray[np.float32] = Lens(frame, core.spec)(torch.from_numpy(films)).numpy()
    return shown


def _lens_graph(cores: Sequence[Core], frame: Frame) -> ModelProto:
    films = torch.zeros(2, frame.spec.channels, *frame.spec.size)
    lenses = _Lenses([Lens(frame, core.spec) for core in cores])
    return _named_apart(exported(lenses, films, [INPUT], [f"shown_{i}" for i in range(len(cores))]), "lens_", keep=True)


def _averaging_graph(cores: Sequence[Core], graphs: Sequence[ModelProto], frame: Frame) -> ModelProto:
    shapes = [_shapes(graph) for graph in graphs]
    averaging = _Averaging(cores, [(each["cam"][1], each["cam"][2]) for each in shapes], frame)
    answers = tuple(torch.zeros(2 * len(frame.views), *each[name]) for each in shapes for name in OUTPUTS)
    inputs = [f"{name}_{i}" for i in range(len(graphs)) for name in OUTPUTS]
    return _named_apart(exported(averaging, answers, inputs, OUTPUTS), "averaging_", keep=True)


def _shapes(graph: ModelProto) -> dict[str, tuple[int, ...]]:
    """Of each output for one film."""
    return {out.name: tuple(d.dim_value for d in out.type.tensor_type.shape.dim[1:]) for out in graph.graph.output}


def _named_apart(model: ModelProto, prefix: str, *, keep: bool = False) -> ModelProto:
    """The graph with names that no other has, but for its inputs and outputs with ``keep``.

    What it noted on shapes within goes: there the films' number is another one than outside.
    """
    del model.graph.value_info[:]
    return compose.add_prefix(model, prefix, rename_inputs=not keep, rename_outputs=not keep)


def _joined(first: ModelProto, second: ModelProto, names: list[tuple[str, str]]) -> ModelProto:
    """Both graphs, with outputs of the first as inputs of the second."""
    first.ir_version = second.ir_version = max(first.ir_version, second.ir_version)
    model = compose.merge_models(first, second, io_map=names)
    del model.graph.value_info[:]
    return model
