"""Kinds of convolutions: everything that decides which of the framework's kernels computes one."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor

from isthmus.networks.kernels.conv_arguments import ConvArguments
from isthmus.networks.kernels.memory_layout import strides_last

Form = Literal["plain", "summed", "fused"]
"""The caller of the kernel: a layer, `summed_convolutions` in training, or `isthmus.inference.engines.fused`."""

LARGE = 2**30
"""Number of multiplications above which a map is cut for the check."""

ENOUGH = 5
"""Smallest number of steps of the kernel along an axis of a cut map."""

PREDICTED = 64
"""Side up to which prediction distinguishes sizes; for a longer side, only the remainder modulo 16 counts."""


@dataclass(frozen=True)
class Kind:
    """Everything that decides which kernel computes a convolution.

    Attributes:
        weight: shape of the weights, in the framework's order.
        arguments: stride, padding and so on.
        bias: whether there is one.
        images: number of images in the batch.
        size: spatial size of the input map.
        last: whether the input map is channels-last in memory.
        learns: whether gradients are computed.
        threads: number of threads.
        form: the caller of the kernel.
        weights_last: whether the weights are channels-last in memory.
    """

    weight: tuple[int, ...]
    arguments: ConvArguments
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
        """Number of channels of the input map."""
        return self.weight[0] if self.arguments.transposed else self.weight[1] * self.arguments.groups

    @property
    def output(self) -> tuple[int, ...]:
        """Number of channels and spatial size of the output map."""
        arguments, reach = self.arguments, self._reach()
        if arguments.transposed:
            sides = zip(
                self.size, arguments.stride, arguments.padding, arguments.output_padding, reach, strict=True
            )
            size = [(side - 1) * step - 2 * p + more + r for side, step, p, more, r in sides]
            return self.weight[1] * arguments.groups, *size
        axes = zip(self.size, arguments.stride, arguments.padding, reach, strict=True)
        return self.weight[0], *((side + 2 * p - r) // step + 1 for side, step, p, r in axes)

    def reduced(self) -> Kind:
        """Returns the kind that is checked instead of this one: fewer images, a large map cut along its outer axes.

        Kernels process several pixels at once along the innermost axis, so that axis stays whole if gradients are
        computed.
        """
        size = list(self.size)
        if not self.learns:
            size = [side if side <= PREDICTED else 48 + side % 16 for side in size]
        least = [
            reach + ENOUGH * step for reach, step in zip(self._reach(), self.arguments.stride, strict=True)
        ]
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
        return [(side - 1) * step + 1 for side, step in zip(kernel, self.arguments.dilation, strict=True)]

    def key(self) -> str:
        """Returns the kind as text, for the cache."""
        arguments = self.arguments
        parts = [
            self.form,
            "up" if arguments.transposed else "conv",
            *map(_times, (self.weight, arguments.stride, arguments.padding, arguments.dilation)),
            _times(arguments.output_padding) or "0",
            f"groups {arguments.groups}",
            f"bias {self.bias:d}",
            f"on {self.images} of {_times(self.size)}",
            "channels-last" if self.last else "contiguous",
            f"weights {'channels-last' if self.weights_last else 'contiguous'}",
            "with gradients" if self.learns else "forward",
            f"threads {self.threads}",
        ]
        return " ".join(parts)

    def to_json(self) -> str:
        """Returns the kind as JSON, for another process."""
        return json.dumps({**vars(self), "arguments": self.arguments._asdict()})

    @classmethod
    def from_json(cls, text: str) -> Kind:
        """Reads what `to_json` wrote."""
        values = _with_tuples(json.loads(text))
        return cls(**{**values, "arguments": ConvArguments(**_with_tuples(values["arguments"]))})


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}


def _times(numbers: tuple[int, ...]) -> str:
    return "x".join(map(str, numbers))


def kind_of(
    x: Tensor, weight: Tensor, bias: bool, arguments: ConvArguments, learns: bool, form: Form = "plain"
) -> Kind:
    """Returns the kind of a convolution of a map with weights."""
    return Kind(
        tuple(weight.shape),
        arguments,
        bias,
        int(x.shape[0]),
        tuple(x.shape[2:]),
        strides_last(x),
        learns,
        torch.get_num_threads(),
        form,
        strides_last(weight),
    )
