"""A training step as `isthmus train` runs it, beside the same layers written plainly and run eagerly in float32.

    python -m benchmarks.training         writes benchmarks/results/training-<name>.json (--name; cpu or gpu)
    python -m benchmarks.training --toy   the same at toy size, prints and writes nothing

In one process, the two in turn, step by step: forward, loss, backward at 256x256, batch 4; medians of the steps.
The rate is floating-point operations, counted from the plain layers, over time; the machine's own rate is that of a
large matrix product, measured in the same run.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.plain import PlainNet
from isthmus.memory import keep_freed_memory
from isthmus.networks import create_model
from isthmus.objectives import binary_cross_entropy
from isthmus.runs import hardware as machine
from isthmus.runs.environment import describe_environment
from isthmus.runs.recipe import Hardware

RESULTS = Path(__file__).parent / "results"
NETWORKS = ("unet", "mildnet")


def matrix_rate(dtype: torch.dtype, device: str, sizes: tuple[int, ...]) -> float:
    """Floating-point operations a second of a square matrix product: the best size's median."""
    best = 0.0
    for n in sizes:
        a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
        for _ in range(3):
            a @ b
        times = [timed(lambda a=a, b=b: a @ b, device) for _ in range(10)]
        best = max(best, 2 * n**3 / statistics.median(times))
    return best


def timed(work: Callable[[], object], device: str) -> float:
    """Seconds of one call."""
    if device != "cpu":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def peak_memory(work: Callable[[], object], device: str) -> int | None:
    """Bytes a call needs above what is held before it; None where the system does not tell."""
    gc.collect()
    if device != "cpu":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return torch.cuda.max_memory_allocated() - before
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    except OSError:
        return None
    before = _resident("VmRSS")
    work()
    return _resident("VmHWM") - before


def _resident(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    return 0


def step(
    network: nn.Module, hardware: Hardware, batch: torch.Tensor, labels: torch.Tensor
) -> Callable[[], object]:
    """Forward, loss, backward."""

    def run() -> None:
        network.zero_grad(set_to_none=True)
        with machine.autocast(hardware):
            logits = network(batch)
        binary_cross_entropy(logits, labels).backward()

    return run


def measure(name: str, size: int, batch: int, steps: int, widths: tuple[int, ...]) -> dict[str, Any]:
    """One network, fast and plain in turn."""
    fast_hardware = machine.resolve(Hardware())
    device = fast_hardware.device
    plain_hardware = fast_hardware.model_copy(update={"precision": "float32", "channels_last": False})
    torch.manual_seed(0)
    plain = PlainNet(name, widths=widths).to(device)
    fast = create_model(name, widths=widths)
    layout = machine.memory_format(fast_hardware, 2)
    fast = fast.to(device, memory_format=layout)
    images = torch.randn(batch, 1, size, size, device=device)
    labels = (torch.rand(batch, size, size, device=device) > 0.5).to(torch.uint8)
    works = {
        "isthmus": step(fast, fast_hardware, images.contiguous(memory_format=layout), labels),
        "plain": step(plain, plain_hardware, images, labels),
    }
    with FlopCounterMode(display=False) as counter:
        works["plain"]()
    operations = counter.get_total_flops()
    memory = {}
    for key, work in works.items():
        work()
        plain.zero_grad(set_to_none=True)
        fast.zero_grad(set_to_none=True)
        memory[key] = peak_memory(work, device)
    times: dict[str, list[float]] = {key: [] for key in works}
    for _ in range(steps):
        for key, work in works.items():
            times[key].append(timed(work, device))
    seconds = {key: statistics.median(values) for key, values in times.items()}
    return {
        "network": name,
        "size": size,
        "batch": batch,
        "steps": steps,
        "precision": fast_hardware.precision,
        "operations_per_step": operations,
        "images_per_second": {key: batch / value for key, value in seconds.items()},
        "operations_per_second": {key: operations / value for key, value in seconds.items()},
        "peak_memory_bytes": memory,
        "speed_ratio": seconds["plain"] / seconds["isthmus"],
        "memory_ratio": memory["isthmus"] / memory["plain"]
        if memory["plain"] and memory["isthmus"]
        else None,
    }


def run(
    size: int, batch: int, steps: int, widths: tuple[int, ...], matrix_sizes: tuple[int, ...]
) -> dict[str, Any]:
    """All networks, and the machine's own rate measured before and after."""
    hardware = machine.resolve(Hardware())
    keep_freed_memory()  # as training does; the plain rows gain from it too
    dtype = torch.bfloat16 if hardware.precision == "bfloat16" else torch.float32
    before = matrix_rate(dtype, hardware.device, matrix_sizes)
    rows = [measure(name, size, batch, steps, widths) for name in NETWORKS]
    peak = max(before, matrix_rate(dtype, hardware.device, matrix_sizes))
    for row in rows:
        row["fraction_of_matrix_rate"] = row["operations_per_second"]["isthmus"] / peak
    return {
        "machine": describe_environment() | {"threads": torch.get_num_threads(), "device": hardware.device},
        "instructions": os.environ.get("ONEDNN_MAX_CPU_ISA", "all the processor has"),
        "matrix_rate": {"precision": hardware.precision, "operations_per_second": peak},
        "float32_matrix_rate": matrix_rate(torch.float32, hardware.device, matrix_sizes),
        "rows": rows,
    }


def main() -> None:
    """Parse, run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--name", default="gpu" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=7)
    asked = parser.parse_args()
    if asked.toy:
        result = run(32, 2, 1, (4, 8), (64,))
    else:
        result = run(256, 4, asked.steps, (32, 64, 128, 256, 512), (1024, 2048, 4096))
    for row in result["rows"]:
        speeds, memory = row["images_per_second"], row["memory_ratio"]
        print(
            f"{row['network']:8} {speeds['isthmus']:6.2f} images/s, plain {speeds['plain']:6.2f}: "
            f"{row['speed_ratio']:.2f} times; {row['fraction_of_matrix_rate']:.0%} of the matrix rate; "
            f"memory {memory if memory is None else round(memory, 2)} of plain"
        )
    if not asked.toy:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"training-{asked.name}.json"
        path.write_text(json.dumps(result, indent=1) + "\n")
        print(path)


if __name__ == "__main__":
    main()
