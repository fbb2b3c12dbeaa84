"""FCN-8s: count, and its scores and interpolation written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from isthmus.errors import IsthmusError
from isthmus.networks import create_model
from isthmus.networks.blocks.upsampling import LinearUp, upsample
from isthmus.networks.models import fcn  # noqa: F401  (registers the networks)

from ..variants import image, tiny


def test_count_is_that_of_the_convolutions_of_vgg16_and_the_scores():
    with torch.device("meta"):
        network = create_model("fcn8s", in_channels=5, classes=4)
        connected = create_model("fcn8s_fc", in_channels=3, classes=21)
    assert sum(p.numel() for p in network.parameters()) == 14_720_972
    # VGG-16's 14,714,688 convolution weights, its two connected layers, three scores of 21 classes
    expected = 14_714_688 + (512 * 49 + 1) * 4096 + (4096 + 1) * 4096 + 21 * (4096 + 512 + 256 + 3)
    assert sum(p.numel() for p in connected.parameters()) == expected


@pytest.mark.parametrize("name", ["fcn8s", "fcn8s_fc"])
def test_adds_the_scores_from_coarse_to_fine(name):
    network = tiny(name, 2)
    x = image(1, 3, 64, 96)
    third, fourth, fifth = (F.max_pool2d(tap, 2) for tap in network.encoder(x)[2:])
    if name == "fcn8s_fc":
        for i, padding in ((0, 3), (3, 0)):
            fifth = F.conv2d(fifth, network.fc[i].weight, network.fc[i].bias, padding=padding).relu()

    def up(maps, factor):
        """The authors' way: a full transposed convolution with the kernel on its diagonal."""
        side = 2 * factor
        along = 1 - (torch.arange(side) - (side - 1) / 2).abs() / factor
        kernel = torch.zeros(3, 3, side, side)
        for c in range(3):
            kernel[c, c] = torch.outer(along, along)
        return F.conv_transpose2d(maps, kernel, stride=factor, padding=factor // 2)

    sixteenth = up(network.score5(fifth), 2) + network.score4(fourth)
    expected = up(up(sixteenth, 2) + network.score3(third), 8)
    torch.testing.assert_close(network(x), expected)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("factor", [2, 4, 8])
def test_linear_up_interpolates_inside_the_border(dims, factor):
    layer = LinearUp(dims, 2, factor, 2 * factor)
    x = image(1, 2, *(5, 4, 6)[:dims])
    found, expected = layer(x), upsample(x, factor)
    inside = (..., *(slice(factor, -factor),) * dims)
    torch.testing.assert_close(found[inside], expected[inside])
    assert found.shape == expected.shape


def test_fixed_kernels_are_no_parameters_and_follow_the_type():
    layer = LinearUp(2, 3, 2, 4)
    assert not list(layer.parameters())
    assert not layer.state_dict()
    assert layer(torch.ones(1, 3, 4, 4, dtype=torch.bfloat16)).dtype == torch.bfloat16
    learned = LinearUp(2, 3, 2, 4, learned=True)
    assert [tuple(p.shape) for p in learned.parameters()] == [(3, 1, 4, 4)]
    with torch.no_grad():
        learned.weight.zero_()
    learned.reset_parameters()
    torch.testing.assert_close(learned.weight, nn.Parameter(layer.weight))


def test_nearest_repeats_pixels():
    x = image(1, 2, 3, 4)
    torch.testing.assert_close(upsample(x, 2, "nearest"), x.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_pretrained_weights_reach_the_encoder(tmp_path):
    from safetensors.torch import save_file

    one = tiny("fcn8s", 2)
    kept = {k.removeprefix("encoder."): v for k, v in one.state_dict().items() if k.startswith("encoder.")}
    save_file(kept, tmp_path / "vgg16.safetensors")
    two = tiny("fcn8s", 2)
    assert two.encoder.loaded == frozenset()
    with torch.no_grad():
        two.encoder.features[0].weight.zero_()
    from isthmus.networks import load_encoder_weights

    load_encoder_weights(two.encoder, tmp_path / "vgg16.safetensors")
    x = image(1, 3, 32, 32)
    torch.testing.assert_close(two(x), one(x))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spatial_dims": 3}, "2D only"),
        ({"fc": 1}, "fc must be true or false"),
        ({"fc_width": 0}, "fc_width"),
        ({"dropout": -0.1}, "dropout"),
        ({"encoder_weights": "missing.safetensors"}, "missing.safetensors"),
    ],
)
def test_refuses_in_one_line(options, message):
    with pytest.raises(IsthmusError, match=message) as error:
        create_model("fcn8s", **options)
    assert "\n" not in str(error.value)
