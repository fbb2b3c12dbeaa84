"""Parameters, operations and memory against counts by hand and against a real pass."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from isthmus.networks import (
    activation_bytes,
    count_flops,
    count_parameters,
)
from isthmus.networks.blocks.layers import conv
from isthmus.networks.registry import tiny_options

from ..variants import every_network, good_size, narrow_encoders, tiny


def test_flops_of_a_network_counted_by_hand():
    """Multiply and add for each weight of a convolution, at each pixel it is applied to."""
    a, b, c = 3, 5, 2  # widths, image channels
    full, half = 8 * 12, 4 * 6
    macs = full * 9 * (c * a + a * a) + half * 9 * (a * b + b * b)
    macs += half * 4 * b * a + full * 9 * (2 * a * a + a * a) + full * a
    assert count_flops("unet", (8, 12), widths=(a, b), in_channels=c) == 2 * macs


@every_network
def test_activations_are_what_a_real_pass_saves(name, dims):
    """The same pass with values on the processor: all storages that autograd holds, but the network's own."""
    network = tiny(name, dims).train()
    size = good_size(network)
    own = {t.untyped_storage().data_ptr() for t in (*network.parameters(), *network.buffers())}
    saved: dict[int, torch.Tensor] = {}

    def pack(x):
        saved[x.untyped_storage().data_ptr()] = x
        return x

    x = torch.zeros(1, 3, *size)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        result = network(x)
    real = sum(t.untyped_storage().nbytes() for place, t in saved.items() if place not in own)
    del result
    with narrow_encoders():
        computed = activation_bytes(name, size, in_channels=3, classes=3, **tiny_options(name))
    assert computed == pytest.approx(real, rel=0.02)


def test_keras_counts_the_moving_statistics_and_no_counter():
    network = nn.Sequential(conv(2, 1, 4), nn.BatchNorm2d(4))
    assert count_parameters(network) == 40 + 8
    assert count_parameters(network, "keras") == 40 + 8 + 8
