"""Layers by their formulas, and the parts of a U-Net with weights from a formula."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from isthmus.networks import create_model
from isthmus.networks.blocks.base import Bridge

from .variants import fill, image, narrow_encoders


def weights(network):
    return {name: tensor.detach() for name, tensor in network.state_dict().items()}


def conv(x, w, name, dilation=1):
    weight = w[f"{name}.weight"]
    convolve = F.conv2d if weight.ndim == 4 else F.conv3d
    padding = dilation * (weight.shape[-1] // 2)
    return convolve(x, weight, w.get(f"{name}.bias"), padding=padding, dilation=dilation)


def norm(x, w, name, eps=1e-5):
    scale = w.get(f"{name}.weight", torch.ones_like(w[f"{name}.bias"]))
    return F.batch_norm(
        x, w[f"{name}.running_mean"], w[f"{name}.running_var"], scale, w[f"{name}.bias"], eps=eps
    )


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


def up(x, w, name):
    weight = w[f"{name}.weight"]
    convolve = F.conv_transpose2d if weight.ndim == 4 else F.conv_transpose3d
    return convolve(x, weight, w[f"{name}.bias"], stride=2, padding=(weight.shape[-1] - 2) // 2)


def made(name, **options):
    """A network in float64 with weights from a formula, and these weights."""
    with narrow_encoders():
        network = fill(create_model(name, **options)).double().eval()
    return network, weights(network)


def agree(network, x, expected):
    found = network(x)
    assert found.shape == expected.shape
    assert found.std() > 1e-3
    torch.testing.assert_close(found, expected)


def pair(x, w, name):
    return F.relu(conv(F.relu(conv(x, w, f"{name}.0")), w, f"{name}.2"))


CONV = {2: F.conv2d, 3: F.conv3d}


def unit(weights, prefix, x, *, dilation=1, relu=True):
    """Convolution without bias, batch normalisation in evaluation, ReLU, from named weights."""
    kernel = weights[f"{prefix}.0.weight"]
    y = CONV[x.ndim - 2](x, kernel, padding=dilation * (kernel.shape[-1] // 2), dilation=dilation)
    return normed(weights, f"{prefix}.1", y, relu=relu)


def normed(weights, prefix, y, *, relu=True):
    mean, var, scale, shift = (
        weights[f"{prefix}.{name}"].reshape(1, -1, *(1,) * (y.ndim - 2))
        for name in ("running_mean", "running_var", "weight", "bias")
    )
    y = (y - mean) / (var + 1e-5).sqrt() * scale + shift
    return y.clamp(min=0) if relu else y
