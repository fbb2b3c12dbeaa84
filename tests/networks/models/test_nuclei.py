"""The nuclei networks: our counts beside the paper's sums, heads, decoders and the pathway in them."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from isthmus.errors import IsthmusError
from isthmus.networks import create_model, model_card
from isthmus.networks.models import nuclei  # noqa: F401  (registers the networks)
from isthmus.networks.models.nuclei import NucleiNet

from ..variants import fill, image, tiny

COLOUR = {"in_channels": 3}
CLASSIFIER = {"resnet34": 512 * 1000 + 1000}  # what the paper counted with the encoder and nobody uses


def size(module):
    return sum(p.numel() for p in module.parameters())


def made(name, **options):
    with torch.device("meta"):
        return create_model(name, **COLOUR, **options)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nuclei_vgg16_bn", 24_162_753 + 2 * 65),
        ("nuclei_resnet34", 28_027_114 - 513_000 + 257),
        ("nuclei_densenet121", 74_900_482 + 6_953_856 + 257),
        ("nuclei_resnet101", 96_921_602 + 42_500_160 + 257),
        ("nuclei_resnet34_hr_l2", 30_632_324),
        ("nuclei_resnet34_hr_l3", 39_976_196),
        ("nuclei_resnet34_hr_l4", 73_671_684),
    ],
)
def test_our_count(name, expected):
    assert size(made(name)) == expected


def test_the_papers_sums():
    vgg = made("nuclei_vgg16_bn", heads=())
    assert size(vgg) == 24_162_753  # the encoder and one decoder with one head
    two = made("nuclei_resnet34", heads=("contour",))
    assert size(two) + CLASSIFIER["resnet34"] == 28_027_114  # two decoders with a head each
    for name, printed in (("nuclei_densenet121", 74_900_482), ("nuclei_resnet101", 96_921_602)):
        assert size(made(name, heads=("marker",)).decoders) == printed  # without the encoder


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        ("resnet34", [(512, 256, 256), (256, 128, 128), (128, 64, 64), (64, 32, 64)]),
        ("resnet101", [(2048, 1024, 1024), (1024, 512, 512), (512, 256, 256), (256, 128, 64)]),
        ("densenet121", [(1024, 512, 1024), (1024, 512, 512), (512, 256, 256), (256, 128, 64)]),
        ("vgg16_bn", [(512, 256, 512), (512, 256, 256), (256, 128, 128), (128, 64, 64)]),
    ],
)
def test_widths_of_the_decoder(encoder, expected):
    with torch.device("meta"):
        decoder = NucleiNet(encoder=encoder).decoders[0]
    found = [(up.up.in_channels, up.up.out_channels, up.body[0].out_channels) for up in decoder.levels]
    assert found == expected


def test_heads():
    network = tiny("nuclei_resnet34_hr_l3", 2, classes=2)
    x = image(2, 3, 64, 32)
    seen = {name: tuple(head.shape) for name, head in network(x).items()}
    assert seen == {"logits": (2, 2, 64, 32), "contour": (2, 1, 64, 32), "marker": (2, 1, 64, 32)}
    trained = {name: tuple(head.shape) for name, head in network.train()(x).items()}
    assert trained == {**seen, "auxiliary": (2, 2, 64, 32)}
    alone = tiny("nuclei_resnet34", 2, heads=())
    assert alone(x).shape == (2, 3, 64, 32)


def test_body_and_boundaries_have_decoders_of_their_own():
    network = tiny("nuclei_resnet34", 2).train()
    network(image(2, 3, 32, 64))["logits"].square().sum().backward()
    body, other = network.decoders
    assert all(p.grad is not None for p in body.parameters())
    assert all(p.grad is None for p in other.parameters())
    shared = tiny("nuclei_vgg16_bn", 2)
    assert [list(decoder.heads) for decoder in shared.decoders] == [["logits", "contour", "marker"]]


def test_a_level_of_the_decoder_by_hand():
    network = fill(tiny("nuclei_vgg16_bn", 2)).eval()
    level = network.decoders[0].levels[0]
    weights = level.state_dict()
    x = image(1, level.up.in_channels, 2, 3)
    bridge = image(1, level.body[0].in_channels - level.up.out_channels, 4, 6)
    y = torch.cat([F.conv_transpose2d(x, weights["up.weight"], weights["up.bias"], stride=2), bridge], 1)
    for i in (0, 3):
        y = F.conv2d(y, weights[f"body.{i}.weight"], weights[f"body.{i}.bias"], padding=1).relu()
        mean, var, scale, shift = (
            weights[f"body.{i + 2}.{name}"].reshape(1, -1, 1, 1)
            for name in ("running_mean", "running_var", "weight", "bias")
        )
        y = (y - mean) / (var + 1e-5).sqrt() * scale + shift
    torch.testing.assert_close(level(x, bridge), y)


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_the_pathway_stands_on_its_layer_and_both_decoders_read_it(level):
    options = {"pathway_width": 3, "dilations": (1,)}
    network = tiny("nuclei_resnet34_hr_l2", 2, level=level, **options)
    seen = []
    network.pathway.register_forward_hook(lambda _, args, out: seen.append((args[0], out)))
    x = image(1, 3, 64, 96)
    network(x)
    given, out = seen[0]
    torch.testing.assert_close(given, network.encoder(x)[level])
    assert out.shape == (1, 3, 64 // 2 ** (level + 1), 96 // 2 ** (level + 1))
    heads = network.train()(x)
    for head in ("logits", "contour", "marker"):
        (gradient,) = torch.autograd.grad(
            heads[head].square().sum(), network.pathway.fuse[0].weight, retain_graph=True
        )
        assert gradient.any()


@pytest.mark.parametrize("level", [2, 3, 4])
def test_the_pathway_is_as_wide_as_its_layer(level):
    network = made(f"nuclei_resnet34_hr_l{level}")
    assert network.auxiliary.in_channels == 64 * 2 ** (level - 1)
    assert len(network.pathway.blocks) == 9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spatial_dims": 3}, "2D only"),
        ({"encoder": "resnet43"}, "did you mean 'resnet34'"),
        ({"decoders": 3}, "decoders"),
        ({"heads": ("contours",)}, "did you mean 'contour'"),
        ({"heads": "markr"}, "did you mean 'marker'"),
        ({"heads": None}, "heads must be a list"),
        ({"widths": (4, 4)}, "widths needs 4"),
        ({"level": 5}, "from 1 to 4"),
        ({"level": 0}, "level"),
        ({"level": 2, "dense": "none"}, "dense"),
        ({"dropout": 1}, "dropout"),
    ],
)
def test_refuses_in_one_line(options, message):
    with pytest.raises(IsthmusError, match=message) as error:
        create_model("nuclei_resnet34", **options)
    assert "\n" not in str(error.value)


def test_densenets_decoders_read_its_last_normalisation_and_those_of_version_1_a_relu_of_it():
    """The framework taps norm5 itself; both forms have the same weights."""
    new, old = (tiny("nuclei_densenet121", 2, version=version) for version in (None, 1))
    assert model_card("nuclei_densenet121").version == 2
    old.load_state_dict(new.state_dict())
    x = image(1, 3, 32, 64)
    *_, normed = new.encoder(x)
    assert normed.min() < 0
    assert torch.equal(old.encoder(x)[-1], torch.relu(normed))
    assert not torch.allclose(new(x)["logits"], old(x)["logits"], atol=1e-3)
