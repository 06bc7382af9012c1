"""From trained networks to the graph that is shipped: int8 if it decides as fp32 does, else fp32."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from pneumoscope.bundle.spec import LARGEST_AUC_LOSS, LEAST_AGREEMENT, OUTPUTS, Graph
from pneumoscope.core import RunError
from pneumoscope.engines import OnnxRuntimeEngine
from pneumoscope.imaging.preprocess import Preprocessing
from pneumoscope.stats.calibration import Calibration
from pneumoscope.stats.metrics import auc
from pneumoscope.stats.platt import fit_platt
from pneumoscope.training.export.around import Frame
from pneumoscope.training.export.combined import Combination, Core, CoreEngine
from pneumoscope.training.export.task import Answers, Shown, Task
from pneumoscope.training.networks import FilmNetwork
from pneumoscope.training.onnx_graph import OPSET, fp32_graph, int8_graph
from pneumoscope.training.recipe import Data

SECOND_AUC_LOSS = 0.01
SECOND_AGREEMENT = 0.95
"""So far int8 may stray from fp32 on a label that is asked of some films only.

Its answer is a lesser one, and must not cost the first its speed. Its figures are those of the graph that is shipped.
"""

PREVALENCE = 0.5
"""What probabilities refer to: the finding as likely as not before anybody looked.

A probability above it says that the film speaks for the finding, so it is the balanced operating point too, without a
search that would fit the validation films' noise.
"""

_EXPORT_TOLERANCE = 1e-3
_CALIBRATION_FILMS = 256


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, how it takes a film, the labels that it tells, and what to call it in a message."""

    network: FilmNetwork
    spec: Preprocessing
    labels: tuple[str, ...]
    name: str


@dataclass(frozen=True, eq=False)
class Shipped:
    """The graph that goes into the bundle, its answers for the validation films, and its members' calibrations.

    ``calibrations`` holds a tuple for each network, empty if its logits are taken as they are.
    """

    data: bytes
    about: Graph
    answers: Answers
    calibrations: tuple[tuple[Calibration, ...], ...]


def best_graph(networks: Sequence[Trained], task: Task) -> Shipped:
    """The graph that answers as the mean of ``networks`` and of the task's views.

    Raises
    ------
    RunError : if an ONNX graph does not agree with its trained network, the first label is told no better than by
        chance, or a label cannot be calibrated.
    """
    held_out = task.held_out
    cores = [_core(trained, task) for trained in networks]
    if len(cores) > 1:
        cores = [_calibrated(core, trained.name, task) for core, trained in zip(cores, networks, strict=True)]
    combination = Combination(cores, task.frame)
    fp32 = combination.graph([core.graph for core in cores])
    answers = held_out.answers(OnnxRuntimeEngine(fp32))
    _check_better_than_chance(held_out.targets, answers.logits)
    task.tell("quantising to int8")
    int8 = combination.graph([_quantised(core, task) for core in cores])
    task.tell("comparing int8 with fp32 on the validation films")
    int8_answers = held_out.answers(OnnxRuntimeEngine(int8))
    parity, passes = _compared(task.data, held_out.targets, answers.logits, int8_answers.logits)
    figures = ", ".join(f"{key} {value:.5f}" for key, value in parity.items())
    task.tell(f"int8 {'passes' if passes else 'fails'}: {figures}")
    about = Graph(precision="int8" if passes else "fp32", opset=OPSET, parity=parity, views=task.views)
    own = tuple(core.calibrations for core in cores)
    return Shipped(int8, about, int8_answers, own) if passes else Shipped(fp32, about, answers, own)


def _core(trained: Trained, task: Task) -> Core:
    task.tell(f"exporting {trained.name} as an ONNX graph")
    tells = tuple(task.data.labels.index(label) for label in trained.labels)
    core = Core(fp32_graph(trained.network, trained.spec), trained.spec, tells)
    _check_export(trained, core, task.held_out, task.frame)
    return core


def _check_export(trained: Trained, core: Core, films: Shown, frame: Frame) -> None:
    """The ONNX graph must answer as the network that was trained."""
    some = core.seen(films.inputs(np.arange(min(16, len(films)))), frame)
    with torch.no_grad():
        expected = trained.network.explain(torch.from_numpy(some))
    exported = OnnxRuntimeEngine(core.graph).run(some)
    for name, ours, theirs in zip(OUTPUTS, expected, exported, strict=True):
        deviation = float(np.abs(ours.numpy() - theirs).max())
        if not deviation <= _EXPORT_TOLERANCE * max(1.0, float(ours.abs().max())):
            raise RunError(
                f"the exported graph's {name} are up to {deviation:.3g} from those of the trained network "
                f"({trained.name}); not shipped"
            )


def _calibrated(core: Core, name: str, task: Task) -> Core:
    """The network with its own answers calibrated, so that none is heard more for being louder."""
    task.tell(f"calibrating {name}")
    logits, told = task.held_out.answers(CoreEngine(core, task.frame)).logits, list(core.tells)
    labels = [task.data.labels[k] for k in told]
    try:
        return replace(core, calibrations=calibrations(labels, task.held_out.targets[:, told], logits))
    except RunError as error:
        raise RunError(f"{name}: {error}") from error


def _quantised(core: Core, task: Task) -> bytes:
    """``core`` in int8, scaled by train films as it is shown them."""
    films = task.train
    chosen = np.random.default_rng(task.seed).choice(len(films), min(_CALIBRATION_FILMS, len(films)), False)
    return int8_graph(core.graph, (core.seen(batch, task.frame) for batch in films.batches(np.sort(chosen))))


def calibrations(
    labels: Iterable[str], targets: NDArray[np.float32], logits: NDArray[np.float32]
) -> tuple[Calibration, ...]:
    """Each label's Platt scaling, fitted on the films of which it is stated: what a graph can hold for its members.

    Raises
    ------
    RunError : if a label cannot be calibrated.
    """
    found = []
    for label, answers, scores in zip(labels, targets.T, logits.T, strict=True):
        known, truth = stated(answers)
        try:
            found.append(fit_platt(truth, scores[known], PREVALENCE))
        except ValueError as error:
            raise not_calibrated(label, error) from error
    return tuple(found)


def not_calibrated(label: str, why: ValueError) -> RunError:
    """What to tell of a label that the validation films do not calibrate."""
    return RunError(
        f"label {label!r} cannot be calibrated on the validation films: {why}. Train longer, or leave it out of "
        f"data.labels; not shipped"
    )


def stated(answers: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Of which films (N,) a label is stated, and what is stated of those: 0 or 1."""
    known = ~np.isnan(answers)
    return known, answers[known].astype(np.int64)


def _check_better_than_chance(targets: NDArray[np.float32], logits: NDArray[np.float32]) -> None:
    known, truth = stated(targets[:, 0])
    if not auc(truth, logits[known, 0]) > 0.5:
        raise RunError("the network tells the validation films apart no better than chance: train longer; not shipped")


def _compared(
    data: Data, targets: NDArray[np.float32], fp32: NDArray[np.float32], int8: NDArray[np.float32]
) -> tuple[dict[str, float], bool]:
    """How far int8 strays from fp32, and whether it may be shipped. Figures of a label in ``given`` have its name."""

    def strays(chosen: list[int]) -> dict[str, float]:
        names = [data.labels[k] for k in chosen]
        return _parity(names, targets[:, chosen], fp32[:, chosen], int8[:, chosen])

    parity = strays([k for k, label in enumerate(data.labels) if label not in data.given])
    passes = parity["auc_difference"] <= LARGEST_AUC_LOSS and parity["same_decision"] >= LEAST_AGREEMENT
    for k, label in enumerate(data.labels):
        if label in data.given:
            own = strays([k])
            passes &= own["auc_difference"] <= SECOND_AUC_LOSS and own["same_decision"] >= SECOND_AGREEMENT
            parity |= {f"{name}_{label}": value for name, value in own.items()}
    return parity, passes


def _parity(
    labels: Sequence[str], targets: NDArray[np.float32], fp32: NDArray[np.float32], int8: NDArray[np.float32]
) -> dict[str, float]:
    """How far int8 strays from fp32, each time for the label where it strays most."""
    each = [_stray(*stated(targets[:, k]), fp32[:, k], int8[:, k]) for k in range(len(labels))]
    auc_differences, same_decisions, logit_differences = zip(*each, strict=True)
    return {
        "auc_difference": max(auc_differences),
        "same_decision": min(same_decisions),
        "mean_logit_difference": max(logit_differences),
    }


def _stray(
    known: NDArray[np.bool_], truth: NDArray[np.int64], fp32: NDArray[np.float32], int8: NDArray[np.float32]
) -> tuple[float, float, float]:
    """Difference in AUC, share of like decisions and mean difference in logits, of one label."""
    fp32, int8 = fp32[known], int8[known]
    same = float(np.mean(_decisions(truth, fp32) == _decisions(truth, int8)))
    return abs(auc(truth, fp32) - auc(truth, int8)), same, float(np.mean(np.abs(fp32 - int8)))


def _decisions(truth: NDArray[np.int64], logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """At the balanced operating point of the logits' own calibration; NaN, like nothing, where there can be none."""
    try:
        return (fit_platt(truth, logits, PREVALENCE).probability(logits) >= PREVALENCE).astype(np.float64)
    except ValueError:
        return np.full(len(logits), np.nan)
