"""A training step as `isthmus train` runs it, beside what else a user would run.

    python -m benchmarks.training                           writes benchmarks/results/training-<name>.json
    python -m benchmarks.training --only mildnet --batch 16 these rows alone; the others stay as they are in the file
    python -m benchmarks.training --toy                     the same at toy size, prints and writes nothing

Forward, loss and backward at 256x256, each contender in a process of its own, one after the other and then all again;
medians. Beside the step of isthmus: with activation checkpointing; the same layers written plainly (MultiResUNet's and
UNet++'s are our own) and run eagerly in float32, contiguous; and MONAI's networks of the same widths, where MONAI is
installed, as they run out of the box and with channels-last and bfloat16 switched on. Memory is that of the process:
the highest of a first step above the level before it, with the C library as it is, and once with freed memory kept, as
isthmus keeps it unless it checkpoints. In the steps that are timed the others keep it too, which makes them faster. The
rate is floating-point operations, counted from the plain layers, over time; the machine's own rate is that of a large
matrix product, measured in the same run.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.plain import NETWORKS as WRITTEN_PLAINLY
from benchmarks.plain import PlainNet
from isthmus.memory import give_back_freed_memory, keep_freed_memory
from isthmus.networks import create_model
from isthmus.objectives import binary_cross_entropy
from isthmus.runs import hardware as machine
from isthmus.runs.environment import describe_environment
from isthmus.runs.recipe import Hardware

RESULTS = Path(__file__).parent / "results"
WIDTHS = (32, 64, 128, 256, 512)
NETWORKS = ("unet", "mildnet", "multiresunet", "unetpp")
OURS, CHECKPOINT, PLAIN = "isthmus", "isthmus, checkpoint", "plain"
KEEPING = "isthmus, freed memory kept"  # for memory alone: as isthmus is timed
MONAI, SWITCHED = "MONAI", "MONAI, channels-last, bfloat16"
ROUNDS = 2
PEERS = {"unet": "BasicUNet", "unetpp": "BasicUNetPlusPlus"}


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


def contenders(name: str) -> list[str]:
    """What runs beside each other for a network."""
    peers = [MONAI, SWITCHED] if name in PEERS and find_spec("monai") else []
    return [OURS, *([CHECKPOINT] if name == "mildnet" else []), PLAIN, *peers]


def build(name: str, contender: str, size: int, batch: int, widths: tuple[int, ...]) -> Callable[[], object]:
    """The training step of a contender, weights and data on the device."""
    hardware = machine.resolve(Hardware())
    if contender in (PLAIN, MONAI):
        hardware = hardware.model_copy(update={"precision": "float32", "channels_last": False})
    torch.manual_seed(0)
    network: nn.Module
    if contender in (MONAI, SWITCHED):
        from monai.networks import nets

        network = getattr(nets, PEERS[name])(2, 1, 1, features=(*widths, widths[0]))
    elif contender == PLAIN and name in WRITTEN_PLAINLY:
        network = PlainNet(name, widths=widths)
    else:
        options = {"checkpoint": True} if contender == CHECKPOINT else {}
        scale = {} if name == "multiresunet" else {"widths": widths}  # its widths are those of its paper
        network = create_model(name, **scale, **options)
    layout = machine.memory_format(hardware, 2)
    network = network.to(hardware.device, memory_format=layout)
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

    return step


def peak_memory(step: Callable[[], object], device: str) -> int | None:
    """Bytes that the first step needs above what is held before it; None where the system does not tell."""
    gc.collect()
    if device != "cpu":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return torch.cuda.max_memory_allocated() - before
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    except OSError:
        return None
    before = resident("VmRSS")
    step()
    return max(0, resident("VmHWM") - before)


def resident(key: str) -> int:
    """Bytes of this process by the system's count."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    return 0


class Process:
    """A contender in a process of its own, which takes a step when it is asked to."""

    def __init__(self, name: str, contender: str, size: int, batch: int, widths: tuple[int, ...]) -> None:
        asked = json.dumps([name, contender, size, batch, list(widths)])
        command = [sys.executable, "-m", "benchmarks.training", "--contender", asked]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what: str) -> Any:
        """``memory`` of its first step, or ``seconds`` of a further one."""
        given, said = self.process.stdin, self.process.stdout
        assert given
        assert said
        print(what, file=given, flush=True)
        line = said.readline()
        if not line:
            raise RuntimeError(f"{self.process.args} ended with code {self.process.wait()}")
        return json.loads(line)

    def end(self) -> None:
        """And its memory is free."""
        self.process.communicate()


def serve(name: str, contender: str, size: int, batch: int, widths: tuple[int, ...]) -> None:
    """The other side of `Process`."""
    if contender == KEEPING:
        keep_freed_memory()  # as training does
    step, device = build(name, contender, size, batch, widths), machine.resolve(Hardware()).device
    answer: float | None
    for line in sys.stdin:
        if line.strip() == "memory":
            answer = peak_memory(step, device)
            if contender != CHECKPOINT:
                keep_freed_memory()
            step()  # warms up, as memory is new once more
        else:
            answer = timed(step, device)
        print(json.dumps(answer), flush=True)


def operations(name: str, size: int, widths: tuple[int, ...]) -> int:
    """Floating-point operations of a step of the plain layers, for one image."""
    step = build(name, PLAIN, size, 1, widths)
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def measure(name: str, size: int, batch: int, steps: int, widths: tuple[int, ...]) -> dict[str, Any]:
    """One network at one size of batch, every contender in turn, and all of them `ROUNDS` times."""
    names = contenders(name)
    times: dict[str, list[float]] = {contender: [] for contender in names}
    for _ in range(ROUNDS):
        for contender in names:  # one at a time: together they would fill the machine's memory
            process = Process(name, contender, size, batch, widths)
            process.ask("memory")  # the first step, which warms up
            times[contender] += [process.ask("seconds") for _ in range(steps)]
            process.end()
    return {
        "network": name,
        "size": size,
        "batch": batch,
        "steps": ROUNDS * steps,
        "operations_per_step": batch * operations(name, size, widths),
        "seconds": {contender: statistics.median(values) for contender, values in times.items()},
        "peak_memory_bytes": memory(name, size, batch, widths),
    }


def memory(name: str, size: int, batch: int, widths: tuple[int, ...]) -> dict[str, int | None]:
    """Peak of a first step of every contender."""
    result = {}
    for contender in [KEEPING, *contenders(name)]:
        process = Process(name, contender, size, batch, widths)
        result[contender] = process.ask("memory")
        process.end()
    return result


def machine_now(matrix_sizes: tuple[int, ...]) -> dict[str, Any]:
    """What the rows were measured on, the rate of its matrix products among it."""
    hardware = machine.resolve(Hardware())
    dtype = torch.bfloat16 if hardware.precision == "bfloat16" else torch.float32
    return {
        "machine": describe_environment() | {"threads": torch.get_num_threads(), "device": hardware.device},
        "instructions": os.environ.get("ONEDNN_MAX_CPU_ISA", "all the processor has"),
        "precision": hardware.precision,
        "matrix_rate": matrix_rate(dtype, hardware.device, matrix_sizes),
        "float32_matrix_rate": matrix_rate(torch.float32, hardware.device, matrix_sizes),
    }


def shown(row: dict[str, Any], rate: float) -> str:
    """A row as a line."""
    seconds, memory = row["seconds"], row["peak_memory_bytes"]
    parts = [
        f"{name} {row['batch'] / value:.2f} images/s ({value / seconds[OURS]:.2f})"
        for name, value in seconds.items()
    ]
    parts += [f"{name} {taken / 2**20:.0f} MiB" for name, taken in memory.items() if taken is not None]
    share = row["operations_per_step"] / seconds[OURS] / rate
    return f"{row['network']}, batch {row['batch']}: {'; '.join(parts)}; {share:.0%} of the matrix rate"


def main() -> None:
    """Parse, run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--name", default="gpu" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--batch", nargs="+", type=int, default=[4, 16])
    parser.add_argument(
        "--memory", action="store_true", help="measure memory alone, of rows that the file has"
    )
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.contender:
        serve(*json.loads(asked.contender))
        return
    size, widths = (32, (4, 8, 8, 8, 8)) if asked.toy else (256, WIDTHS)
    sizes = (64,) if asked.toy else (1024, 2048, 4096)
    path = RESULTS / f"training-{asked.name}.json"
    if asked.memory:
        rows = [row for row in read(path) if row["network"] in asked.only and row["batch"] in asked.batch]
        for row in rows:
            row["peak_memory_bytes"] = memory(row["network"], size, row["batch"], widths)
            print(shown(row, row["matrix_rate"]), flush=True)
        write(path, rows)
        return
    now = machine_now(sizes)
    rows = []
    for batch in [2] if asked.toy else asked.batch:
        for name in asked.only:
            row = measure(name, size, batch, 1 if asked.toy else asked.steps, widths)
            now["matrix_rate"] = max(now["matrix_rate"], machine_now(sizes)["matrix_rate"])
            row |= now
            rows.append(row)
            print(shown(row, now["matrix_rate"]), flush=True)
            if not asked.toy:
                write(path, rows)


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, none where there is none."""
    return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """The rows into the file, in the place of older ones of the same network and batch."""
    fresh = {(row["network"], row["batch"]) for row in rows}
    kept = [row for row in read(path) if (row["network"], row["batch"]) not in fresh]
    merged = sorted(kept + rows, key=lambda row: (row["batch"], NETWORKS.index(row["network"])))
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"rows": merged}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
