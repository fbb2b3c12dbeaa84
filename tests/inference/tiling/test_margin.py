"""The margin of a network is how far its output depends on pixels beyond a cut side, for every head."""

from __future__ import annotations

import torch
from torch import nn

from isthmus.inference.tiling.margin import margin
from isthmus.networks import create_model


def test_the_margin_of_networks() -> None:
    """Two 3x3 convolutions, at half scale two more, two again: 2 + 2 * 2 + 2; one for the pixel's place in a pool."""
    assert margin(create_model("unet", widths=(2, 4))) == 9
    assert margin(create_model("unet", widths=(2, 4), spatial_dims=3)) == 9
    assert margin(create_model("unet_instance", widths=(2, 4))) is None  # the statistics of the image
    assert margin(create_model("deepmedic")) is None  # a grid of 3, a divisor of 1
    assert margin(nn.Conv2d(1, 1, 3)) is None  # says nothing about itself


def test_the_margin_is_that_of_the_head_that_sees_furthest() -> None:
    class Two(nn.Module):
        spatial_dims, in_channels, divisor = 2, 1, 1

        def __init__(self, near: int, far: int) -> None:
            super().__init__()
            self.near, self.far = (nn.Conv2d(1, 1, 2 * n + 1, padding=n) for n in (near, far))

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"logits": self.near(x), "contour": self.far(x)}

    assert margin(Two(1, 5)) == 5
    network = Two(2, 1).train()
    assert margin(network) == 2
    assert network.training
