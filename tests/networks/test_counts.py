"""Parameter counts, number by number: what the papers print, and what this build has where they print none.

"keras" counts the moving means and variances of batch normalisation as well. The published numbers stand in
the papers' tables and, where named, in the output that their authors' code printed; the others were counted
once from an independent build of the same layers.
"""

from __future__ import annotations

import pytest
import torch

from isthmus.networks import count_parameters, create_model, list_models, model_card
from isthmus.networks.registry import dimensions

IN1, IN3, IN4 = ({"in_channels": n} for n in (1, 3, 4))
PELVIS = {"in_channels": 5, "classes": 4}  # slices as channels; three organs and background
BRAIN = {"in_channels": 4, "classes": 4, "spatial_dims": 3}
CONCAT = {"block": {"name": "mldr", "merge": "concat"}}

LEDGER = [  # network, options, how it is counted, parameters
    ("unet", IN1, "trainable", 7_759_521),  # MultiResUNet, table 3
    ("unet", IN3, "trainable", 7_760_097),
    ("wide_unet", IN1, "trainable", 9_130_476),
    ("wide_unet", IN3, "trainable", 9_131_106),
    ("wide_unet", {**IN1, "up_widths": (280, 140, 70, 35)}, "trainable", 9_282_246),  # as UNet++ prints it
    ("residual_unet", IN3, "trainable", 8_115_713),
    ("residual_unet", {**IN3, "norm": "none"}, "trainable", 8_109_825),
    ("unet_mlr", IN1, "trainable", 10_896_801),
    ("unet_mlr", IN3, "trainable", 10_897_377),
    ("unetpp", IN1, "trainable", 9_041_601),  # printed in the authors' file
    ("unetpp", IN3, "trainable", 9_042_177),
    ("unetpp", {**IN1, "deep_supervision": True}, "trainable", 9_041_700),
    ("resdunet", IN3, "trainable", 11_307_165),
    ("mildnet", IN1, "trainable", 25_727_331),
    ("mildnet", IN3, "trainable", 25_729_191),
    ("mildnet_no_mlr", IN1, "trainable", 22_590_051),
    ("mildnet_no_mlr", IN3, "trainable", 22_591_911),
    ("mildnet_no_mlr", {**IN1, **CONCAT}, "trainable", 25_210_339),
    ("mildnet_no_mlr", {**IN3, **CONCAT}, "trainable", 25_212_199),
    ("mildnet", {**IN1, **CONCAT}, "trainable", 28_347_619),
    ("mildnet", {**IN3, **CONCAT}, "trainable", 28_349_479),
    ("multiresunet", IN3, "keras", 7_262_750),  # MultiResUNet, table 3
    ("multiresunet", IN3, "trainable", 7_238_228),
    ("multiresunet", IN1, "keras", 7_262_504),  # printed in the Sharp U-Net authors' notebook
    ("multiresunet", IN1, "trainable", 7_237_982),
    ("multiresunet", {**IN4, "spatial_dims": 3}, "keras", 18_657_689),  # MultiResUNet, table 3
    ("multiresunet", {**IN4, "spatial_dims": 3}, "trainable", 18_633_167),
    ("unet3d_cicek", IN4, "keras", 19_078_593),  # MultiResUNet, table 3
    ("unet3d_cicek", IN4, "trainable", 19_073_921),
    ("sharp_unet", IN3, "trainable", 7_760_097),
    ("wide_sharp_unet", IN3, "trainable", 9_131_106),
    ("unet_vgg16", IN3, "keras", 23_752_273),
    ("unet_vgg16", IN3, "trainable", 23_748_241),
    ("sharp_unet_vgg16", IN3, "trainable", 23_748_241),
    ("ternausnet16", IN3, "trainable", 29_306_465),
    ("ternausnet16", {**IN3, "deconv": True}, "trainable", 32_202_337),
    ("unet_resnet50", IN3, "trainable", 32_521_105),
    ("sharp_unet_resnet50", IN3, "trainable", 32_521_105),
    ("dstnet1", PELVIS, "trainable", 3_169_588),
    ("dstnet2", PELVIS, "trainable", 910_900),
    ("hrdn_l1", PELVIS, "trainable", 3_351_672),
    ("hrdn_l2", PELVIS, "trainable", 3_460_632),
    ("hrdn_l3", PELVIS, "trainable", 3_750_872),
    ("hrdn_l4", PELVIS, "trainable", 4_165_784),
    ("hrdn_l1", {**PELVIS, "dense": "full"}, "trainable", 3_729_016),
    ("hrdn_l2", {**PELVIS, "dense": "full"}, "trainable", 4_050_072),
    ("hrdn_l3", {**PELVIS, "dense": "full"}, "trainable", 4_905_816),
    ("hrdn_l4", {**PELVIS, "dense": "full"}, "trainable", 6_074_648),
    ("hmedn", PELVIS, "trainable", 3_760_185),
    ("hmedn", {**PELVIS, "dense": "full"}, "trainable", 4_915_129),
    ("hmedn3d_l2", BRAIN, "trainable", 3_766_456),
    ("hmedn3d_l3", BRAIN, "trainable", 8_454_648),
    ("hmedn3d_l2", {**BRAIN, "dense": "last"}, "trainable", 2_725_560),
    ("hmedn3d_l3", {**BRAIN, "dense": "last"}, "trainable", 4_292_088),
    ("dilnet1", PELVIS, "trainable", 298_020),
    ("dilnet2", PELVIS, "trainable", 298_020),
    ("dilnet3", PELVIS, "trainable", 214_692),
    ("unet_pelvic", {**IN1, "classes": 4}, "trainable", 20_544_004),
    ("unet_pelvic", PELVIS, "trainable", 20_546_308),
    ("fcn8s", PELVIS, "trainable", 14_720_972),
    # VGG-16's convolutions, 7x7 to 4096, 4096 to 4096, and scores of 21 classes on 4096, 512 and 256 channels
    ("fcn8s_fc", {**IN3, "classes": 21}, "trainable", 134_260_544 + 21 * (4097 + 513 + 257)),
    ("unet3d_hmedn", BRAIN, "trainable", 6_530_116),
    ("eunet", {**BRAIN, "classes": 1}, "trainable", 8_269_331),
    ("eunet", {**BRAIN, "classes": 3}, "trainable", 8_269_561),
    ("eunet", BRAIN, "trainable", 8_269_676),
    ("denseseg", PELVIS, "trainable", 308_204),
    ("denseseg", BRAIN, "trainable", 708_796),
    ("deepmedic", BRAIN, "trainable", 663_004),
    ("dcan", IN3, "trainable", 20_488_006),
    ("nuclei_vgg16_bn", IN3, "trainable", 24_162_753 + 2 * 65),  # two heads more than the paper counts
    ("nuclei_resnet34", IN3, "trainable", 28_027_114 - 513_000 + 257),  # no classifier, one head more
    ("nuclei_densenet121", IN3, "trainable", 74_900_482 + 6_953_856 + 257),  # the encoder, one head more
    ("nuclei_resnet101", IN3, "trainable", 96_921_602 + 42_500_160 + 257),
    ("nuclei_resnet34_hr_l2", IN3, "trainable", 30_632_324),
    ("nuclei_resnet34_hr_l3", IN3, "trainable", 39_976_196),
    ("nuclei_resnet34_hr_l4", IN3, "trainable", 73_671_684),
]

FIXED = {  # weights of the sharpening kernels, which nobody learns: 9 for each channel of each bridge
    "sharp_unet": 9 * (32 + 64 + 128 + 256),
    "wide_sharp_unet": 9 * (35 + 70 + 140 + 280),
    "sharp_unet_vgg16": 9 * (128 + 256 + 512 + 512),
    "sharp_unet_resnet50": 9 * (64 + 256 + 512 + 1024),
}


@pytest.mark.parametrize(
    ("name", "options", "how", "parameters"), LEDGER, ids=[f"{name}-{n}" for name, _, _, n in LEDGER]
)
def test_parameters_to_the_last_one(name, options, how, parameters):
    with torch.device("meta"):
        network = create_model(name, **options)
    assert count_parameters(network, how) == parameters


def test_every_published_count_is_in_the_ledger():
    cards = {name: model_card(name) for name in list_models()}
    published = {name for name, card in cards.items() if card.parameters or card.parameters_3d}
    assert published <= {name for name, *_ in LEDGER}


@pytest.mark.parametrize("name", FIXED)
def test_fixed_weights_are_no_parameters(name):
    with torch.device("meta"):
        network = create_model(name, in_channels=3)
    kernels = [buffer for path, buffer in network.named_buffers() if "kernel" in path]
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


def test_dimensionalities():
    only_3d = {"deepmedic", "eunet", "unet3d_cicek", "unet3d_hmedn"}
    for name in list_models():
        only_2d = name.startswith(("nuclei_", "fcn8s", "dcan"))
        assert set(dimensions(name)) == ({2} if only_2d else {3} if name in only_3d else {2, 3}), name
