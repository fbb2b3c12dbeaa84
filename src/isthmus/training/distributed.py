"""One training on several devices or machines: started by torchrun, each process takes its part of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from isthmus.errors import IsthmusError
from isthmus.runs.recipe import Hardware


@dataclass(frozen=True)
class World:
    """The processes that train together; one by itself unless a launcher started several."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that scores and writes."""
        return self.rank == 0

    def part(self, count: int) -> range:
        """Which samples of a batch this process takes.

        >>> World(1, 2).part(5)
        range(1, 5, 2)
        """
        return range(self.rank, count, self.size)

    def weight(self, count: int) -> float:
        """By what the mean over its part of a batch is multiplied, so that the mean over all processes is that of
        the whole batch.

        >>> World(0, 2).weight(5), World(1, 2).weight(5)
        (1.2, 0.8)
        """
        return len(self.part(count)) * self.size / count

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network whose backward pass averages gradients over the processes."""
        if self.size == 1:
            return network
        device = next(network.parameters()).device
        return DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)

    def total(self, value: Tensor) -> Tensor:
        """The sum of a value over all processes."""
        if self.size > 1:
            dist.all_reduce(value)
        return value

    def told(self, values: list[float], device: torch.device) -> list[float]:
        """What the first process says."""
        if self.size == 1:
            return values
        message = torch.tensor(values, dtype=torch.float64, device=device)
        dist.broadcast(message, 0)
        return [float(value) for value in message]

    def any(self, here: bool, device: torch.device) -> bool:
        """Whether it is so in any process."""
        return here if self.size == 1 else bool(self.total(torch.tensor(float(here), device=device)))

    def wait(self) -> None:
        """Until every process is here."""
        if self.size > 1:
            dist.barrier()


def world() -> World:
    """The processes of this training."""
    return World(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else World()


@contextmanager
def together() -> Iterator[World]:
    """Joins the processes that a launcher started (torchrun's RANK, WORLD_SIZE, LOCAL_RANK); else one by itself."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or dist.is_initialized():
        yield world()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield world()
    finally:
        dist.destroy_process_group()


def own_device(hardware: Hardware) -> Hardware:
    """Of several processes on one machine each takes a device of its own, whichever the recipe names."""
    if world().size > 1 and hardware.device.startswith(("auto", "cuda")) and torch.cuda.is_available():
        return hardware.model_copy(update={"device": f"cuda:{torch.cuda.current_device()}"})
    return hardware


def refuse_small_batches(batch: int, size: int) -> None:
    """Every process needs a sample of every batch."""
    if batch < size:
        raise IsthmusError(
            f"training.batch is {batch} but {size} processes train together; give each of them a sample at least"
        )
