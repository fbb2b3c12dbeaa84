"""Random initial weights from one seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from isthmus.errors import IsthmusError, nearest
from isthmus.networks.encoders.base import Encoder

SCHEMES = ("xavier", "glorot", "default")

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose2d, nn.ConvTranspose3d)


def initialise(network: nn.Module, scheme: str = "xavier", *, seed: int) -> nn.Module:
    """Draws new weights for a network, in place; the same seed gives the same weights.

    Pre-trained layers of an encoder do not change.

    Args:
        network: the network to change, which is returned.
        scheme: ``"xavier"`` for a normal distribution with the variance of Glorot and Bengio (2010) on every
            convolution and zero biases, with transposed convolutions and normalisation as the framework draws them;
            ``"glorot"`` for their uniform distribution, between plus and minus sqrt(6 / (fan_in + fan_out)), and zero
            biases in every convolution and linear layer, transposed convolutions included, as Keras draws them;
            ``"default"`` for everything as the framework draws it.
        seed: any whole number.

    Raises:
        IsthmusError: the scheme is unknown.

    >>> from isthmus.networks import create_model
    >>> one, two = (initialise(create_model("unet", widths=(2, 4)), seed=7) for _ in range(2))
    >>> torch.equal(one.head.weight, two.head.weight)
    True
    """
    if scheme not in SCHEMES:
        raise IsthmusError(f"unknown initialisation '{scheme}': {nearest(scheme, SCHEMES)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pretrained: set[nn.Module] = set()
        for module in network.modules():
            if isinstance(module, Encoder):
                pretrained |= module.pretrained()
            if module in pretrained:
                continue
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
            if scheme == "xavier" and isinstance(module, _CONVOLUTIONS):
                _draw(module, nn.init.xavier_normal_)
            elif scheme == "glorot" and isinstance(module, (*_CONVOLUTIONS, *_TRANSPOSED, nn.Linear)):
                _draw(module, nn.init.xavier_uniform_)
    return network


def _draw(layer: nn.Module, weights: Callable[[Tensor], Tensor]) -> None:
    weights(cast(Tensor, layer.weight))
    if layer.bias is not None:
        nn.init.zeros_(cast(Tensor, layer.bias))
