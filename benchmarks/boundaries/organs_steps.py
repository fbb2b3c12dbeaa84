"""Table I of HMEDN: what a training step of DilNet and of DstNet needs, at the paper's size, widths and batch.

python -m benchmarks.boundaries.organs_cost NETWORK     one network, as JSON: each in a process of its own
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

NETWORKS = ("dilnet3", "dilnet2", "dilnet1", "dstnet2", "dstnet1", "hrdn_l1", "hrdn_l3", "hmedn")
SIZE, SLICES, CLASSES, BATCH, STEPS = (144, 208), 5, 4, 10, 3


def measured() -> dict[str, dict[str, float]]:
    """Every network: parameters, memory of a step above what the process held before (MiB), seconds a step."""
    return {
        name: json.loads(
            subprocess.run(
                [sys.executable, "-m", "benchmarks.boundaries.organs_cost", name],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for name in NETWORKS
    }


def one(name: str) -> dict[str, Any]:
    """A network's steps as `isthmus train` runs them, one thread; the fastest of `STEPS` in processor time."""
    import torch

    from benchmarks.training import peak_memory
    from isthmus.memory import keep_freed_memory
    from isthmus.networks import count_parameters, create_model
    from isthmus.objectives import Objective, default_heads
    from isthmus.runs import hardware as machine
    from isthmus.runs.recipe import Hardware

    torch.set_num_threads(1)
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

    memory = peak_memory(step, "cpu") or 0
    keep_freed_memory()
    seconds = []
    for _ in range(STEPS):
        start = time.process_time()
        step()
        seconds.append(time.process_time() - start)
    return {
        "parameters": count_parameters(network),
        "mib": round(memory / 2**20),
        "seconds": round(min(seconds), 2),
        "precision": hardware.precision,
    }


if __name__ == "__main__":
    print(json.dumps(one(sys.argv[1])))
