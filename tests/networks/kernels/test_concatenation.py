"""Concatenation gives each map a gradient of its own."""

from __future__ import annotations

import torch

from isthmus.networks.kernels.concatenation import concatenate
from isthmus.networks.kernels.memory_layout import memory_layout


def test_concatenation_gives_every_map_a_gradient_of_its_own() -> None:
    maps = [
        torch.randn(2, n, 4, 6, dtype=torch.float64)
        .contiguous(memory_format=torch.channels_last)
        .requires_grad_()
        for n in (2, 3)
    ]
    y = concatenate(maps)
    assert torch.equal(y, torch.cat(maps, dim=1))
    gradient = torch.randn_like(y)
    for one, expected in zip(
        torch.autograd.grad(y, maps, gradient), gradient.split([2, 3], dim=1), strict=True
    ):
        assert torch.equal(one, expected)
        assert memory_layout(one) == torch.channels_last
    assert torch.autograd.gradgradcheck(lambda *parts: concatenate(parts), maps)
