"""The learning rate over the steps, beside the framework's own schedules."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
import torch

from isthmus.runs.recipe import Training
from isthmus.training.loop.rate import Rate


def test_cosine_goes_from_the_full_rate_to_zero() -> None:
    rate = Rate(Training(schedule="cosine", learning_rate=0.1), 100)
    assert rate.at(0) == pytest.approx(0.1)
    assert rate.at(50) == pytest.approx(0.05)
    assert rate.at(100) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("monitor", "mode"), [("loss", "min"), ("iou", "max")])
def test_plateau_falls_as_the_framework_s_own_does(monitor: str, mode: Literal["min", "max"]) -> None:
    rng = np.random.default_rng(3)
    values = np.abs(1 / np.arange(1, 80) + rng.normal(0, 0.02, 79))
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.Adam([parameter], lr=1e-3)
    oracle = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, mode, factor=0.1, patience=3)
    rate = Rate(Training(schedule="plateau", plateau_patience=3, plateau_monitor=monitor), 1)
    for value in (values if mode == "min" else 1 - values).tolist():
        oracle.step(value)
        rate.see(value)
        if rate.at(0) < 1e-8:  # where the framework's own stops reducing
            break
        assert rate.at(0) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
    assert rate.at(0) < 1e-8


def test_keras_lets_the_rate_fall_with_the_last_epoch_of_patience_and_asks_for_an_absolute_step() -> None:
    """By hand from the documentation of Keras 2.3: better is more than min_delta = 1e-4 above the best so far, every
    other epoch counts, and at the count of patience the rate is multiplied, clipped at min_lr, and the count is zero.
    """
    seen = [
        (0.50, 1e-3),  # the first is the best
        (0.50009, 1e-3),  # better by less than 1e-4: waits 1
        (0.50009, 1e-4),  # waits 2 = patience: falls, waits 0
        (0.50011, 1e-4),  # better than 0.50 by more than 1e-4: the best
        (0.40, 1e-4),  # waits 1
        (0.60, 1e-4),  # the best
        (0.60, 1e-4),  # waits 1
        (0.55, 1e-5),  # waits 2: falls
        (0.60, 1e-5),
        (0.60, 4e-6),  # 1e-6 is below the floor
        (0.60, 4e-6),
        (0.60, 4e-6),
    ]
    recipe = Training(
        schedule="plateau",
        plateau_rule="keras",
        plateau_monitor="soft_iou",
        plateau_patience=2,
        plateau_floor=4e-6,
    )
    rate = Rate(recipe, 1)
    for value, expected in seen:
        rate.see(value)
        assert rate.at(0) == pytest.approx(expected, rel=1e-9), value


def test_keras_calls_exactly_the_least_step_no_step() -> None:
    for monitor, values in (("loss", (1e-4, 0.0)), ("iou", (0.0, 1e-4))):
        recipe = Training(
            schedule="plateau", plateau_rule="keras", plateau_monitor=monitor, plateau_patience=1
        )
        rate = Rate(recipe, 1)
        for value in values:
            rate.see(value)
        assert rate.at(0) == pytest.approx(1e-4)


def test_keras_on_a_loss_is_the_mirror_image() -> None:
    def rates(monitor: str, values: list[float]) -> list[float]:
        recipe = Training(
            schedule="plateau", plateau_rule="keras", plateau_monitor=monitor, plateau_patience=2
        )
        rate = Rate(recipe, 1)
        found = []
        for value in values:
            rate.see(value)
            found.append(rate.at(0))
        return found

    values = (np.random.default_rng(5).random(40) / 1000).round(5).tolist()  # steps around 1e-4
    up, down = rates("iou", values), rates("loss", [-value for value in values])
    assert up == down
    assert len(set(up)) > 3


def test_steps_milestones_and_cycles_as_the_framework_s_own() -> None:
    """Ten epochs of two steps; the framework's schedulers look at whole epochs or steps."""
    weight = torch.nn.Parameter(torch.zeros(1))

    def framework(make: Any, count: int) -> list[float]:
        optimiser = torch.optim.SGD([weight], lr=0.1)
        schedule, rates = make(optimiser), []
        for _ in range(count):
            rates.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            schedule.step()
        return rates

    def ours(**training: Any) -> Rate:
        return Rate(Training(learning_rate=0.1, epochs=10, **training), 20)

    lr = torch.optim.lr_scheduler
    step = ours(schedule="step", step_epochs=3, step_factor=0.5)
    expected = framework(lambda o: lr.StepLR(o, 3, 0.5), 10)
    assert [step.at(2 * epoch) for epoch in range(10)] == pytest.approx(expected)
    assert [step.at(2 * epoch + 1) for epoch in range(10)] == pytest.approx(expected)
    milestones = ours(schedule="multistep", milestones=[0.3, 0.8], step_factor=0.2)
    expected = framework(lambda o: lr.MultiStepLR(o, [3, 8], 0.2), 10)
    assert [milestones.at(2 * epoch) for epoch in range(10)] == pytest.approx(expected)
    cyclic = ours(schedule="cyclic", cycle_epochs=4)
    expected = framework(lambda o: lr.CyclicLR(o, 0.01, 0.1, step_size_up=4, cycle_momentum=False), 20)
    assert [cyclic.at(index) for index in range(20)] == pytest.approx(expected)


def test_a_plateau_goes_on_where_it_was_stopped() -> None:
    """Each state keeps the best loss, the epochs waited and the rate, so that the rates are the same."""
    recipe = Training(schedule="plateau", plateau_patience=3)
    losses = [1.0, 0.8, 0.9, 0.85, 0.81, 0.82, 0.7, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
    whole, parts = Rate(recipe, 1), Rate(recipe, 1)
    for loss in losses:
        again = Rate(recipe, 1)
        again.restore(parts.state())
        parts = again
        whole.see(loss)
        parts.see(loss)
        assert parts.state() == whole.state()
        assert parts.at(0) == whole.at(0)
    assert whole.at(0) == pytest.approx(1e-6)  # three times a tenth of 1e-3: after epochs 6, 11 and 15


def test_a_plateau_s_rate_has_a_floor() -> None:
    rate = Rate(Training(learning_rate=1e-3, schedule="plateau", plateau_patience=1, plateau_floor=5e-5), 100)
    for _ in range(20):
        rate.see(1.0)
    assert rate.at(0) == pytest.approx(5e-5)
