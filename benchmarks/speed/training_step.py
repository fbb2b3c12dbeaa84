"""A training step beside the same layers written plainly, and MONAI's networks of the same widths.

Forward, loss and backward at 256x256. Every contender runs in a process of its own. Memory is that of a first step:
with the C library as it is, and once with freed memory kept, as isthmus keeps it unless it checkpoints. The timed
steps of all contenders but checkpointing keep it, which makes the others faster, too.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.frame.benchmark import BYTES, SECONDS, Benchmark, Result, Row, Settings
from benchmarks.frame.markdown import contender_table, mib, ratio_cell
from benchmarks.frame.results import rows_of
from benchmarks.speed.plain_networks import NETWORKS as WRITTEN_PLAINLY
from benchmarks.speed.plain_networks import PlainNet
from isthmus.memory import give_back_freed_memory, keep_freed_memory
from isthmus.networks import create_model
from isthmus.objectives import binary_cross_entropy
from isthmus.runs import hardware as machine
from isthmus.runs.recipe import Hardware

WIDTHS, TOY_WIDTHS = (32, 64, 128, 256, 512), (4, 8, 8, 8, 8)
CASES = (("unet", 4), ("mildnet", 4), ("multiresunet", 4), ("unetpp", 4), ("unet", 16), ("mildnet", 16))
OURS, CHECKPOINT, PLAIN = "isthmus", "isthmus, checkpoint", "plain"
KEEPING = "isthmus, freed memory kept"  # for memory alone: as isthmus is timed
MONAI, SWITCHED = "MONAI", "MONAI, channels-last, bfloat16"
PEERS = {"unet": "BasicUNet", "unetpp": "BasicUNetPlusPlus"}


def contenders(name: str) -> list[str]:
    """Lists what runs side by side for a network."""
    peers = [MONAI, SWITCHED] if name in PEERS and find_spec("monai") else []
    return [OURS, *([CHECKPOINT] if name == "mildnet" else []), PLAIN, *peers]


def network_of(name: str, contender: str, widths: tuple[int, ...]) -> nn.Module:
    """Returns the network of a contender."""
    if contender in (MONAI, SWITCHED):
        from monai.networks import nets

        made: nn.Module = getattr(nets, PEERS[name])(2, 1, 1, features=(*widths, widths[0]))
        return made
    if contender == PLAIN and name in WRITTEN_PLAINLY:
        return PlainNet(name, widths=widths)
    options = {"checkpoint": True} if contender == CHECKPOINT else {}
    scale = {} if name == "multiresunet" else {"widths": widths}  # its widths are those of its paper
    return create_model(name, **scale, **options)


def step_of(
    name: str, contender: str, size: int, batch: int, widths: tuple[int, ...], keep: bool = False
) -> Callable[[], None]:
    """Returns the training step of a contender, and keeps freed memory if requested."""
    if keep:
        keep_freed_memory()
    hardware = machine.resolve(Hardware())
    if contender in (PLAIN, MONAI):
        hardware = hardware.model_copy(update={"precision": "float32", "channels_last": False})
    torch.manual_seed(0)
    layout = machine.memory_format(hardware, 2)
    network = network_of(name, contender, widths).to(hardware.device, memory_format=layout)  # type: ignore[call-overload]
    images = torch.randn(batch, 1, size, size, device=hardware.device).contiguous(memory_format=layout)
    labels = (torch.rand(batch, size, size, device=hardware.device) > 0.5).to(torch.uint8)

    def step() -> None:
        network.zero_grad(set_to_none=True)
        with machine.autocast(hardware):
            logits = network(images)
        if isinstance(logits, dict):
            logits = logits["logits"]
        if isinstance(logits, list):  # BasicUNetPlusPlus
            logits = logits[-1]
        loss = binary_cross_entropy(logits, labels)
        if contender == CHECKPOINT:  # as training does
            give_back_freed_memory()
        loss.backward()
        if hardware.device != "cpu":
            torch.cuda.synchronize()

    return step


def matrix_rate(dtype: torch.dtype, device: str, sizes: tuple[int, ...]) -> float:
    """Returns the floating-point operations a second of a square matrix product: the median of the best size."""
    best = 0.0
    for n in sizes:
        a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
        times = []
        for _ in range(13):
            start = time.perf_counter()
            a @ b
            if device != "cpu":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
        best = max(best, 2 * n**3 / statistics.median(times[3:]))
    return best


def operations(name: str, size: int, widths: tuple[int, ...]) -> int:
    """Returns the floating-point operations of a step of the plain layers, for one image."""
    step = step_of(name, PLAIN, size, 1, widths)
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def about(name: str, batch: int, size: int, widths: tuple[int, ...], toy: bool) -> dict[str, Any]:
    """Returns what the times are divided by: operations of a step, and the machine's rate in a matrix product."""
    hardware, sizes = machine.resolve(Hardware()), (64,) if toy else (1024, 2048, 4096)
    dtype = torch.bfloat16 if hardware.precision == "bfloat16" else torch.float32
    return {
        "batch": batch,
        "size": size,
        "operations_per_step": batch * operations(name, size, widths),
        "precision": hardware.precision,
        "matrix_rate": matrix_rate(dtype, hardware.device, sizes),
        "float32_matrix_rate": matrix_rate(torch.float32, hardware.device, sizes),
    } | instructions()


def instructions() -> dict[str, str]:
    """Returns the instruction set that the processor is restricted to."""
    return {"instructions": os.environ.get("ONEDNN_MAX_CPU_ISA", "all the processor has")}


def rows(settings: Settings) -> Iterator[Row]:
    """Yields seconds and peak memory of a step, by network and batch."""
    size, widths = (32, TOY_WIDTHS) if settings.toy else (256, WIDTHS)
    for name, batch in CASES[:4] if settings.toy else CASES:
        batch = 2 if settings.toy else batch

        def step(contender: str, keep: bool, name: str = name, batch: int = batch) -> Callable[[], Any]:
            ours = OURS if contender == KEEPING else contender
            return partial(step_of, name, ours, size, batch, widths, keep)

        yield Row(
            f"{name}, {batch}",
            {one: step(one, one != CHECKPOINT) for one in contenders(name)},
            SECONDS,
            rounds=1 if settings.toy else 2,
            repeats=1 if settings.toy else 3,
            own_process=True,
            clock=settings.clock,
            facts=lambda _, name=name, batch=batch: about(name, batch, size, widths, settings.toy),
        )
        yield Row(
            f"{name}, {batch}",
            {one: step(one, one == KEEPING) for one in (KEEPING, *contenders(name))},
            BYTES,
            own_process=True,
            facts=lambda _: instructions(),
        )


def page(found: Sequence[Result]) -> list[str]:
    """Shows, by machine, times relative to isthmus with images a second, and memory as a share of plain."""
    places: dict[str, list[dict[str, Any]]] = {}
    for row in (row for result in found for row in result["rows"]):
        places.setdefault(place(row), []).append(row)
    lines = []
    for where, here in places.items():
        times, memory = (rows_of({"rows": here}, unit) for unit in (SECONDS, BYTES))
        rates = [
            max(row["facts"][key] for row in times) / 1e12 for key in ("matrix_rate", "float32_matrix_rate")
        ]
        lines += [
            f"### {where}",
            "",
            f"Matrix product: {rates[0]:.2f} TFLOP/s in {times[0]['facts']['precision']}, {rates[1]:.2f} in float32.",
            "",
            *contender_table("network, batch", times, rate_cell, {"of matrix rate": share}),
            *contender_table("memory (MiB)", memory, ratio_cell(PLAIN, mib)),
        ]
    return lines


def rate_cell(row: dict[str, Any], name: str) -> str:
    """Formats the time relative to isthmus, and images a second."""
    seconds = row["values"][name]
    return f"**{seconds / row['values'][OURS]:.2f}** ({row['facts']['batch'] / seconds:.3g})"


def share(row: dict[str, Any]) -> str:
    """Returns the share of the machine's matrix rate that isthmus reaches."""
    facts = row["facts"]
    return f"{facts['operations_per_step'] / row['values'][OURS] / facts['matrix_rate']:.0%}"


def place(row: dict[str, Any]) -> str:
    """Says where a row was measured."""
    about = row["machine"]
    threads = f"{about['threads']} thread{'s' * (about['threads'] != 1)}"
    where = about["gpu"] or f"{about['processor']}, {threads}"
    return f"{where}, instructions: {row['facts']['instructions']}, torch {about['versions']['torch']}"


BENCHMARK = Benchmark(rows, {"table": page})
