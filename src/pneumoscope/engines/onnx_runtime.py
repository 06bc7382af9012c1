"""ONNX Runtime: the default engine, measured fastest on plain CPUs."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as errors

from pneumoscope.bundle.spec import OUTPUTS
from pneumoscope.core import DamagedBundle
from pneumoscope.engines.base import Outputs

_REFUSALS = (errors.Fail, errors.InvalidArgument, errors.InvalidGraph, errors.InvalidProtobuf, errors.NotImplemented)


class OnnxRuntimeEngine:
    """Runs an ONNX graph on the CPU.

    One thread a call by default: films are many, and threads that each answer for a film of their own waste less than
    threads that share one film.

    Raises
    ------
    DamagedBundle : if ONNX Runtime refuses the graph, or it lacks one of the three outputs.
    """

    name = "onnxruntime"

    def __init__(self, graph: bytes, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except _REFUSALS as error:
            raise DamagedBundle(f"ONNX Runtime {ort.__version__} refuses the graph: {error}") from error
        found = [output.name for output in self._session.get_outputs()]
        if missing := set(OUTPUTS) - set(found):
            raise DamagedBundle(f"the graph has the outputs {', '.join(found)}; it lacks {', '.join(sorted(missing))}")
        self._input = self._session.get_inputs()[0].name

    def run(self, films: NDArray[np.float32]) -> Outputs:
        """Answer for network inputs (B, C, H, W)."""
        try:
            return Outputs(*self._session.run(list(OUTPUTS), {self._input: films}))
        except _REFUSALS as error:
            raise DamagedBundle(f"ONNX Runtime {ort.__version__} refuses the films: {error}") from error
