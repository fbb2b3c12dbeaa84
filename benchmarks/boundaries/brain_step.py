"""One training step of the paper's 3D HMEDN (pathway on the second level) on 128 x 128 x 128 voxels, as JSON."""

from __future__ import annotations

import json
import time

import torch

from isthmus.machine import peak_memory
from isthmus.networks import count_parameters, create_model
from isthmus.objectives import Objective
from isthmus.runs import hardware as machine
from isthmus.runs.recipe import Hardware

NAME, SIDE = "hmedn3d_l2", 128


def main() -> None:
    """Forward, loss, backward and Adam's step, twice: the second shows the peak."""
    torch.set_num_threads(1)
    hardware = machine.resolve(Hardware(device="cpu", threads=1))
    layout = machine.memory_format(hardware, 3)
    network = create_model(NAME, in_channels=2, classes=3, checkpoint=True).to(memory_format=layout).train()  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(network.parameters())
    objective = Objective({"logits": {"bce": 1, "dice": 1}}, classes=3, multilabel=True)
    image = torch.randn(1, 2, SIDE, SIDE, SIDE).contiguous(memory_format=layout)
    labels = torch.randint(2, (1, 3, SIDE, SIDE, SIDE))
    for _ in range(2):
        start = time.process_time()
        with machine.autocast(hardware):
            output = network(image)
        objective(output, labels, {}).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        seconds = time.process_time() - start
    peak = (peak_memory() or 0) / 2**20
    print(
        json.dumps(
            {
                "network": NAME,
                "parameters": count_parameters(network),
                "side": SIDE,
                "seconds": round(seconds, 1),
                "peak_mib": round(peak),
                "precision": hardware.precision,
            }
        )
    )


if __name__ == "__main__":
    main()
