"""The pace of each step against torch's schedulers, bit for bit where a packaged model depends on it."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, OneCycleLR, SequentialLR

from pneumoscope.training.recipe import Optimisation, Stage, Whole, load_recipe
from pneumoscope.training.schedule import Pace, pace, stage_of

pytestmark = pytest.mark.train


def paces(spec: Optimisation, steps_per_epoch: int) -> list[Pace]:
    steps = sum(stage.epochs for stage in spec.stages) * steps_per_epoch
    return [pace(spec, step, steps_per_epoch) for step in range(steps)]


def torchs(make: Callable[[Optimizer], LRScheduler], steps: int, rate: float = 1.0) -> Iterator[tuple[float, float]]:
    """Rate and first beta of each step."""
    optimiser = torch.optim.AdamW([torch.zeros(1)], lr=rate)
    scheduler = make(optimiser)
    for step in range(steps):
        if step:
            optimiser.step()
            scheduler.step()
        yield optimiser.param_groups[0]["lr"], optimiser.param_groups[0]["betas"][0]


@pytest.mark.parametrize("warm_up", [0.0, 0.05, 0.2, 0.3, 0.77, 1.0])
@pytest.mark.parametrize(("epochs", "steps"), [(1, 2), (1, 3), (1, 7), (3, 5), (16, 13), (4, 1)])
def test_one_cycle_is_torchs_to_the_last_bit(epochs: int, steps: int, warm_up: float) -> None:
    spec = Optimisation(epochs=epochs, warm_up=warm_up, rate=3e-4)
    total = epochs * steps
    theirs = torchs(lambda opt: OneCycleLR(opt, 3e-4, total_steps=total, pct_start=warm_up), total)
    assert paces(spec, steps) == [Pace(rate, beta) for rate, beta in theirs]


def test_the_packaged_recipe_goes_at_torchs_pace_to_the_last_bit() -> None:
    spec = load_recipe("mobilenetv2").optimisation
    total = spec.epochs * 142
    theirs = torchs(lambda opt: OneCycleLR(opt, spec.rate, total_steps=total, pct_start=spec.warm_up), total)
    assert paces(spec, 142) == [Pace(rate, beta) for rate, beta in theirs]


@pytest.mark.parametrize("warm_up", [0.0, 0.2, 1 / 3, 0.5])
@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_the_shortest_cycle_still_teaches(steps: int, warm_up: float) -> None:
    """Where torch divides by zero, or has one step, at the rate of the end."""
    cycle = paces(Optimisation(epochs=1, rate=1.0, warm_up=warm_up), steps)
    assert all(0 < each.rate <= 1 for each in cycle)
    assert all(0.85 <= each.momentum <= 0.95 for each in cycle if each.momentum)
    assert max(each.rate for each in cycle) >= 0.5


def test_a_cycle_of_one_step_has_the_recipes_rate() -> None:
    assert pace(Optimisation(epochs=1, rate=0.02), 0, 1) == Pace(0.02, 0.85)


@pytest.mark.parametrize("rise", [2, 5])
def test_cosine_is_torchs_linear_rise_and_half_cosine(rise: int) -> None:
    spec = Optimisation(epochs=4, rate=0.02, schedule="cosine", warm_up=rise / 20)

    def theirs(optimiser: Optimizer) -> LRScheduler:
        up = LinearLR(optimiser, start_factor=1 / rise, total_iters=rise - 1)
        return SequentialLR(optimiser, [up, CosineAnnealingLR(optimiser, T_max=20 - rise)], milestones=[rise])

    expected = [rate for rate, _ in torchs(theirs, 20, rate=0.02)]
    np.testing.assert_allclose([each.rate for each in paces(spec, 5)], expected, rtol=1e-12)


@pytest.mark.parametrize("schedule", ["constant", "plateau"])
def test_constant_and_plateau_rise_as_torchs_linear_and_stay(schedule: str) -> None:
    spec = Optimisation(epochs=4, rate=0.02, schedule=schedule, warm_up=0.2)
    expected = [rate for rate, _ in torchs(lambda opt: LinearLR(opt, start_factor=1 / 4, total_iters=3), 20, rate=0.02)]
    np.testing.assert_allclose([each.rate for each in paces(spec, 5)], expected, rtol=1e-12)


@pytest.mark.parametrize("warm_up", [0.0, 1.0])
@pytest.mark.parametrize("schedule", ["cosine", "plateau", "constant"])
def test_without_warm_up_the_first_step_and_with_nothing_else_the_last_has_the_recipes_rate(
    schedule: str, warm_up: float
) -> None:
    rates = [each.rate for each in paces(Optimisation(epochs=2, rate=0.02, schedule=schedule, warm_up=warm_up), 3)]
    assert rates[-1 if warm_up else 0] == max(rates) == 0.02
    assert min(rates) > 0


@pytest.mark.parametrize("schedule", ["cosine", "plateau", "constant"])
def test_only_one_cycle_moves_the_momentum(schedule: str) -> None:
    assert {each.momentum for each in paces(Optimisation(epochs=2, schedule=schedule), 5)} == {None}


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine", "constant"])
def test_each_stage_has_a_cycle_of_its_own(schedule: str) -> None:
    spec = Optimisation(
        epochs=3, before=(Stage(2, rate=4.0), Stage(1, learns=2, rate=0.5)), rate=0.02, schedule=schedule
    )
    alone = [(2, 0.08), (1, 0.01), (3, 0.02)]
    expected = [paces(Optimisation(epochs=epochs, rate=rate, schedule=schedule), 7) for epochs, rate in alone]
    assert paces(spec, 7) == [each for stage in expected for each in stage]


def test_stages_follow_each_other() -> None:
    head, top = Stage(2), Stage(1, learns=3)
    spec = Optimisation(epochs=2, before=(head, top))
    assert [stage_of(spec, epoch) for epoch in range(5)] == [head, head, top, Whole(2), Whole(2)]


def test_a_recipe_of_stages_alone_ends_with_the_last() -> None:
    spec = Optimisation(epochs=0, before=(Stage(2),))
    assert stage_of(spec, 1) == Stage(2)
    with pytest.raises(ValueError, match="expected one of the recipe's 2, counted from 0, got 2"):
        stage_of(spec, 2)
    with pytest.raises(ValueError, match="got 2"):
        pace(spec, 10, 5)
