"""A network made ready for prediction gives the network's own numbers, for every network there is."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2] / "networks"))

from variants import every_network, make_tiny

from isthmus.inference.engines.engine import Eager
from isthmus.inference.engines.fused import Convolution, affine, fused
from isthmus.inference.engines.portable import by_head, example
from isthmus.networks import create_model
from isthmus.networks.blocks.heads import Heads
from isthmus.networks.kernels import onednn
from isthmus.runs.hardware import resolve
from isthmus.runs.recipe import Hardware

pytestmark = pytest.mark.skipif(not onednn.available(), reason="needs another processor: no oneDNN")


def trained(network: nn.Module) -> nn.Module:
    """A network whose statistics and scales differ from those of a new one."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            for values, low, high in (
                (module.running_mean, -0.5, 0.5),
                (module.running_var, 0.5, 2.0),
                (module.weight, 0.5, 1.5),
                (module.bias, -0.5, 0.5),
            ):
                if values is not None:
                    values.data.copy_(torch.rand(values.shape, generator=generator) * (high - low) + low)
    return network.eval()


def assert_alike(network: nn.Module, channels: int, dims: int) -> None:
    image = example(channels, [32] * dims, network.divisor)
    with torch.inference_mode():
        expected = by_head(network(image))
        found = by_head(fused(network, torch.float32)(image.clone()))
    assert list(found) == list(expected)
    for name, maps in expected.items():
        scale = float(maps.abs().max().clamp(min=1))
        torch.testing.assert_close(found[name], maps, rtol=0, atol=2e-5 * scale)


@every_network
def test_every_network_gives_its_own_numbers(name: str, dims: int) -> None:
    torch.manual_seed(0)
    assert_alike(trained(make_tiny(name, dims, in_channels=2)), 2, dims)


@pytest.mark.parametrize(
    "options",
    [
        {"block": "mldr", "skip": "mlr"},
        {"block": {"name": "mldr", "merge": "concat"}},
        {
            "block": {"name": "mldr", "post_activation": False},
            "skip": {"name": "mlr", "post_activation": False},
        },
        {"block": {"name": "mldr", "dilations": [2]}},
        {"block": {"name": "mldr", "levels": 3, "dilations": [1, 2]}},
        {"block": "residual"},
        {"block": {"name": "residual", "activation": "leaky_relu"}},
        {"block": {"name": "residual", "norm": "instance"}},
        {"block": {"name": "plain", "norm": "batch_keras"}, "head": "conv_bn"},
        {"block": {"name": "plain", "norm": "batch_shift", "dropout": 0.5}},
        {"skip": "sharp", "up": "linear"},
    ],
    ids=str,
)
@pytest.mark.parametrize("dims", [2, 3])
def test_every_part_gives_its_own_numbers(options: dict[str, object], dims: int) -> None:
    torch.manual_seed(0)
    network = create_model("unet", spatial_dims=dims, in_channels=2, widths=(4, 6, 8), **options)
    assert_alike(trained(network), 2, dims)


def test_heads_are_the_network_s() -> None:
    network = trained(Heads("unet", ["contour"], classes=2, widths=(4, 8)))
    assert_alike(network, 1, 2)


def test_the_network_itself_stays_as_it_is() -> None:
    network = trained(create_model("mildnet", widths=(4, 8)))
    before = copy.deepcopy(network.state_dict())
    image = example(1, [16, 16], 2)
    with torch.inference_mode():
        fused(network, torch.float32)(image)
    for name, values in network.state_dict().items():
        torch.testing.assert_close(values, before[name], rtol=0, atol=0)


def test_a_normalisation_is_a_factor_and_a_summand() -> None:
    norm = nn.BatchNorm2d(1, eps=0.0).eval()
    norm.running_mean.fill_(3.0)
    norm.running_var.fill_(4.0)
    norm.weight.data.fill_(6.0)
    norm.bias.data.fill_(1.0)
    scale, shift = affine(norm)  # 6 (x - 3) / 2 + 1 = 3 x - 8
    assert (scale.item(), shift.item()) == (3.0, -8.0)


def test_a_convolution_adds_and_rectifies() -> None:
    layer = nn.Conv2d(8, 8, 1)
    nn.init.dirac_(layer.weight).data.mul_(2.0)
    nn.init.constant_(layer.bias, -1.0)
    convolution = Convolution(layer, None, torch.float32)
    x, other = (
        torch.tensor(pair).expand(1, 8, 1, 2).contiguous(memory_format=torch.channels_last)
        for pair in ([0.0, 1.0], [-5.0, 3.0])
    )

    def holds(y: torch.Tensor, *pair: float) -> bool:
        return bool((y == torch.tensor(pair)).all())

    with torch.inference_mode():
        assert holds(convolution(x), -1.0, 1.0)
        assert holds(convolution(x, relu=True), 0.0, 1.0)
        assert holds(convolution.plus(x, other), -6.0, 4.0)
        assert holds(convolution.plus(x, other, relu=True), 0.0, 4.0)
        total = other.clone()
        assert holds(convolution.onto(total, x, relu=True), 0.0, 4.0)
        assert holds(total, 0.0, 4.0)
    assert holds(other, -5.0, 3.0)


def test_the_engine_averages_and_stays_alike_in_bfloat16() -> None:
    networks = [trained(create_model("mildnet", widths=(8, 16))) for _ in range(2)]
    image = example(1, [64, 64], 2).numpy()
    plain = resolve(Hardware(device="cpu", precision="float32"))
    expected = Eager(networks, plain)(image)["logits"]
    single = [Eager([network], plain)(image)["logits"] for network in networks]
    torch.testing.assert_close(torch.from_numpy(expected), torch.from_numpy(sum(single) / 2))
    half = resolve(Hardware(device="cpu", precision="bfloat16"))
    found = Eager.fused(networks, half)(image)["logits"]
    assert found.dtype == "float32"
    assert abs(found - expected).mean() < 0.03 * expected.std()
