"""Training on several devices or machines: torchrun starts the processes, and each takes its part of every batch."""

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
    """The processes that train together: one, unless a launcher started several.

    Attributes:
        rank: number of this process.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that scores and writes."""
        return self.rank == 0

    def part(self, count: int) -> range:
        """Returns which samples of a batch this process takes.

        >>> World(1, 2).part(5)
        range(1, 5, 2)
        """
        return range(self.rank, count, self.size)

    def weight(self, count: int) -> float:
        """Returns the factor for the mean over this process's part of a batch that makes the mean over all processes
        that of the whole batch.

        >>> World(0, 2).weight(5), World(1, 2).weight(5)
        (1.2, 0.8)
        """
        return len(self.part(count)) * self.size / count

    def wrap(self, network: nn.Module) -> nn.Module:
        """Returns the network with a backward pass that averages gradients over the processes."""
        if self.size == 1:
            return network
        device = next(network.parameters()).device
        return DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)

    def sum(self, value: Tensor) -> Tensor:
        """Returns the sum of a value over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(value)
        return value

    def broadcast(self, values: list[float], device: torch.device) -> list[float]:
        """Returns the values of the first process."""
        if self.size == 1:
            return values
        message = torch.tensor(values, dtype=torch.float64, device=device)
        dist.broadcast(message, 0)
        return [float(value) for value in message]

    def any(self, here: bool, device: torch.device) -> bool:
        """Returns whether the value is true in any process."""
        return here if self.size == 1 else bool(self.sum(torch.tensor(float(here), device=device)))

    def wait(self) -> None:
        """Waits until every process has reached this point."""
        if self.size > 1:
            dist.barrier()


def world() -> World:
    """Returns the processes of this training."""
    return World(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else World()


@contextmanager
def together() -> Iterator[World]:
    """Joins the processes that a launcher such as torchrun started (RANK, WORLD_SIZE and LOCAL_RANK are set)."""
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
    """Gives each of several processes on one machine a GPU of its own, whichever the recipe names."""
    if world().size > 1 and hardware.device.startswith(("auto", "cuda")) and torch.cuda.is_available():
        return hardware.model_copy(update={"device": f"cuda:{torch.cuda.current_device()}"})
    return hardware


def refuse_small_batches(batch: int, size: int) -> None:
    """Raises an error if a batch has fewer samples than there are processes."""
    if batch < size:
        raise IsthmusError(
            f"training.batch is {batch} but {size} processes train together; give each of them at least one sample"
        )
