"""Kinds of convolutions: all that decides which of the framework's kernels computes one."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from isthmus.networks.kernels.memory_layout import strides_last

Form = Literal["plain", "summed", "fused"]
"""Who calls the kernel: a layer, `summed_convolutions` in training, or `isthmus.inference.engines.fused`."""

LARGE = 2**30
"""Number of multiplications above which a map is cut for the check."""

ENOUGH = 5
"""Least number of the kernel's steps along an axis of a cut map."""

PREDICTED = 64
"""In prediction, where image sizes vary, only the remainder by 16 of longer sides counts."""


class Where(NamedTuple):
    """A convolution's arguments besides its tensors, with a number for each spatial axis."""

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
        weight: shape of the weights, in the framework's order.
        images: number of images in the batch.
        size: of the input map.
        last: whether a pixel's channels lie together in memory.
        weights_last: the same of the weights.
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
    weights_last: bool = False

    @property
    def channels(self) -> int:
        """Channels of the input map."""
        return self.weight[0] if self.where.transposed else self.weight[1] * self.where.groups

    @property
    def output(self) -> tuple[int, ...]:
        """Channels and size of the output map."""
        where, reach = self.where, self._reach()
        if where.transposed:
            sides = zip(self.size, where.stride, where.padding, where.output_padding, reach, strict=True)
            size = [(side - 1) * step - 2 * p + more + r for side, step, p, more, r in sides]
            return self.weight[1] * where.groups, *size
        axes = zip(self.size, where.stride, where.padding, reach, strict=True)
        return self.weight[0], *((side + 2 * p - r) // step + 1 for side, step, p, r in axes)

    def reduced(self) -> Kind:
        """The kind that is checked in place of this one, with few images and a large map cut along its outer axes.

        The kernels take several pixels at once along the innermost axis, which is therefore kept where gradients are
        wanted.
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
        """The kind as text, for the cache."""
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
            f"weights {'channels-last' if self.weights_last else 'contiguous'}",
            "with gradients" if self.learns else "forward",
            f"threads {self.threads}",
        ]
        return " ".join(parts)

    def to_json(self) -> str:
        """The whole kind, for another process."""
        return json.dumps({**vars(self), "where": self.where._asdict()})

    @classmethod
    def from_json(cls, text: str) -> Kind:
        """The kind that `to_json` wrote."""
        values = _with_tuples(json.loads(text))
        return cls(**{**values, "where": Where(**_with_tuples(values["where"]))})


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}


def _times(numbers: tuple[int, ...]) -> str:
    return "x".join(map(str, numbers))


def kind_of(x: Tensor, weight: Tensor, bias: bool, where: Where, learns: bool, form: Form = "plain") -> Kind:
    """The kind of the convolution of a map with weights."""
    return Kind(
        tuple(weight.shape),
        where,
        bias,
        int(x.shape[0]),
        tuple(x.shape[2:]),
        strides_last(x),
        learns,
        torch.get_num_threads(),
        form,
        strides_last(weight),
    )
