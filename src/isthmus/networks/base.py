"""What the networks share: the words of the constructor, checked once, and how far they see."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from isthmus.errors import IsthmusError
from isthmus.networks.checks import check_input, require_counts, require_dims, require_flag, require_wholes
from isthmus.networks.description.receptive_field import receptive_field
from isthmus.networks.kernels.memory_layout import in_layout, is_ambiguous, memory_layout
from isthmus.networks.kernels.switch import eager


def _layout(network: nn.Module, ndim: int) -> torch.memory_format:
    """That of the first kernel which can have but one."""
    for weight in network.parameters():
        if weight.ndim == ndim and not is_ambiguous(weight):
            return memory_layout(weight)
    return torch.contiguous_format


class Network(nn.Module):
    """A network that knows its input: ``spatial_dims``, ``in_channels``, ``classes``, ``divisor`` of sizes.

    Attributes:
        only: the numbers of spatial dimensions that the network exists in.
        checkpoint: whether, in training, parts are computed again in the backward pass instead of kept.
    """

    only: ClassVar[tuple[int, ...]] = (2, 3)

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        classes: int,
        widths: Sequence[int] = (),
        divisor: int = 1,
        checkpoint: bool = False,
    ) -> None:
        super().__init__()
        require_dims(spatial_dims)
        if spatial_dims not in self.only:
            raise IsthmusError(
                f"{type(self).__name__} exists in {self.only[0]}D only, found spatial_dims={spatial_dims}"
            )
        require_counts(in_channels, classes, widths)
        require_flag("checkpoint", checkpoint)
        self.spatial_dims, self.in_channels, self.classes = spatial_dims, in_channels, classes
        self.divisor, self.checkpoint = divisor, checkpoint

    def accepted(self, x: Tensor) -> Tensor:
        """The batch in the memory layout of the weights; refused, in one line, where its shape is wrong, or too small
        to train on."""
        check_input(x, self.spatial_dims, self.in_channels, self.divisor)
        if self.training and not torch.compiler.is_compiling():
            self._require_pixels(x)
        return in_layout(x, _layout(self, x.ndim)) if eager() and not x.is_meta else x

    def _require_pixels(self, x: Tensor) -> None:
        one = x.shape[0] == 1 and all(side == self.divisor for side in x.shape[2:])
        if one and any(isinstance(module, _BatchNorm) for module in self.modules()):
            raise IsthmusError(
                f"one image of size {self.divisor} leaves one pixel on the deepest level, which batch "
                "normalisation cannot train on: take larger patches or several images a batch"
            )

    def receptive_field(self) -> int:
        """Side, in pixels, of the input square on which one output pixel can depend, for the worst position.

        What mixes the whole image (the statistics of instance normalisation) is left out.
        """
        return receptive_field(copy.deepcopy(self).to("meta"))


def wholes(what: str, values: Sequence[int], least: int = 1) -> tuple[int, ...]:
    """The values as a tuple, when they are ``least`` or more whole numbers above 0; else a refusal.

    >>> wholes("widths", [4, 8], 2)
    (4, 8)
    """
    require_wholes(what, values)
    if len(values) < least:
        raise IsthmusError(f"{what} needs at least {least} numbers, found {list(values)}")
    return tuple(values)
