"""What a training step of MILDNet keeps in memory for the backward pass, tensor by tensor.

    python -m benchmarks.kept         writes benchmarks/results/kept.json
    python -m benchmarks.kept --toy   at toy size, prints and writes nothing

Counted from the graph that a forward pass leaves at 256x256, batch 4: each tensor once, under the layers that keep it,
plainly written in float32, the same in bfloat16, and as isthmus trains it. The bytes are those of the tensors and the
same on every machine; what a process needs besides (gradients, workspaces) is measured by `benchmarks.training`.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from benchmarks.plain import PlainNet
from isthmus.networks import create_model
from isthmus.networks.kernels import saved_activations
from isthmus.objectives import binary_cross_entropy

RESULTS = Path(__file__).parent / "results"
VARIANTS = ("plain, float32", "plain, bfloat16", "isthmus")
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
OWN = {"_ReluByMaskBackward": "mask", "_MaxPoolBackward": "max pool self"}
OTHER = "other (loss, head, statistics)"


def kept(loss: Tensor) -> dict[str, int]:
    """Bytes by kind, of the graph behind a loss."""
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
        total[_kind(names)] += size
    return dict(total)


def _saved(node: Any) -> list[tuple[str, Tensor]]:
    layer = {
        "ConvolutionBackward0": "convolution",
        "NativeBatchNormBackward0": "batch norm",
        "ReluBackward0": "relu",
        "MaxPool2DWithIndicesBackward0": "max pool",
    }.get(node.name(), node.name())
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
    """Input, weights and biases, and where there is a ReLU its result or a mask of it."""
    branches = (len(saved) - 1) // 2
    after = "mask" if saved[-1].dtype == torch.bool else "relu result"
    names = ["convolution input", *["convolution weight"] * branches, *["convolution bias"] * branches, after]
    return list(zip(names, saved, strict=False))


def _not_again(_: saved_activations._Recomputed, packed: Any) -> Tensor:
    """What is to be computed again is not kept, and looking at it must not compute it."""
    return torch.empty(0) if packed is None else packed.grad_fn.saved_tensors[0]


def _kind(names: set[str]) -> str:
    return KINDS.get(tuple(sorted(names)), OTHER)


def measure(size: int, batch: int, widths: tuple[int, ...]) -> dict[str, dict[str, int]]:
    """Bytes by variant and kind."""
    images = torch.randn(batch, 1, size, size)
    labels = torch.zeros(batch, size, size, dtype=torch.uint8)
    result = {}
    for variant in VARIANTS:
        torch.manual_seed(0)
        network: nn.Module = PlainNet("mildnet", widths=widths)
        x = images
        if variant == "isthmus":
            network = create_model("mildnet", widths=widths).to(memory_format=torch.channels_last)
            x = images.contiguous(memory_format=torch.channels_last)
        with (
            patch.object(saved_activations._Recomputed, "unpack", _not_again),
            torch.autocast("cpu", torch.bfloat16, enabled=variant != "plain, float32"),
        ):
            loss = binary_cross_entropy(network(x), labels)
        result[variant] = kept(loss)
    return result


def main() -> None:
    """Parse, run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--toy", action="store_true")
    asked = parser.parse_args()
    size, batch, widths = (32, 2, (4, 8)) if asked.toy else (256, 4, (32, 64, 128, 256, 512))
    found = measure(size, batch, widths)
    for variant, kinds in found.items():
        print(f"{variant}: {sum(kinds.values()) / 2**20:.1f} MiB")
        for kind, size_ in sorted(kinds.items(), key=lambda item: -item[1]):
            print(f"  {size_ / 2**20:8.1f}  {kind}")
    if not asked.toy:
        path = RESULTS / "kept.json"
        path.write_text(json.dumps({"size": size, "batch": batch, "variants": found}, indent=1) + "\n")
        print(path)


if __name__ == "__main__":
    main()
