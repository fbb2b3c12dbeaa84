"""UNet++ against its nodes, written out by hand."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from isthmus.networks import create_model

from ..by_hand import agree, conv, made, pair, up
from ..variants import image


def test_unetpp():
    network, w = made("unetpp", in_channels=2, classes=3, widths=(2, 3, 4, 5), deep_supervision=True)
    x = image(2, 2, 16, 24).double()

    def node(i, j):
        """Returns X(i, j) of the paper's equation 1, recomputed each time."""
        if j > 0:
            given = [up(node(i + 1, j - 1), w, f"ups.{i}_{j}"), *(node(i, k) for k in range(j))]
        else:
            given = [F.max_pool2d(node(i - 1, 0), 2) if i else x]
        return pair(torch.cat(given, 1), w, f"nodes.{i}_{j}")

    agree(network, x, conv(node(0, 3), w, "heads.2"))
    heads = network.train()(x)
    assert list(heads) == ["logits", "auxiliary_1", "auxiliary_2"]
    torch.testing.assert_close(heads["auxiliary_1"], conv(node(0, 1), w, "heads.0"))
    torch.testing.assert_close(heads["auxiliary_2"], conv(node(0, 2), w, "heads.1"))


def test_unetpp_takes_any_block():
    network = create_model(
        "unetpp", block="mldr", levels=1, dilations=[1, 2], spatial_dims=3, widths=(2, 3, 4)
    )
    assert network(image(1, 1, 8, 8, 12)).shape == (1, 1, 8, 8, 12)
