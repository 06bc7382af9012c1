"""Learning rate and momentum at each step: a pure function of the step, so that a resumed run needs no state."""

from __future__ import annotations

import math
from typing import NamedTuple

from pneumoscope.training.recipe import Optimisation, Stage, Whole

_START = 25.0
_END = 1e4
_MOMENTUM = (0.85, 0.95)


class Pace(NamedTuple):
    """How fast a step goes.

    Attributes
    ----------
    rate : the learning rate, the stage's factor included.
    momentum : of SGD and RMSprop, the first beta of the others; None leaves what the optimiser has.
    """

    rate: float
    momentum: float | None


def pace(spec: Optimisation, step: int, steps_per_epoch: int) -> Pace:
    """Rate and momentum of a step, counted from 0 over all stages. Each stage has a cycle of its own.

    "one-cycle" is Smith's (2018) with the choices of ``torch.optim.lr_scheduler.OneCycleLR``: the rate rises from a
    25th of the highest along half a cosine and falls along another to a 250000th in the last step, while the momentum
    falls from 0.95 to 0.85 and rises again. "cosine" rises linearly, to the highest in the last step of the warm-up,
    and falls along half a cosine that would reach 0 in the step after the last (Loshchilov and Hutter, 2017).
    "constant" and "plateau" rise in the same way and stay; what a plateau takes off is not in here.

    Raises
    ------
    ValueError : if the recipe is over before ``step``.
    """
    stage, first = _stage_and_first_epoch(spec, step // steps_per_epoch)
    step, total = step - first * steps_per_epoch, stage.epochs * steps_per_epoch
    top = spec.rate * stage.rate
    if spec.schedule == "one-cycle":
        return _one_cycle(step, total, spec.warm_up, top)
    rise = round(spec.warm_up * total)
    if step < rise:
        return Pace(top * (step + 1) / rise, None)
    if spec.schedule == "cosine":
        return Pace(_cosine(top, 0.0, (step - rise) / (total - rise)), None)
    return Pace(top, None)


def stage_of(spec: Optimisation, epoch: int) -> Stage | Whole:
    """The stage that an epoch, counted from 0, belongs to.

    Raises
    ------
    ValueError : if the recipe has fewer epochs.
    """
    return _stage_and_first_epoch(spec, epoch)[0]


def _stage_and_first_epoch(spec: Optimisation, epoch: int) -> tuple[Stage | Whole, int]:
    first = 0
    for stage in spec.stages:
        if epoch < first + stage.epochs:
            return stage, first
        first += stage.epochs
    raise ValueError(f"epoch: expected one of the recipe's {first}, counted from 0, got {epoch}")


def _one_cycle(step: int, total: int, warm_up: float, rate: float) -> Pace:
    """One step of a cycle whose highest rate is ``rate``.

    The top lies at ``warm_up * total - 1``, as with torch; where it lies before the first step the cycle falls from
    there on. A cycle of one step, which torch gives the rate of its end, has that of its top.
    """
    low, high = _MOMENTUM
    start = rate / _START
    top = warm_up * total - 1
    if top > 0 and step <= top:
        share = step / top
        return Pace(_cosine(start, rate, share), _cosine(high, low, share))
    share = (step - top) / (total - 1 - top) if total > 1 else 0.0
    return Pace(_cosine(rate, start / _END, share), _cosine(low, high, share))


def _cosine(start: float, end: float, share: float) -> float:
    """From start to end along half a cosine; in torch's order of operations, which fixes the last bits."""
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)
