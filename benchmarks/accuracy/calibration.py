"""Equal time, as epochs: how long a step of each network takes, as a multiple of the U-Net's.

A step is forward pass, loss, backward pass and optimiser on random data, on one thread, in the precision that
training uses on this machine. Each network takes turns with the U-Net, as the machine's speed drifts. The first step
of a turn is not counted, as it pays for what the other left in caches and memory; the fastest of the others counts.
The ratio is the median over turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import torch
from torch import nn

from benchmarks.accuracy import basic_unet
from benchmarks.frame import results
from benchmarks.frame.benchmark import ONE_THREAD, Benchmark, Row, Settings, ready
from isthmus.memory import keep_freed_memory
from isthmus.networks import create_model
from isthmus.runs import hardware as machine
from isthmus.runs.recipe import Hardware
from isthmus.training.loop.average import Average

ANCHOR, EPOCHS, TURNS = "U-Net", 30, 3
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


@cache
def step_of(name: str, side: int) -> Callable[[], float]:
    """Returns a function that does one step of a network and returns its seconds."""
    basic_unet.register()
    hardware = machine.resolve(Hardware(device="cpu"))
    layout = machine.memory_format(hardware, 2)
    network = create_model(**NETWORKS[name], in_channels=CHANNELS).to(memory_format=layout).train()
    optimiser = torch.optim.Adam(network.parameters(), fused=True)
    average = Average(network, 0.99) if name == "mean of weights" else None
    images = torch.randn(BATCH, CHANNELS, side, side).contiguous(memory_format=layout)
    truth = (torch.rand(BATCH, 1, side, side) > 0.5).float()

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


def turn(name: str, side: int) -> float:
    """Returns the time of a network's fastest step, divided by that of the U-Net's."""
    fastest = {}
    for each in (ANCHOR, name):
        step = step_of(each, side)
        fastest[each] = min([step() for _ in range(WARM + COUNTED)][WARM:])
    return round(fastest[name] / fastest[ANCHOR], 3)


def rows(settings: Settings) -> Iterator[Row]:
    """Yields every network against the U-Net."""
    torch.set_num_threads(1)
    keep_freed_memory()
    side, rounds = (32, 1) if settings.toy else (SIDE, TURNS)
    for name in NETWORKS:
        work = partial(turn, name, side)
        yield Row(name, {"isthmus": ready(work)}, "times the U-Net", rounds=rounds)


def epochs(name: str, of_the_anchor: int = EPOCHS) -> int:
    """Returns how many epochs of a network take as long as those of the U-Net, by the committed calibration."""
    found = {
        row["name"]: row["values"]["isthmus"] for row in results.every("accuracy.calibration")[0]["rows"]
    }
    return round(round(EPOCHS / found[name]) * of_the_anchor / EPOCHS)


BENCHMARK = Benchmark(rows, environment=ONE_THREAD)
