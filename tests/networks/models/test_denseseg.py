"""DenseSeg: counts, the channels of its blocks, and its grouped enlargement against the framework's."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from isthmus.errors import IsthmusError
from isthmus.networks import create_model
from isthmus.networks.models import denseseg  # noqa: F401  (registers the network)
from isthmus.networks.models.denseseg import DenseSeg

from ..variants import fill, image

LIFT = {2: F.conv_transpose2d, 3: F.conv_transpose3d}


def count(**options):
    with torch.device("meta"):
        return sum(p.numel() for p in create_model("denseseg", **options).parameters())


def test_counts():
    pelvic = {"spatial_dims": 2, "in_channels": 5, "classes": 4}
    brats = {"spatial_dims": 3, "in_channels": 4, "classes": 4}
    assert count(**pelvic) == 308_204
    assert count(**brats) == 708_796
    # with a kernel for each channel, as its authors' framework stores them
    channels, sides = (96, 112, 120, 124), (4, 6, 10, 18)
    for options, dims, ours in ((pelvic, 2, 308_204), (brats, 3, 708_796)):
        more = sum((c - 4) * side**dims for c, side in zip(channels, sides, strict=True))
        assert count(**options, kernels="channel") == ours + more


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"spatial_dims": 3, "in_channels": 4, "layers": (7,) * 4, "features": 16}, 1_256_516),
        (
            {"spatial_dims": 2, "in_channels": 5, "layers": (6,) * 4, "growth": 24, "features": 64},
            1_256_768,
        ),
    ],
)
def test_other_layouts_come_near_the_printed_count(options, expected):
    """The two that come nearest to the paper's 1.26M, one in 3D and one in 2D."""
    assert count(classes=4, **options) == expected


def test_channels_after_the_blocks_are_the_published_ones():
    network = create_model("denseseg")
    x = torch.zeros(1, 32, 32, 32)
    seen = []
    for down, block in zip(network.downs, network.blocks, strict=True):
        x = block(down(x))
        seen.append((x.shape[1], x.shape[2]))
    assert seen == [(96, 16), (112, 8), (120, 4), (124, 2)]


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("classes", [1, 2, 4])
def test_enlargement_is_a_grouped_transposed_convolution(dims, classes):
    options = {"spatial_dims": dims, "classes": classes, "features": 16, "growth": 8, "layers": (1, 1)}
    network = fill(DenseSeg(**options, kernels="channel"))
    for i, up in enumerate(network.ups):
        x = image(1, up.up.channels, *(3, 4, 2)[:dims])
        factor = 2 ** (i + 1)
        expected = LIFT[dims](x, up.up.weight, stride=factor, padding=1, groups=classes)
        torch.testing.assert_close(up(x), expected)
        assert expected.shape[2:] == tuple(factor * side for side in x.shape[2:])


@pytest.mark.parametrize("dims", [2, 3])
def test_one_kernel_for_a_class_is_the_same_kernel_for_all_its_channels(dims):
    options = {"spatial_dims": dims, "classes": 2, "features": 8, "growth": 4, "layers": (1, 2), "dropout": 0}
    shared, single = fill(DenseSeg(**options)).eval(), DenseSeg(**options, kernels="channel").eval()
    weights = shared.state_dict()
    for i, up in enumerate(single.ups):
        weights[f"ups.{i}.up.weight"] = weights[f"ups.{i}.up.weight"].repeat_interleave(
            up.up.channels // 2, 0
        )
    single.load_state_dict(weights)
    x = image(2, 1, *(8, 12, 4)[:dims])
    torch.testing.assert_close(shared(x), single(x))


def test_classes_that_do_not_divide_the_channels_share_them_unevenly():
    network = fill(DenseSeg(classes=3, features=8, growth=4, layers=(1, 1))).eval()
    x = image(1, 14, 2, 2)  # 5 + 5 + 4
    sums = torch.stack([x[:, a:b].sum(1) for a, b in ((0, 5), (5, 10), (10, 14))], 1)
    up = network.ups[0]
    expected = F.conv_transpose2d(sums, up.up.weight, stride=2, padding=1, groups=3)
    torch.testing.assert_close(up(x), expected)


def test_the_full_resolution_maps_are_read_before_their_normalisation():
    network = fill(create_model("denseseg", features=8, growth=4, layers=(1,), dropout=0)).eval()
    x = image(1, 1, 6, 4)
    features = network.stem(x)
    assert (features < 0).any()
    joined = torch.cat([features, network.ups[0](network.blocks[0](network.downs[0](features)))], 1)
    torch.testing.assert_close(network(x), network.head(joined))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": ()}, "layers"),
        ({"growth": 0}, "growth"),
        ({"features": 0.5}, "features"),
        ({"dropout": 2}, "dropout"),
        ({"kernels": "chanel"}, "did you mean 'channel'"),
        ({"kernels": "channel", "classes": 5}, "use kernels='class'"),
        ({"classes": 97}, "97 classes"),
    ],
)
def test_refuses_in_one_line(options, message):
    with pytest.raises(IsthmusError, match=message) as error:
        create_model("denseseg", **options)
    assert "\n" not in str(error.value)
