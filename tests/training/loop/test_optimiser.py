"""Optimisers by their papers' formulas, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from isthmus import training
from isthmus.runs.files import read_json
from isthmus.runs.recipe import Training
from isthmus.training.loop.optimiser import make_optimiser

RATE, MOMENTUM, DECAY = 0.1, 0.8, 0.05
GRADIENTS = (1.0, -0.3, 4.0, 0.2)
EPSILON = 0.03  # large, so that every step shows it

Steps = Callable[[float], Iterator[float]]


def adam(weight: float, *, decoupled: bool) -> Iterator[float]:
    """Kingma and Ba 2015, algorithm 1, b2 = 0.999; decay in the gradient or (Loshchilov and Hutter 2019) beside it."""
    m = v = 0.0
    for t, slope in enumerate(GRADIENTS, 1):
        g = slope if decoupled else slope + DECAY * weight
        m, v = MOMENTUM * m + (1 - MOMENTUM) * g, 0.999 * v + 0.001 * g**2
        if decoupled:
            weight *= 1 - RATE * DECAY
        weight -= RATE * (m / (1 - MOMENTUM**t)) / (math.sqrt(v / (1 - 0.999**t)) + EPSILON)
        yield weight


def sgd(weight: float) -> Iterator[float]:
    speed = 0.0
    for slope in GRADIENTS:
        speed = MOMENTUM * speed + slope + DECAY * weight
        weight -= RATE * speed
        yield weight


def rmsprop(weight: float) -> Iterator[float]:
    """Hinton's lecture 6e, with the framework's share of 0.99, and momentum."""
    square = speed = 0.0
    for slope in GRADIENTS:
        g = slope + DECAY * weight
        square = 0.99 * square + 0.01 * g**2
        speed = MOMENTUM * speed + g / (math.sqrt(square) + EPSILON)
        weight -= RATE * speed
        yield weight


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("adam", lambda w: adam(w, decoupled=False)),
        ("adamw", lambda w: adam(w, decoupled=True)),
        ("sgd", sgd),
        ("rmsprop", rmsprop),
    ],
)
def test_every_step_by_its_formula(name: str, steps: Steps, fused: bool) -> None:
    recipe = Training(
        optimiser=name, learning_rate=RATE, momentum=MOMENTUM, weight_decay=DECAY, epsilon=EPSILON
    )
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 0.5)
    optimiser = make_optimiser(network, recipe, fused=fused)
    for slope, expected in zip(GRADIENTS, steps(0.5), strict=True):
        network.weight.grad = torch.tensor([[slope]])
        optimiser.step()
        assert float(network.weight.detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
def test_every_optimiser_learns_and_resumes(small: Any, tmp_path: Path, name: str) -> None:
    rate = {"sgd": 0.1, "rmsprop": 0.003}.get(name, 0.01)
    recipe = small(training={"optimiser": name, "learning_rate": rate, "epochs": 6, "select": "loss"})
    history = training.train(recipe, tmp_path / "run").read_rows(tmp_path / "run" / "history.csv")
    assert float(history[-1]["train_loss"]) < float(history[0]["train_loss"])
    losses = [float(row["validation_loss"]) for row in history]
    cost = read_json(tmp_path / "run" / "cost.json")
    assert cost["best_epoch"] == losses.index(min(losses)) + 1
