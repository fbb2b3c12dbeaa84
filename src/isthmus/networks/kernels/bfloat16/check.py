"""Checks whether this processor computes a kind of convolution correctly.

``python -m isthmus.networks.kernels.bfloat16.check`` runs it as a process of its own, because some kernels crash. The
process reads lines, each a way and, after a tab, a kind, and answers ``True`` or ``False``. It ends after `IDLE`
seconds without work.

It compares the bfloat16 kernels with sums of products in float32 that use no convolution. To keep this cheap, it first
adds up the channels on one side with random signs: the sum of the outputs is the output of summed weights, the sum of
the gradients of the weights is that of summed gradients, and the sum of the gradients of the inputs is that of summed
weights.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from itertools import product
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.memory import keep_freed_memory
from isthmus.networks.kernels import onednn
from isthmus.networks.kernels.bfloat16.kinds import Kind
from isthmus.networks.kernels.bfloat16.ways import NATIVE, WAYS
from isthmus.networks.kernels.conv_arguments import ConvArguments
from isthmus.networks.kernels.memory_layout import channels_last
from isthmus.networks.kernels.summed_convolutions import summed

TOLERANCE = 0.01
"""Largest relative error in norm that counts as correct; rounding to bfloat16 alone gives 0.002."""

IDLE = 30.0

DIRT = [2**size for size in range(8, 22)]
"""Sizes of the blocks of NaN: memory that a kernel fails to write is zero in a new process only, so it is soiled."""


def is_right(kind: Kind, way: str = NATIVE) -> bool:
    """Returns whether the output of a convolution computed in this way, and its gradients if wanted, are correct."""
    torch.set_num_threads(kind.threads)
    generator = torch.Generator().manual_seed(0)
    example = Example(kind, generator)
    expected = list(_expected(kind, example, generator))
    for _ in range(2):
        _soil()
        found = _found(kind, way, example)
        if not all(_alike(name, found[name], signs, values) for name, signs, values in expected):
            return False
    return True


class Example:
    """A map, weights, a bias and a gradient of the output, all with numbers that bfloat16 represents exactly."""

    def __init__(self, kind: Kind, generator: torch.Generator) -> None:
        def random(last: bool, *shape: int) -> Tensor:
            found = torch.randn(shape, generator=generator).bfloat16()
            return torch.empty_like(found, memory_format=channels_last(found)).copy_(found) if last else found

        self.x = random(kind.last, kind.images, kind.channels, *kind.size)
        self.weight = random(kind.weights_last, *kind.weight)
        self.gradient = random(kind.last or kind.weights_last, kind.images, *kind.output)
        self.bias = random(False, kind.output[0]).float() if kind.bias else None


def _soil() -> None:
    """Leaves NaN in free memory."""
    dirt = [torch.full((size,), torch.nan) for size in DIRT]
    del dirt


def _found(kind: Kind, way: str, example: Example) -> dict[str, Tensor]:
    """Returns what the kernels compute: the output ``y`` without the bias, and the gradients by name."""
    given = {"x": example.x, "weight": example.weight, "bias": example.bias}
    leaves = {
        name: nn.Parameter(one, requires_grad=kind.learns) for name, one in given.items() if one is not None
    }
    with torch.set_grad_enabled(kind.learns), torch.autocast("cpu", torch.bfloat16):
        y = _output(kind, way, leaves["x"], leaves["weight"], leaves.get("bias"))
    found = {"y": y.detach().float()}
    if example.bias is not None:
        found["y"] -= example.bias.view(-1, *[1] * (y.ndim - 2))
    if kind.learns:
        found |= zip(leaves, torch.autograd.grad(y, list(leaves.values()), example.gradient), strict=True)
    return found


def _output(kind: Kind, way: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    arguments = kind.arguments
    if kind.form == "plain":
        return WAYS[way](x, weight, bias, arguments)
    if kind.form == "summed":  # two equal branches added to zeros, then halved
        layer = (nn.Conv2d if x.ndim == 4 else nn.Conv3d)(1, 1, 1)
        layer.padding, layer.stride, layer.dilation = arguments.padding, arguments.stride, arguments.dilation
        layer.weight, layer.bias = cast(nn.Parameter, weight), cast(nn.Parameter, bias)
        nothing = x.new_zeros(len(x), len(weight), *x.shape[2:])
        return summed([layer, layer], x, nothing, relu=False, saved_anyway=False) / 2
    laid, bias = onednn.laid_out(weight.detach(), arguments), None if bias is None else bias.bfloat16()
    y = onednn.convolution(x, laid, bias, arguments)  # by itself, and added to that
    return onednn.convolution_onto_(y.clone(), x, laid, bias, arguments) / 2


def _expected(
    kind: Kind, example: Example, generator: torch.Generator
) -> Iterator[tuple[str, Tensor | None, Tensor]]:
    """Yields the correct values: name, ``signs`` of shape ``(groups, channels)``, and the signed sums over channels.

    A transposed convolution is a convolution from its output to its input. ``inner`` is the map at the input of that
    convolution, ``outer`` the one at its output.
    """
    arguments, groups = kind.arguments, kind.arguments.groups
    weight = torch.unflatten(example.weight.float(), 0, (groups, -1))  # (groups, outer, inner, *kernel)
    maps = (example.gradient, example.x) if arguments.transposed else (example.x, example.gradient)
    inner, outer = (torch.unflatten(one.float(), 1, (groups, -1)) for one in maps)
    by_sums, by_transposition = ("x", "y") if arguments.transposed else ("y", "x")
    if kind.learns or by_sums == "y":
        signs = _signs(groups, weight.shape[1], generator)
        summed = _add_up(weight, (0, 1), signs).requires_grad_()
        values = _products(inner, summed, arguments)
        yield by_sums, signs, values.detach().squeeze(2)
        if kind.learns:
            (gradient,) = torch.autograd.grad(values, summed, _add_up(outer, (1, 2), signs))
            yield "weight", signs, gradient.squeeze(1)
    if kind.learns or by_transposition == "y":
        signs = _signs(groups, weight.shape[2], generator)
        narrow = torch.zeros_like(inner[:, :, :1]).requires_grad_()
        values = _products(narrow, _add_up(weight, (0, 2), signs), arguments)
        (gradient,) = torch.autograd.grad(values, narrow, outer)
        yield by_transposition, signs, gradient.squeeze(2)
    if kind.learns and kind.bias:
        yield "bias", None, example.gradient.float().flatten(2).sum((0, 2))


def _signs(groups: int, channels: int, generator: torch.Generator) -> Tensor:
    return torch.randint(2, (groups, channels), generator=generator).float() * 2 - 1


def _add_up(x: Tensor, axes: tuple[int, int], signs: Tensor) -> Tensor:
    """Returns the signed sum over channels; ``axes`` are those of groups and channels, which stays with length 1."""
    shape = [1] * x.ndim
    for axis, length in zip(axes, signs.shape, strict=True):
        shape[axis] = length
    return (x * signs.view(shape)).sum(axes[1], keepdim=True)


def _products(x: Tensor, weight: Tensor, arguments: ConvArguments) -> Tensor:
    """Computes a convolution as sums of products: ``(N, groups, in, *spatial)`` to ``(N, groups, out, *spatial)``."""
    around = [side for padding in reversed(arguments.padding) for side in (padding, padding)]
    x, kernel, total = F.pad(x, around), weight.shape[3:], torch.zeros(())
    axes = list(zip(x.shape[3:], kernel, arguments.stride, arguments.dilation, strict=True))
    whole = (slice(None),) * 3
    for tap in product(*(range(side) for side in kernel)):
        place: list[slice] = []
        for (side, width, stride, dilation), at in zip(axes, tap, strict=True):
            first, places = at * dilation, (side - dilation * (width - 1) - 1) // stride + 1
            place.append(slice(first, first + (places - 1) * stride + 1, stride))
        total = total + torch.einsum("ngi...,goi->ngo...", x[(*whole, *place)], weight[whole + tap])
    return total


def _alike(name: str, found: Tensor, signs: Tensor | None, expected: Tensor) -> bool:
    found = found.float()
    scale = found.norm()  # also the scale of the sums, unless they happen to cancel
    if signs is not None:
        axis = 0 if name == "weight" else 1  # of the channels to add up
        found = _add_up(torch.unflatten(found, axis, signs.shape), (axis, axis + 1), signs).squeeze(axis + 1)
    return bool(scale.isfinite()) and bool((found - expected).norm() <= TOLERANCE * scale)


def main() -> None:
    keep_freed_memory()  # so that soiled memory is used again
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever else is printed is not an answer
    print("ready", file=answers, flush=True)
    while True:
        idle = threading.Timer(IDLE, os._exit, [0])
        idle.daemon = True
        idle.start()
        line = sys.stdin.readline()
        idle.cancel()
        if not line:
            return
        way, _, kind = line.partition("\t")
        print(is_right(Kind.from_json(kind), way), file=answers, flush=True)


if __name__ == "__main__":
    main()
