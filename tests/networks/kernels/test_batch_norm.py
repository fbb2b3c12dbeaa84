"""Batch normalisation by several pixels at once, against the framework's in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from isthmus.networks.kernels import batch_norm as engine
from isthmus.networks.kernels.batch_norm import BatchNorm2d, BatchNorm3d

LAST = {2: torch.channels_last, 3: torch.channels_last_3d}
SHAPES = {2: (4, 16, 24), 3: (2, 8, 4, 8)}


def pair(dims: int, channels: int, dtype: torch.dtype) -> tuple[Any, Any]:
    """Ours and the framework's in float64, with equal parameters."""
    ours = {2: BatchNorm2d, 3: BatchNorm3d}[dims](channels, eps=1e-3, momentum=0.1)
    with torch.no_grad():
        ours.weight.uniform_(0.5, 2)
        ours.bias.normal_()
    plain = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[dims](channels, eps=1e-3, momentum=0.1).double()
    plain.load_state_dict(ours.state_dict())
    return ours.to(torch.float64 if dtype == torch.float64 else torch.float32), plain


def batch(dims: int, channels: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Channels-last, of channels with different means."""
    n, *sides = SHAPES[dims]
    means = 3 * torch.randn(channels, dtype=torch.float64).view(1, -1, *[1] * dims)
    x = 2 * torch.randn(n, channels, *sides, dtype=torch.float64) + means
    return x.to(dtype).contiguous(memory_format=LAST[dims]).requires_grad_()


def close(found: Tensor, expected: Tensor, share: float) -> None:
    """Within a share of the largest value."""
    assert float((found.double() - expected).abs().max()) <= share * float(expected.abs().max())


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("channels", [3, 8, 17, 51])
@pytest.mark.parametrize(
    ("dtype", "share"), [(torch.float64, 1e-13), (torch.float32, 1e-6), (torch.bfloat16, 8e-3)]
)
def test_values_gradients_and_statistics(dims: int, channels: int, dtype: torch.dtype, share: float) -> None:
    torch.manual_seed(channels)
    ours, plain = pair(dims, channels, dtype)
    x = batch(dims, channels, dtype)
    assert engine._pixels(x) > 1
    reference = x.detach().double().contiguous().requires_grad_()
    gradient = torch.randn(x.shape, dtype=torch.float64).to(dtype)
    y, expected = ours(x), plain(reference)
    y.backward(gradient)
    expected.backward(gradient.double())
    close(y.detach(), expected.detach(), share)
    close(x.grad, reference.grad, share)
    exact = min(share, 1e-5)  # sums are made in float32 at least
    close(ours.weight.grad, plain.weight.grad, exact)
    close(ours.bias.grad, plain.bias.grad, exact)
    close(ours.running_mean, plain.running_mean, exact)
    close(ours.running_var, plain.running_var, exact)
    assert ours.num_batches_tracked == 1
    assert y.dtype == dtype
    assert y.stride() == x.stride() == x.grad.stride()


def test_gradients_of_gradients() -> None:
    torch.manual_seed(0)
    ours, _ = pair(2, 3, torch.float64)
    x = torch.randn(2, 3, 4, 8, dtype=torch.float64).contiguous(memory_format=LAST[2]).requires_grad_()
    assert engine._pixels(x) > 1
    assert torch.autograd.gradcheck(ours, (x,))
    assert torch.autograd.gradgradcheck(ours, (x,))


def test_what_comes_next_may_work_in_place() -> None:
    ours, plain = pair(2, 5, torch.float64)
    x = batch(2, 5)
    reference = x.detach().clone().requires_grad_()
    torch.relu_(ours(x)).square().sum().backward()
    torch.relu(plain(reference)).square().sum().backward()
    torch.testing.assert_close(x.grad, reference.grad)


@pytest.mark.parametrize("options", [{"affine": False}, {"bias": False}, {"momentum": None}])
def test_layers_of_other_options_are_the_frameworks(options: dict[str, Any]) -> None:
    x = batch(2, 5, torch.float32)
    torch.testing.assert_close(BatchNorm2d(5, **options)(x), nn.BatchNorm2d(5, **options)(x))


def ways() -> dict[str, Tensor]:
    """Batches for which the framework's way is as good or the only one."""
    x = batch(2, 5).detach()
    return {
        "contiguous": x.contiguous(),
        "full vectors": batch(2, 64).detach(),
        "pixels that do not divide": x[:1, :, :3, :3].contiguous(memory_format=LAST[2]),
        "many channels": torch.zeros(2, engine.LARGE + 1, 4, 8).contiguous(memory_format=LAST[2]),
        "one pixel": x[:, :, :1, :1].contiguous(memory_format=LAST[2]),
    }


@pytest.mark.parametrize("name", ways())
def test_the_frameworks_way_elsewhere(name: str) -> None:
    assert engine._pixels(ways()[name]) == 1


def test_prediction_and_batches_that_need_no_gradient_are_the_frameworks(monkeypatch: Any) -> None:
    monkeypatch.setattr(engine._Folded, "apply", None)
    ours, plain = pair(2, 5, torch.float64)
    x = batch(2, 5)
    torch.testing.assert_close(ours(x.detach()), plain(x.detach()))
    torch.testing.assert_close(ours.eval()(x), plain.eval()(x))
    with pytest.raises(TypeError):
        ours.train()(x)
