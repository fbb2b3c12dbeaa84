"""Normalisations by name against their formula."""

from __future__ import annotations

import pytest
import torch

from isthmus.networks.blocks.layers import norm as make_norm

from ..variants import image

DIMS = pytest.mark.parametrize("dims", [2, 3])


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
