"""Statistics of batches taken anew: over all values of all batches, for scoring alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from isthmus import training
from isthmus.inference.predictor import Predictor
from isthmus.training.loop import checkpoint
from isthmus.training.loop import loop as module
from isthmus.training.loop.batch_statistics import batch_norms, remark, sharing_weights, take_anew
from isthmus.training.loop.distributed import World
from isthmus.training.loop.loop import Loop, begin
from isthmus.training.preparation.network import make_network
from isthmus.training.preparation.prepare import prepare
from isthmus.watch import Silent

from ...networks.variants import every_network, good_size, image, outputs, tiny
from ..watches import Asking

PRECISE = {"batch_statistics": "precise"}
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def state(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def pooled(values: list[NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Returns mean and variance of each channel over all pixels of arrays ``(N, channels, *spatial)``."""
    flat = np.concatenate([np.moveaxis(one, 1, -1).reshape(-1, one.shape[1]) for one in values])
    return flat.mean(0), flat.var(0)


def test_they_are_those_of_all_activations_together() -> None:
    """Of three batches of different sizes; the second layer reads what each batch normalised by itself becomes."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2, momentum=0.01)
    ).eval()
    draw = np.random.default_rng(0)
    batches = [draw.normal(k, 1 + k, (n, 1, side, 5)) for k, (n, side) in enumerate([(2, 4), (3, 7), (1, 2)])]
    take_anew(network, [torch.from_numpy(batch).float() for batch in batches])

    weight, bias = (network[0].get_parameter(name).detach().double().numpy() for name in ("weight", "bias"))
    first = [np.einsum("oi,nihw->nohw", weight[:, :, 0, 0], batch) + bias[:, None, None] for batch in batches]
    mean, variance = pooled(first)
    np.testing.assert_allclose(network[1].get_buffer("running_mean"), mean, rtol=1e-5)
    np.testing.assert_allclose(network[1].get_buffer("running_var"), variance, rtol=1e-5)

    weight, bias = (network[3].get_parameter(name).detach().double().numpy() for name in ("weight", "bias"))
    second = []
    for one in first:
        own = one.mean((0, 2, 3), keepdims=True), one.var((0, 2, 3), keepdims=True)
        rectified = np.maximum((one - own[0]) / np.sqrt(own[1] + 1e-5), 0)
        second.append(np.einsum("oi,nihw->nohw", weight[:, :, 0, 0], rectified) + bias[:, None, None])
    mean, variance = pooled(second)
    np.testing.assert_allclose(network[4].get_buffer("running_mean"), mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(network[4].get_buffer("running_var"), variance, rtol=1e-4)


@given(
    st.lists(st.lists(st.floats(-100, 100, width=16), min_size=2, max_size=5), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_batches_does_not_matter(values: list[list[float]], random: Any) -> None:
    norm = nn.BatchNorm1d(1).eval()
    take_anew(norm, [torch.tensor(batch)[:, None] for batch in values])
    before = state(norm)
    random.shuffle(values)
    take_anew(norm, [torch.tensor(batch)[:, None] for batch in values])
    for name, tensor in before.items():
        torch.testing.assert_close(norm.state_dict()[name], tensor, rtol=1e-5, atol=1e-4)
    every = np.concatenate(values)
    assert float(norm.get_buffer("running_mean")) == pytest.approx(every.mean(), abs=1e-3)
    assert float(norm.get_buffer("running_var")) == pytest.approx(every.var(), rel=1e-3, abs=1e-3)


def test_nothing_else_changes_and_nothing_is_dropped() -> None:
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.9), nn.BatchNorm2d(1, momentum=None)).eval()
    x = torch.randn(4, 1, 8, 8)
    take_anew(network, [x])
    once = state(network)
    assert float(once["2.running_var"]) == pytest.approx(1, abs=1e-4)  # of the first layer's result
    assert not any(part.training for part in network.modules())
    assert [norm.momentum for norm in batch_norms(network)] == [0.1, None]
    assert not any(norm._forward_hooks for norm in batch_norms(network))
    take_anew(network, [x])
    assert all(torch.equal(once[name], tensor) for name, tensor in network.state_dict().items())


def test_a_failure_leaves_no_hook() -> None:
    norm = nn.BatchNorm2d(1).eval()
    with pytest.raises(ValueError, match="expected 4D"):
        take_anew(norm, [torch.zeros(2, 1)])
    assert (norm.momentum, norm.training, len(norm._forward_hooks)) == (0.1, False, 0)


@every_network
def test_every_network_predicts_by_them(name: str, dims: int) -> None:
    """By the statistics of one batch it predicts for that batch what it computes in training, but for dropout."""
    network = tiny(name, dims).double()
    before, norms = state(network), batch_norms(network)
    if not norms:
        take_anew(network, [])
        return
    x = image(2, 3, *good_size(network)).double()
    for norm in norms:
        norm.train()
    with torch.no_grad():
        expected = outputs(network(x))
    for norm in norms:
        norm.eval()
    take_anew(network, [x])
    now = network.state_dict()
    assert all(torch.equal(now[key], before[key]) for key in now if not key.endswith(STATISTICS))
    with torch.no_grad():
        for head, maps in outputs(network(x)).items():
            torch.testing.assert_close(maps, expected[head], rtol=1e-6, atol=1e-6)


def test_a_copy_has_the_same_weights_and_statistics_of_its_own() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train()
    other = sharing_weights(network)
    before = state(network)
    take_anew(other, [torch.randn(2, 1, 8, 8)])
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert (network[1].training, other[1].training) == (True, False)
    torch.optim.SGD(network.parameters(), 1.0).step()
    nn.init.zeros_(network[0].weight)  # type: ignore[arg-type]
    assert not other.state_dict()["0.weight"].any()


@pytest.fixture
def mildnet(small: Any) -> Any:
    """A function from values of the section training to a recipe of a network with batch normalisation."""
    return lambda **values: small(training={**values, "epochs": 2}, network={"model": "mildnet"})


def loop_of(recipe: Any) -> Loop:
    prepared = prepare(recipe, Silent())
    return begin(make_network(prepared.recipe), prepared, None)


def test_training_goes_on_as_with_running_means(mildnet: Any, tmp_path: Path) -> None:
    folders = [training.train(mildnet(**values), tmp_path / str(len(values))) for values in ({}, PRECISE)]
    running, precise = (checkpoint.load(folder.checkpoint)["network"] for folder in folders)
    assert all(torch.equal(running[name], precise[name]) for name in running)
    losses = [[row["train_loss"] for row in folder.read_rows(folder.history)] for folder in folders]
    assert losses[0] == losses[1]
    scores = [[row["validation_loss"] for row in folder.read_rows(folder.history)] for folder in folders]
    assert scores[0] != scores[1]


def test_a_run_is_scored_and_saved_with_them(mildnet: Any, tmp_path: Path) -> None:
    folder = training.train(mildnet(**PRECISE, select="loss"), tmp_path / "run")
    recipe, network, best = folder.recipe(), folder.load_network().eval(), folder.best()
    loop = loop_of(recipe)
    predictor = Predictor.from_networks([network], recipe, recipe.hardware, overlap=0.0)
    assert best is not None
    assert loop.scorer.score(predictor).loss == -best.goodness
    saved = state(network)
    batches = loop.samples.without_augmentation(200).batches(0)
    take_anew(network, [torch.from_numpy(batch.images) for batch in batches])
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, saved[name], rtol=1e-4, atol=1e-5)


def test_any_number_of_workers_gives_the_same(mildnet: Any, tmp_path: Path) -> None:
    written = set()
    for workers in (0, 3):
        recipe = mildnet(**PRECISE)
        recipe = recipe.model_copy(
            update={"hardware": recipe.hardware.model_copy(update={"workers": workers})}
        )
        written.add(training.train(recipe, tmp_path / str(workers)).weights.read_bytes())
    assert len(written) == 1


def seen(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Returns the batches that statistics are taken from."""
    found: list[Tensor] = []
    monkeypatch.setattr(module, "take_anew", lambda _, batches: found.extend(batches))
    loop.score()
    return found


def test_samples_are_few_the_same_and_not_augmented(mildnet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLES", 7)
    loop = loop_of(mildnet(**PRECISE, samples=9, batch=3, augment="flips"))
    first = seen(loop, monkeypatch)
    assert [len(batch) for batch in first] == [3, 4]
    loop.state.progress.epoch = 1
    assert all(torch.equal(one, other) for one, other in zip(first, seen(loop, monkeypatch), strict=True))
    plain = loop_of(mildnet(**PRECISE, samples=7, batch=3, augment="none"))
    expected = [torch.from_numpy(batch.images) for batch in plain.samples.batches(0)]
    assert all(torch.equal(one, other) for one, other in zip(first, expected, strict=True))
    assert len(loop.samples) == 3  # of training


def test_on_several_devices_batches_are_as_small_as_in_training(
    mildnet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = loop_of(mildnet(**PRECISE, samples=9, batch=3))
    every = seen(loop, monkeypatch)
    part = seen(replace(loop, world=Rank()), monkeypatch)
    assert all(torch.equal(one, whole[[0, 2]]) for one, whole in zip(part, every, strict=True))


class Rank(World):
    """The first of two processes, which does not wait for the other."""

    def __init__(self) -> None:
        super().__init__(0, 2)

    def broadcast(self, values: list[float], device: torch.device) -> list[float]:
        return values


def test_the_time_of_a_validation_includes_them(mildnet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = loop_of(mildnet(**PRECISE, samples=9, batch=3))
    clock = iter([10.0, 12.0])
    monkeypatch.setattr(loop.scorer, "seconds_of_a_case", lambda _: 5.0)
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    cases = len(loop.scorer.store.cases)
    assert loop.seconds_of_a_case() == pytest.approx(5 + 2 * 3 / cases)  # three batches of two seconds


def test_a_network_without_them_is_told_of_once(small: Any, tmp_path: Path) -> None:
    watch = Asking()
    folders = [
        training.train(small(training={**values, "epochs": 1}), tmp_path / str(len(values)), watch=watch)
        for values in ({}, PRECISE)
    ]
    assert folders[0].weights.read_bytes() == folders[1].weights.read_bytes()
    told = [line for line in watch.lines if "batch_statistics" in line]
    assert told == [
        "note: unet_instance has no batch normalisation, so training.batch_statistics=precise changes nothing"
    ]


def test_a_training_too_short_for_running_means_is_told_of(mildnet: Any, small: Any, tmp_path: Path) -> None:
    watch = Asking()
    training.train(mildnet(), tmp_path / "short", watch=watch)  # two epochs of two steps keep 0.9^4 = 0.6561
    told = [line for line in watch.lines if "running means" in line]
    assert len(told) == 1
    assert told[0].startswith(
        "note: after 4 steps the running means of mildnet still hold 65.6% of their first"
    )
    for recipe in (mildnet(**PRECISE), small(training={"epochs": 1})):
        watch = Asking()
        training.train(recipe, tmp_path / recipe.network.model, watch=watch)
        assert not any("running means" in line for line in watch.lines)


@pytest.mark.parametrize(("momentum", "steps"), [(0.1, 66), (0.01, 688)])
def test_from_how_many_steps_running_means_are_trusted(momentum: float, steps: int) -> None:
    network = nn.Sequential(nn.BatchNorm2d(1, momentum=momentum), nn.BatchNorm2d(1, momentum=0.5))
    assert remark(network, "mine", "running", steps - 1)
    assert not remark(network, "mine", "running", steps)
