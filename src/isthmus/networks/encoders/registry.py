"""Encoders by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from isthmus.errors import IsthmusError
from isthmus.networks.checks import require_dims
from isthmus.networks.encoders.base import Encoder
from isthmus.networks.encoders.weights import load_encoder_weights
from isthmus.plugins import Registry

ENCODERS: Registry[Callable[[int, int], Encoder]] = Registry("encoder")
"""What makes each encoder from ``(spatial_dims, in_channels)``."""

E = TypeVar("E", bound=Callable[[int, int], Encoder])


def register_encoder(name: str) -> Callable[[E], E]:
    """Registers a class or function of ``(spatial_dims, in_channels)`` that makes an encoder, for ``encoder=name``."""

    def register(encoder: E) -> E:
        ENCODERS.register(name, encoder)
        return encoder

    return register


def create_encoder(
    name: str, *, in_channels: int = 3, weights: Path | str | None = None, spatial_dims: int = 2
) -> Encoder:
    """Makes an encoder.

    Args:
        name: ``vgg16``, ``vgg16_bn``, ``resnet34``, ``resnet50``, ``resnet101``, ``densenet121`` or a registered one.
        in_channels: number of channels of the image. Pre-trained filters of the first convolution are adapted to it
            (`isthmus.networks.encoders.weights.adapt_filters`).
        weights: file or URL of pre-trained weights (`isthmus.networks.load_encoder_weights`), or None for random ones.
        spatial_dims: 2, or 3 for the same layers in 3D, for which there are no pre-trained weights.

    Raises:
        IsthmusError: the name is unknown, the weights are missing or do not fit, or are requested in 3D.

    >>> encoder = create_encoder("resnet34", in_channels=1)
    >>> encoder.channels, encoder.strides
    ((64, 64, 128, 256, 512), (2, 4, 8, 16, 32))
    """
    make = ENCODERS.find(name if isinstance(name, str) else repr(name))
    require_dims(spatial_dims)
    if weights is not None and spatial_dims == 3:
        raise IsthmusError(f"the encoder '{name}' has pre-trained weights in 2D only; in 3D leave them out")
    encoder = make(spatial_dims, in_channels)
    if weights is not None:
        load_encoder_weights(encoder, weights)
    return encoder
