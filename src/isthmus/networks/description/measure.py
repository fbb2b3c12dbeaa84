"""Measures what a network costs: parameters, floating-point operations, memory for training.

No values are computed: the network runs on the meta device, where tensors have shapes only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from isthmus.errors import IsthmusError, size_text
from isthmus.networks.registry import create_model


def count_parameters(network: nn.Module, how: str = "trainable") -> int:
    """Returns the number of parameters.

    Args:
        network: any module.
        how: ``"trainable"``, or ``"keras"`` to include the running means and variances of batch normalisation, as
            Keras does.

    >>> count_parameters(create_model("unet"))
    7759521
    """
    total = sum(p.numel() for p in network.parameters() if p.requires_grad)
    if how == "keras":
        total += sum(b.numel() for name, b in network.named_buffers() if name.endswith(("_mean", "_var")))
    return total


def on_meta(name: str, size: Sequence[int], **options: Any) -> tuple[nn.Module, Tensor]:
    """Returns a network without values, and a batch of one image of this size for it."""
    with torch.device("meta"):
        network = create_model(name, spatial_dims=len(size), **options)
        return network, torch.empty(1, int(network.in_channels), *size)  # type: ignore[arg-type]


def training_heads(name: str, **options: Any) -> tuple[str, ...]:
    """Returns the names of a network's outputs in training, ``"logits"`` first.

    >>> training_heads("hmedn", classes=4)
    ('logits', 'contour', 'auxiliary')

    Raises:
        IsthmusError: as `create_model`; the logits have another size than the image.
    """
    size = (128, 128, 128) if options.pop("spatial_dims", 2) == 3 else (256, 256)
    if "encoder_weights" in options:
        options["encoder_weights"] = None
    network, image = on_meta(name, size, **options)
    with torch.no_grad(), WithoutNorms():
        output = network.train()(image)
    logits = output if isinstance(output, Tensor) else output["logits"]
    if logits.shape[2:] != image.shape[2:]:
        raise IsthmusError(
            f"the network '{name}' turns images of {size_text(size)} into logits of {size_text(logits.shape[2:])}; "
            "correct it to return logits of the size of the image"
        )
    return ("logits",) if isinstance(output, Tensor) else tuple(output)


class WithoutNorms(TorchFunctionMode):
    """Leaves normalisation out, which takes more time on the meta device than all the rest.

    Attributes:
        mixes: whether a normalisation that was left out takes its statistics from the image.
    """

    mixes = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in ("batch_norm", "instance_norm", "group_norm"):
            self.mixes |= name != "batch_norm"
            return args[0]
        return func(*args, **(kwargs or {}))


def count_flops(name: str, size: Sequence[int] = (256, 256), **options: Any) -> int:
    """Returns the floating-point operations of one forward pass of one image.

    A multiplication and an addition are two operations. Only convolutions and matrix products count, as everything
    else is small in comparison.

    >>> count_flops("unet", (32, 32), widths=(1, 1)) > 0
    True
    """
    return flops(*on_meta(name, size, **options))


def flops(network: nn.Module, image: Tensor) -> int:
    """Returns the same as `count_flops` for a network and a batch on the meta device."""
    with FlopCounterMode(display=False) as counter, torch.no_grad(), WithoutNorms():
        network.eval()(image)
    return int(counter.get_total_flops())


def activation_bytes(name: str, size: Sequence[int] = (256, 256), **options: Any) -> int:
    """Returns the bytes that one float32 image of a training batch adds to memory for the backward pass.

    Every tensor that autograd saves in a forward pass counts once. Parameters and buffers do not count.

    >>> 4 * 2 * 32 * 32 < activation_bytes("unet", (32, 32), widths=(1, 1)) < 100_000
    True
    """
    network, image = on_meta(name, size, **options)
    own = {_storage(t) for t in (*network.parameters(), *network.buffers())}
    saved: dict[int, Tensor] = {}  # holds the tensors, so that no address is used twice

    def pack(x: Tensor) -> Tensor:
        if _storage(x) not in own:
            saved[_storage(x)] = x
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        output = network.train()(image)
    del output
    return sum(x.untyped_storage().nbytes() for x in saved.values())


def _storage(x: Tensor) -> int:
    return int(x.untyped_storage()._cdata)
