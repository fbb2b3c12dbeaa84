"""Every kernel beside its plain equivalent, and the one switch that turns them all off."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from isthmus.data.phantoms.cells import write_phantoms
from isthmus.inference.engines.engine import Eager
from isthmus.networks import create_model, plain
from isthmus.networks.kernels import onednn
from isthmus.networks.kernels.batch_norm import BatchNorm2d, BatchNorm3d
from isthmus.networks.kernels.bfloat16.layers import Conv2d
from isthmus.networks.kernels.checkpointing import checkpointed
from isthmus.networks.kernels.concatenation import concatenate
from isthmus.networks.kernels.instance_norm import InstanceNorm
from isthmus.networks.kernels.memory_layout import in_layout_of_weights
from isthmus.networks.kernels.saved_activations import MaxPool2d, MaxPool3d, norm_relu, relu_
from isthmus.networks.kernels.summed_convolutions import norm_relu_sum
from isthmus.networks.kernels.switch import VARIABLE, enabled, is_plain
from isthmus.networks.kernels.symmetric_filter import filter_channels
from isthmus.runs.hardware import memory_format, resolve
from isthmus.runs.recipe import Hardware

from ..variants import every_network, fill, good_size, image, outputs, tiny
from .forbidden import forbid

SCRIPT = Path(__file__).with_name("forbidden.py")
LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


class Case(nn.Module):
    """A kernel, what it learns, and how far it may be from its plain equivalent (0: bit for bit)."""

    def __init__(
        self, compute: Callable[..., Tensor], tolerance: float, *layers: nn.Module, dims: int = 2
    ) -> None:
        super().__init__()
        self.compute, self.tolerance, self.dims = compute, tolerance, dims
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.compute(x, *self.layers)


def pre_activated(x: Tensor, norm: nn.Module, layer: nn.Module) -> Tensor:
    with norm_relu(norm, x) as y:
        return layer(y)


def summed(x: Tensor, norm: nn.Module, *branches: nn.Module) -> Tensor:
    return norm_relu_sum(norm, branches, x, x * 1, relu=True, saved_anyway=False)


def part(x: Tensor, owner: nn.Module) -> Tensor:
    owner.checkpoint = True
    return checkpointed(owner, owner, x)


def laplacian(channels: int, dims: int) -> Tensor:
    kernel = torch.full((channels, 1, *(3,) * dims), -1.0)
    kernel[(slice(None), 0, *(1,) * dims)] = 3.0**dims - 1
    return kernel


def convs(dims: int, *dilations: int) -> list[nn.Module]:
    layer = nn.Conv2d if dims == 2 else nn.Conv3d
    return [layer(4, 4, 3, padding=d, dilation=d) for d in dilations]


CASES: dict[str, Case] = {
    "batch norm 2D": Case(lambda x, norm: norm(x), 1e-5, BatchNorm2d(4)),
    "batch norm 3D": Case(lambda x, norm: norm(x), 1e-5, BatchNorm3d(4), dims=3),
    "checkpointing": Case(part, 0, nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1))),
    "concatenation": Case(lambda x: concatenate([x, 2 * x]), 0),
    "convolution": Case(lambda x, layer: layer(x), 0, Conv2d(4, 3, 3, padding=1)),
    "instance norm 2D": Case(lambda x, norm: norm(x), 1e-5, InstanceNorm(4)),
    "instance norm 3D": Case(lambda x, norm: norm(x), 1e-5, InstanceNorm(4), dims=3),
    "memory layout": Case(
        lambda x, layer: layer(in_layout_of_weights(x.contiguous(), layer)), 1e-5, *convs(2, 1)
    ),
    "norm and ReLU": Case(pre_activated, 1e-5, nn.BatchNorm2d(4), *convs(2, 1)),
    "pooling 2D": Case(lambda x, pool: pool(x), 0, MaxPool2d(2)),
    "pooling 3D": Case(lambda x, pool: pool(x), 0, MaxPool3d(2), dims=3),
    "ReLU by a mask": Case(lambda x: relu_(x * 1, saved_anyway=False), 0),
    "symmetric filter 2D": Case(lambda x: filter_channels(x, laplacian(4, 2)), 1e-5),
    "symmetric filter 3D": Case(lambda x: filter_channels(x, laplacian(4, 3)), 1e-5, dims=3),
    "summed convolutions 2D": Case(summed, 1e-4, nn.BatchNorm2d(4), *convs(2, 1, 3, 5)),
    "summed convolutions 3D": Case(summed, 1e-4, nn.BatchNorm3d(4), *convs(3, 1, 2), dims=3),
}


def results(case: Case) -> dict[str, Tensor]:
    """Output, gradients and running statistics of one step of training."""
    case = fill(copy.deepcopy(case))
    x = image(2, 4, *(16, 12, 8)[: case.dims])
    x = x.contiguous(memory_format=LAST[x.ndim]).requires_grad_()
    case.train().to(memory_format=LAST[x.ndim])
    y = case(x)
    y.backward(image(*y.shape, phase=3))
    found = {"output": y, "input": x.grad} | {name: p.grad for name, p in case.named_parameters()}
    return found | dict(case.named_buffers())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_kernel_gives_what_its_plain_equivalent_gives(case: Case) -> None:
    found = {name: value.detach().clone() for name, value in results(case).items()}
    with plain(), pytest.MonkeyPatch.context() as patch:
        assert forbid(patch) >= 8
        expected = results(case)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        scale = float(value.detach().abs().max())
        torch.testing.assert_close(
            found[name],
            value.detach(),
            rtol=0,
            atol=case.tolerance * scale,
            msg=lambda m, n=name: f"{n}: {m}",
        )


NEEDED = (
    "batch norm 2D",
    "checkpointing",
    "concatenation",
    "instance norm 2D",
    "memory layout",
    "norm and ReLU",
)
NEEDED += ("pooling 2D", "ReLU by a mask", "symmetric filter 2D", "summed convolutions 2D")


@pytest.mark.parametrize("name", NEEDED)
def test_the_kernels_run_when_they_are_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the comparison would compare a plain equivalent with itself."""
    if name.startswith("summed") and not onednn.available():
        pytest.skip("needs another processor: no oneDNN")
    forbid(monkeypatch)
    with pytest.raises(AssertionError, match="was called"):
        results(CASES[name])


@every_network
def test_every_network_trains_alike_with_kernels_and_without(name: str, dims: int) -> None:
    """In float64, where statistics of few pixels do not magnify rounding."""
    network = tiny(name, dims).double().to(memory_format=LAST[dims + 2]).train()
    x = image(2, 3, *good_size(network)).double().contiguous(memory_format=LAST[dims + 2])

    def step() -> dict[str, Tensor]:
        network.zero_grad()
        torch.manual_seed(0)
        heads = outputs(network(x))
        torch.stack([head.square().mean() for head in heads.values()]).sum().backward()
        return heads | {key: p.grad for key, p in network.named_parameters() if p.grad is not None}

    found = {key: value.detach().clone() for key, value in step().items()}
    with plain(), pytest.MonkeyPatch.context() as patch:
        forbid(patch)
        expected = step()
    assert found.keys() == expected.keys()
    scale = max(float(value.detach().abs().max()) for value in expected.values())
    for key, value in expected.items():
        torch.testing.assert_close(
            found[key], value.detach(), rtol=0, atol=1e-9 * scale, msg=lambda m, k=key: f"{k}: {m}"
        )


def test_prediction_and_layout_are_plain_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ISTHMUS_PRECISION", raising=False)
    hardware = resolve(Hardware(device="cpu"))
    assert hardware.channels_last
    network = fill(create_model("mildnet", widths=(2, 3))).eval()
    batch = image(1, 1, 16, 16).numpy()
    expected = Eager.fused([network], hardware.model_copy(update={"precision": "float32"}))(batch)
    with plain():
        forbid(monkeypatch)
        plain_hardware = resolve(Hardware(device="cpu"))
        assert plain_hardware.precision == "float32"
        assert memory_format(plain_hardware, 2) == torch.contiguous_format
        engine = Eager.fused([network], plain_hardware)
        assert engine.networks[0] is network
        found = engine(batch)
    np.testing.assert_allclose(found["logits"], expected["logits"], rtol=1e-5, atol=1e-5)


def test_the_switch_returns_to_where_it_was() -> None:
    before = is_plain()
    with plain():
        assert is_plain()
        assert not enabled()
        with plain(wanted=False):
            assert enabled()
        assert is_plain()
        with pytest.raises(KeyError), plain(wanted=False):
            raise KeyError
        assert is_plain()
    assert is_plain() == before


@pytest.mark.slow
@pytest.mark.parametrize(("value", "wanted"), [("1", True), ("0", False), ("", False)])
def test_the_environment_switches_a_process(value: str, wanted: bool) -> None:
    code = "from isthmus.networks.kernels.switch import is_plain; print(is_plain())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, VARIABLE: value},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(wanted)


@pytest.mark.slow
@pytest.mark.parametrize(("value", "code"), [("1", 0), ("0", 1)])
def test_training_from_the_command_line_without_any_kernel(value: str, code: int, tmp_path: Path) -> None:
    write_phantoms(tmp_path / "data", 6, size=32)
    options = ["network.options.widths=[2,3]", "training.epochs=1", "training.batch=2", "hardware.device=cpu"]
    command = ["train", str(tmp_path / "data"), "--model", "mildnet", "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *command, *options],
        env={**os.environ, VARIABLE: value, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert (tmp_path / "run" / "best.safetensors").exists() == (code == 0)
