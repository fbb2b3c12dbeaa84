"""Layers that keep less in memory for the backward pass than the framework does.

Of BN, ReLU and the convolutions that read them, the framework keeps BN's input and ReLU's output. The second
follows from the first by one cheap pass, so it need not be kept: half of what a pre-activation block holds
(Rota Bulò, Porzi, Kontschieder: In-place activated BatchNorm. CVPR 2018, doi:10.1109/CVPR.2018.00591, who
turn it round and keep the output).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.networks.checkpointing import in_checkpoint


@contextmanager
def norm_relu(norm: nn.Module, x: Tensor) -> Iterator[Tensor]:
    """``relu(norm(x))``; what is computed from it inside the ``with`` does not keep it for the backward pass.

    Values and running statistics are those of ``norm``. Only batch normalisation in training is treated so,
    outside of checkpointed parts and compiled code; everything else is kept as usual.

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
    if batch.num_batches_tracked is not None:
        batch.num_batches_tracked.add_(1)
    momentum = cast(float, batch.momentum)
    z, mean, inverse_std = torch.native_batch_norm(
        x, batch.weight, batch.bias, batch.running_mean, batch.running_var, True, momentum, batch.eps
    )
    again = _Again(batch, x, z, mean, inverse_std)
    with torch.autograd.graph.saved_tensors_hooks(again.pack, again.unpack):
        yield torch.relu_(z)


def relu_by_mask_(x: Tensor) -> Tensor:
    """ReLU in place, of which the backward pass keeps a mask of a byte a value instead of the result.

    It pays where nothing else keeps the result, as before an addition.

    Args:
        x: any shape and floating-point type; it becomes the result.

    >>> relu_by_mask_(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    if not torch.is_grad_enabled() or not x.requires_grad or torch.compiler.is_compiling():
        return torch.relu_(x)
    return cast(Tensor, _ReluByMask.apply(x))  # type: ignore[no-untyped-call]


class _ReluByMask(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        torch.relu_(x)
        ctx.save_for_backward(x > 0)
        return x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        mask: Tensor = ctx.saved_tensors[0]
        return gradient * mask


def _worthwhile(norm: nn.Module, x: Tensor) -> bool:
    return (
        isinstance(norm, nn.BatchNorm2d | nn.BatchNorm3d)
        and norm.training
        and norm.track_running_stats
        and norm.affine
        and norm.momentum is not None
        and torch.is_grad_enabled()
        and x.shape[0] * x.shape[2:].numel() > 1  # of a single value the framework's own layer complains
        and not in_checkpoint()
        and not torch.compiler.is_compiling()
    )


class _Again:
    """Hooks that keep a mark for the one tensor, and compute it when the mark is read.

    Who reads it first computes it, and it is let go when as many have read it as kept it.
    """

    def __init__(
        self, norm: nn.BatchNorm2d | nn.BatchNorm3d, x: Tensor, z: Tensor, mean: Tensor, inverse_std: Tensor
    ) -> None:
        self.norm, self.x, self.mean, self.inverse_std = norm, x, mean, inverse_std
        self.place, self.shape = z.data_ptr(), z.shape
        self.marks = self.read = 0
        self.value: Tensor | None = None

    def pack(self, tensor: Tensor) -> Any:
        if tensor.data_ptr() == self.place and tensor.shape == self.shape and tensor.dtype == self.x.dtype:
            self.marks += 1
            return None
        return tensor

    def unpack(self, packed: Any) -> Tensor:
        if packed is not None:
            return cast(Tensor, packed)
        if torch.is_grad_enabled():  # gradients of gradients: it has a history of its own
            return torch.relu(
                F.batch_norm(self.x, None, None, self.norm.weight, self.norm.bias, True, 0.0, self.norm.eps)
            )
        value = self.compute() if self.value is None else self.value
        self.read = (self.read + 1) % self.marks
        self.value = value if self.read else None
        return value

    def compute(self) -> Tensor:
        variance = self.inverse_std.double().pow(-2) - self.norm.eps
        return torch.relu_(
            F.batch_norm(
                self.x.detach(),
                self.mean,
                variance.to(self.mean.dtype),
                self.norm.weight.detach(),
                self.norm.bias.detach(),
                False,
                0.0,
                self.norm.eps,
            )
        )
