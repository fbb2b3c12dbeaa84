"""What all networks share: checks of the constructor's arguments and of the input, and the receptive field."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from isthmus.errors import IsthmusError
from isthmus.networks.checks import check_input, require_counts, require_dims, require_flag
from isthmus.networks.description.receptive_field import receptive_field
from isthmus.networks.kernels.memory_layout import in_layout_of_weights


class Network(nn.Module):
    """A network that knows the input it takes.

    Attributes:
        only: the numbers of spatial dimensions in which the network exists.
        spatial_dims, in_channels, classes: those of this network.
        divisor: every side of an image must be a multiple of it.
        checkpoint: whether parts are computed again in the backward pass of training instead of kept in memory.
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
        """Returns the batch in the memory layout of the weights.

        Raises:
            IsthmusError: its shape does not fit, or is too small to train on.
        """
        check_input(x, self.spatial_dims, self.in_channels, self.divisor)
        if self.training and not torch.compiler.is_compiling():
            self._require_pixels(x)
        return in_layout_of_weights(x, self)

    def _require_pixels(self, x: Tensor) -> None:
        one = x.shape[0] == 1 and all(side == self.divisor for side in x.shape[2:])
        if one and any(isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d) for module in self.modules()):
            raise IsthmusError(
                f"one image of size {self.divisor} leaves one pixel on the deepest level, too little to train batch "
                "normalisation on: use larger patches or several images per batch"
            )

    def receptive_field(self) -> int:
        """Returns the side, in pixels, of the input square on which an output pixel can depend at most.

        Operations that mix the whole image (the statistics of instance normalisation) are left out.
        """
        return receptive_field(copy.deepcopy(self).to("meta"))
