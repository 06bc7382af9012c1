"""One film a call or several, threads or processes: what the graph makes of the same cores.

Why each thread reads a film of its own (docs/decisions/0003 and 0018). The ways take turns. Beside films a second
stands the processor time of a film, which a machine that is busy with other things changes less.
"""

from __future__ import annotations

import math
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import common
import numpy as np
import onnxruntime as ort
from common import Figure, Result, say
from numpy.typing import NDArray

from pneumoscope.bundle import load_bundle
from pneumoscope.core.parallel import ordered_map, usable_cores
from pneumoscope.engines import Engine, Outputs, golden_film, open_engine
from pneumoscope.imaging.preprocess import network_input

_BATCHES = (1, 4, 8, 16, 32)
_METHOD = (
    "The graph alone, on golden films as the network takes them, after a first call that does not count. Processor "
    "time is user and system time of all threads and processes of the way, for one film."
)

Cost = tuple[float, float]
"""Seconds on the clock, and of processor time."""


def main() -> None:
    parser = common.options(__doc__, repeats=5)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--films", type=int, default=256, help="films a measurement (256)")
    args = parser.parse_args()
    common.use_cores(args.cores)
    if args.films < 1 or args.films % (shared := math.lcm(*_BATCHES, usable_cores())):
        parser.error(f"--films: expected a multiple of {shared}, so that each way runs all of them, got {args.films}")
    facts, bundle = common.machine(), common.bundle_facts(args.bundle)
    found: dict[str, list[Cost]] = defaultdict(list)
    with ProcessPoolExecutor(args.cores, multiprocessing.get_context("spawn")) as pool:
        ways = _ways(args.bundle, args.films, pool)
        for turn in range(args.repeats + 1):
            for name, way in ways.items():
                cost = way()
                if turn:  # the first opens files and fills caches
                    found[name].append(cost)
                    say(f"turn {turn} of {args.repeats}: {name}, {args.films / cost[0]:.0f} films/s")
    figures = [figure for name, costs in found.items() for figure in _figures(name, costs, args.films)]
    command = f"python benchmarks/ways_to_run.py --repeats {args.repeats} --cores {args.cores} --films {args.films}"
    Result("ways_to_run", command, _METHOD, figures, facts, bundle).write(args.out)


def _ways(bundle: str, films: int, pool: ProcessPoolExecutor) -> dict[str, Callable[[], Cost]]:
    cores = usable_cores()
    engines = {threads: open_engine(load_bundle(bundle), threads=threads) for threads in {1, cores}}
    ways: dict[str, Callable[[], Cost]] = {}
    for size in _BATCHES:
        batches = [np.repeat(_input(bundle), size, axis=0)] * (films // size)
        ways[f"{_films(size)} a call, a thread a core"] = partial(_run, engines[1], batches, cores)
        ways[f"{_films(size)} a call, one core"] = partial(_run, engines[1], batches, 1)
        if cores > 1:
            ways[f"{_films(size)} a call, shared by all cores"] = partial(_run, engines[cores], batches, 1)
    ways["1 film a call, a process a core"] = partial(_in_processes, bundle, films, pool)
    for level in ("extended", "basic"):
        name = f"1 film a call, one core, optimised as '{level}' only"
        ways[name] = partial(_run, _LessOptimised(bundle, level), [_input(bundle)] * films, 1)
    return ways


class _LessOptimised:
    """The graph at a lower optimisation level than the engine's."""

    name = "less optimised"

    def __init__(self, bundle: str, level: str) -> None:
        options = ort.SessionOptions()
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, f"ORT_ENABLE_{level.upper()}")
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        self._session = ort.InferenceSession(load_bundle(bundle).graph, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def run(self, films: NDArray[np.float32]) -> Outputs:
        return Outputs(*self._session.run(list(Outputs._fields), {self._input: films}))


def _films(count: int) -> str:
    return f"{count} film" + ("s" if count > 1 else "")


def _input(bundle: str) -> NDArray[np.float32]:
    loaded = load_bundle(bundle)
    return network_input(golden_film(loaded.golden.films[0]), loaded.spec.preprocessing)[np.newaxis]


def _run(engine: Engine, batches: list[NDArray[np.float32]], jobs: int) -> Cost:
    engine.run(batches[0])
    started, spent = time.perf_counter(), time.process_time()
    for _ in ordered_map(engine.run, batches, jobs):
        pass
    return time.perf_counter() - started, time.process_time() - spent


def _in_processes(bundle: str, films: int, pool: ProcessPoolExecutor) -> Cost:
    """All at once: the last to end counts, and the time of all."""
    cores = usable_cores()
    costs = list(pool.map(_alone, [bundle] * cores, [films // cores] * cores))
    return max(cost[0] for cost in costs), sum(cost[1] for cost in costs)


def _alone(bundle: str, films: int) -> Cost:
    return _run(open_engine(load_bundle(bundle)), [_input(bundle)] * films, 1)


def _figures(name: str, costs: list[Cost], films: int) -> list[Figure]:
    return [
        Figure.of(f"graph, {name}", [films / clock for clock, _ in costs], "films/s"),
        Figure.of(f"graph, {name}, processor time", [1e3 * spent / films for _, spent in costs], "ms a film"),
    ]


if __name__ == "__main__":
    main()
