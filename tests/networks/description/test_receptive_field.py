"""The receptive field against the gradient, and against layers worked out on paper."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from isthmus.networks import (
    list_models,
    receptive_field,
)
from isthmus.networks.description.measure import on_meta
from isthmus.networks.description.receptive_field import output_spans, reach
from isthmus.networks.kernels.instance_norm import InstanceNorm
from isthmus.networks.registry import dimensions

from ..variants import logits, tiny

_POINTWISE = {"relu", "relu_", "leaky_relu", "leaky_relu_", "prelu", "dropout", "sigmoid"}
_NORMS = {"batch_norm", "instance_norm"}


class _Smoothed(TorchFunctionMode):
    """Every operation in a form whose gradient is positive wherever the output depends on the input."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _POINTWISE | _NORMS:
            return args[0]
        if name in ("max_pool2d", "max_pool3d", "boolean_dispatch"):
            pool = F.avg_pool3d if args[0].ndim == 5 else F.avg_pool2d
            options = {
                k: v for k, v in kwargs.items() if k in ("kernel_size", "stride", "padding", "ceil_mode")
            }
            return pool(*args[:4], **options)
        if name in ("adaptive_avg_pool2d", "adaptive_avg_pool3d", "mean"):
            return func(*args, **kwargs).detach() * 0 + 1
        return func(*args, **kwargs)


def _smooth(network: nn.Module) -> nn.Module:
    """All weights positive, all kernels too, so that no two paths cancel."""
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.ndim > 1:
                tensor.fill_(1 / tensor[0].numel())
    return network.double().eval()


def dependency(network: nn.Module, length: int, first: int, count: int) -> list[tuple[int, int]]:
    """First and last input row on which each of ``count`` output rows depends, by gradient."""
    divisor = int(network.divisor)
    size = (length, *(divisor * -(-3 // divisor) for _ in range(network.spatial_dims - 1)))
    found = []
    x = torch.ones(1, network.in_channels, *size, dtype=torch.float64, requires_grad=True)
    with _Smoothed():
        rows = logits(network(x)).flatten(3).sum((0, 1, 3))
    for position in range(first, first + count):
        (gradient,) = torch.autograd.grad(rows[position], x, retain_graph=True)
        reached = gradient.abs().amax(tuple(a for a in range(gradient.ndim) if a != 2)).nonzero()
        found.append((int(reached[0]), int(reached[-1])))
    return found


@pytest.mark.parametrize("name", list_models())
def test_receptive_field_is_what_the_gradient_reaches(name):
    """For every position within one period of the poolings: the same first and last row, exactly."""
    network = _smooth(tiny(name, min(dimensions(name)), in_channels=1, classes=1))
    side, period = (
        receptive_field(network),
        max(3, int(network.divisor)),
    )  # DeepMedic's second path strides by 3
    length = period * (-(-(side + 2 * period) // period) + 1)
    length += period * ((length // period) % 2 == 0)
    first = length // period // 2 * period
    spans, _ = output_spans(network, length)
    expected = [(int(a), int(b)) for a, b in spans.T[first : first + period]]
    assert max(b - a for a, b in expected) + 1 == side
    assert dependency(network, length, first, period) == expected


PUBLISHED_FIELDS = {"dilnet1": 121, "dilnet2": 97, "dilnet3": 85}  # the paper prints 133, 97, 85


@pytest.mark.parametrize("name", [n for n in PUBLISHED_FIELDS if n in list_models()])
def test_receptive_field_of_the_dilated_networks(name):
    assert receptive_field(on_meta(name, (8, 8))[0]) == PUBLISHED_FIELDS[name]


class _Chain(nn.Module):
    """A network of the given layers, for receptive fields derived on paper."""

    spatial_dims, in_channels = 2, 1

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


class _Function(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize(
    ("layers", "side"),
    [
        ([nn.Conv2d(1, 1, 3, padding=1)], 3),
        ([nn.Conv2d(1, 1, 3, padding=5, dilation=5)], 11),
        ([nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 5, padding=2)], 7),
        ([nn.MaxPool2d(2), nn.ConvTranspose2d(1, 1, 2, stride=2)], 2),
        ([nn.MaxPool2d(2), nn.Conv2d(1, 1, 3, padding=1), nn.Upsample(scale_factor=2)], 6),
        ([nn.MaxPool2d(3, stride=2, padding=1)], 3),
        ([nn.ConvTranspose2d(1, 1, 4, stride=2, padding=1)], 2),  # each output meets two of the four taps
        ([nn.AvgPool2d(4), nn.ConvTranspose2d(1, 1, 8, stride=4, padding=2)], 8),
        ([nn.AvgPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear")], 4),
        ([nn.AvgPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)], 4),
        ([nn.ZeroPad2d(3), nn.Conv2d(1, 1, 7)], 7),
        ([nn.ReflectionPad2d(1), nn.Conv2d(1, 1, 3)], 3),
        ([_Function(lambda x: torch.cat([x[:, :, :-2], x[:, :, -2:]], 2))], 1),
        ([_Function(lambda x: torch.cat(x.split(1, 1), 1) + F.pad(x[:, :, 4:], (0, 0, 0, 4)))], 5),
        ([_Function(lambda x: x * x.mean((2, 3), keepdim=True))], 1),
        ([nn.Conv2d(1, 2, 3, padding=1), nn.InstanceNorm2d(2), InstanceNorm(2), nn.GroupNorm(1, 2)], 3),
    ],
)
def test_receptive_field_derived_on_paper(layers, side):
    assert receptive_field(_Chain(*layers)) == side


def test_what_sees_the_whole_image_is_told():
    assert reach(_Chain(nn.InstanceNorm2d(1))) == (1, True)
    assert reach(_Chain(InstanceNorm(1))) == (1, True)
    assert reach(_Chain(_Function(lambda x: x * F.adaptive_avg_pool2d(x, 1)))) == (1, True)
    assert reach(_Chain(nn.BatchNorm2d(1), nn.Conv2d(1, 1, 3, padding=1))) == (3, False)


def test_an_operation_without_a_rule_is_not_guessed():
    with pytest.raises(NotImplementedError, match="flip"):
        receptive_field(_Chain(_Function(lambda x: x.flip(2))))
