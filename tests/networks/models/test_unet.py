"""The U-Net skeleton, UNet++ and TernausNet against their layers written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from isthmus.networks import create_model
from isthmus.networks.checks import check_input

from ..variants import fill, image, narrow_encoders


def weights(network):
    return {name: tensor.detach() for name, tensor in network.state_dict().items()}


def conv(x, w, name, dilation=1):
    weight = w[f"{name}.weight"]
    convolve = F.conv2d if weight.ndim == 4 else F.conv3d
    padding = dilation * (weight.shape[-1] // 2)
    return convolve(x, weight, w.get(f"{name}.bias"), padding=padding, dilation=dilation)


def up(x, w, name):
    weight = w[f"{name}.weight"]
    convolve = F.conv_transpose2d if weight.ndim == 4 else F.conv_transpose3d
    return convolve(x, weight, w[f"{name}.bias"], stride=2, padding=(weight.shape[-1] - 2) // 2)


def norm(x, w, name, eps=1e-5):
    scale = w.get(f"{name}.weight", torch.ones_like(w[f"{name}.bias"]))
    return F.batch_norm(
        x, w[f"{name}.running_mean"], w[f"{name}.running_var"], scale, w[f"{name}.bias"], eps=eps
    )


def made(name, **options):
    """A network in float64 with weights from a formula, and these weights."""
    with narrow_encoders():
        network = fill(create_model(name, **options)).double().eval()
    return network, weights(network)


def agree(network, x, expected):
    found = network(x)
    assert found.shape == expected.shape
    assert found.std() > 1e-3
    torch.testing.assert_close(found, expected)


def pair(x, w, name):
    return F.relu(conv(F.relu(conv(x, w, f"{name}.0")), w, f"{name}.2"))


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


def test_unetpp():
    network, w = made("unetpp", in_channels=2, classes=3, widths=(2, 3, 4, 5), deep_supervision=True)
    x = image(2, 2, 16, 24).double()

    def node(i, j):
        """X(i, j) of the paper's equation 1, computed anew each time."""
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


def test_a_size_that_does_not_divide_gets_the_nearest_that_does():
    from isthmus.errors import IsthmusError

    with pytest.raises(IsthmusError, match="a multiple of 16, found 30x49; the nearest size is 32x48"):
        check_input(torch.zeros(1, 3, 30, 49), 2, 3, 16)
    with pytest.raises(IsthmusError, match="nearest size is 16x16x16"):
        check_input(torch.zeros(1, 3, 1, 16, 17), 3, 3, 16)
