"""Blocks and skips of the papers against their equations written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn import functional as F

from isthmus.networks.blocks.base import Bridge
from isthmus.networks.blocks.layers import norm as make_norm
from isthmus.networks.blocks.plain import Plain, Residual
from isthmus.networks.models.mildnet import MLDR, MLR
from isthmus.networks.models.multiresunet import Inception, InceptionFactorised, MultiRes, ResPath
from isthmus.networks.models.resdunet import Cascade, ResidualSE
from isthmus.networks.models.sharpunet import Sharp

from ..models.test_unet import conv, norm, weights
from ..variants import fill, image

DIMS = pytest.mark.parametrize("dims", [2, 3])


def block(part, dims, in_channels, width):
    """The module in float64 and evaluation, its weights, an image, and what it makes of it."""
    module = fill(part.build(dims, in_channels, width)).double().eval()
    x = image(2, in_channels, *(9, 7, 5)[:dims]).double()
    y = module(x)
    assert y.shape == (2, part.out_channels(width), *x.shape[2:])
    assert y.std() > 1e-3
    return weights(module), x, y


def skip(part, dims, channels, width=6, pools_below=2):
    bridge = Bridge(dims, channels, width, level=1, pools_below=pools_below)
    module = fill(part.build(bridge)).double().eval()
    x = image(2, channels, *(9, 7, 5)[:dims]).double()
    y = module(x)
    assert y.shape == (2, part.out_channels(bridge), *x.shape[2:])
    return weights(module), x, y


@DIMS
@pytest.mark.parametrize("merge", ["sum", "concat"])
@pytest.mark.parametrize("post", [True, False])
def test_mldr(dims, merge, post):
    w, x, found = block(MLDR(dilations=(1, 2, 4), merge=merge, post_activation=post), dims, 3, 4)
    act = F.relu if post else (lambda y: y)
    y = x
    for level in range(2):
        at = f"levels.{level}"
        pre = F.relu(norm(y, w, f"{at}.norm"))
        branches = [conv(pre, w, f"{at}.branches.{i}", dilation=d) for i, d in enumerate((1, 2, 4))]
        merged = conv(torch.cat(branches, 1), w, f"{at}.fuse") if merge == "concat" else sum(branches)
        y = act(merged + (conv(y, w, f"{at}.shortcut") if level == 0 else y))
    torch.testing.assert_close(found, act(y + conv(x, w, "shortcut")))


@DIMS
def test_mldr_of_equal_widths_has_identity_shortcuts(dims):
    w, _, _ = block(MLDR(levels=1), dims, 4, 4)
    assert not any("shortcut" in name for name in w)


@DIMS
def test_mlr(dims):
    w, x, found = skip(MLR(levels=3), dims, 4)
    y = x
    for level in range(3):
        at = f"levels.{level}"
        inner = conv(conv(F.relu(norm(y, w, f"{at}.norm")), w, f"{at}.convs.0"), w, f"{at}.convs.1")
        y = F.relu(inner + y)
    torch.testing.assert_close(found, F.relu(y + x))


@DIMS
def test_multires(dims):
    w, x, found = block(MultiRes(), dims, 3, 16)
    steps, y = [], x
    for step in range(3):
        y = F.relu(norm(conv(y, w, f"convs.{step}.0"), w, f"convs.{step}.1", 1e-3))
        steps.append(y)
    joined = norm(torch.cat(steps, 1), w, "norm_joined", 1e-3)
    joined = joined + norm(conv(x, w, "shortcut.0"), w, "shortcut.1", 1e-3)
    torch.testing.assert_close(found, norm(F.relu(joined), w, "norm", 1e-3))


def test_multires_has_the_filters_of_table_1():
    table = {32: (8, 17, 26), 64: (17, 35, 53), 128: (35, 71, 106), 256: (71, 142, 213), 512: (142, 284, 427)}
    assert {width: MultiRes().filters(width) for width in table} == table
    assert [MultiRes().out_channels(width) for width in table] == [51, 105, 212, 426, 853]


@DIMS
@pytest.mark.parametrize("pools_below", [1, 4])
def test_respath(dims, pools_below):
    w, x, found = skip(ResPath(), dims, 5, pools_below=pools_below)
    for step in range(pools_below):
        y = F.relu(norm(conv(x, w, f"{step}.conv.0"), w, f"{step}.conv.1", 1e-3))
        y = F.relu(y + norm(conv(x, w, f"{step}.shortcut.0"), w, f"{step}.shortcut.1", 1e-3))
        x = norm(y, w, f"{step}.norm", 1e-3)
    assert f"{pools_below}.norm.bias" not in w
    torch.testing.assert_close(found, x)


@DIMS
def test_inception(dims):
    w, x, found = block(Inception(), dims, 3, 7)
    expected = []
    for branch, (filters, kernel) in enumerate(((2, 3), (2, 5), (3, 7))):
        assert w[f"branches.{branch}.0.weight"].shape == (filters, 3, *(kernel,) * dims)
        expected.append(F.relu(norm(conv(x, w, f"branches.{branch}.0"), w, f"branches.{branch}.1")))
    torch.testing.assert_close(found, torch.cat(expected, 1))


@DIMS
def test_inception_factorised(dims):
    w, x, found = block(InceptionFactorised(norm="none"), dims, 3, 7)
    expected = []
    for step in range(3):
        x = F.relu(conv(x, w, f"steps.{step}.0"))
        expected.append(x)
    torch.testing.assert_close(found, torch.cat(expected, 1))


@DIMS
def test_residual_and_its_squeeze_and_excitation(dims):
    for part in (Residual(), ResidualSE(reduction=3)):
        w, x, found = block(part, dims, 3, 6)
        y = norm(conv(F.relu(norm(conv(x, w, "body.0"), w, "body.1")), w, "body.3"), w, "body.4")
        if isinstance(part, ResidualSE):
            mean = y.flatten(2).mean(2)
            w1, w2 = (w[f"body.5.{name}.weight"].flatten(1) for name in ("squeeze", "excite"))
            assert w1.shape == (2, 6)
            hidden = F.relu(mean @ w1.T + w["body.5.squeeze.bias"])
            gate = torch.sigmoid(hidden @ w2.T + w["body.5.excite.bias"])
            y = y * gate.reshape(*gate.shape, *(1,) * dims)
        torch.testing.assert_close(found, F.relu(y + conv(x, w, "shortcut")))


@DIMS
def test_cascade(dims):
    w, x, found = skip(Cascade(dilations=(1, 2, 3)), dims, 4)
    total, y = x, x
    for step, dilation in enumerate((1, 2, 3)):
        y = F.relu(conv(y, w, f"convs.{step}", dilation=dilation))
        total = total + y
    torch.testing.assert_close(found, total)


@DIMS
@pytest.mark.parametrize("mode", ["laplacian", "identity_plus"])
def test_sharp_is_the_laplacian_of_all_neighbours(dims, mode):
    _, x, found = skip(Sharp(mode=mode), dims, 3)
    kernel = -np.ones((3,) * dims)
    kernel[(1,) * dims] = 3**dims - 1 + (mode == "identity_plus")
    for ours, plane in zip(found.flatten(0, 1), x.flatten(0, 1), strict=True):
        expected = ndimage.correlate(plane.numpy(), kernel, mode="constant")
        np.testing.assert_allclose(ours.numpy(), expected, atol=1e-12)


@DIMS
@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
def test_the_sharp_skips_gradient(dims, layout):
    """Against numerical differences, twice differentiated, and from the slice that a concatenation gives."""
    module = Sharp().build(Bridge(dims, 2, 2, level=1, pools_below=1)).double()
    last = torch.channels_last if dims == 2 else torch.channels_last_3d
    x = image(1, 2, *(4, 3, 3)[:dims]).double()
    x = (x.contiguous(memory_format=last) if layout == "channels_last" else x).requires_grad_()
    assert torch.autograd.gradcheck(module, x)
    assert torch.autograd.gradgradcheck(module, x)
    weight = image(1, 4, *x.shape[2:], phase=3).double()
    (gradient,) = torch.autograd.grad((torch.cat([x, module(x)], 1) * weight).sum(), x)
    torch.testing.assert_close(gradient, weight[:, :2] + module(weight[:, 2:].contiguous()))


def test_the_sharp_skip_learns_nothing_and_stays_out_of_files():
    module = Sharp().build(Bridge(2, 5, 5, level=1, pools_below=1))
    assert not list(module.parameters())
    assert not module.state_dict()


def test_dropout_of_the_plain_block_drops():
    module = Plain(dropout=0.5).build(2, 1, 64)
    assert (module.train()(torch.ones(1, 1, 8, 8)) == 0).float().mean() > 0.6
    once, twice = (module.eval()(torch.ones(1, 1, 8, 8)) for _ in range(2))
    assert torch.equal(once, twice)


@pytest.mark.parametrize(
    ("kind", "scaled", "eps", "momentum"),
    [
        ("batch", True, 1e-5, 0.1),
        ("batch_keras", True, 1e-3, 0.01),
        ("batch_shift", False, 1e-3, 0.01),
    ],
)
@DIMS
def test_norms(dims, kind, scaled, eps, momentum):
    layer = make_norm(dims, 3, kind)
    assert dict(layer.named_parameters()).keys() == ({"weight", "bias"} if scaled else {"bias"})
    assert (layer.eps, layer.momentum) == (eps, momentum)
    x = image(2, 3, *(4, 5, 6)[:dims])
    axes = (0, *range(2, 2 + dims))
    expected = (x - x.mean(axes, keepdim=True)) / (x.var(axes, correction=0, keepdim=True) + eps).sqrt()
    torch.testing.assert_close(layer(x), expected)
