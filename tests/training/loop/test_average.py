"""The running mean of the weights: its formula, what it does not change, and that a run keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from isthmus import training
from isthmus.training.loop import checkpoint
from isthmus.training.loop.average import RAMP, Average


def test_the_mean_is_that_of_the_formula() -> None:
    network = nn.Linear(3, 2)
    average = Average(network, 0.8)
    draw = np.random.default_rng(0)
    expected = network.weight.detach().double().numpy()
    for step in range(60):
        new = draw.normal(size=(2, 3))
        with torch.no_grad():
            network.weight.copy_(torch.from_numpy(new))
        average.update(network, step)
        decay = min(0.8, (1 + step) / (RAMP + step))
        expected = decay * expected + (1 - decay) * new
    np.testing.assert_allclose(average.network.weight.detach().numpy(), expected, atol=1e-6)
    assert torch.equal(network.weight, torch.from_numpy(new).float())  # the weights themselves are left alone


def test_statistics_are_averaged_and_counters_taken_over() -> None:
    network = nn.BatchNorm1d(2)
    average = Average(network, 0.5)
    network.running_mean.fill_(4.0)  # type: ignore[union-attr]
    network.num_batches_tracked.fill_(7)  # type: ignore[union-attr]
    average.update(network, 1000)
    assert average.network.state_dict()["running_mean"].tolist() == [2.0, 2.0]
    assert int(average.network.state_dict()["num_batches_tracked"]) == 7


def test_a_run_keeps_the_mean_and_not_the_weights(small: Any, tmp_path: Path) -> None:
    folder = training.train(small(training={"average": 0.9, "epochs": 1}), tmp_path / "run")
    state = checkpoint.load(folder.checkpoint)
    kept = load_file(folder.weights)
    name = next(iter(kept))
    assert torch.equal(kept[name], state["average"][name])
    assert not torch.equal(kept[name], state["network"][name])


@pytest.mark.parametrize("layout", [True, False])
def test_a_mean_that_forgets_at_once_is_the_weights(small: Any, tmp_path: Path, layout: bool) -> None:
    sections = {"training": {"average": 1e-9}, "hardware": {"channels_last": layout}}
    state = checkpoint.load(training.train(small(**sections), tmp_path / "run").checkpoint)
    for name, tensor in state["network"].items():
        torch.testing.assert_close(state["average"][name], tensor)
        assert state["average"][name].stride() == tensor.stride()


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_share_out_of_range_is_refused(small: Any, decay: float) -> None:
    from isthmus.errors import IsthmusError

    with pytest.raises(IsthmusError, match=r"training\.average"):
        small(training={"average": decay})
