"""Several networks, and several views of a film, in one ONNX graph.

    films -> lenses: each network's own size and normalisation, a film as often as there are views
          -> the networks' own graphs
          -> averaging: the mean of all views and networks

What is around the networks stays fp32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto, compose
from torch import Tensor, nn

from pneumoscope.bundle.spec import OUTPUTS
from pneumoscope.engines import OnnxRuntimeEngine, Outputs
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.stats.calibration import Calibration
from pneumoscope.training.export.around import Averaging, Frame, Lens
from pneumoscope.training.onnx_graph import BATCH, INPUT, exported


@dataclass(frozen=True, eq=False)
class Core:
    """A network's own graph, how it takes a film, and how its logits are calibrated before they are averaged.

    ``tells`` says which of the film's labels each of its logits is. Without ``calibrations``, one a logit, they are
    taken as they are.
    """

    graph: bytes
    spec: Preprocessing
    tells: tuple[int, ...]
    calibrations: tuple[Calibration, ...] = ()

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of each output for one film."""
        outputs = onnx.load_from_string(self.graph).graph.output
        return {out.name: tuple(side.dim_value for side in out.type.tensor_type.shape.dim[1:]) for out in outputs}

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the class-activation map."""
        _, rows, columns = self.shapes["cam"]
        return rows, columns

    def seen(self, films: NDArray[np.float32], frame: Frame) -> NDArray[np.float32]:
        """What the network is shown of films (B, C, H, W) in the frame's preprocessing: (V * B, C, h, w)."""
        with torch.no_grad():
            shown: NDArray[np.float32] = Lens(frame, self.spec)(torch.from_numpy(films)).numpy()
        return shown


class Combination:
    """One graph of all ``cores``: films (B, C, H, W) -> logits, features, cam.

    Logits and class-activation maps are averaged, each label's over the networks that tell it; features are put side
    by side. The mean of ``cam`` is the logit, if it is so in each core.
    """

    def __init__(self, cores: Sequence[Core], frame: Frame) -> None:
        self.cores, self.frame = cores, frame

    def graph(self, own: Sequence[bytes]) -> bytes:
        """The graph, with each core's ``own`` graph: the one that it has, or that in int8."""
        (first, *others), frame = self.cores, self.frame
        if not others and not first.calibrations and frame == Frame(first.spec):
            return own[0]
        model = self._lenses
        for i, graph in enumerate(own):
            core = _named_apart(onnx.load_from_string(graph), f"network_{i}_")
            model = _joined(model, core, [(f"shown_{i}", f"network_{i}_{INPUT}")])
        answers = [(f"network_{i}_{name}", f"{name}_{i}") for i in range(len(own)) for name in OUTPUTS]
        model = _joined(model, self._averaging, answers)
        for output in model.graph.output:
            output.type.tensor_type.shape.dim[0].dim_param = BATCH
        return model.SerializeToString()  # type: ignore[no-any-return]

    @cached_property
    def _lenses(self) -> ModelProto:
        films = torch.zeros(2, self.frame.spec.channels, *self.frame.spec.size)
        lenses = _Lenses([Lens(self.frame, core.spec) for core in self.cores])
        outputs = [f"shown_{i}" for i in range(len(self.cores))]
        return _named_apart(exported(lenses, films, [INPUT], outputs), "lens_", keep=True)

    @cached_property
    def _averaging(self) -> ModelProto:
        averaging = Averaging(
            self.frame,
            [core.grid for core in self.cores],
            [core.calibrations for core in self.cores],
            [core.tells for core in self.cores],
        )
        films = 2 * len(self.frame.views)
        answers = tuple(torch.zeros(films, *core.shapes[name]) for core in self.cores for name in OUTPUTS)
        inputs = [f"{name}_{i}" for i in range(len(self.cores)) for name in OUTPUTS]
        return _named_apart(exported(averaging, answers, inputs, OUTPUTS), "averaging_", keep=True)


class CoreEngine:
    """What one network says within a frame, before it is part of a graph."""

    name = "core"

    def __init__(self, core: Core, frame: Frame) -> None:
        self._core, self._frame = core, frame
        self._engine = OnnxRuntimeEngine(core.graph)
        self._averaging = Averaging(frame, [core.grid], [core.calibrations], [tuple(range(len(core.tells)))])

    def run(self, films: NDArray[np.float32]) -> Outputs:
        """Answer for network inputs (B, C, H, W)."""
        answers = self._engine.run(self._core.seen(films, self._frame))
        with torch.no_grad():
            return Outputs(*(part.numpy() for part in self._averaging(tuple(map(torch.from_numpy, answers)))))


class _Lenses(nn.Module):
    """One lens for each network."""

    def __init__(self, lenses: Sequence[Lens]) -> None:
        super().__init__()
        self.lenses = nn.ModuleList(lenses)

    def forward(self, films: Tensor) -> tuple[Tensor, ...]:
        return tuple(lens(films) for lens in self.lenses)


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
