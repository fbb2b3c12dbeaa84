"""TernausNet-16 against its layers, written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from ..by_hand import agree, conv, made, up
from ..variants import image


@pytest.mark.parametrize("deconv", [False, True])
def test_ternausnet(deconv):
    network, w = made("ternausnet16", in_channels=3, base=3, deconv=deconv)
    x = image(1, 3, 64, 32).double()
    taps = network.encoder(x)

    def decoder(y, at):
        if deconv:
            return F.relu(up(F.relu(conv(y, w, f"ups.{at}.0")), w, f"ups.{at}.2"))
        y = F.interpolate(y, scale_factor=2, mode="bilinear")
        return F.relu(conv(F.relu(conv(y, w, f"ups.{at}.1")), w, f"ups.{at}.3"))

    y = decoder(F.max_pool2d(taps[4], 2), 0)
    for at, tap in enumerate((taps[4], taps[3], taps[2], taps[1]), start=1):
        y = decoder(torch.cat([y, tap], 1), at)
    y = F.relu(conv(torch.cat([y, taps[0]], 1), w, "last.0"))
    agree(network, x, conv(y, w, "head"))
