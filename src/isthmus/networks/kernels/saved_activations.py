"""Layers that save less for the backward pass than the framework's do.

Of a batch normalisation, the ReLU after it and the convolutions that read the result, the framework saves the input of
the normalisation and the output of the ReLU. The output follows from the input by one cheap pass, so it is computed
again instead of saved, which halves what a pre-activation block holds (Rota Bulò, Porzi, Kontschieder: In-place
activated BatchNorm. CVPR 2018, doi:10.1109/CVPR.2018.00591, save the output and invert it). A ReLU whose result no
other layer saves needs only a mask of what is above zero, one byte a value instead of two or four. The positions of the
maxima in a pooling follow from its input, which mostly is saved anyway.

The plain equivalents are the framework's layers. Values and gradients are equal bit for bit, apart from the rounding of
`batch_norm`.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.networks.kernels.batch_norm import BatchNorm2d, BatchNorm3d, batch_norm
from isthmus.networks.kernels.relu_mask import masked, positive
from isthmus.networks.kernels.switch import enabled_for_gradients


@contextmanager
def norm_relu(norm: nn.Module, x: Tensor) -> Iterator[Tensor]:
    """Yields ``relu(norm(x))``, which layers that read it inside the ``with`` do not save for the backward pass.

    The running statistics of ``norm`` are updated as usual. Only batch normalisation in training is treated in this
    way, outside of compiled code.

    Args:
        norm: a normalisation.
        x: its input, ``(N, channels, *spatial)``, which must not be changed in place later.

    Yields:
        A tensor of the shape, type and layout of ``norm(x)``.

    >>> norm, conv = nn.BatchNorm2d(2), nn.Conv2d(2, 1, 3)
    >>> with norm_relu(norm, torch.randn(1, 2, 8, 8)) as y:
    ...     z = conv(y)
    >>> z.sum().backward()
    """
    if not _recomputes(norm, x):
        yield torch.relu_(norm(x))
        return
    batch = cast(nn.BatchNorm2d | nn.BatchNorm3d, norm)
    z, mean, inverse_std = batch_norm(batch, x)
    if not z.requires_grad:
        yield torch.relu_(z)
        return
    recomputed = _Recomputed(batch, z, _Source.of(x, mean, inverse_std))
    hooks = torch.autograd.graph.saved_tensors_hooks(recomputed.pack, recomputed.unpack)
    recomputed.hooks = weakref.ref(hooks)  # a strong reference would make a circle that holds the source
    with hooks:
        yield torch.relu_(z)


def relu_(x: Tensor, *, saved_anyway: bool) -> Tensor:
    """Rectifies in place, as ``torch.relu_`` does, and saves a mask of one byte a value instead of the result.

    Args:
        x: a tensor of any shape and floating-point type; it becomes the result.
        saved_anyway: whether the next layer saves the result for its own gradient, so that a mask would add to it.

    >>> relu_(torch.tensor([-1.0, 2.0]), saved_anyway=False)
    tensor([0., 2.])
    """
    if saved_anyway or not _needs_gradient(x):
        return torch.relu_(x)
    return cast(Tensor, _ReluByMask.apply(x))  # type: ignore[no-untyped-call]


class MaxPool2d(nn.MaxPool2d):
    """``nn.MaxPool2d`` that finds the positions of the maxima again in the backward pass instead of saving them.

    The framework saves eight bytes for each, four times as much as a result in bfloat16. The result has the type of
    the input, also under autocast.

    >>> MaxPool2d(2)(torch.tensor([[[[1.0, 3.0], [2.0, 0.0]]]]))
    tensor([[[[3.]]]])
    """

    def forward(self, x: Tensor) -> Tensor:
        return (
            _max_pool(self, x) if self.training and x.ndim == 4 and _needs_gradient(x) else super().forward(x)
        )


class MaxPool3d(nn.MaxPool3d):
    """``nn.MaxPool3d`` that saves as little as `MaxPool2d`."""

    def forward(self, x: Tensor) -> Tensor:
        return (
            _max_pool(self, x) if self.training and x.ndim == 5 and _needs_gradient(x) else super().forward(x)
        )


def _needs_gradient(x: Tensor) -> bool:
    return x.requires_grad and enabled_for_gradients()


def _max_pool(layer: nn.MaxPool2d | nn.MaxPool3d, x: Tensor) -> Tensor:
    window = layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.ceil_mode
    return cast(Tensor, _MaxPool.apply(x, window))  # type: ignore[no-untyped-call]


class _MaxPool(torch.autograd.Function):
    FORWARD: ClassVar[dict[int, Any]] = {
        4: torch.ops.aten.max_pool2d_with_indices,
        5: torch.ops.aten.max_pool3d_with_indices,
    }
    BACKWARD: ClassVar[dict[int, Any]] = {
        4: torch.ops.aten.max_pool2d_with_indices_backward,
        5: torch.ops.aten.max_pool3d_with_indices_backward,
    }

    @staticmethod
    def forward(ctx: Any, x: Tensor, window: tuple[Any, ...]) -> Tensor:
        ctx.save_for_backward(x)
        ctx.window = window
        return cast(Tensor, _MaxPool.FORWARD[x.ndim](x, *window)[0])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x: Tensor = ctx.saved_tensors[0]
        with torch.no_grad():
            positions = _MaxPool.FORWARD[x.ndim](x, *ctx.window)[1]
        return _MaxPool.BACKWARD[x.ndim](gradient, x, *ctx.window, positions), None


class _ReluByMask(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        torch.relu_(x)
        ctx.save_for_backward(positive(x))
        return x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return masked(gradient, ctx.saved_tensors[0])


def _recomputes(norm: nn.Module, x: Tensor) -> bool:
    return (
        type(norm) in (nn.BatchNorm2d, nn.BatchNorm3d, BatchNorm2d, BatchNorm3d)
        and isinstance(norm, nn.BatchNorm2d | nn.BatchNorm3d)
        and norm.training
        and norm.track_running_stats
        and norm.affine
        and norm.momentum is not None
        and enabled_for_gradients()
        and x.shape[0] * x.shape[2:].numel() > 1  # the framework's layer refuses a single value
    )


class _Recomputed:
    """Hooks that save a mark in place of one tensor, and compute the tensor when the mark is read.

    The first reader computes it, and it is freed when it has been read as often as it was saved. Other tensors are
    saved as usual.
    """

    def __init__(self, norm: nn.BatchNorm2d | nn.BatchNorm3d, z: Tensor, source: Any) -> None:
        self.norm: Any = norm
        self.source = source
        self.place, self.kind = z.data_ptr(), _kind(z)
        self.marks = self.read = 0
        self.value: Tensor | None = None
        self.hooks: Any = None

    def pack(self, tensor: Tensor) -> Any:
        if tensor.data_ptr() == self.place and _kind(tensor) == self.kind:
            self.marks += 1
            return None
        hooks = self.hooks()
        hooks.__exit__()
        try:
            with torch.enable_grad():
                return _Source.of(tensor)
        finally:
            hooks.__enter__()

    def unpack(self, packed: Any) -> Tensor:
        if packed is not None:
            return cast(Tensor, packed.grad_fn.saved_tensors[0])
        norm = self.norm
        if torch.is_grad_enabled():  # gradients of gradients need a differentiable result
            x, *_ = self.source.grad_fn.saved_tensors
            return torch.relu(F.batch_norm(x, None, None, norm.weight, norm.bias, True, 0.0, norm.eps))
        value = self.compute() if self.value is None else self.value
        self.read = (self.read + 1) % self.marks
        self.value = value if self.read else None
        return value

    def compute(self) -> Tensor:
        norm = self.norm
        x, mean, inverse_std = self.source.grad_fn.saved_tensors
        variance = inverse_std.pow(-2) - norm.eps
        return torch.relu_(F.batch_norm(x, mean, variance, norm.weight, norm.bias, False, 0.0, norm.eps))


def _kind(tensor: Tensor) -> tuple[Any, ...]:
    return tensor.shape, tensor.stride(), tensor.dtype


class _Source(torch.autograd.Function):
    """Saves tensors as autograd saves those of a layer, so that a checkpointed part saves nothing."""

    @staticmethod
    def forward(ctx: Any, learned: Tensor, *tensors: Tensor) -> Tensor:
        ctx.save_for_backward(*tensors)
        return learned.new_empty(0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:  # noqa: ARG004
        raise RuntimeError("nothing depends on this tensor")

    @classmethod
    def of(cls, *tensors: Tensor) -> Any:
        """Returns an empty tensor whose ``grad_fn.saved_tensors`` are these as long as it lives."""
        learned = torch.empty(0, requires_grad=True)  # without it nothing is saved for the input of a network
        return cls.apply(learned, *tensors)  # type: ignore[no-untyped-call]
