"""HMEDN and its relatives: counts, heads, and every part against a calculation of its own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from isthmus.errors import IsthmusError
from isthmus.networks import create_model
from isthmus.networks.blocks.pathway import DILATIONS
from isthmus.networks.models import (
    dilnet,  # noqa: F401  (registers the networks)
    hmedn,  # noqa: F401  (registers the networks)
)

from ..by_hand import CONV, unit
from ..variants import fill, image


def count(name, **options):
    with torch.device("meta"):
        return sum(p.numel() for p in create_model(name, **options).parameters())


PELVIC = {"in_channels": 5, "classes": 4}
BRATS = {"in_channels": 4, "classes": 4}


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("dstnet1", {}, 3_169_588),
        ("dstnet2", {}, 910_900),
        ("hrdn_l1", {}, 3_351_672),
        ("hrdn_l2", {}, 3_460_632),
        ("hrdn_l3", {}, 3_750_872),
        ("hrdn_l4", {}, 4_165_784),
        ("hrdn_l1", {"dense": "full"}, 3_729_016),
        ("hrdn_l2", {"dense": "full"}, 4_050_072),
        ("hrdn_l3", {"dense": "full"}, 4_905_816),
        ("hrdn_l4", {"dense": "full"}, 6_074_648),
        ("hmedn", {}, 3_760_185),
        ("hmedn", {"dense": "full"}, 4_915_129),
        ("dilnet1", {}, 298_020),
        ("dilnet2", {}, 298_020),
        ("dilnet3", {}, 214_692),
    ],
)
def test_counts_of_the_pelvic_networks(name, options, expected):
    assert count(name, **PELVIC, **options) == expected


@pytest.mark.parametrize(
    ("name", "full", "last"),
    [("hmedn3d_l2", 3_766_456, 2_725_560), ("hmedn3d_l3", 8_454_648, 4_292_088)],
)
def test_counts_of_the_volumetric_networks(name, full, last):
    assert count(name, **BRATS) == full
    assert count(name, **BRATS, dense="last") == last


def test_the_pathway_adds_what_the_paper_says():
    added = count("hrdn_l1", **PELVIC) - count("dstnet1", **PELVIC)
    assert round(added / 1e6, 2) == 0.18


def test_heads_in_training_and_evaluation():
    x = image(2, 5, 16, 32)
    options = {"in_channels": 5, "classes": 4, "widths": (4, 5, 6), "dilations": (1, 2)}
    network = create_model("hmedn", **options, level=2)
    shapes = {name: tuple(head.shape) for name, head in network.train()(x).items()}
    assert shapes == {"logits": (2, 4, 16, 32), "contour": (2, 1, 16, 32), "auxiliary": (2, 4, 16, 32)}
    assert set(network.eval()(x)) == {"logits", "contour"}
    plain = create_model("hrdn_l1", **options)
    assert set(plain.train()(x)) == {"logits", "auxiliary"}
    assert plain.eval()(x).shape == (2, 4, 16, 32)
    assert create_model("dstnet1", in_channels=5, classes=4, widths=(4, 5)).train()(x).shape == (2, 4, 16, 32)


@pytest.mark.parametrize("dims", [2, 3])
def test_every_path_of_the_distilling_network_reaches_the_logits(dims):
    """The network beside the same one written out from the paper's words."""
    network = fill(
        create_model("dstnet2", spatial_dims=dims, in_channels=2, widths=(4, 5, 6), dropout=0)
    ).eval()
    weights = network.state_dict()
    x = image(1, 2, *(8, 12, 4)[:dims])
    pool = {2: F.max_pool2d, 3: F.max_pool3d}[dims]
    lift = {2: F.conv_transpose2d, 3: F.conv_transpose3d}[dims]

    def up(i, x):
        return lift(x, weights[f"ups.{i}.weight"], weights[f"ups.{i}.bias"], stride=2)

    def large(x, factor):
        mode = {2: "bilinear", 3: "trilinear"}[dims]
        return F.interpolate(x, scale_factor=factor, mode=mode, align_corners=False)

    one = network.encoder[0](x)
    two = network.encoder[1](pool(one, 2))
    bottom = network.encoder[2](pool(two, 2))
    half = network.decoder[0](torch.cat([up(0, bottom), two], 1))
    whole = network.decoder[1](torch.cat([up(1, half), one], 1))
    sides = [large(unit(weights, f"sides.{i}", y), 2 ** (i + 1)) for i, y in enumerate((half, bottom))]
    merged = unit(weights, "merge", torch.cat([whole, *sides], 1))
    expected = CONV[dims](merged, weights["head.weight"], weights["head.bias"])
    torch.testing.assert_close(network(x), expected)


def test_the_pathway_feeds_the_decoder_of_its_level():
    """Without what the decoder reads of the pathway, the network is the distilling network."""
    options = {"in_channels": 2, "widths": (4, 5, 6)}
    with_pathway = fill(create_model("hrdn_l2", **options, pathway_width=3, dilations=(1,))).eval()
    without = create_model("dstnet1", **options).eval()
    weights = {k: v for k, v in with_pathway.state_dict().items() if k in without.state_dict()}
    read = weights["decoder.0.units.0.0.weight"]
    assert read.shape[1] == 5 + 5 + 3
    weights["decoder.0.units.0.0.weight"] = read[:, :10]
    without.load_state_dict(weights)
    x = image(1, 2, 8, 12)
    assert not torch.allclose(with_pathway(x), without(x))
    with torch.no_grad():
        with_pathway.decoder[0].units[0][0].weight[:, 10:] = 0
    torch.testing.assert_close(with_pathway(x), without(x))


def test_the_papers_dilations_are_the_default():
    assert DILATIONS == (1, 1, 1, 3, 3, 3, 5, 5, 5)
    network = create_model("hmedn3d_l2", widths=(4, 5, 6), pathway_width=3)
    assert [block.body[0].dilation[0] for block in network.pathway.blocks] == list(DILATIONS)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("hmedn", {"level": 5}, "level"),
        ("hmedn", {"level": 0}, "level of the pathway"),
        ("hmedn", {"pathway_width": 0}, "width of the pathway"),
        ("hmedn", {"dilations": ()}, "dilations"),
        ("hmedn", {"dilations": (1, 0)}, "dilations"),
        ("hmedn", {"dilations": 3}, "dilations"),
        ("hmedn", {"dense": "lst"}, "did you mean 'last'"),
        ("hmedn", {"widths": (32,)}, "widths"),
        ("dstnet1", {"widths": (32, 2)}, "at least 3"),
        ("hmedn", {"dropout": 1}, "dropout"),
        ("hmedn", {"contour": "yes"}, "contour"),
        ("hmedn", {"block": "dens"}, "did you mean 'dense'"),
        ("dilnet1", {"width": 0}, "width"),
        ("dilnet1", {"dilations": "135"}, "dilations"),
        ("unet", {"skip": {"name": "high_resolution", "level": 5}}, "level 5"),
        ("unet", {"skip": {"name": "high_resolution", "beside": "shrp"}}, "did you mean 'sharp'"),
        ("unet", {"skip": {"name": "high_resolution", "wdth": 5}}, "wdth"),
        ("unet", {"block": "residual_dilated", "dilations": (0,)}, "dilations"),
    ],
)
def test_refuses_in_one_line(name, options, message):
    with pytest.raises(IsthmusError, match=message) as error:
        create_model(name, **options)
    assert "\n" not in str(error.value)
