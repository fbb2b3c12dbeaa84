"""The residual dilated block and the high-resolution pathway against a calculation of their own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from isthmus.networks import create_model
from isthmus.networks.blocks.base import Bridge
from isthmus.networks.blocks.pathway import HighResolution, Pathway, ResidualDilated

from ..by_hand import CONV, normed, unit
from ..variants import fill, image


def count(name, **options):
    with torch.device("meta"):
        return sum(p.numel() for p in create_model(name, **options).parameters())


@pytest.mark.parametrize(("dims", "channels"), [(2, 4), (2, 3), (3, 4)])
def test_residual_dilated_block_adds_its_input(dims, channels):
    block = fill(ResidualDilated(dims, channels, 4, dilation=2)).eval()
    x = image(1, channels, *(9, 8, 7)[:dims])
    weights = block.state_dict()
    middle = normed(weights, "body.1", CONV[dims](x, weights["body.0.weight"], padding=2, dilation=2))
    end = CONV[dims](middle, weights["body.3.weight"], padding=2, dilation=2)
    end = normed(weights, "body.4", end, relu=False)
    beside = x if channels == 4 else unit(weights, "shortcut", x, relu=False)
    torch.testing.assert_close(block(x), (end + beside).clamp(min=0))


@pytest.mark.parametrize("dense", ["last", "full"])
@pytest.mark.parametrize("dims", [2, 3])
def test_pathway_links_its_blocks(dims, dense):
    pathway = fill(Pathway(dims, 5, 3, (1, 2, 3), dense)).eval()
    x = image(1, 5, *(8, 9, 7)[:dims])
    weights = pathway.state_dict()
    steps = [unit(weights, "enter", x)]
    for block in pathway.blocks:
        steps.append(block(torch.cat(steps, 1) if dense == "full" else steps[-1]))
    torch.testing.assert_close(pathway(x), unit(weights, "fuse", torch.cat(steps, 1)))


def test_pathway_without_a_change_of_width_begins_with_its_input():
    assert isinstance(Pathway(2, 3, 3, (1,), "last").enter, torch.nn.Identity)


@pytest.mark.parametrize("dims", [2, 3])
def test_pathway_beside_any_skip_of_any_unet(dims):
    x = image(2, 3, *(12, 8, 4)[:dims])
    part = {"name": "high_resolution", "level": 2, "width": 3, "dilations": [1, 2], "beside": "mlr"}
    network = fill(create_model("mildnet", spatial_dims=dims, in_channels=3, widths=(4, 5, 6), skip=part))
    assert network(x).shape == (2, 1, *x.shape[2:])
    plain = count("mildnet", spatial_dims=dims, in_channels=3, widths=(4, 5, 6))
    three = 3**dims
    pathway = 5 * 3 + 6 + 4 * (three * 9 + 6) + 9 * 3 + 6  # enter, two blocks of two convolutions, fuse
    decoder = 3 * three * 3 * 5 + 2 * 3  # level 1 of the MLDR block: three branches, and its normalisation
    shortcuts = 2 * 3 * 5  # of that level and of the block
    found = sum(p.numel() for p in network.parameters())
    assert found == plain + pathway + decoder + shortcuts


def test_the_skip_beside_the_pathway_acts():
    bridge = Bridge(dims=2, in_channels=3, width=4, level=1, pools_below=1)
    alone, both = (HighResolution(level=1, dilations=(1,), beside=skip) for skip in ("identity", "sharp"))
    x = image(1, 3, 5, 6)
    one, two = (fill(part.build(bridge)).eval()(x) for part in (alone, both))
    assert one.shape == two.shape == (1, 3 + 4, 5, 6)
    torch.testing.assert_close(one[:, :3], x, rtol=0, atol=0)
    laplacian = 9 * x - F.avg_pool2d(x, 3, stride=1, padding=1, divisor_override=1)
    torch.testing.assert_close(two[:, :3], laplacian)
    torch.testing.assert_close(two[:, 3:], one[:, 3:])
    elsewhere = HighResolution(level=2, dilations=(1,), beside="sharp")
    assert elsewhere.out_channels(bridge) == 3
    torch.testing.assert_close(elsewhere.build(bridge)(x), laplacian)


def test_pathway_stands_on_every_bridge_without_a_level():
    everywhere = create_model("unet", widths=(4, 5, 6), skip={"name": "high_resolution", "dilations": (1,)})
    one = create_model("unet", widths=(4, 5, 6), skip=HighResolution(level=1, dilations=(1,)))
    pathways = [sum(isinstance(m, Pathway) for m in n.modules()) for n in (everywhere, one)]
    assert pathways == [2, 1]


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("block", ["dense", {"name": "residual_dilated", "dilations": (1, 3)}])
def test_blocks_stand_in_any_unet(block, dims):
    network = create_model("unet", spatial_dims=dims, widths=(4, 5, 6), block=block, skip="sharp").eval()
    x = image(1, 1, *(8, 4, 12)[:dims])
    assert network(x).shape == x.shape


def test_pathway_sees_as_far_as_its_dilations_reach():
    network = create_model("unet", widths=(3, 4), skip=HighResolution(level=1, width=3, dilations=(2, 3, 1)))
    # a pair of convolutions, the pathway of twice 2 + 3 + 1, a pair of convolutions: 2 + 12 + 2 to each side
    assert network.receptive_field() == 1 + 2 * (2 + 12 + 2)
