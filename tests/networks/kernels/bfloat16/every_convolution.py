"""Every distinct convolution of every network at the sizes that recipes train on, separately, against float64.

``python every_convolution.py``: prints, as JSON, how many there are, which ways were taken and which kinds are wrong.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.networks import create_model, list_models
from isthmus.networks.description.measure import WithoutNorms
from isthmus.networks.kernels import summed_convolutions
from isthmus.networks.kernels.bfloat16 import choice, kinds
from isthmus.networks.kernels.bfloat16 import layers as convolutions
from isthmus.networks.kernels.bfloat16.check import Example
from isthmus.networks.kernels.bfloat16.kinds import Kind, kind_of
from isthmus.networks.kernels.bfloat16.ways import NATIVE, native
from isthmus.networks.kernels.conv_arguments import ConvArguments
from isthmus.networks.registry import dimensions
from isthmus.runs.hardware import resolve
from isthmus.runs.recipe import Hardware

SIZES = {2: [(256, 256), (64, 64)], 3: [(32, 64, 64), (16, 32, 32)]}
TOLERANCE = 0.01
CUT = 2**24
"""Multiplications from which maps are cut here, along axes that no kernel notices."""

MANY = 128
"""Channels above which only their remainder counts: kernels take 16 to 64 at once."""


def of_network(network: nn.Module, image: Tensor) -> set[Kind]:
    """The kinds of convolution of a step of training, without a step."""
    found: set[Kind] = set()
    real = choice.way_of, convolutions.way_of, convolutions.uses_bfloat16, summed_convolutions.is_faster

    def noted(x: Tensor, weight: Tensor, bias: bool, arguments: ConvArguments, form: Any = "plain") -> str:
        kind = replace(
            kind_of(x, weight, bias, arguments, True, form), last=True, weights_last=True, bias=True
        )
        if arguments.groups == 1:
            kind = replace(kind, weight=(*map(_fewer, kind.weight[:2]), *kind.weight[2:]))
        elif kind.weight[1] == 1:  # each channel by itself
            few = _fewer(arguments.groups)
            kind = replace(kind, weight=(few, *kind.weight[1:]), arguments=arguments._replace(groups=few))
        found.add(kind.reduced())
        return NATIVE

    def with_sums(x: Tensor, _: Tensor, layers: Any) -> bool:
        for layer in layers:
            noted(x, layer.weight, True, ConvArguments.of(layer), "summed")
        return False

    choice.way_of = convolutions.way_of = noted
    choice.uses_bfloat16 = convolutions.uses_bfloat16 = lambda _: True
    summed_convolutions.is_faster = with_sums
    try:
        with torch.no_grad(), WithoutNorms():
            network.train()(image)
    finally:
        choice.way_of, convolutions.way_of, convolutions.uses_bfloat16, summed_convolutions.is_faster = real
        choice.uses_bfloat16 = real[2]
    return found


def _fewer(channels: int) -> int:
    return channels if channels <= MANY else 64 + channels % 64


def of_registry() -> Iterator[Kind]:
    """All kinds of all networks, each once."""
    kinds.LARGE = CUT
    seen: set[Kind] = set()
    for name in list_models():
        for dims in dimensions(name):
            for size in SIZES[dims]:
                with torch.device("meta"):
                    network = create_model(
                        name, in_channels=3 if dims == 2 else 1, classes=2, spatial_dims=dims
                    )
                    divisor = int(network.divisor)
                    image = torch.empty(
                        4, 3 if dims == 2 else 1, *(-(-side // divisor) * divisor for side in size)
                    )
                seen |= of_network(network, image)
    yield from sorted(seen, key=Kind.key)


def computed(kind: Kind, example: Example, dtype: torch.dtype) -> list[Tensor]:
    """Output and gradients as networks compute them here, in the type that ``auto`` takes."""
    given = [example.x, example.weight, *([] if example.bias is None else [example.bias])]
    leaves = [nn.Parameter(one.float()) for one in given]
    x, weight, bias = *leaves[:2], leaves[2] if len(leaves) > 2 else None
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        if kind.form == "summed" and choice.is_right(x.to(dtype), weight, kind.arguments, "summed"):
            make = nn.Conv2d if x.ndim == 4 else nn.Conv3d
            layer = make(1, 1, 1)
            layer.padding, layer.stride, layer.dilation = (
                kind.arguments.padding,
                kind.arguments.stride,
                kind.arguments.dilation,
            )
            layer.weight, layer.bias = weight, bias
            low = x.to(dtype)
            y = summed_convolutions.summed(
                [layer], low, low.new_zeros(example.gradient.shape), relu=False, saved_anyway=False
            )
        else:
            y = choice.convolve(x, weight, bias, kind.arguments)
    return [y.detach(), *torch.autograd.grad(y, leaves, example.gradient.to(y.dtype))]


def expected(kind: Kind, example: Example) -> list[Tensor]:
    """The same in float64."""
    given = [example.x, example.weight, *([] if example.bias is None else [example.bias])]
    leaves = [one.double().contiguous().requires_grad_() for one in given]
    y = native(leaves[0], leaves[1], leaves[2] if len(leaves) > 2 else None, kind.arguments)
    return [y.detach(), *torch.autograd.grad(y, leaves, example.gradient.double())]


def main() -> None:
    precision = resolve(Hardware(device="cpu")).precision
    wrong, total = {}, 0
    for total, kind in enumerate(of_registry(), 1):
        example = Example(kind, torch.Generator().manual_seed(total))
        pairs = zip(computed(kind, example, getattr(torch, precision)), expected(kind, example), strict=True)
        errors = [float((found.double() - true).norm() / true.norm()) for found, true in pairs]
        if not all(error < TOLERANCE for error in errors):
            wrong[kind.key()] = errors
    ways = Counter(choice._by_kind.values())
    print(json.dumps({"precision": precision, "kinds": total, "ways": ways, "wrong": wrong}))


if __name__ == "__main__":
    main()
