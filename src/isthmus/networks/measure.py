"""What a network costs and how far it sees: parameters, floating-point operations, receptive field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from isthmus.networks.registry import create_model


def count_parameters(network: nn.Module, how: str = "trainable") -> int:
    """Number of parameters.

    Args:
        how: ``"trainable"``, or ``"keras"``: with the running means and variances of batch normalisation, as
            Keras prints them.

    >>> count_parameters(create_model("unet"))
    7759521
    """
    total = sum(p.numel() for p in network.parameters() if p.requires_grad)
    if how == "keras":
        total += sum(b.numel() for name, b in network.named_buffers() if name.endswith(("_mean", "_var")))
    return total


def count_flops(name: str, size: Sequence[int] = (256, 256), **options: Any) -> int:
    """Floating-point operations of one forward pass of one image (a multiplication and an addition count as two).

    Convolutions and matrix products are counted, as everything else is small beside them. Nothing is computed.

    >>> count_flops("unet", (32, 32), widths=(1, 1)) > 0
    True
    """
    with torch.device("meta"):
        network = create_model(name, spatial_dims=len(size), **options)
        image = torch.empty(1, options.get("in_channels", 1), *size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(image)
    return int(counter.get_total_flops())
