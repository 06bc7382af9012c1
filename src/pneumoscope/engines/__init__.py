"""What runs a bundle's graph: network input in, logits out, always."""

from collections.abc import Callable

from pneumoscope.bundle import ModelBundle
from pneumoscope.engines.base import Engine, Outputs, check_golden, golden_film
from pneumoscope.engines.onnx_runtime import OnnxRuntimeEngine

ENGINES: dict[str, Callable[[bytes, int], Engine]] = {OnnxRuntimeEngine.name: OnnxRuntimeEngine}
"""One line an engine: from a graph's bytes and a number of threads."""


def open_engine(bundle: ModelBundle, name: str = OnnxRuntimeEngine.name, threads: int = 1) -> Engine:
    """Open the bundle's graph and prove it on the golden films.

    Raises
    ------
    DamagedBundle : if the engine refuses the graph, or answers otherwise than when the bundle was exported.
    MissingExtra : if the bundle's preprocessing needs a library that is not installed.
    """
    engine = ENGINES[name](bundle.graph, threads)
    check_golden(bundle, engine)
    return engine


__all__ = ["ENGINES", "Engine", "OnnxRuntimeEngine", "Outputs", "check_golden", "golden_film", "open_engine"]
