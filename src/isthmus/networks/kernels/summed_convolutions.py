"""Convolutions that read one input and are summed, as one operation.

The framework writes every branch's output and adds them afterwards, and in the backward pass every branch's gradient
likewise: on a CPU a sixth of MILDNet's training step goes into these additions and the ReLU after them. Here a
convolution adds to what the ones before it have made, in both directions (the gradient of a convolution's input is a
convolution with the kernel turned round).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.networks.kernels import onednn
from isthmus.networks.kernels.bfloat16.choice import is_right
from isthmus.networks.kernels.bfloat16.layers import Conv2d, Conv3d, where
from isthmus.networks.kernels.memory_layout import memory_layout
from isthmus.networks.kernels.onednn import Where
from isthmus.networks.kernels.relu_mask import masked, positive
from isthmus.networks.kernels.switch import by_autograd

LARGE = 8
"""How many times larger a map must be than a kernel for turning the kernel round to pay."""


def worthwhile(x: Tensor, other: Tensor, branches: Iterable[nn.Module]) -> bool:
    """Whether `summed` can run: in training, on a CPU, channels-last, in a number type that oneDNN computes in."""
    return (
        x.device.type == "cpu"
        and x.requires_grad
        and by_autograd()
        and x.dtype == other.dtype == _type_of_convolutions(x)
        and onednn.computes(x.dtype)
        and memory_layout(x) != torch.contiguous_format
        and all(_is_plain(layer) and _is_right(layer, x) for layer in branches)
    )


def summed(branches: Iterable[nn.Module], x: Tensor, other: Tensor, relu: bool, kept: bool) -> Tensor:
    """``other + branches[0](x) + branches[1](x) + …``, rectified if wanted; where it is `worthwhile`.

    Args:
        branches: convolutions, biased and of stride 1, whose outputs have the size of ``x``.
        x: ``(N, channels, *spatial)``.
        other: ``(N, outputs, *spatial)``.
        kept: whether what comes next keeps the result for the backward pass, which otherwise needs only a mask of it.
    """
    layers = [cast(nn.Conv2d, branch) for branch in branches]
    weights = [layer.weight.to(x.dtype) for layer in layers]
    biases = [cast(Tensor, layer.bias) for layer in layers]
    other = other.contiguous(memory_format=memory_layout(x))
    how = ([onednn.where(layer) for layer in layers], relu, kept)
    return cast(Tensor, _Summed.apply(x, other, how, *weights, *biases))  # type: ignore[no-untyped-call]


def _type_of_convolutions(x: Tensor) -> torch.dtype:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def _is_plain(layer: nn.Module) -> bool:
    return (
        type(layer) in (nn.Conv2d, nn.Conv3d, Conv2d, Conv3d)
        and not (
            layer._forward_pre_hooks or layer._forward_hooks or layer._backward_hooks
        )  # they would not be called
        and not layer._backward_pre_hooks
        and isinstance(layer, nn.Conv2d | nn.Conv3d)
        and layer.bias is not None
        and layer.padding_mode == "zeros"
        and layer.groups == 1
        and all(step == 1 for step in layer.stride)
        and all(
            side % 2 and padding == dilation * (side // 2)
            for side, padding, dilation in zip(
                layer.kernel_size, cast(Any, layer.padding), layer.dilation, strict=True
            )
        )
    )


def _is_right(layer: nn.Module, x: Tensor) -> bool:
    return is_right(x, cast(nn.Conv2d, layer).weight, where(layer), "summed")


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, other: Tensor, how: tuple[list[Where], bool, bool], *parameters: Tensor
    ) -> Tensor:
        places, relu, kept = how
        weights, biases = parameters[: len(places)], parameters[len(places) :]
        bias = torch.stack(biases).sum(0).to(x.dtype)
        last = len(places) - 1
        result = onednn.convolution_plus(x, other, weights[0], bias, places[0], relu and not last)
        for step in range(1, len(places)):
            at, weight = places[step], weights[step]
            result = onednn.convolution_onto_(result, x, weight, None, at, relu and step == last)
        # the result as a tensor of its own: hooks on what is kept would hold it, and it this
        after = () if not relu else (result.detach(),) if kept else (positive(result),)
        ctx.save_for_backward(x, *parameters, *after)
        ctx.how = how
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        places, relu, kept = ctx.how
        x, *parameters = ctx.saved_tensors
        if relu:
            after = parameters.pop()
            mask = positive(after) if kept else after
            gradient = masked(gradient, mask)
        weights, biases = parameters[: len(places)], parameters[len(places) :]
        if torch.is_grad_enabled():  # gradients of gradients: by operations that have them
            y, inputs = _by_layers(x, weights, biases, places), [x, *parameters]
            sought = [one for one in inputs if one.requires_grad]
            found = iter(torch.autograd.grad(y, sought, gradient, create_graph=True))
            to_x, *others = [next(found) if one.requires_grad else None for one in inputs]
            return to_x, gradient, None, *others
        gradient = gradient.contiguous(memory_format=memory_layout(x))
        to_weights: list[Tensor] = []
        to_biases: list[Tensor] = []
        for weight, bias, at in zip(weights, biases, places, strict=True):
            first = not to_biases  # the gradient of all biases is one
            _, to_weight, found = _convolution_backward(gradient, x, weight, at, [False, True, first])
            to_weights.append(to_weight)
            to_biases.append(found.to(bias.dtype) if first else to_biases[0].clone())
        return _to_input(gradient, x, weights, places), gradient, None, *to_weights, *to_biases


def _to_input(gradient: Tensor, x: Tensor, weights: Sequence[Tensor], places: Sequence[Where]) -> Tensor:
    """The gradient of all branches' common input."""
    total: Tensor | None = None
    for weight, at in zip(weights, places, strict=True):
        if x.numel() < LARGE * weight.numel():
            found = _convolution_backward(gradient, x, weight, at, [True, False, False])[0]
            total = found if total is None else total.add_(found)
            continue
        turned = (
            weight.flip(*range(2, weight.ndim)).transpose(0, 1).contiguous(memory_format=memory_layout(x))
        )
        if total is None:
            total = onednn.convolution(gradient, turned, None, at)
        else:
            total = onednn.convolution_onto_(total, gradient, turned, None, at)
    return cast(Tensor, total)


def _convolution_backward(gradient: Tensor, x: Tensor, weight: Tensor, at: Where, mask: list[bool]) -> Any:
    padding, stride, dilation, groups = at
    return torch.ops.aten.convolution_backward(
        gradient, x, weight, [len(weight)], stride, padding, dilation, False, [0] * len(stride), groups, mask
    )


def _by_layers(
    x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], places: Sequence[Where]
) -> Tensor:
    """The branches' sum by layers of the framework."""
    compute = F.conv2d if x.ndim == 4 else F.conv3d
    total: Tensor | None = None
    for weight, bias, (padding, stride, dilation, groups) in zip(weights, biases, places, strict=True):
        y = compute(x, weight, bias.to(x.dtype), stride, padding, dilation, groups)
        total = y if total is None else total + y
    return cast(Tensor, total)
