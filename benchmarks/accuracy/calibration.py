"""Equal time, as epochs: how many epochs of each network take as long as 30 of the U-Net, measured once.

    python -m benchmarks.accuracy.calibrate        measures and writes benchmarks/results/accuracy-calibration.json

A step is forward, loss, backward and optimiser on random data, one thread, in the precision that training takes on this
machine. Each network takes turns with the U-Net, as the machine's speed drifts; of a turn's steps the first is not
counted, as it pays for what the other left in caches and memory, and the least of the others counts. The ratio is the
median over turns.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

import benchmarks.accuracy.basic_unet  # noqa: F401
from benchmarks.frame.machine import describe
from isthmus.memory import keep_freed_memory
from isthmus.networks import create_model
from isthmus.runs import hardware as machine
from isthmus.runs.files import write_json
from isthmus.runs.recipe import Hardware
from isthmus.training.average import Average

RESULT = Path(__file__).parents[1] / "results" / "accuracy-calibration.json"
ANCHOR, EPOCHS = "U-Net", 30
WARM, COUNTED = 1, 3
BATCH, CHANNELS, SIDE = 4, 1, 128

NETWORKS: dict[str, dict[str, Any]] = {
    ANCHOR: {"name": "unet"},
    "MONAI BasicUNet": {"name": "monai_basic_unet"},
    "instance": {"name": "unet_instance"},
    "mean of weights": {"name": "unet_instance"},
    "batch": {"name": "unet", "norm": "batch"},
    "residual": {"name": "unet_instance", "block": {"name": "residual", "norm": "instance"}},
    "sharp": {"name": "unet_instance", "skip": "sharp"},
    "narrow": {"name": "unet_instance", "widths": [16, 32, 64, 128, 256]},
    "shallow": {"name": "unet_instance", "widths": [32, 64, 128, 256]},
    "linear": {"name": "unet_instance", "up": "linear"},
    "slim": {"name": "unet_instance", "widths": [24, 48, 96, 192, 384]},
}


def stepper(options: dict[str, Any], mean: bool) -> Callable[[], float]:
    """A function that does one step and returns its seconds."""
    hardware = machine.resolve(Hardware(device="cpu"))
    layout = machine.memory_format(hardware, 2)
    network = create_model(**options, in_channels=CHANNELS).to(memory_format=layout).train()
    optimiser = torch.optim.Adam(network.parameters(), fused=True)
    average = Average(network, 0.99) if mean else None
    images = torch.randn(BATCH, CHANNELS, SIDE, SIDE).contiguous(memory_format=layout)
    truth = (torch.rand(BATCH, 1, SIDE, SIDE) > 0.5).float()

    def step() -> float:
        started = time.perf_counter()
        with machine.autocast(hardware):
            out = network(images)
        loss = nn.functional.binary_cross_entropy_with_logits(out.float(), truth)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if average:
            average.update(network, 0)
        return time.perf_counter() - started

    return step


def least(step: Callable[[], float]) -> float:
    """Seconds of the quickest step of a turn."""
    return min([step() for _ in range(WARM + COUNTED)][WARM:])


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    keep_freed_memory()
    steps = {name: stepper(options, name == "mean of weights") for name, options in NETWORKS.items()}
    anchor, found = steps[ANCHOR], {}
    for name, step in steps.items():
        turns = [(least(anchor), least(step)) for _ in range(rounds)]
        ratio = 1.0 if name == ANCHOR else statistics.median(own / other for other, own in turns)
        found[name] = {"ratio": round(ratio, 3), "epochs": round(EPOCHS / ratio)}
    about = {"machine": describe(), "rounds": rounds, "batch": BATCH, "channels": CHANNELS, "side": SIDE}
    write_json(RESULT, {**about, "networks": found})
    for name, each in found.items():
        print(f"{name}: {each['ratio']} times the U-Net, {each['epochs']} epochs")


if __name__ == "__main__":
    main()
