"""The U-Net skeleton against its layers, written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from ..by_hand import agree, conv, made, pair, up
from ..variants import image


@pytest.mark.parametrize("dims", [2, 3])
def test_unet(dims):
    network, w = made("unet", spatial_dims=dims, in_channels=2, classes=3, widths=(3, 4, 5))
    pool = F.max_pool2d if dims == 2 else F.max_pool3d
    x = image(2, 2, *(12, 8, 4)[:dims]).double()
    one = pair(x, w, "encoder.blocks.0")
    two = pair(pool(one, 2), w, "encoder.blocks.1")
    y = pair(pool(two, 2), w, "encoder.blocks.2")
    y = pair(torch.cat([up(y, w, "ups.0"), two], 1), w, "decoder.0")
    y = pair(torch.cat([up(y, w, "ups.1"), one], 1), w, "decoder.1")
    agree(network, x, conv(y, w, "head"))
