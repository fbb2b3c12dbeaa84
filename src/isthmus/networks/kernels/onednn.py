"""oneDNN's convolutions, which can add and rectify inside their kernel.

On a CPU with matrix instructions a separate ReLU or addition reads and writes all maps once more, and takes as long as
the convolution before it. The framework uses these operators in code that it compiles. They are not part of its public
interface, so `available` looks for them. Their plain equivalents are a convolution, ``+`` and ``torch.relu``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from isthmus.networks.kernels.conv_arguments import ConvArguments
from isthmus.networks.kernels.memory_layout import channels_last
from isthmus.networks.kernels.switch import is_plain

TYPICAL = {2: (1, 256, 256), 3: (1, 64, 64, 64)}
"""Batch and sides of the image for which weights are laid out, by number of spatial axes."""


@cache
def available() -> bool:
    """Returns whether this build of the framework has the operators."""
    names = ("_convolution_pointwise", "_convolution_pointwise_", "_reorder_convolution_weight")
    built = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
    return built and all(hasattr(torch.ops.mkldnn, name) for name in names)


def computes(dtype: torch.dtype) -> bool:
    """Returns whether the operators compute in a number type here and are not switched off.

    Either `isthmus.networks.plain` or ``torch.backends.mkldnn.flags`` switches them off.
    """
    if is_plain() or not (available() and torch._C._get_mkldnn_enabled()):
        return False
    return dtype == torch.float32 or (
        dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )


def laid_out(weight: Tensor, arguments: ConvArguments) -> Tensor:
    """Returns weights in the order in which the kernels read them fastest, for prediction; any order is valid."""
    batch, *sides = TYPICAL[weight.ndim - 2]
    found: Tensor = torch.ops.mkldnn._reorder_convolution_weight(
        weight.contiguous(memory_format=channels_last(weight)),
        *_in_order(arguments),
        [batch, weight.shape[1] * arguments.groups, *sides],
    )
    return found


def convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments, relu: bool = False
) -> Tensor:
    """Returns ``x * weight + bias``, rectified if ``relu``.

    Args:
        x: ``(N, in, *spatial)``, channels-last, bfloat16 or float32.
        weight: ``(out, in / groups, *kernel)``, of the same type, as is ``bias``, ``(out,)``.
    """
    result: Tensor = torch.ops.mkldnn._convolution_pointwise(
        x, weight, bias, *_in_order(arguments), "relu" if relu else "none", [], ""
    )
    return result


def convolution_plus(
    x: Tensor,
    other: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    arguments: ConvArguments,
    relu: bool = False,
) -> Tensor:
    """Returns `convolution` plus ``other``, which does not change."""
    operator = torch.ops.mkldnn._convolution_pointwise
    return _added(operator, (x, other), weight, bias, arguments, relu)


def convolution_onto_(
    total: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    arguments: ConvArguments,
    relu: bool = False,
) -> Tensor:
    """Adds `convolution` to ``total`` in place, and returns it."""
    operator = torch.ops.mkldnn._convolution_pointwise_
    return _added(operator, (total, x), weight, bias, arguments, relu)


def _added(
    operator: Any,
    maps: tuple[Tensor, Tensor],
    weight: Tensor,
    bias: Tensor | None,
    arguments: ConvArguments,
    relu: bool,
) -> Tensor:
    after = "relu" if relu else None
    result: Tensor = operator.binary(*maps, weight, bias, *_in_order(arguments), "add", 1.0, after, [], "")
    return result


def _in_order(
    arguments: ConvArguments,
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]:
    """Returns the arguments in the order in which the operators take them."""
    return arguments.padding, arguments.stride, arguments.dilation, arguments.groups
