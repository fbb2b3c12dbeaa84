"""Kinds of convolutions in bfloat16, and the ways in which one can be computed.

The framework's kernels for bfloat16 are chosen by channels, kernel, stride, layout and the size of the map, and some
of them are wrong on some processors (`isthmus.networks.check`). The same numbers come out of a convolution that is put
another way: with channels of zeros, with the border as part of the map, in another layout, in float32.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.networks.layout import channels_last, is_ambiguous, memory_layout

Form = Literal["plain", "summed", "fused"]
"""Who calls the kernel: a layer, `isthmus.networks.branches` in training, or `isthmus.inference.fused`."""

VECTOR = 16
"""Channels that the kernels take at once."""

LARGE = 2**30
"""Multiplications from which a map is cut for the check."""

ENOUGH = 5
"""Steps of the kernel along an axis that a cut map has at least."""

PREDICTED = 64
"""Sides above this one count by their remainder in prediction, where every image may have its own."""


class Where(NamedTuple):
    """What a convolution is told besides its tensors, a number for each spatial axis."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1
    output_padding: tuple[int, ...] = ()
    transposed: bool = False


@dataclass(frozen=True)
class Kind:
    """All that decides which kernel computes a convolution.

    Attributes:
        weight: shape of the weights, as the framework has them.
        images: of the batch; more than two count as two.
        size: of the map that goes in.
        last: whether a pixel's channels lie together in memory.
        learns: whether gradients are wanted.
    """

    weight: tuple[int, ...]
    where: Where
    bias: bool
    images: int
    size: tuple[int, ...]
    last: bool
    learns: bool
    threads: int
    form: Form = "plain"

    @property
    def channels(self) -> int:
        """Of the map that goes in."""
        return self.weight[0] if self.where.transposed else self.weight[1] * self.where.groups

    @property
    def output(self) -> tuple[int, ...]:
        """Channels and size of the map that comes out."""
        where, reach = self.where, self._reach()
        if where.transposed:
            sides = zip(self.size, where.stride, where.padding, where.output_padding, reach, strict=True)
            size = [(side - 1) * step - 2 * p + more + r for side, step, p, more, r in sides]
            return self.weight[1] * where.groups, *size
        axes = zip(self.size, where.stride, where.padding, reach, strict=True)
        return self.weight[0], *((side + 2 * p - r) // step + 1 for side, step, p, r in axes)

    def reduced(self) -> Kind:
        """The kind that is checked for this one: of few images, its map cut along its outer axes where it is large.

        The innermost axis is the one along which the kernels take several pixels at once; it stays as it is where
        gradients are wanted.
        """
        size = list(self.size)
        if not self.learns:
            size = [side if side <= PREDICTED else 48 + side % 16 for side in size]
        least = [reach + ENOUGH * step for reach, step in zip(self._reach(), self.where.stride, strict=True)]
        images = min(self.images, 2)
        while images * prod(size) * prod(self.weight) > LARGE:
            outer = [axis for axis in range(len(size) - 1) if size[axis] > least[axis]]
            if not outer:
                break
            longest = max(outer, key=lambda axis: size[axis])
            size[longest] = max(least[longest], size[longest] // 2)
        return replace(self, images=images, size=tuple(size))

    def _reach(self) -> list[int]:
        kernel = self.weight[2:]
        return [(side - 1) * step + 1 for side, step in zip(kernel, self.where.dilation, strict=True)]

    def key(self) -> str:
        """As text, for the cache."""
        where = self.where
        parts = [
            self.form,
            "up" if where.transposed else "conv",
            *map(_times, (self.weight, where.stride, where.padding, where.dilation)),
            _times(where.output_padding) or "0",
            f"groups {where.groups}",
            f"bias {self.bias:d}",
            f"on {self.images} of {_times(self.size)}",
            "channels-last" if self.last else "contiguous",
            "with gradients" if self.learns else "forward",
            f"threads {self.threads}",
        ]
        return " ".join(parts)

    def to_json(self) -> str:
        """All of it, for another process."""
        return json.dumps({**vars(self), "where": self.where._asdict()})

    @classmethod
    def from_json(cls, text: str) -> Kind:
        """The kind of what `to_json` gave."""
        values = _with_tuples(json.loads(text))
        return cls(**{**values, "where": Where(**_with_tuples(values["where"]))})


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}


def _times(numbers: tuple[int, ...]) -> str:
    return "x".join(map(str, numbers))


def lies_channels_last(x: Tensor, weight: Tensor) -> bool:
    """Whether the framework computes a convolution in channels-last layout: where map or weights lie so."""
    if is_ambiguous(weight) or memory_layout(x) != torch.contiguous_format:
        return memory_layout(x) != torch.contiguous_format
    return memory_layout(weight) != torch.contiguous_format


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
    """The zeros around the map as part of it: no map is thinner than the kernel any more."""
    around = [side for padding in reversed(where.padding) for side in (padding, padding)]
    return as_it_is(F.pad(x, around), weight, bias, where._replace(padding=(0,) * len(where.padding)))


def _in_whole_vectors(x: Tensor, weight: Tensor, bias: Tensor | None, where: Where) -> Tensor:
    """With channels of zeros, so that the input's fill vectors."""
    missing, dims = -x.shape[1] % VECTOR, x.ndim - 2
    x = F.pad(x, (0, 0) * dims + (0, missing)).contiguous(memory_format=memory_layout(x))
    fill = (0, 0) * dims + ((0, 0, 0, missing) if where.transposed else (0, missing))
    return as_it_is(x, F.pad(weight, fill), bias, where)


def _contiguous(x: Tensor, weight: Tensor, bias: Tensor | None, where: Where) -> Tensor:
    """In the other layout; the result is channels-last again."""
    y = as_it_is(x.contiguous(), weight.contiguous(), bias, where)
    return y.contiguous(memory_format=channels_last(x))


def _in_float32(x: Tensor, weight: Tensor, bias: Tensor | None, where: Where) -> Tensor:
    """In float32; the result is of the type that was wanted."""
    with torch.autocast("cpu", enabled=False):
        bias = None if bias is None else bias.float()
        return as_it_is(x.float(), weight.float(), bias, where).to(torch.bfloat16)


APART = "layer by layer"
"""Instead of by the kernels that add and rectify, where these are wrong."""

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
"""In the order in which they are tried: what costs least first."""


def fits(way: str, kind: Kind) -> bool:
    """Whether a convolution of this kind can be put this way."""
    where = kind.where
    if kind.form != "plain":
        return way == NATIVE
    if way == BORDER:
        return not where.transposed and any(where.padding)
    if way == VECTORS:
        return where.groups == 1 and kind.channels % VECTOR > 0
    return kind.last or way != CONTIGUOUS


def kind_of(x: Tensor, weight: Tensor, bias: bool, where: Where, learns: bool, form: Form = "plain") -> Kind:
    """The kind of the convolution of a map with weights."""
    return Kind(
        tuple(weight.shape),
        where,
        bias,
        int(x.shape[0]),
        tuple(x.shape[2:]),
        lies_channels_last(x, weight),
        learns,
        torch.get_num_threads(),
        form,
    )
