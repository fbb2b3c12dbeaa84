"""The base class of encoders that can be pre-trained.

A network takes their features at several resolutions. Layers that only classify are not built. Tensors have the names
of torchvision's. Weights come from a file (`isthmus.networks.load_encoder_weights`); without one they are random.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from isthmus.networks.checks import require_dims, require_whole


class Encoder(nn.Module):
    """Base class of all encoders: an image to features at several resolutions, the taps.

    Attributes:
        channels: number of channels of each tap, fine to coarse.
        strides: for each tap, the side in pixels of the image that one of its pixels stands for.
        checkpoint: whether groups of layers are computed again in the backward pass of training.
        loaded: names of the pre-trained tensors, which `isthmus.networks.initialise` does not change.

    Shapes:
        ``(N, in_channels, *spatial)`` to a list of ``(N, channels[i], *(s / strides[i] for s in spatial))``;
        every side a multiple of ``strides[-1]``.
    """

    first_conv: ClassVar[str]  # name of the convolution that reads the image
    classifier: ClassVar[str]  # prefix of the classifier's tensors in torchvision's files
    added: ClassVar[tuple[str, ...]] = ()  # prefixes of tensors that are not in these files

    def __init__(
        self, spatial_dims: int, in_channels: int, channels: Sequence[int], strides: Sequence[int]
    ) -> None:
        super().__init__()
        require_dims(spatial_dims)
        require_whole("in_channels", in_channels, 1)
        self.spatial_dims, self.in_channels = spatial_dims, in_channels
        self.channels, self.strides = tuple(channels), tuple(strides)
        self.loaded: frozenset[str] = frozenset()
        self.checkpoint = False

    def forward(self, x: Tensor) -> list[Tensor]:
        raise NotImplementedError

    def pretrained(self) -> set[nn.Module]:
        """Returns the layers whose weights were loaded from a file."""
        return {self.get_submodule(name.rpartition(".")[0]) for name in self.loaded}
