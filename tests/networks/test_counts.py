"""Parameters of the U-Net family, to the last one, as the papers and their authors' programs print them."""

from __future__ import annotations

import pytest
import torch

from isthmus.networks import count_parameters, create_model

# network, input channels, options, how it is counted, parameters
LEDGER = [
    ("unet", 1, {}, "trainable", 7_759_521),  # MultiResUNet, table 3
    ("unet", 3, {}, "trainable", 7_760_097),
    ("wide_unet", 1, {}, "trainable", 9_130_476),
    ("wide_unet", 3, {}, "trainable", 9_131_106),
    ("wide_unet", 1, {"up_widths": (280, 140, 70, 35)}, "trainable", 9_282_246),  # as UNet++ prints it
    ("unet_mlr", 1, {}, "trainable", 10_896_801),
    ("unet_mlr", 3, {}, "trainable", 10_897_377),
    ("residual_unet", 3, {}, "trainable", 8_115_713),
    ("residual_unet", 3, {"norm": "none"}, "trainable", 8_109_825),
    ("unetpp", 1, {}, "trainable", 9_041_601),  # printed in the authors' file
    ("unetpp", 3, {}, "trainable", 9_042_177),
    ("unetpp", 1, {"deep_supervision": True}, "trainable", 9_041_700),
    ("resdunet", 3, {}, "trainable", 11_307_165),
    ("mildnet", 1, {}, "trainable", 25_727_331),
    ("mildnet", 3, {}, "trainable", 25_729_191),
    ("mildnet_no_mlr", 1, {}, "trainable", 22_590_051),
    ("mildnet_no_mlr", 3, {}, "trainable", 22_591_911),
    ("mildnet", 3, {"block": {"name": "mldr", "merge": "concat"}}, "trainable", 28_349_479),
    ("mildnet_no_mlr", 1, {"block": {"name": "mldr", "merge": "concat"}}, "trainable", 25_210_339),
    ("multiresunet", 3, {}, "keras", 7_262_750),  # MultiResUNet, table 3
    ("multiresunet", 3, {}, "trainable", 7_238_228),
    ("multiresunet", 1, {}, "keras", 7_262_504),  # printed in the Sharp U-Net authors' notebook
    ("multiresunet", 4, {"spatial_dims": 3}, "keras", 18_657_689),  # MultiResUNet, table 3
    ("multiresunet", 4, {"spatial_dims": 3}, "trainable", 18_633_167),
    ("sharp_unet", 3, {}, "trainable", 7_760_097),
    ("wide_sharp_unet", 3, {}, "trainable", 9_131_106),
    ("unet_vgg16", 3, {}, "keras", 23_752_273),
    ("unet_vgg16", 3, {}, "trainable", 23_748_241),
    ("sharp_unet_vgg16", 3, {}, "trainable", 23_748_241),
    ("unet_resnet50", 3, {}, "trainable", 32_521_105),
    ("sharp_unet_resnet50", 3, {}, "trainable", 32_521_105),
    ("ternausnet16", 3, {}, "trainable", 29_306_465),
    ("ternausnet16", 3, {"deconv": True}, "trainable", 32_202_337),
]
FIXED = {
    "sharp_unet": 4_320,
    "wide_sharp_unet": 4_725,
    "sharp_unet_vgg16": 12_672,
    "sharp_unet_resnet50": 16_704,
}


@pytest.mark.parametrize(("name", "channels", "options", "how", "parameters"), LEDGER)
def test_parameters_to_the_last_one(name, channels, options, how, parameters):
    with torch.device("meta"):
        network = create_model(name, in_channels=channels, **options)
    assert count_parameters(network, how) == parameters


@pytest.mark.parametrize("name", FIXED)
def test_fixed_weights_of_the_sharp_networks(name):
    with torch.device("meta"):
        network = create_model(name, in_channels=3)
    kernels = [b for key, b in network.named_buffers() if key.endswith("kernel")]
    assert len(kernels) == 4
    assert sum(kernel.numel() for kernel in kernels) == FIXED[name]


@pytest.mark.parametrize("depth", [3, 4, 5, 6])
@pytest.mark.parametrize("levels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dilations", [(1, 2, 6), (1, 2, 5), (1, 2, 4), (1, 3, 5), (2, 4, 8), (1, 3, 7)])
def test_the_grid_of_mildnets_table_3(depth, levels, dilations):
    """Each of the 120 networks builds, and has the parameters that its layers add up to on paper."""
    with torch.device("meta"):
        network = create_model("mildnet", depth=depth, levels=levels, dilations=dilations, in_channels=3)

    def mldr(given: int, width: int) -> int:
        first = 2 * given + 3 * (9 * given * width + width)
        later = 2 * width + 3 * (9 * width * width + width)
        project = given * width + width if given != width else 0
        return first + (levels - 1) * later + 2 * project  # of the first level and of the outer residual

    widths = [32 * 2**level for level in range(depth)]
    total = sum(mldr(given, width) for given, width in zip([3, *widths], widths, strict=False))
    for deep, width in zip(widths[1:], widths, strict=False):
        mlr = 2 * (2 * width + 2 * (9 * width * width + width))
        total += 4 * deep * width + width + mlr + mldr(2 * width, width)
    assert count_parameters(network) == total + widths[0] + 1
