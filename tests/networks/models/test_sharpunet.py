"""The sharp skip against the Laplacian of SciPy, and the networks on encoders against their layers by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn import functional as F

from isthmus.networks.blocks.base import Bridge
from isthmus.networks.models.sharpunet import Sharp

from ..by_hand import agree, conv, made, norm, skip
from ..variants import image

DIMS = pytest.mark.parametrize("dims", [2, 3])


@DIMS
@pytest.mark.parametrize("mode", ["laplacian", "identity_plus"])
def test_sharp_is_the_laplacian_of_all_neighbours(dims, mode):
    _, x, found = skip(Sharp(mode=mode), dims, 3)
    kernel = -np.ones((3,) * dims)
    kernel[(1,) * dims] = 3**dims - 1 + (mode == "identity_plus")
    for ours, plane in zip(found.flatten(0, 1), x.flatten(0, 1), strict=True):
        expected = ndimage.correlate(plane.numpy(), kernel, mode="constant")
        np.testing.assert_allclose(ours.numpy(), expected, atol=1e-12)


def test_the_sharp_skip_learns_nothing_and_stays_out_of_files():
    module = Sharp().build(Bridge(2, 5, 5, level=1, pools_below=1))
    assert not list(module.parameters())
    assert not module.state_dict()


@pytest.mark.parametrize(("name", "sharp"), [("unet_vgg16", False), ("sharp_unet_resnet50", True)])
def test_the_sharp_papers_networks_on_encoders(name, sharp):
    network, w = made(name, in_channels=3, widths=(2, 3, 4, 5, 6))
    x = image(1, 3, 32, 64).double()
    taps = network.encoder(x)
    if name == "unet_vgg16":
        deep = conv(F.max_pool2d(taps[3], 2), w, "encoder.centre.1.0")
        deep = F.relu(norm(deep, w, "encoder.centre.1.1", 1e-3))
        deep = F.relu(norm(conv(deep, w, "encoder.centre.1.3"), w, "encoder.centre.1.4", 1e-3))
        torch.testing.assert_close(taps[4], deep)
    y = taps[4]
    for step in range(5):
        y = y.repeat_interleave(2, 2).repeat_interleave(2, 3)
        if step < 4:
            tap = taps[3 - step]
            kernel = torch.tensor([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]]).double()
            channels = tap.shape[1]
            sharpened = F.conv2d(tap, kernel.expand(channels, 1, 3, 3), padding=1, groups=channels)
            y = torch.cat([y, sharpened if sharp else tap], 1)
        y = F.relu(norm(conv(y, w, f"decoder.{step}.0"), w, f"decoder.{step}.1", 1e-3))
        y = F.relu(norm(conv(y, w, f"decoder.{step}.3"), w, f"decoder.{step}.4", 1e-3))
    agree(network, x, conv(y, w, "head"))
