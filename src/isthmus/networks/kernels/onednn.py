"""oneDNN's convolutions with what may follow inside their kernel: an addition, a ReLU.

On a CPU with matrix instructions a ReLU or an addition by itself reads and writes all maps once more and takes as long
as the convolution before it. The framework uses these operators in code that it compiles; they are no part of its
public interface, so `available` asks for them.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, nn

Where: TypeAlias = tuple[list[int], list[int], list[int], int]
"""Padding, stride, dilation and groups."""

TYPICAL = {2: (1, 256, 256), 3: (1, 64, 64, 64)}
"""Batch and sides for which weights are laid out."""


@cache
def available() -> bool:
    """Whether this build of the framework has the kernels."""
    names = ("_convolution_pointwise", "_convolution_pointwise_", "_reorder_convolution_weight")
    built = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
    return built and all(hasattr(torch.ops.mkldnn, name) for name in names)


def computes(dtype: torch.dtype) -> bool:
    """Whether they run here in a number type, and are not switched off (``torch.backends.mkldnn.flags``)."""
    if not (available() and torch._C._get_mkldnn_enabled()):
        return False
    return dtype == torch.float32 or (
        dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )


def where(layer: nn.Module) -> Where:
    """Of a convolution that is padded with zeros by a number."""
    layer = cast(nn.Conv2d, layer)  # or a Conv3d
    return list(cast(Any, layer.padding)), list(layer.stride), list(layer.dilation), layer.groups


def laid_out(weight: Tensor, at: Where) -> Tensor:
    """Weights in the order in which the kernels read them fastest, for prediction; others are right too."""
    padding, stride, dilation, groups = at
    dims = weight.ndim - 2
    layout = torch.channels_last if dims == 2 else torch.channels_last_3d
    batch, *sides = TYPICAL[dims]
    found: Tensor = torch.ops.mkldnn._reorder_convolution_weight(
        weight.contiguous(memory_format=layout),
        padding,
        stride,
        dilation,
        groups,
        [batch, weight.shape[1] * groups, *sides],
    )
    return found


def convolution(x: Tensor, weight: Tensor, bias: Tensor | None, at: Where, relu: bool = False) -> Tensor:
    """``x * weight + bias``, rectified if wanted; all of one type, bfloat16 or float32, ``x`` channels-last."""
    result: Tensor = torch.ops.mkldnn._convolution_pointwise(
        x, weight, bias, *at, "relu" if relu else "none", [], ""
    )
    return result


def convolution_plus(
    x: Tensor, other: Tensor, weight: Tensor, bias: Tensor | None, at: Where, relu: bool = False
) -> Tensor:
    """With ``other`` added, which stays as it is."""
    return _added(torch.ops.mkldnn._convolution_pointwise, (x, other), weight, bias, at, relu)


def convolution_onto_(
    total: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, at: Where, relu: bool = False
) -> Tensor:
    """Added to ``total`` in place."""
    return _added(torch.ops.mkldnn._convolution_pointwise_, (total, x), weight, bias, at, relu)


def _added(
    operator: Any, maps: tuple[Tensor, Tensor], weight: Tensor, bias: Tensor | None, at: Where, relu: bool
) -> Tensor:
    result: Tensor = operator.binary(*maps, weight, bias, *at, "add", 1.0, "relu" if relu else None, [], "")
    return result
