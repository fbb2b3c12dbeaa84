"""Instance normalisation against its formula and against the framework's own."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from isthmus.networks.kernels.instance_norm import InstanceNorm

from ..variants import fill, image

LAYOUTS = {2: torch.channels_last, 3: torch.channels_last_3d}
OWN = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}


def _formula(x, weight, bias, eps):
    axes = tuple(range(2, x.ndim))
    x = x.double()
    centred = x - x.mean(axes, keepdim=True)
    normed = centred / (centred.square().mean(axes, keepdim=True) + eps).sqrt()
    shape = (1, -1, *(1,) * (x.ndim - 2))
    return normed * weight.double().reshape(shape) + bias.double().reshape(shape)


@settings(max_examples=60, deadline=None)
@given(
    images=st.integers(1, 4),
    channels=st.integers(1, 6),
    size=st.lists(st.integers(2, 6), min_size=2, max_size=3),
    last=st.booleans(),
    offset=st.sampled_from([0.0, 100.0]),
)
def test_follows_its_formula_forwards_and_backwards(images, channels, size, last, offset):
    norm = fill(InstanceNorm(channels))
    x = image(images, channels, *size) * 3 + offset
    upstream = image(images, channels, *size, phase=5)
    if last:
        x = x.contiguous(memory_format=LAYOUTS[len(size)])
    x.requires_grad_()
    reference = x.detach().double().requires_grad_()
    weight, bias = (p.detach().double().requires_grad_() for p in (norm.weight, norm.bias))

    y = norm(x)
    y.backward(upstream)
    expected = _formula(reference, weight, bias, norm.eps)
    expected.backward(upstream.double())

    # float32 statistics of values near 100 lose about five digits
    near = {"rtol": 1e-4, "atol": 1e-4 if offset == 0 else 5e-2}
    torch.testing.assert_close(y.double(), expected, **near)
    torch.testing.assert_close(x.grad.double(), reference.grad, **near)
    torch.testing.assert_close(norm.weight.grad.double(), weight.grad, **near)
    torch.testing.assert_close(norm.bias.grad.double(), bias.grad, **near)


@pytest.mark.parametrize("dims", [2, 3])
def test_keeps_the_memory_layout(dims):
    norm = InstanceNorm(3)
    x = torch.randn(2, 3, *(4, 5, 6)[:dims]).contiguous(memory_format=LAYOUTS[dims]).requires_grad_()
    y = norm(x)
    assert y.is_contiguous(memory_format=LAYOUTS[dims])
    y.square().sum().backward()
    assert x.grad.is_contiguous(memory_format=LAYOUTS[dims])


@pytest.mark.parametrize("dims", [2, 3])
def test_takes_the_weights_of_the_frameworks_own(dims):
    own, ours = fill(OWN[dims](3, affine=True)), InstanceNorm(3)
    ours.load_state_dict(own.state_dict())
    x = image(2, 3, *(4, 5, 6)[:dims])
    torch.testing.assert_close(ours(x), own(x))


def test_is_the_same_in_training_and_evaluation():
    norm, x = fill(InstanceNorm(3)), image(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(norm.train()(x), norm.eval()(x), rtol=0, atol=0)


def test_an_image_does_not_depend_on_its_batch():
    norm = fill(InstanceNorm(3))
    x = image(4, 3, 6, 6).contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(norm(x)[2:3], norm(x[2:3]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("frozen", ["weight", "bias", "input"])
def test_what_needs_no_gradient_gets_none(frozen):
    norm = fill(InstanceNorm(3))
    x = image(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    if frozen == "input":
        norm(x).square().sum().backward()
        assert x.grad is None
    else:
        getattr(norm, frozen).requires_grad_(False)
        x.requires_grad_()
        norm(x).square().sum().backward()
        assert getattr(norm, frozen).grad is None
        assert x.grad is not None


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_keeps_the_type(dtype, layout):
    norm = fill(InstanceNorm(3)).to(dtype)
    x = image(2, 3, 4, 4).to(dtype).contiguous(memory_format=layout).requires_grad_()
    y = norm(x)
    assert y.dtype == dtype
    y.sum().backward()
    assert x.grad.dtype == dtype


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_autocast_runs_forwards_and_backwards(layout):
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), InstanceNorm(4))
    x = image(2, 3, 4, 4).contiguous(memory_format=layout)
    plain = network(x)
    with torch.autocast("cpu", torch.bfloat16):
        y = network.to(memory_format=layout)(x)
    y.float().square().sum().backward()
    assert network[0].weight.grad.isfinite().all()
    torch.testing.assert_close(y.float(), plain, rtol=0, atol=0.1)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_one_pixel_has_no_variance_and_is_refused_in_one_sentence(layout):
    x = torch.ones(2, 3, 1, 1).contiguous(memory_format=layout)
    with pytest.raises(ValueError, match="spatial") as error:
        InstanceNorm(3)(x)
    assert "\n" not in str(error.value)
