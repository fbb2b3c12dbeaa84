"""The arguments of a convolution besides its tensors."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import nn


class ConvArguments(NamedTuple):
    """The arguments of a convolution besides its tensors, with one number for each spatial axis."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1
    output_padding: tuple[int, ...] = ()
    transposed: bool = False

    @classmethod
    def of(cls, layer: nn.Module) -> ConvArguments:
        """Returns the arguments of a convolution whose padding is a number.

        >>> ConvArguments.of(nn.Conv2d(1, 1, 3, padding=1)).padding
        (1, 1)
        """
        arguments: dict[str, Any] = {name: getattr(layer, name) for name in cls._fields}
        return cls(**arguments)
