"""Prepares a trained network for prediction on a CPU: what follows a convolution happens inside it.

On a CPU with matrix instructions, a ReLU, an addition or a batch normalisation reads and writes all maps once more and
takes as long as the convolution before it. Here batch normalisation after a convolution is folded into its weights,
ReLU and additions are done by the convolution's own kernel, and weights are laid out once, not at every call. The
output is that of the network, up to rounding. A module whose wiring is unknown here stays as it is.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from isthmus.networks.blocks import plain
from isthmus.networks.kernels import onednn
from isthmus.networks.kernels.bfloat16.choice import convolve, is_right
from isthmus.networks.kernels.conv_arguments import ConvArguments
from isthmus.networks.kernels.memory_layout import channels_last
from isthmus.networks.models import mildnet

CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)


def fused(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Returns a copy of a network in evaluation with its convolutions in ``dtype``; without oneDNN, the network itself.

    The copy has the current weights: a network that is trained further needs a new copy.
    """
    if not onednn.computes(dtype):
        return network
    return _rewritten(copy.deepcopy(network).eval(), dtype)


class Convolution(nn.Module):
    """A convolution that also adds and rectifies.

    ``y = relu(convolution(x) + plus)``, with or without the ReLU and the sum. The weights are those of ``layer``, with
    the batch normalisation ``norm`` after it folded in: ``w * g`` and ``(b - mean) * g + shift``, where
    ``g = scale / sqrt(variance + eps)``.
    """

    def __init__(self, layer: nn.Module, norm: nn.Module | None, dtype: torch.dtype) -> None:
        super().__init__()
        layer = cast(nn.Conv2d, layer)  # or a Conv3d
        weight, bias = layer.weight.detach(), layer.bias
        bias = torch.zeros(len(weight), device=weight.device) if bias is None else bias.detach()
        if norm is not None:
            scale, shift = affine(norm)
            weight = weight * scale.view(-1, *[1] * (weight.ndim - 1))
            bias = bias * scale + shift
        self.arguments = ConvArguments.of(layer)
        self.bias = bias.to(dtype)
        self.dtype = dtype
        self.plain = weight.to(dtype).contiguous(memory_format=channels_last(weight))
        self.weight = onednn.laid_out(self.plain, self.arguments)

    def forward(self, x: Tensor, relu: bool = False) -> Tensor:
        """Turns ``(N, in, *spatial)`` into ``(N, out, *spatial)``."""
        x = x.to(self.dtype)
        if not is_right(x, self.plain, self.arguments, "fused"):
            return _rectified_(self._by_framework(x), relu)
        return onednn.convolution(x, self.weight, self.bias, self.arguments, relu)

    def plus(self, x: Tensor, other: Tensor, relu: bool = False) -> Tensor:
        """Returns the sum with ``other``, which stays as it is."""
        x, other = x.to(self.dtype), other.to(self.dtype)
        if not is_right(x, self.plain, self.arguments, "fused"):
            return _rectified_(self._by_framework(x).add_(other), relu)
        return onednn.convolution_plus(x, other, self.weight, self.bias, self.arguments, relu)

    def onto(self, total: Tensor, x: Tensor, relu: bool = False) -> Tensor:
        """Adds the convolution to ``total`` in place, and returns it."""
        x = x.to(self.dtype)
        if not is_right(x, self.plain, self.arguments, "fused"):
            return _rectified_(total.add_(self._by_framework(x)), relu)
        return onednn.convolution_onto_(total, x, self.weight, self.bias, self.arguments, relu)

    def _by_framework(self, x: Tensor) -> Tensor:
        """Convolves in the framework, or in another way where that computes wrongly."""
        return convolve(x, self.plain, self.bias, self.arguments)


def _rectified_(y: Tensor, relu: bool) -> Tensor:
    return torch.relu_(y) if relu else y


def affine(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Returns factor and summand, ``(channels,)`` each, of a batch normalisation in evaluation."""
    norm = cast(_BatchNorm, norm)
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = (variance + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.detach()
    shift = -mean * scale
    if norm.bias is not None:
        shift = shift + norm.bias.detach()
    return scale, shift


class _Rectified(nn.Module):
    """A convolution and the ReLU after it."""

    def __init__(self, convolution: Convolution) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.convolution(x, relu=True))


class _ScaleRelu(nn.Module):
    """A batch normalisation and the ReLU after it in one pass, as a convolution of each channel with one weight."""

    def __init__(self, norm: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        scale, shift = affine(norm)
        dims = 3 if isinstance(norm, nn.BatchNorm3d) else 2
        layer = (nn.Conv3d if dims == 3 else nn.Conv2d)(len(scale), len(scale), 1, groups=len(scale))
        layer.weight.data, cast(Tensor, layer.bias).data = scale.view(-1, *[1] * (dims + 1)), shift
        self.convolution = Convolution(layer, None, dtype)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.convolution(x, relu=True))


class _DilatedLevel(nn.Module):
    """MILDNet's dilated level: each branch adds to the sum as it is computed, and the last one rectifies."""

    def __init__(self, level: mildnet._DilatedLevel, dtype: torch.dtype) -> None:
        super().__init__()
        self.before = _ScaleRelu(level.norm, dtype)
        self.branches = nn.ModuleList(Convolution(branch, None, dtype) for branch in level.branches)
        self.shortcut = _shortcut(level.shortcut, dtype)
        self.relu = level.post_activation

    def forward(self, x: Tensor) -> Tensor:
        y = self.before(x)
        first, *others = cast(Sequence[Convolution], self.branches)
        if self.shortcut is None:
            total = first.plus(y, x, relu=self.relu and not others)
        else:
            total = self.shortcut(x)
            others = [first, *others]
        for index, branch in enumerate(others, start=1):
            total = branch.onto(total, y, relu=self.relu and index == len(others))
        return total


class _PlainLevel(nn.Module):
    """MILDNet's level on a skip connection."""

    def __init__(self, level: mildnet._PlainLevel, dtype: torch.dtype) -> None:
        super().__init__()
        self.before = _ScaleRelu(level.norm, dtype)
        self.first, self.second = (Convolution(layer, None, dtype) for layer in level.convs)
        self.relu = level.post_activation

    def forward(self, x: Tensor) -> Tensor:
        return self.second.plus(self.first(self.before(x)), x, relu=self.relu)


class _Outer(nn.Module):
    """MILDNet's residual around its levels."""

    def __init__(self, outer: mildnet._Outer, dtype: torch.dtype) -> None:
        super().__init__()
        self.levels = _rewritten(outer.levels, dtype)
        self.shortcut = _shortcut(outer.shortcut, dtype)
        self.relu = outer.post_activation

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.levels(x)
        if self.shortcut is not None:
            return self.shortcut.onto(y, x, relu=self.relu)
        y = y.add_(x)
        return torch.relu_(y) if self.relu else y


class _ResidualPair(nn.Module):
    """conv-norm-ReLU-conv-norm plus the input, ReLU."""

    def __init__(self, pair: plain.ResidualPair, dtype: torch.dtype) -> None:
        super().__init__()
        first, norm, _, second, last = pair.body
        self.first, self.second = Convolution(first, norm, dtype), Convolution(second, last, dtype)
        self.shortcut = _shortcut(pair.shortcut, dtype)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x, relu=True)
        return self.second.plus(y, x if self.shortcut is None else self.shortcut(x), relu=True)


def _shortcut(module: nn.Module, dtype: torch.dtype) -> Convolution | None:
    return Convolution(module, None, dtype) if isinstance(module, CONVOLUTIONS) else None


def _is_pair(module: nn.Module) -> bool:
    kinds: tuple[Any, ...] = (CONVOLUTIONS, _BatchNorm, nn.ReLU, CONVOLUTIONS, _BatchNorm)
    return (
        isinstance(module, plain.ResidualPair)
        and isinstance(module.activation, nn.ReLU)
        and len(module.body) == len(kinds)
        and all(isinstance(layer, kind) for layer, kind in zip(module.body, kinds, strict=True))
    )


KNOWN: tuple[tuple[Callable[[Any], bool], Callable[[Any, torch.dtype], nn.Module]], ...] = (
    (lambda m: isinstance(m, mildnet._DilatedLevel) and m.fuse is None, _DilatedLevel),
    (lambda m: isinstance(m, mildnet._PlainLevel), _PlainLevel),
    (lambda m: isinstance(m, mildnet._Outer), _Outer),
    (_is_pair, _ResidualPair),
    (lambda m: _fits(m), lambda m, dtype: Convolution(m, None, dtype)),
)


def _fits(module: nn.Module) -> bool:
    """Returns whether a module is a convolution padded with a number of zeros, as the kernels need it."""
    return (
        isinstance(module, CONVOLUTIONS)
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
    )


def _rewritten(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    for known, made in KNOWN:
        if known(module):
            return made(module, dtype)
    if type(module) is nn.Sequential:
        names = [name for name, _ in module.named_children()]
        return nn.Sequential(OrderedDict(zip(names, _in_a_row(list(module), dtype), strict=True)))
    for name, child in module.named_children():
        setattr(module, name, _rewritten(child, dtype))
    return module


def _in_a_row(layers: Sequence[nn.Module], dtype: torch.dtype) -> list[nn.Module]:
    """Returns layers with convolution, normalisation and ReLU joined where they follow each other.

    Every layer keeps its place: those that were joined into an earlier one become the identity.
    """
    result: list[nn.Module] = []
    while len(result) < len(layers):
        first, *others = layers[len(result) :]
        taken = 1
        made: nn.Module
        if _fits(first):
            norm = others[0] if others and isinstance(others[0], nn.BatchNorm2d | nn.BatchNorm3d) else None
            taken += norm is not None
            made = Convolution(first, norm, dtype)
            if len(others) >= taken and isinstance(others[taken - 1], nn.ReLU):
                made, taken = _Rectified(made), taken + 1
        elif isinstance(first, nn.BatchNorm2d | nn.BatchNorm3d) and others and isinstance(others[0], nn.ReLU):
            made, taken = _ScaleRelu(first, dtype), 2
        else:
            made = _rewritten(first, dtype)
        result += [made, *(nn.Identity() for _ in range(taken - 1))]
    return result
