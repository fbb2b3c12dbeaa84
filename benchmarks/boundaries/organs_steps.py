"""Training steps of DilNet, DstNet and HMEDN at the paper's size, widths and batch, for its Table I."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from isthmus.memory import keep_freed_memory
from isthmus.networks import count_parameters, create_model
from isthmus.objectives import Objective, default_heads
from isthmus.runs import hardware as machine
from isthmus.runs.recipe import Hardware

NETWORKS = ("dilnet3", "dilnet2", "dilnet1", "dstnet2", "dstnet1", "hrdn_l1", "hrdn_l3", "hmedn")
SIZE, SLICES, CLASSES, BATCH = (144, 208), 5, 4, 10


def step_of(name: str, keep: bool) -> Callable[[], None]:
    """Returns a network's step as `isthmus train` runs it on one thread, and keeps freed memory if requested."""
    torch.set_num_threads(1)
    if keep:
        keep_freed_memory()
    hardware = machine.resolve(Hardware(device="cpu", threads=1))
    layout = machine.memory_format(hardware, 2)
    network = create_model(name, in_channels=SLICES, classes=CLASSES).to(memory_format=layout).train()  # type: ignore[call-overload]
    image = torch.randn(BATCH, SLICES, *SIZE).contiguous(memory_format=layout)
    labels = torch.randint(CLASSES, (BATCH, *SIZE))
    targets = {"contour": torch.rand(BATCH, *SIZE)}
    optimiser = torch.optim.Adam(network.parameters())
    heads = ["logits"] + (["contour"] if name == "hmedn" else [])
    objective = Objective(default_heads(heads, CLASSES), classes=CLASSES)

    def step() -> None:
        with machine.autocast(hardware):
            output = network(image)
        objective(output, labels, targets).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return step


def parameters(name: str) -> dict[str, Any]:
    """Returns the parameters of a network, and the number type that it is trained in here."""
    network = create_model(name, in_channels=SLICES, classes=CLASSES)
    precision = machine.resolve(Hardware(device="cpu", threads=1)).precision
    return {"parameters": count_parameters(network), "precision": precision}
