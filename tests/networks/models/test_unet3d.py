"""The U-Nets of other sizes: counts of two papers, and the widths of their convolutions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from isthmus.errors import IsthmusError
from isthmus.networks import count_parameters, create_model
from isthmus.networks.models import unet3d  # noqa: F401  (registers the networks)


def made(name, **options):
    with torch.device("meta"):
        return create_model(name, **options)


def test_counts():
    cicek = made("unet3d_cicek", in_channels=4)
    assert count_parameters(cicek) == 19_073_921
    assert count_parameters(cicek, "keras") == 19_078_593
    brats = {"in_channels": 4, "classes": 4}
    assert count_parameters(made("unet3d_hmedn", **brats)) == 6_530_116
    assert count_parameters(made("unet3d_hmedn", **brats, norm="none")) == 6_527_300
    assert count_parameters(made("unet_pelvic", in_channels=1, classes=4)) == 20_544_004
    assert count_parameters(made("unet_pelvic", in_channels=5, classes=4)) == 20_546_308


def test_count_of_the_original_paper():
    """Çiçek et al. print 19,069,955 for 3 channels and classes: no batch normalisation, no bias going up."""
    network = made("unet3d_cicek", in_channels=3, classes=3, norm="none")
    biases = sum(m.bias.numel() for m in network.modules() if isinstance(m, nn.ConvTranspose3d))
    assert count_parameters(network) - biases == 19_069_955


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "unet3d_cicek",
            "4 32, 32 64, 64 64, 64 128, 128 128, 128 256, 256 256, 256 512, "
            "768 256, 256 256, 384 128, 128 128, 192 64, 64 64, 64 1",
        ),
        (
            "unet3d_hmedn",
            "4 32, 32 32, 32 64, 64 64, 64 128, 128 128, 128 256, 256 256, "
            "384 128, 128 128, 192 64, 64 64, 96 32, 32 32, 32 1",
        ),
    ],
)
def test_widths_of_all_convolutions(name, expected):
    network = made(name, in_channels=4)
    found = [f"{m.in_channels} {m.out_channels}" for m in network.modules() if isinstance(m, nn.Conv3d)]
    assert ", ".join(found) == expected
    rises = [(m.in_channels, m.out_channels) for m in network.modules() if isinstance(m, nn.ConvTranspose3d)]
    assert all(a == b for a, b in rises)
    assert len(rises) == 3


def test_dropout_stands_at_the_end_of_each_level():
    network = made("unet3d_hmedn")
    rates = [m.p for m in network.modules() if isinstance(m, nn.Dropout)]
    assert rates == [0.2] * 7
    assert not any(isinstance(m, nn.Dropout) for m in made("unet3d_cicek").modules())


def test_the_block_stands_in_2d_unets_too():
    network = create_model("unet", widths=(4, 6), block={"name": "volumetric", "widen": True})
    assert network(torch.zeros(2, 1, 4, 6)).shape == (2, 1, 4, 6)
    first = [m.out_channels for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert first == [2, 4, 3, 6, 4, 4, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spatial_dims": 2}, "3D only"),
        ({"widths": (4,)}, "widths"),
        ({"widen": 1}, "widen"),
        ({"bias": "no"}, "bias"),
        ({"dropout": -1}, "dropout"),
        ({"norm": "batsch"}, "did you mean 'batch'"),
    ],
)
def test_refuses_in_one_line(options, message):
    with pytest.raises(IsthmusError, match=message) as error:
        create_model("unet3d_hmedn", **options)
    assert "\n" not in str(error.value)
