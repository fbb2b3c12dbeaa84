"""All ways to compute a convolution give the same numbers."""

from __future__ import annotations

import pytest
import torch

from isthmus.networks.kernels.bfloat16.check import Example, is_right
from isthmus.networks.kernels.bfloat16.kinds import Kind
from isthmus.networks.kernels.bfloat16.ways import (
    BORDER,
    CONTIGUOUS,
    FLOAT32,
    VECTORS,
    WAYS,
    native,
    ways_for,
)

from .examples import KINDS

CASES = [pytest.param(kind, way, id=f"{way}-{name}") for way in WAYS for name, kind in KINDS.items()]


@pytest.mark.parametrize(("kind", "way"), CASES)
def test_every_way_is_the_same_sum_of_products(kind: Kind, way: str) -> None:
    """In float32, whose kernels are right everywhere: outputs and gradients."""
    if way not in ways_for(kind):
        assert way in (BORDER, VECTORS, CONTIGUOUS)
        return
    example = Example(kind, torch.Generator().manual_seed(3))
    given = [each for each in (example.x, example.weight, example.bias) if each is not None]
    answers = []
    for compute, number in ((WAYS[way], torch.float32), (native, torch.float64)):
        leaves = [each.to(number).requires_grad_() for each in given]
        y = compute(leaves[0], leaves[1], leaves[2] if kind.bias else None, kind.arguments)
        gradients = torch.autograd.grad(y, leaves, example.gradient.to(y.dtype))
        answers.append([y, *gradients])
    tolerance = 0.01 if way == FLOAT32 else 1e-5  # rounds its result to bfloat16
    for found, expected in zip(*answers, strict=True):
        assert (found.double() - expected).norm() <= tolerance * expected.norm()


@pytest.mark.parametrize(("kind", "way"), CASES)
def test_every_way_is_right_unless_a_kernel_of_this_processor_is_not(kind: Kind, way: str) -> None:
    if way in ways_for(kind) and not is_right(kind, way):
        assert way != FLOAT32
        pytest.skip(f"needs another processor: its bfloat16 kernel is wrong {way}")
