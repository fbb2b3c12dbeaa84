"""The check of bfloat16 kernels notices what is wrong, in a process that may die."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from isthmus.networks.kernels.bfloat16 import ways
from isthmus.networks.kernels.bfloat16.check import Example, is_right
from isthmus.networks.kernels.bfloat16.kinds import Kind, kind_of
from isthmus.networks.kernels.bfloat16.ways import (
    CONTIGUOUS,
    FLOAT32,
    NATIVE,
    WAYS,
    native,
)
from isthmus.networks.kernels.conv_arguments import ConvArguments
from isthmus.networks.kernels.memory_layout import channels_last

from .examples import KIND, KINDS

Compute = Callable[[Tensor, Tensor, Tensor | None, ConvArguments], Tensor]


def in_float32(x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments) -> Tensor:
    """A kernel that is right."""
    return WAYS[FLOAT32](x, weight, bias, arguments)


class _Scaled(torch.autograd.Function):
    """The tensor itself, whose gradient is multiplied."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: Tensor) -> Tensor:
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return gradient * ctx.factor, None


def wrong(tensor: str) -> Compute:
    """A kernel that gets one channel of a tensor wrong by half: of the output, or of a gradient."""

    def compute(x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments) -> Tensor:
        def spoilt(values: Tensor, axis: int) -> Tensor:
            factor = torch.ones(values.shape[axis])
            factor[-1] = torch.inf if tensor == "infinite" else 0.5
            return _Scaled.apply(values, factor.view(-1, *[1] * (values.ndim - 1 - axis)).to(values.dtype))

        if tensor == "x":
            x = spoilt(x, 1)
        if tensor in ("weight", "infinite"):
            weight = spoilt(weight, 1)
        if tensor == "bias" and bias is not None:
            bias = spoilt(bias, 0)
        y = in_float32(x, weight, bias, arguments)
        return torch.cat([y[:, :-1], y[:, -1:] * 0.5], 1) if tensor == "y" else y

    return compute


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_right_kernel_is_found_right(kind: Kind) -> None:
    assert is_right(kind, FLOAT32)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("tensor", ["y", "x", "weight", "bias", "infinite"])
def test_a_wrong_channel_is_found(kind: Kind, tensor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WAYS, NATIVE, wrong(tensor))
    noticed = tensor == "y" or (kind.learns and (tensor != "bias" or kind.bias))
    assert is_right(kind) is not noticed


def test_what_a_kernel_leaves_unwritten_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def compute(*given: Any) -> Tensor:
        y = in_float32(*given)
        y.data[:, -1] = torch.empty(y.shape[2:]).fill_(torch.nan)
        return y

    monkeypatch.setitem(WAYS, NATIVE, compute)
    assert not is_right(KIND)


@pytest.mark.parametrize("layouts", list(product((False, True), repeat=2)))
@pytest.mark.parametrize(
    ("x", "weight"),
    [
        ((1, 1, 5, 1, 8), (12, 1, 5, 5, 5)),
        ((2, 40, 6, 32), (8, 5, 1, 1)),
        ((2, 6, 1, 1), (4, 6, 3, 3)),
        ((2, 6, 5, 7), (4, 6, 3, 3)),
    ],
)
def test_what_is_checked_has_the_strides_of_what_is_computed(
    x: tuple[int, ...], weight: tuple[int, ...], layouts: tuple[bool, bool]
) -> None:
    """Of one channel or pixel both layouts are one order, and the framework chooses its kernel by the strides."""
    given = [torch.empty(shape) for shape in (x, weight)]
    given = [
        torch.empty_like(one, memory_format=channels_last(one)) if last else one
        for one, last in zip(given, layouts, strict=True)
    ]
    dims = len(x) - 2
    arguments = ConvArguments(
        (1,) * dims, tuple(side // 2 for side in weight[2:]), (1,) * dims, x[1] // weight[1]
    )
    example = Example(kind_of(*given, bias=True, arguments=arguments, learns=True), torch.Generator())
    assert [example.x.stride(), example.weight.stride()] == [one.stride() for one in given]
    seen = []

    def noted(x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments) -> Tensor:
        seen.extend([x, weight])
        return native(x, weight, bias, arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ways, "native", noted)
        WAYS[CONTIGUOUS](*given, None, arguments)
    assert [one.stride() for one in seen] == [torch.empty(shape).stride() for shape in (x, weight)]
