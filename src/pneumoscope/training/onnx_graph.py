"""A trained network as an ONNX graph, in fp32 and in int8."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from pneumoscope.bundle.spec import OUTPUTS
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.training.networks import Explained, FilmNetwork

OPSET = 18
_SMALL = 1024
"""Weights of a convolution that costs next to nothing in fp32: MobileNetV2's third one has 512."""

INPUT = "films"
BATCH = "batch"
"""What a graph calls its input, and the number of films in it."""


class _Explaining(nn.Module):
    """The network with ``explain`` as its forward pass, which is what gets exported."""

    def __init__(self, network: FilmNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, films: Tensor) -> Explained:
        return self.network.explain(films)


def fp32_graph(network: FilmNetwork, spec: Preprocessing) -> bytes:
    """The network as an ONNX graph: films (B, C, H, W) -> logits, features, cam.

    Normalisation is folded into the convolutions.
    """
    films = torch.zeros(2, spec.channels, *spec.size)
    return _folded(exported(_Explaining(network), films, [INPUT], OUTPUTS))


def exported(
    module: nn.Module, example: Tensor | tuple[Tensor, ...], inputs: Sequence[str], outputs: Sequence[str]
) -> onnx.ModelProto:
    """The module as an ONNX graph that takes any number of films; ``example`` is its one argument for two."""
    one = isinstance(example, Tensor)
    rows = {0: torch.export.Dim(BATCH) if one else torch.export.Dim.DYNAMIC}
    program = torch.onnx.export(
        module.eval(),
        (example,),
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_shapes=(rows if one else tuple(rows for _ in example),),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    return _without_traces(program.model_proto)


def _without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop the exporter's notes on the source lines of each node: they name folders of the machine it ran on."""
    parts = [model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer]
    for part in [*parts, *model.graph.input, *model.graph.output]:
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return model


def _folded(graph: onnx.ModelProto) -> bytes:
    """Let ONNX Runtime fold constants and normalisation, so that int8 quantises what will really run."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "exported.onnx", Path(folder) / "folded.onnx"
        onnx.save(graph, source)
        quant_pre_process(source, target, skip_symbolic_shape=True)
        return target.read_bytes()


def int8_graph(graph: bytes, batches: Iterable[NDArray[np.float32]]) -> bytes:
    """Quantise an fp32 graph, with activation ranges measured on ``batches`` of its inputs, each (B, C, H, W).

    Weights get a scale per channel and 7 bits: with 8, processors without VNNI instructions overflow a 16-bit sum
    and would answer differently from the machine that checked the graph. The head stays fp32: it costs nothing and
    the logit is its. So do the first two convolutions, to which int8 is a loss (few channels, large maps), and small
    ones right after them, on whose few numbers the whole network rests.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet_quantiser():
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(graph)
        quantize_static(
            source,
            target,
            _Films(batches),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_kept_fp32(onnx.load_from_string(graph)),
        )
        return target.read_bytes()


@contextmanager
def _quiet_quantiser() -> Iterator[None]:
    """Keep away ONNX Runtime's notes, on the root logger, that a vector has no channels to be scaled by."""

    def other(record: logging.LogRecord) -> bool:
        return "is out-of-range for weight" not in record.getMessage()

    log = logging.getLogger()
    log.addFilter(other)
    try:
        yield
    finally:
        log.removeFilter(other)


def _kept_fp32(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes that make the outputs, and of all before the first convolution after two that is not small."""
    nodes = list(model.graph.node)
    weights = {tensor.name: int(np.prod(tensor.dims)) for tensor in model.graph.initializer}
    convolutions = [i for i, node in enumerate(nodes) if node.op_type == "Conv"]
    large = (i for i in convolutions[2:] if weights.get(nodes[i].input[1], _SMALL + 1) > _SMALL)
    stem = nodes[: next(large, 0)]
    return [node.name for node in [*stem, *(node for node in nodes if set(node.output) & set(OUTPUTS))]]


class _Films(CalibrationDataReader):  # type: ignore[misc]
    """Feeds films to the quantiser in batches."""

    def __init__(self, batches: Iterable[NDArray[np.float32]]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}
