"""Ways to compute a convolution in bfloat16.

Some of the framework's kernels are wrong on some processors (`isthmus.networks.kernels.bfloat16.check`). Other kernels
compute the same convolution with channels of zeros added, with the border as part of the map, in another layout, or in
float32. The plain equivalent is `native`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.networks.kernels.bfloat16.kinds import Kind
from isthmus.networks.kernels.conv_arguments import ConvArguments
from isthmus.networks.kernels.memory_layout import channels_last, memory_layout

VECTOR = 16
"""Number of channels that the kernels process at once."""


def native(x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments) -> Tensor:
    """Computes the framework's convolution."""
    flat = x.ndim == 4
    if arguments.transposed:
        call: Callable[..., Tensor] = F.conv_transpose2d if flat else F.conv_transpose3d
        more = (
            arguments.stride,
            arguments.padding,
            arguments.output_padding,
            arguments.groups,
            arguments.dilation,
        )
        return call(x, weight, bias, *more)
    call = F.conv2d if flat else F.conv3d
    return call(x, weight, bias, arguments.stride, arguments.padding, arguments.dilation, arguments.groups)


def _with_the_border(x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments) -> Tensor:
    """Computes it with the zeros of the padding as part of the map, so that no map is thinner than the kernel."""
    around = [side for padding in reversed(arguments.padding) for side in (padding, padding)]
    return native(F.pad(x, around), weight, bias, arguments._replace(padding=(0,) * len(arguments.padding)))


def _in_whole_vectors(x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments) -> Tensor:
    """Computes it with channels of zeros added, so that the channels of the input fill whole vectors."""
    missing, dims = -x.shape[1] % VECTOR, x.ndim - 2
    x = F.pad(x, (0, 0) * dims + (0, missing)).contiguous(memory_format=memory_layout(x))
    fill = (0, 0) * dims + ((0, 0, 0, missing) if arguments.transposed else (0, missing))
    return native(x, F.pad(weight, fill), bias, arguments)


def _contiguous(x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments) -> Tensor:
    """Computes it in contiguous layout; the result is channels-last again."""
    y = native(_with_plain_strides(x), _with_plain_strides(weight), bias, arguments)
    return y.contiguous(memory_format=channels_last(x))


def _with_plain_strides(x: Tensor) -> Tensor:
    """Returns a contiguous tensor whose strides say so too; kernels read the strides, even of one channel or pixel."""
    return x.contiguous().flatten().view(x.shape)


def _in_float32(x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments) -> Tensor:
    """Computes it in float32; the result is bfloat16 again."""
    with torch.autocast("cpu", enabled=False):
        bias = None if bias is None else bias.float()
        return native(x.float(), weight.float(), bias, arguments).to(torch.bfloat16)


SEPARATE = "layer by layer"
"""Layers of their own instead of a kernel that adds and rectifies, where that kernel is wrong."""

NATIVE, BORDER, VECTORS, CONTIGUOUS, FLOAT32 = (
    "as it is",
    "with the border as part of the map",
    "with channels filled up to 16",
    "in contiguous layout",
    "in float32",
)
WAYS: dict[str, Callable[[Tensor, Tensor, Tensor | None, ConvArguments], Tensor]] = {
    NATIVE: native,
    BORDER: _with_the_border,
    VECTORS: _in_whole_vectors,
    CONTIGUOUS: _contiguous,
    FLOAT32: _in_float32,
}
"""All ways in the order in which they are tried, the cheapest first."""


def ways_for(kind: Kind) -> list[str]:
    """Returns the ways to compute a convolution of this kind; the last one is correct everywhere."""
    return [NATIVE, SEPARATE] if kind.form != "plain" else [way for way in WAYS if _fits(way, kind)]


def _fits(way: str, kind: Kind) -> bool:
    arguments = kind.arguments
    if way == BORDER:
        return not arguments.transposed and any(arguments.padding)
    if way == VECTORS:
        return arguments.groups == 1 and kind.channels % VECTOR > 0
    return kind.last or kind.weights_last or way != CONTIGUOUS
