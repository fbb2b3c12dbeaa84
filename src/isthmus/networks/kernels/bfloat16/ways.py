"""Ways in which a convolution in bfloat16 can be computed.

Some of the framework's kernels are wrong on some processors (`isthmus.networks.kernels.bfloat16.check`). Other
kernels give the
same numbers: with channels of zeros added, with the border as part of the map, in another layout or in float32.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.networks.kernels.bfloat16.kinds import Kind, Where
from isthmus.networks.kernels.memory_layout import channels_last, memory_layout

VECTOR = 16
"""Channels that the kernels take at once."""


def as_it_is(x: Tensor, weight: Tensor, bias: Tensor | None, where: Where) -> Tensor:
    """The framework's convolution."""
    flat = x.ndim == 4
    if where.transposed:
        call: Callable[..., Tensor] = F.conv_transpose2d if flat else F.conv_transpose3d
        more = (where.stride, where.padding, where.output_padding, where.groups, where.dilation)
        return call(x, weight, bias, *more)
    call = F.conv2d if flat else F.conv3d
    return call(x, weight, bias, where.stride, where.padding, where.dilation, where.groups)


def _with_the_border(x: Tensor, weight: Tensor, bias: Tensor | None, where: Where) -> Tensor:
    """With the padding's zeros as part of the map, so that no map is thinner than the kernel."""
    around = [side for padding in reversed(where.padding) for side in (padding, padding)]
    return as_it_is(F.pad(x, around), weight, bias, where._replace(padding=(0,) * len(where.padding)))


def _in_whole_vectors(x: Tensor, weight: Tensor, bias: Tensor | None, where: Where) -> Tensor:
    """With channels of zeros added, so that the input's channels fill whole vectors."""
    missing, dims = -x.shape[1] % VECTOR, x.ndim - 2
    x = F.pad(x, (0, 0) * dims + (0, missing)).contiguous(memory_format=memory_layout(x))
    fill = (0, 0) * dims + ((0, 0, 0, missing) if where.transposed else (0, missing))
    return as_it_is(x, F.pad(weight, fill), bias, where)


def _contiguous(x: Tensor, weight: Tensor, bias: Tensor | None, where: Where) -> Tensor:
    """In the other layout; the result is channels-last again."""
    y = as_it_is(_with_plain_strides(x), _with_plain_strides(weight), bias, where)
    return y.contiguous(memory_format=channels_last(x))


def _with_plain_strides(x: Tensor) -> Tensor:
    """Contiguous by its strides, too: those of one channel or pixel may say channels-last, and kernels go by them."""
    return x.contiguous().flatten().view(x.shape)


def _in_float32(x: Tensor, weight: Tensor, bias: Tensor | None, where: Where) -> Tensor:
    """In float32; the result is bfloat16 again."""
    with torch.autocast("cpu", enabled=False):
        bias = None if bias is None else bias.float()
        return as_it_is(x.float(), weight.float(), bias, where).to(torch.bfloat16)


APART = "layer by layer"
"""Used instead of the kernels that add and rectify, where these are wrong."""

NATIVE, BORDER, VECTORS, CONTIGUOUS, SURE = (
    "as it is",
    "with the border as part of the map",
    "with channels filled up to 16",
    "in contiguous layout",
    "in float32",
)
WAYS: dict[str, Callable[[Tensor, Tensor, Tensor | None, Where], Tensor]] = {
    NATIVE: as_it_is,
    BORDER: _with_the_border,
    VECTORS: _in_whole_vectors,
    CONTIGUOUS: _contiguous,
    SURE: _in_float32,
}
"""In the order in which they are tried, the cheapest first."""


def ways_for(kind: Kind) -> list[str]:
    """The ways in which a convolution of this kind can be computed; the last one is right everywhere."""
    return [NATIVE, APART] if kind.form != "plain" else [way for way in WAYS if _fits(way, kind)]


def _fits(way: str, kind: Kind) -> bool:
    where = kind.where
    if way == BORDER:
        return not where.transposed and any(where.padding)
    if way == VECTORS:
        return where.groups == 1 and kind.channels % VECTOR > 0
    return kind.last or kind.weights_last or way != CONTIGUOUS
