"""Layers that keep less in memory for the backward pass than the framework does.

Of BN, ReLU and the convolutions that read them, the framework keeps BN's input and ReLU's output. The second
follows from the first by one cheap pass, so it need not be kept: half of what a pre-activation block holds
(Rota Bulò, Porzi, Kontschieder: In-place activated BatchNorm. CVPR 2018, doi:10.1109/CVPR.2018.00591, who
turn it round and keep the output). Of a ReLU whose result nothing else keeps, the places above zero are enough: a byte
instead of two or four; and pooling's places of the maxima follow from its input, which is mostly kept anyway.
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
from isthmus.networks.kernels.switch import by_autograd


@contextmanager
def norm_relu(norm: nn.Module, x: Tensor) -> Iterator[Tensor]:
    """``relu(norm(x))``; what is computed from it inside the ``with`` does not keep it for the backward pass.

    Values and running statistics are those of ``norm``. Only batch normalisation in training is treated so, outside
    of compiled code; everything else is kept as usual.

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
    if not _worthwhile(norm, x):
        yield torch.relu_(norm(x))
        return
    batch = cast(nn.BatchNorm2d | nn.BatchNorm3d, norm)
    z, mean, inverse_std = batch_norm(batch, x)
    if not z.requires_grad:
        yield torch.relu_(z)
        return
    again = _Again(batch, z, _Source.of(x, mean, inverse_std))
    hooks = torch.autograd.graph.saved_tensors_hooks(again.pack, again.unpack)
    again.hooks = weakref.ref(hooks)  # or the two would hold each other, and the source with them
    with hooks:
        yield torch.relu_(z)


def relu_by_mask_(x: Tensor) -> Tensor:
    """ReLU in place, of which the backward pass keeps a mask of a byte a value instead of the result.

    It pays where nothing else keeps the result, as before an addition.

    Args:
        x: any shape and floating-point type; it becomes the result.

    >>> relu_by_mask_(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    if not _learns(x):
        return torch.relu_(x)
    return cast(Tensor, _ReluByMask.apply(x))  # type: ignore[no-untyped-call]


class MaxPool2d(nn.MaxPool2d):
    """``nn.MaxPool2d`` that in training finds the places of the maxima again in the backward pass.

    The framework keeps eight bytes for each: beside a result in bfloat16 four times as much. The result has the
    input's type, under autocast too.

    >>> MaxPool2d(2)(torch.tensor([[[[1.0, 3.0], [2.0, 0.0]]]]))
    tensor([[[[3.]]]])
    """

    def forward(self, x: Tensor) -> Tensor:
        return _pool_again(self, x) if self.training and x.ndim == 4 and _learns(x) else super().forward(x)


class MaxPool3d(nn.MaxPool3d):
    """``nn.MaxPool3d`` likewise, see `MaxPool2d`."""

    def forward(self, x: Tensor) -> Tensor:
        return _pool_again(self, x) if self.training and x.ndim == 5 and _learns(x) else super().forward(x)


def _learns(x: Tensor) -> bool:
    return x.requires_grad and by_autograd()


def _pool_again(layer: nn.MaxPool2d | nn.MaxPool3d, x: Tensor) -> Tensor:
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
            places = _MaxPool.FORWARD[x.ndim](x, *ctx.window)[1]
        return _MaxPool.BACKWARD[x.ndim](gradient, x, *ctx.window, places), None


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


def _worthwhile(norm: nn.Module, x: Tensor) -> bool:
    return (
        type(norm) in (nn.BatchNorm2d, nn.BatchNorm3d, BatchNorm2d, BatchNorm3d)
        and isinstance(norm, nn.BatchNorm2d | nn.BatchNorm3d)
        and norm.training
        and norm.track_running_stats
        and norm.affine
        and norm.momentum is not None
        and by_autograd()
        and x.shape[0] * x.shape[2:].numel() > 1  # of a single value the framework's own layer complains
    )


class _Again:
    """Hooks that keep a mark for the one tensor, and compute it when the mark is read.

    Who reads it first computes it, and it is let go when as many have read it as kept it. Other tensors are kept as
    they are outside of the hooks.
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
        if torch.is_grad_enabled():  # gradients of gradients: it has a history of its own
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
    """Keeps tensors as autograd keeps those of a layer, so that in a checkpointed part nothing is kept."""

    @staticmethod
    def forward(ctx: Any, learned: Tensor, *tensors: Tensor) -> Tensor:
        ctx.save_for_backward(*tensors)
        return learned.new_empty(0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:  # noqa: ARG004
        raise RuntimeError("nothing is computed from it")

    @classmethod
    def of(cls, *tensors: Tensor) -> Any:
        """An empty tensor whose ``grad_fn.saved_tensors`` are these, for as long as it lives."""
        learned = torch.empty(0, requires_grad=True)  # or nothing is kept for a network's input
        return cls.apply(learned, *tensors)  # type: ignore[no-untyped-call]
