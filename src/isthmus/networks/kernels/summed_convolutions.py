"""A pre-activated sum of convolutions that read one input, computed as one operation.

The framework writes the output of every branch and adds the outputs afterwards, and does the same with the gradients
in the backward pass: on a CPU these additions and the ReLU after them take a sixth of MILDNet's training step. Here a
convolution adds to the result of those before it, in both directions (the gradient with respect to a convolution's
input is a convolution with the kernel turned round).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from isthmus.networks.kernels import onednn
from isthmus.networks.kernels.bfloat16.choice import is_right
from isthmus.networks.kernels.bfloat16.layers import Conv2d, Conv3d
from isthmus.networks.kernels.bfloat16.ways import native
from isthmus.networks.kernels.conv_arguments import ConvArguments
from isthmus.networks.kernels.memory_layout import memory_layout
from isthmus.networks.kernels.relu_mask import masked, positive
from isthmus.networks.kernels.saved_activations import norm_relu, relu_
from isthmus.networks.kernels.switch import enabled_for_gradients

LARGE = 8
"""How many times larger than a kernel a map must be for turning the kernel round to pay."""


def norm_relu_sum(
    norm: nn.Module,
    branches: Sequence[nn.Module],
    x: Tensor,
    shortcut: Tensor,
    *,
    relu: bool,
    saved_anyway: bool,
) -> Tensor:
    """Returns ``shortcut + branches[0](y) + branches[1](y) + …`` with ``y = relu(norm(x))``.

    The plain equivalent adds the outputs of the branches one after another, and then the shortcut. Both agree to
    rounding.

    Args:
        norm: a normalisation.
        branches: convolutions whose outputs have the size of ``x``.
        x: ``(N, channels, *spatial)``.
        shortcut: ``(N, outputs, *spatial)``.
        relu: whether the sum is rectified.
        saved_anyway: whether the next layer saves the rectified sum for its own gradient (see `relu_`).

    >>> norm, branches = nn.BatchNorm2d(2), [nn.Conv2d(2, 1, 1), nn.Conv2d(2, 1, 3, padding=1)]
    >>> x, shortcut = torch.randn(1, 2, 4, 4), torch.zeros(1, 1, 4, 4)
    >>> norm_relu_sum(norm, branches, x, shortcut, relu=True, saved_anyway=False).shape
    torch.Size([1, 1, 4, 4])
    """
    with norm_relu(norm, x) as y:
        if is_faster(y, shortcut, branches):
            return summed(branches, y, shortcut, relu=relu, saved_anyway=saved_anyway)
        outputs = [branch(y) for branch in branches]
    total: Tensor = outputs[0]
    for output in (*outputs[1:], shortcut):
        total += output  # in place, as no convolution needs its own output again
    return relu_(total, saved_anyway=saved_anyway) if relu else total


def is_faster(x: Tensor, shortcut: Tensor, branches: Iterable[nn.Module]) -> bool:
    """Returns whether `summed` can run: with gradients, on a CPU, channels-last, in a number type of oneDNN's."""
    return (
        x.device.type == "cpu"
        and x.requires_grad
        and enabled_for_gradients()
        and x.dtype == shortcut.dtype == _type_of_convolutions(x)
        and onednn.computes(x.dtype)
        and memory_layout(x) != torch.contiguous_format
        and all(_is_supported(layer) and _is_right(layer, x) for layer in branches)
    )


def summed(
    branches: Iterable[nn.Module], x: Tensor, shortcut: Tensor, *, relu: bool, saved_anyway: bool
) -> Tensor:
    """Returns ``shortcut + branches[0](x) + branches[1](x) + …``; arguments as in `norm_relu_sum`."""
    layers = [cast(nn.Conv2d, branch) for branch in branches]
    weights = [layer.weight.to(x.dtype) for layer in layers]
    biases = [cast(Tensor, layer.bias) for layer in layers]
    shortcut = shortcut.contiguous(memory_format=memory_layout(x))
    options = ([ConvArguments.of(layer) for layer in layers], relu, saved_anyway)
    return cast(Tensor, _Summed.apply(x, shortcut, options, *weights, *biases))  # type: ignore[no-untyped-call]


def _type_of_convolutions(x: Tensor) -> torch.dtype:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def _is_supported(layer: nn.Module) -> bool:
    return (
        type(layer) in (nn.Conv2d, nn.Conv3d, Conv2d, Conv3d)
        and not any(  # hooks would not be called
            getattr(layer, f"_{when}_hooks")
            for when in ("forward_pre", "forward", "backward_pre", "backward")
        )
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
    return is_right(x, cast(nn.Conv2d, layer).weight, ConvArguments.of(layer), "summed")


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        shortcut: Tensor,
        options: tuple[list[ConvArguments], bool, bool],
        *parameters: Tensor,
    ) -> Tensor:
        arguments, relu, saved_anyway = options
        weights, biases = parameters[: len(arguments)], parameters[len(arguments) :]
        bias = torch.stack(biases).sum(0).to(x.dtype)
        last = len(arguments) - 1
        result = onednn.convolution_plus(x, shortcut, weights[0], bias, arguments[0], relu and not last)
        for step in range(1, len(arguments)):
            result = onednn.convolution_onto_(
                result, x, weights[step], None, arguments[step], relu and step == last
            )
        # a detached result, as hooks on saved tensors would hold it, and it them
        after = () if not relu else (result.detach(),) if saved_anyway else (positive(result),)
        ctx.save_for_backward(x, *parameters, *after)
        ctx.options = options
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        arguments, relu, saved_anyway = ctx.options
        x, *parameters = ctx.saved_tensors
        if relu:
            after = parameters.pop()
            mask = positive(after) if saved_anyway else after
            gradient = masked(gradient, mask)
        weights, biases = parameters[: len(arguments)], parameters[len(arguments) :]
        if torch.is_grad_enabled():  # gradients of gradients need differentiable operations
            y, inputs = _by_layers(x, weights, biases, arguments), [x, *parameters]
            sought = [one for one in inputs if one.requires_grad]
            found = iter(torch.autograd.grad(y, sought, gradient, create_graph=True))
            to_x, *others = [next(found) if one.requires_grad else None for one in inputs]
            return to_x, gradient, None, *others
        gradient = gradient.contiguous(memory_format=memory_layout(x))
        to_weights: list[Tensor] = []
        to_biases: list[Tensor] = []
        for weight, bias, at in zip(weights, biases, arguments, strict=True):
            first = not to_biases  # all biases have the same gradient
            _, to_weight, found = _convolution_backward(gradient, x, weight, at, [False, True, first])
            to_weights.append(to_weight)
            to_biases.append(found.to(bias.dtype) if first else to_biases[0].clone())
        return _to_input(gradient, x, weights, arguments), gradient, None, *to_weights, *to_biases


def _to_input(
    gradient: Tensor, x: Tensor, weights: Sequence[Tensor], arguments: Sequence[ConvArguments]
) -> Tensor:
    """Returns the gradient with respect to the common input of all branches."""
    total: Tensor | None = None
    for weight, at in zip(weights, arguments, strict=True):
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


def _convolution_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, arguments: ConvArguments, mask: list[bool]
) -> Any:
    stride, padding, dilation, groups, *_ = arguments
    return torch.ops.aten.convolution_backward(
        gradient, x, weight, [len(weight)], stride, padding, dilation, False, [0] * len(stride), groups, mask
    )


def _by_layers(
    x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], arguments: Sequence[ConvArguments]
) -> Tensor:
    """Returns the sum of the branches, computed by the framework's functions."""
    branches = zip(weights, biases, arguments, strict=True)
    first, *others = (native(x, weight, bias.to(x.dtype), at) for weight, bias, at in branches)
    return sum(others, start=first)
