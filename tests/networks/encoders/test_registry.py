"""Encoders: torchvision's names and sizes, the arithmetic written out by hand, and weights from files."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from isthmus.errors import IsthmusError
from isthmus.networks import Encoder, create_encoder, register_encoder
from isthmus.networks.encoders.registry import ENCODERS

from ..variants import fill, image, narrow_encoders

# parameters and tensors of torchvision's networks, less those of the classifier
TORCHVISION = {
    "vgg16": (14_714_688, 26),
    "vgg16_bn": (14_723_136, 91),
    "resnet34": (21_797_672 - 513_000, 216),
    "resnet50": (25_557_032 - 2_049_000, 318),
    "resnet101": (44_549_160 - 2_049_000, 624),
    "densenet121": (7_978_856 - 1_025_000, 725),
}
SHAPES = {
    "vgg16": {"features.0.weight": (64, 3, 3, 3), "features.28.bias": (512,)},
    "vgg16_bn": {"features.1.running_mean": (64,), "features.40.weight": (512, 512, 3, 3)},
    "resnet34": {
        "conv1.weight": (64, 3, 7, 7),
        "layer2.0.downsample.0.weight": (128, 64, 1, 1),
        "layer3.5.bn2.running_var": (256,),
        "layer4.2.conv2.weight": (512, 512, 3, 3),
    },
    "resnet50": {
        "layer1.0.downsample.1.weight": (256,),
        "layer2.0.conv2.weight": (128, 128, 3, 3),
        "layer4.2.conv3.weight": (2048, 512, 1, 1),
    },
    "resnet101": {"layer3.22.conv1.weight": (256, 1024, 1, 1)},
    "densenet121": {
        "features.conv0.weight": (64, 3, 7, 7),
        "features.denseblock3.denselayer24.norm1.weight": (992,),
        "features.denseblock3.denselayer24.conv2.weight": (32, 128, 3, 3),
        "features.transition3.conv.weight": (512, 1024, 1, 1),
        "features.norm5.running_mean": (1024,),
    },
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_has_torchvisions_tensors(name):
    with torch.device("meta"):
        state = create_encoder(name).state_dict()
        parameters = sum(p.numel() for p in create_encoder(name).parameters())
    assert (parameters, len(state)) == TORCHVISION[name]
    assert {key: tuple(state[key].shape) for key in SHAPES[name]} == SHAPES[name]


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("name", list(ENCODERS))
def test_taps_are_what_it_says(name, dims):
    with narrow_encoders():
        encoder = fill(create_encoder(name, in_channels=5, spatial_dims=dims))
    size = (64, 32, 32)[:dims]
    taps = encoder.eval()(image(2, 5, *size))
    expected = [
        (2, channels, *(side // stride for side in size))
        for channels, stride in zip(encoder.channels, encoder.strides, strict=True)
    ]
    assert [tuple(tap.shape) for tap in taps] == expected


def _norm(x, w, name):
    return F.batch_norm(
        x, w[f"{name}.running_mean"], w[f"{name}.running_var"], w[f"{name}.weight"], w[f"{name}.bias"]
    )


def _vgg(x, w, norm):
    taps, index = [], 0
    for convs in (2, 2, 3, 3, 3):
        for _ in range(convs):
            x = F.conv2d(x, w[f"features.{index}.weight"], w[f"features.{index}.bias"], padding=1)
            x = F.relu(_norm(x, w, f"features.{index + 1}") if norm else x)
            index += 3 if norm else 2
        taps.append(x)
        x, index = F.max_pool2d(x, 2), index + 1
    return taps


def _resnet(x, w, depths, strided):
    """``strided``: the name of the convolution with the stride in the first block of layers 2 to 4."""
    taps = [F.relu(_norm(F.conv2d(x, w["conv1.weight"], stride=2, padding=3), w, "bn1"))]
    x = F.max_pool2d(taps[0], 3, 2, 1)
    for layer, blocks in enumerate(depths, start=1):
        for block in range(blocks):
            at, y = f"layer{layer}.{block}", x
            first = 2 if layer > 1 and block == 0 else 1
            convs = [key for key in ("conv1", "conv2", "conv3") if f"{at}.{key}.weight" in w]
            for key in convs:
                weight = w[f"{at}.{key}.weight"]
                y = F.conv2d(y, weight, stride=first if key == strided else 1, padding=weight.shape[-1] // 2)
                y = _norm(y, w, f"{at}.bn{key[-1]}")
                y = F.relu(y) if key != convs[-1] else y
            if f"{at}.downsample.0.weight" in w:
                x = _norm(F.conv2d(x, w[f"{at}.downsample.0.weight"], stride=first), w, f"{at}.downsample.1")
            x = F.relu(x + y)
        taps.append(x)
    return taps


def _densenet(x, w):
    x = F.relu(_norm(F.conv2d(x, w["features.conv0.weight"], stride=2, padding=3), w, "features.norm0"))
    taps, x = [x], F.max_pool2d(x, 3, 2, 1)
    for block, layers in enumerate((6, 12, 24, 16), start=1):
        for layer in range(1, layers + 1):
            at = f"features.denseblock{block}.denselayer{layer}"
            y = F.conv2d(F.relu(_norm(x, w, f"{at}.norm1")), w[f"{at}.conv1.weight"])
            y = F.conv2d(F.relu(_norm(y, w, f"{at}.norm2")), w[f"{at}.conv2.weight"], padding=1)
            x = torch.cat([x, y], 1)
        if block == 4:
            return [*taps, F.relu(_norm(x, w, "features.norm5"))]
        taps.append(x)
        at = f"features.transition{block}"
        x = F.avg_pool2d(F.conv2d(F.relu(_norm(x, w, f"{at}.norm")), w[f"{at}.conv.weight"]), 2)
    raise AssertionError


BY_HAND = {
    "vgg16": lambda x, w: _vgg(x, w, norm=False),
    "vgg16_bn": lambda x, w: _vgg(x, w, norm=True),
    "resnet34": lambda x, w: _resnet(x, w, (3, 4, 6, 3), "conv1"),
    "resnet50": lambda x, w: _resnet(x, w, (3, 4, 6, 3), "conv2"),
    "resnet101": lambda x, w: _resnet(x, w, (3, 4, 23, 3), "conv2"),
    "densenet121": _densenet,
}


@pytest.mark.parametrize("name", list(BY_HAND))
def test_computes_what_is_written_out_by_hand(name):
    with narrow_encoders():
        encoder = fill(create_encoder(name)).double().eval()
    x = image(2, 3, 64, 96).double()
    taps = encoder(x)
    for tap, expected in zip(taps, BY_HAND[name](x, encoder.state_dict()), strict=True):
        assert tap.std() > 0
        torch.testing.assert_close(tap, expected)


def test_a_users_encoder_is_found_by_its_name(monkeypatch):
    monkeypatch.setattr(ENCODERS, "_things", dict(ENCODERS))

    @register_encoder("stem")
    class Stem(Encoder):
        first_conv, classifier = "conv", "fc."

        def __init__(self, spatial_dims, in_channels):
            super().__init__(spatial_dims, in_channels, (2, 4), (1, 2))
            self.conv = torch.nn.Conv2d(in_channels, 4, 2, stride=2)

        def forward(self, x):
            return [x[:, :2], self.conv(x)]

    assert isinstance(create_encoder("stem"), Stem)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"name": "resnet3"}, "did you mean 'resnet34'"),
        ({"name": None}, "unknown encoder 'None'"),
        ({"name": "vgg16", "in_channels": 0}, "in_channels must be a whole number of at least 1"),
        ({"name": "vgg16", "in_channels": 2.0}, "in_channels must be"),
        ({"name": "vgg16", "spatial_dims": 4}, "spatial_dims must be 2 or 3"),
        ({"name": "vgg16", "spatial_dims": 3, "weights": "vgg.pth"}, "pre-trained weights in 2D only"),
    ],
)
def test_refuses_in_one_sentence(arguments, says):
    with pytest.raises(IsthmusError) as error:
        create_encoder(arguments.pop("name"), **arguments)
    assert says in str(error.value)
    assert "\n" not in str(error.value)
