"""Training that diverges ends at once, and names the first tensor that was not finite."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from isthmus import training
from isthmus.errors import IsthmusError
from isthmus.objectives import Objective
from isthmus.training import run
from isthmus.training.loop import diagnosis, loop
from isthmus.training.score import Scorer

FLOAT32 = r"lower training\.learning_rate, to a tenth for example, in a new run"
BFLOAT16 = r"start again with hardware\.precision=float32 \(this run computes in bfloat16\)"
KEPT = ", or use the weights of epoch 1, the best so far: --finish scores them$"


class Broken(torch.autograd.Function):
    """Passes numbers on, and gives a gradient that is infinite, as a faulty kernel does."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor) -> Tensor:
        return weight.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient * torch.inf


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> list[nn.Module]:
    """Every network that is made for a run from here on."""
    made: list[nn.Module] = []
    make = run.make_network

    def kept(recipe: Any) -> nn.Module:
        made.append(make(recipe))
        return made[-1]

    monkeypatch.setattr(run, "make_network", kept)
    return made


def before(monkeypatch: pytest.MonkeyPatch, step: int, broken: Any) -> None:
    """Do something before a step, counted from 0 over all epochs."""
    go = loop.Loop._step

    def step_by_step(self: loop.Loop, place: int, *args: Any) -> Tensor:
        if place == step:
            broken()
        return go(self, place, *args)

    monkeypatch.setattr(loop.Loop, "_step", step_by_step)


@pytest.mark.parametrize(("precision", "advice"), [("float32", FLOAT32), ("bfloat16", BFLOAT16)])
def test_a_gradient_that_is_infinite_is_named(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, advice: str
) -> None:
    """The loss is fine, and the weights would be NaN after the step: it is not taken."""
    convolution = nn.Conv2d._conv_forward
    counted = {"calls": 0}

    def faulty(self: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        counted["calls"] += self.training and weight.shape[0] == 8
        return convolution(self, x, Broken.apply(weight) if counted["calls"] > 9 else weight, bias)

    monkeypatch.setattr(nn.Conv2d, "_conv_forward", faulty)
    with pytest.raises(IsthmusError) as caught:
        training.train(small(hardware={"precision": precision}), tmp_path / "run")
    message = str(caught.value)
    pattern = (
        r"^training diverged in epoch \d, step \d: the first tensor that is not finite is the gradient of '"
    )
    assert caught.match(pattern + r"[\w.]+weight'; " + advice)
    assert "\n" not in message


def test_a_layer_whose_output_is_not_finite_is_named(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: list[nn.Module]
) -> None:
    def burst(layer: nn.Module, given: Any, output: Tensor) -> Tensor:
        return output * torch.inf

    def broken() -> None:
        name, layer = [each for each in networks[-1].named_modules() if isinstance(each[1], nn.Conv2d)][1]
        layer.register_forward_hook(burst)
        named.append(name)

    named: list[str] = []
    before(monkeypatch, 3, broken)
    with pytest.raises(IsthmusError) as caught:
        training.train(small(hardware={"precision": "float32"}), tmp_path / "run")
    assert caught.match(
        r"in epoch 2, step 2: the first tensor that is not finite is the output of the layer "
        rf"'{named[0]}' \(\w*Conv2d\); " + FLOAT32 + KEPT
    )
    with (tmp_path / "run" / "history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1"]  # what was reached is there
    monkeypatch.undo()
    assert training.finish(tmp_path / "run").cases.is_file()


def test_weights_the_input_and_a_term_of_the_loss_are_named(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: list[nn.Module]
) -> None:
    def damage() -> None:
        with torch.no_grad():
            next(networks[-1].parameters())[0] = torch.nan

    before(monkeypatch, 1, damage)
    said = r"in epoch 1, step 2: .* is '[\w.]+', one of the weights; " + FLOAT32 + "$"
    with pytest.raises(IsthmusError, match=said):
        training.train(small(hardware={"precision": "float32"}), tmp_path / "weights")

    parts = Objective.parts
    monkeypatch.setattr(
        Objective,
        "parts",
        lambda self, *args: {name: value * torch.inf for name, value in parts(self, *args).items()},
    )
    with pytest.raises(IsthmusError, match=r"in epoch 1, step 1: .* is the loss term 'logits\.bce'; "):
        training.train(small(hardware={"precision": "float32"}), tmp_path / "term")

    layer = nn.Linear(2, 1)
    found = diagnosis.first_in_step(layer, torch.tensor([[1.0, torch.nan]]), lambda: None, lambda _: {})
    assert found == "the input"


def test_a_validation_loss_that_is_no_number_ends_training_too(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: list[nn.Module]
) -> None:
    """It happens only in evaluation, as with running statistics that overflow; the run stops after that epoch."""
    score = Scorer.score

    def burst(self: Scorer, predictor: Any) -> Any:
        if not broken:
            broken.append(True)
            return score(self, predictor)
        for layer in predictor.networks[-1].modules():
            if isinstance(layer, nn.Conv2d):
                layer.register_forward_hook(lambda layer, given, output: output * torch.nan)
                break
        return score(self, predictor)

    broken: list[bool] = []
    monkeypatch.setattr(Scorer, "score", burst)
    with pytest.raises(IsthmusError) as caught:
        training.train(small(hardware={"precision": "float32"}), tmp_path / "run")
    assert caught.match(
        r"^training diverged at the validation of epoch 2: the first tensor that is not finite is the output of "
        r"the layer '[\w.]+' \(\w*Conv2d\), of case 'phantom-00\d'; " + FLOAT32 + KEPT
    )


def test_what_a_repetition_does_not_show_is_said(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "is_finite", lambda loss, network: False)
    with pytest.raises(
        IsthmusError, match="in epoch 1, step 1: when it was repeated, all tensors were finite; lower"
    ):
        training.train(small(hardware={"precision": "float32"}), tmp_path / "run")


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_any_number_that_is_none_is_seen(bad: float) -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    network(torch.ones(2, 3)).sum().backward()
    assert diagnosis.is_finite(torch.tensor(1.0), network)
    assert not diagnosis.is_finite(torch.tensor(bad), network)
    gradient = network[0].weight.grad
    assert gradient is not None
    gradient[1, 2] = bad
    assert not diagnosis.is_finite(torch.tensor(1.0), network)
