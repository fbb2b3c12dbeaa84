"""What a training step of MILDNet keeps for the backward pass, tensor by tensor.

Counted from the graph that a forward pass leaves: each tensor once, under the layers that keep it, for the layers
written plainly in float32, the same in bfloat16, and as isthmus trains them. The bytes are those of the tensors and the
same on every machine; what a process needs besides (gradients, workspaces) is measured by `speed.training_step`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from benchmarks.frame.benchmark import Benchmark, Result, Row, Settings
from benchmarks.frame.markdown import table
from benchmarks.speed.plain_networks import PlainNet
from isthmus.networks import create_model
from isthmus.networks.kernels import saved_activations
from isthmus.objectives import binary_cross_entropy

PLAIN, HALF, OURS = "plain, float32", "plain, bfloat16", "isthmus"
KINDS = {
    ("convolution weight",): "weights in the convolutions' number type",
    ("convolution input", "relu result"): "ReLU's result, read by convolutions",
    ("batch norm input", "relu result"): "ReLU's result, read by a normalisation",
    ("batch norm input", "max pool self", "relu result"): "ReLU's result, read by a normalisation",
    ("relu result",): "ReLU's result before an addition or concatenation",
    ("mask",): "mask of a ReLU before an addition or concatenation",
    ("batch norm input", "convolution input"): "concatenation, read by a normalisation and a shortcut",
    ("convolution input",): "convolution's input that no ReLU made",
    ("max pool result1",): "places of the maxima of pooling",
}
LAYERS = {
    "ConvolutionBackward0": "convolution",
    "NativeBatchNormBackward0": "batch norm",
    "ReluBackward0": "relu",
    "MaxPool2DWithIndicesBackward0": "max pool",
}
OWN = {"_ReluByMaskBackward": "mask", "_MaxPoolBackward": "max pool self"}
OTHER = "other (loss, head, statistics)"


def saved_by_kind(loss: Tensor) -> dict[str, int]:
    """Returns bytes by kind, of the graph behind a loss."""
    tensors: dict[int, tuple[int, set[str]]] = {}
    seen, waiting = set(), [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting += [following for following, _ in node.next_functions]
        for name, tensor in _saved(node):
            storage = tensor.untyped_storage()
            tensors.setdefault(storage.data_ptr(), (storage.nbytes(), set()))[1].add(name)
    total: Counter[str] = Counter()
    for size, names in tensors.values():
        total[KINDS.get(tuple(sorted(names)), OTHER)] += size
    return dict(total)


def _saved(node: Any) -> list[tuple[str, Tensor]]:
    """Returns the tensors that a node of the graph keeps, and what they are."""
    layer = LAYERS.get(node.name(), node.name())
    found = [
        (f"{layer} {name.removeprefix('_saved_')}", getattr(node, name))
        for name in dir(node)
        if name.startswith("_saved_") and name != "_saved_tensors"
    ]
    own = OWN.get(node.name())
    if own:
        found += [(own, tensor) for tensor in node.saved_tensors]
    if node.name() == "_FoldedBackward":
        found += [("batch norm input", node.saved_tensors[0])]
    if node.name() == "_SummedBackward":  # MILDNet's branches
        found += _of_branches(node.saved_tensors)
    return [(name, tensor) for name, tensor in found if isinstance(tensor, Tensor) and tensor.numel()]


def _of_branches(saved: tuple[Tensor, ...]) -> list[tuple[str, Tensor]]:
    """Returns input, weights and biases, and where there is a ReLU its result or a mask of it."""
    branches = (len(saved) - 1) // 2
    after = "mask" if saved[-1].dtype == torch.bool else "relu result"
    names = ["convolution input", *["convolution weight"] * branches, *["convolution bias"] * branches, after]
    return list(zip(names, saved, strict=False))


def _without_computing(_: saved_activations._Recomputed, packed: Any) -> Tensor:
    """Stands in for `unpack`: what is computed again is not kept, and looking at it must not compute it."""
    return torch.empty(0) if packed is None else packed.grad_fn.saved_tensors[0]


def saved(variant: str, size: int, batch: int, widths: tuple[int, ...]) -> dict[str, int]:
    """Returns bytes by kind of one variant."""
    torch.manual_seed(0)
    network: nn.Module = PlainNet("mildnet", widths=widths)
    images = torch.randn(batch, 1, size, size)
    if variant == OURS:
        network = create_model("mildnet", widths=widths).to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    with (
        patch.object(saved_activations._Recomputed, "unpack", _without_computing),
        torch.autocast("cpu", torch.bfloat16, enabled=variant != PLAIN),
    ):
        loss = binary_cross_entropy(network(images), torch.zeros(batch, size, size, dtype=torch.uint8))
    return saved_by_kind(loss)


def rows(settings: Settings) -> Iterator[Row]:
    """Yields one row: the three variants."""
    size, batch, widths = (32, 2, (4, 8)) if settings.toy else (256, 4, (32, 64, 128, 256, 512))
    contenders = {
        variant: lambda variant=variant: partial(saved, variant, size, batch, widths)
        for variant in (PLAIN, HALF, OURS)
    }
    yield Row(f"mildnet, {size}x{size}, batch {batch}", contenders, "bytes by kind")


def page(found: Sequence[Result]) -> list[str]:
    """Shows MiB by kind, the largest first."""
    (row,) = found[0]["rows"]
    variants = row["values"]
    most = {
        kind: max(sizes.get(kind, 0) for sizes in variants.values())
        for sizes in variants.values()
        for kind in sizes
    }
    kinds = sorted(most, key=lambda kind: (-most[kind], kind))
    lines = [[kind, *(f"{sizes.get(kind, 0) / 2**20:.1f}" for sizes in variants.values())] for kind in kinds]
    sums = [f"**{sum(sizes.values()) / 2**20:.1f}**" for sizes in variants.values()]
    return table(["kept", *variants], [*lines, ["together", *sums]])


BENCHMARK = Benchmark(rows, {"table": page})
