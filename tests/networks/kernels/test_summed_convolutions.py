"""Branches that are summed inside the convolutions' kernels, against layers in float64."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from isthmus.networks import create_model
from isthmus.networks.kernels import onednn
from isthmus.networks.kernels import summed_convolutions as engine
from isthmus.networks.models.mildnet import MLDR

from ..graphs import lets_go

pytestmark = pytest.mark.skipif(not onednn.available(), reason="needs another processor: no oneDNN")
LAST = {2: torch.channels_last, 3: torch.channels_last_3d}


def block(dims: int, given: int, width: int, **options: Any) -> nn.Module:
    """A MILDNet block in channels-last layout."""
    torch.manual_seed(given)
    return MLDR(**options).build(dims, given, width).to(memory_format=LAST[dims])


def near(found: Tensor, expected: Tensor, share: float = 1e-3) -> None:
    """Equal except for single values: a ReLU may decide otherwise where its input is 0 up to rounding."""
    assert float((found.double() - expected).norm()) <= share * float(expected.norm())


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every sum inside the kernels."""
    calls: list[int] = []

    def summed(*inputs: Any, **options: bool) -> Tensor:
        calls.append(1)
        return original(*inputs, **options)

    original = engine.summed
    monkeypatch.setattr(engine, "summed", summed)
    return calls


@pytest.mark.parametrize("large", [0, 8, 10**9])  # kernels turned round: always, as usual, never
@pytest.mark.parametrize("post_activation", [True, False])
@pytest.mark.parametrize(("dims", "given", "width"), [(2, 8, 16), (2, 16, 16), (3, 4, 8)])
def test_values_and_gradients(
    dims: int,
    given: int,
    width: int,
    post_activation: bool,
    large: int,
    counted: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "LARGE", large)
    ours = block(dims, given, width, post_activation=post_activation)
    plain = copy.deepcopy(ours).double().to(memory_format=torch.contiguous_format)
    x = torch.randn(2, given, *[12] * dims).contiguous(memory_format=LAST[dims]).requires_grad_()
    reference = x.detach().double().contiguous().requires_grad_()
    y, expected = ours(x), plain(reference)
    assert len(counted) == 2  # the two levels; in float64 layers
    gradient = torch.randn_like(y)
    y.backward(gradient)
    expected.backward(gradient.double())
    near(y.detach(), expected.detach(), 1e-5)
    near(x.grad, reference.grad)
    for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
        near(one.grad, other.grad)


def test_bfloat16_is_as_near_to_float64_as_layers_are(counted: list[int], monkeypatch: Any) -> None:
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("needs another processor: no instructions for bfloat16")
    network = create_model("mildnet", widths=(8, 16)).to(memory_format=LAST[2])
    torch.manual_seed(0)
    x = torch.randn(4, 1, 32, 32)

    def gradients(network: nn.Module, x: Tensor) -> Tensor:
        network.zero_grad()
        network(x).square().mean().backward()
        return torch.cat([p.grad.flatten().double() for p in network.parameters()])

    expected = gradients(copy.deepcopy(network).double(), x.double())
    with torch.autocast("cpu", torch.bfloat16):
        ours = gradients(network, x)
        assert counted
        monkeypatch.setattr(engine, "is_faster", lambda *_: False)
        layers = gradients(network, x)
    error, usual = (float((found - expected).norm() / expected.norm()) for found in (ours, layers))
    assert 0 < error < 1.25 * usual < 0.5


@pytest.mark.parametrize("frozen", [False, True])
def test_gradients_of_gradients(frozen: bool) -> None:
    ours = block(2, 4, 4, levels=1)
    ours.levels[0].branches[1].weight.requires_grad_(not frozen)
    plain = copy.deepcopy(ours).double()
    x = torch.randn(2, 4, 8, 8).contiguous(memory_format=LAST[2]).requires_grad_()
    results = []
    for network, one in ((ours, x), (plain, x.detach().double().requires_grad_())):
        parameters = [one, *(p for p in network.parameters() if p.requires_grad)]
        first = torch.autograd.grad(network(one).square().sum(), parameters, create_graph=True)
        total = sum(g.square().sum() for g in first)
        results.append(torch.autograd.grad(total, parameters, allow_unused=True))
    for found, expected in zip(*results, strict=True):
        assert (found is None) == (expected is None)
        if found is not None:
            near(found, expected)


@pytest.mark.parametrize("backward", [True, False])
def test_it_lets_go_of_its_input_without_the_collector(backward: bool, counted: list[int]) -> None:
    x = torch.randn(2, 8, 8, 8).contiguous(memory_format=LAST[2]).requires_grad_()
    assert lets_go(block(2, 8, 8), x, backward)
    assert counted


def test_number_types_by_what_the_processor_has(monkeypatch: pytest.MonkeyPatch) -> None:
    assert onednn.computes(torch.float32)
    assert not onednn.computes(torch.float64)
    for has in (True, False):
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda has=has: has)
        assert onednn.computes(torch.bfloat16) is has


@pytest.mark.parametrize(
    "case",
    ["evaluation", "no gradient", "contiguous", "float64", "circular", "grouped", "hooked", "switched off"],
)
def test_layers_elsewhere(case: str, counted: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    ours = block(2, 8, 8)
    x = torch.randn(2, 8, 8, 8).contiguous(memory_format=LAST[2]).requires_grad_()
    if case == "evaluation":
        ours.eval()
    if case == "contiguous":
        x, ours = x.detach().contiguous().requires_grad_(), ours.to(memory_format=torch.contiguous_format)
    if case == "float64":
        x, ours = x.detach().double().requires_grad_(), ours.double()
    if case == "grouped":
        for level in ours.levels:
            level.branches[1] = nn.Conv2d(8, 8, 3, padding=3, dilation=3, groups=2)
    if case == "hooked":
        for level in ours.levels:
            level.branches[2].register_forward_hook(lambda *_: None)
    if case == "circular":
        for level in ours.levels:
            level.branches[1] = nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular")
    if case == "switched off":
        monkeypatch.setattr(torch._C, "_get_mkldnn_enabled", lambda: False)
    with torch.set_grad_enabled(case not in ("no gradient", "evaluation")):
        ours(x)
    assert not counted
