"""Prediction on the CPU: isthmus beside eager PyTorch, ONNX Runtime and OpenVINO, all running the same networks.

    python -m benchmarks.inference                     writes benchmarks/results/inference-<name>.json
    python -m benchmarks.inference --only unet         one part alone; the others stay as they are in the file
    python -m benchmarks.inference --busy              one thread and processor seconds, where others use the machine
    python -m benchmarks.inference --toy               the same at toy size, prints and writes nothing

Random images and weights. In one process the engines take turns, batch by batch; medians. Large images go through the
library's own prediction (normalisation, tiles, class indices), the engine exchanged. ONNX Runtime and OpenVINO are left
out where they are not installed, torch.compile with --no-compile and for large images, where it takes minutes. The
process keeps freed memory, as `isthmus predict` does, which makes PyTorch's own eager layers faster, too.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.frame.machine import describe
from isthmus.errors import IsthmusError
from isthmus.inference.engines.engine import Eager, Engine
from isthmus.inference.engines.portable import SUFFIXES, Opened, capture, write
from isthmus.inference.predictor import Predictor
from isthmus.memory import keep_freed_memory
from isthmus.networks import create_model
from isthmus.runs import hardware as machine
from isthmus.runs.recipe import Hardware, make_recipe

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("numpy", "torch", "onnxruntime", "openvino")
WIDE, NARROW, SOLID = (32, 64, 128, 256, 512), (16, 32, 64, 128, 256), (8, 16, 32)


@dataclass(frozen=True)
class Part:
    """One network on one kind of image.

    Attributes:
        size: of an image; ``batch`` go through together, or one by itself through all of prediction if ``whole``.
    """

    network: str
    size: tuple[int, ...]
    widths: tuple[int, ...]
    batch: int
    steps: int
    whole: bool = False

    @property
    def title(self) -> str:
        sides = f"{self.size[0]}^3" if len(self.size) == 3 else f"{self.size[0]}x{self.size[1]}"
        return f"{self.network} {sides}"


PARTS = {
    "unet": Part("unet", (256, 256), WIDE, 2, 7),
    "sharp_unet": Part("sharp_unet", (256, 256), WIDE, 2, 7),
    "mildnet": Part("mildnet", (256, 256), WIDE, 2, 5),
    "unet3d": Part("unet3d_hmedn", (64, 64, 64), SOLID, 1, 5),
    "large": Part("unet", (4096, 4096), NARROW, 1, 1, whole=True),
    "volume": Part("unet3d_hmedn", (256, 256, 256), SOLID, 1, 1, whole=True),
}
TOY = {
    "unet": Part("unet", (32, 32), (4, 8), 2, 1),
    "large": Part("unet", (64, 64), (4, 8), 1, 1, whole=True),
}


class Compiled(Eager):
    """The framework's compiler on the network as it is, weights taken for constants."""

    def __init__(self, network: nn.Module, hardware: Hardware) -> None:
        import torch._inductor.config

        torch.compiler.reset()
        torch._inductor.config.freezing = True
        super().__init__([torch.compile(network, dynamic=False)], hardware)

    def __call__(self, batch: Any) -> dict[str, Any]:
        images = torch.from_numpy(batch).contiguous(
            memory_format=machine.memory_format(self.hardware, batch.ndim - 2)
        )
        with torch.no_grad(), machine.autocast(self.hardware):
            return {"logits": self.networks[0](images).float().numpy()}


def engines(
    network: nn.Module, first: Any, hardware: Hardware, folder: Path, compile_too: bool
) -> tuple[dict[str, Engine], dict[str, float]]:
    """All there are, by name, and the seconds it took to make each ready, a first batch among it."""
    dims = first.ndim - 2
    plain = hardware.model_copy(update={"precision": "float32", "channels_last": False})
    layout = machine.memory_format(hardware, dims)
    ours = copy.deepcopy(network).to(memory_format=layout)  # type: ignore[call-overload]
    threads = hardware.threads or 1
    precisions = dict.fromkeys(["float32", hardware.precision])
    made: dict[str, Callable[[], Engine]] = {
        "isthmus": lambda: Eager.fused([ours], hardware),
        "isthmus, layers as they are": lambda: Eager([ours], hardware),
        "torch": lambda: Eager([network], plain),
        "onnxruntime float32": lambda: opened(network, dims, "onnx", folder, threads),
    }
    for precision in precisions:
        made[f"openvino {precision}"] = lambda precision=precision: opened(
            network, dims, "openvino", folder, threads, precision
        )
    if compile_too:
        made["torch.compile"] = lambda: Compiled(ours, hardware)
    result, ready = {}, {}
    for name, make in made.items():
        start = time.perf_counter()
        try:
            engine = make()
        except IsthmusError as error:
            print(f"  {name} is left out: {error}")
            continue
        engine(first)
        ready[name], result[name] = time.perf_counter() - start, engine
    return result, ready


def opened(
    network: nn.Module, dims: int, to: str, folder: Path, threads: int, precision: str = "float32"
) -> Opened:
    """The network in a file of this format, written once."""
    path = folder / f"network{SUFFIXES[to]}"
    if not path.exists():
        write(capture(network, 1, dims, int(network.divisor)), to, path)  # type: ignore[arg-type]
    return Opened(path, to, ["logits"], threads, precision)


def measure(part: Part, threads: int, busy: bool, compile_too: bool) -> dict[str, Any]:
    """All engines in turn on one part."""
    dims = len(part.size)
    hardware = machine.resolve(Hardware(device="cpu", threads=threads))
    torch.manual_seed(0)
    network = create_model(part.network, widths=part.widths, spatial_dims=dims).eval()
    clock = time.process_time if busy else time.perf_counter
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        small = [2 * int(network.divisor)] * dims  # type: ignore[arg-type]
        first = np.zeros((1, 1, *small) if part.whole else (part.batch, 1, *part.size), np.float32)
        found, ready = engines(network, first, hardware, Path(folder), compile_too)
        works: dict[str, Callable[[], Any]] = {}
        if part.whole:
            image = random.integers(0, 256, (1, *part.size), dtype=np.uint8)
            works = {
                name: lambda engine=engine: segment(network, engine, hardware, image, dims)
                for name, engine in found.items()
            }
        else:
            batch = random.standard_normal((part.batch, 1, *part.size)).astype(np.float32)
            works = {name: lambda engine=engine: engine(batch)["logits"] for name, engine in found.items()}
        outputs = {}
        if not part.whole:
            outputs = {name: work() for name, work in works.items()}  # and all is warm
        times: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(part.steps):
            for name, work in works.items():
                start = clock()
                work()
                times[name].append(clock() - start)
    rates = {name: part.batch / statistics.median(values) for name, values in times.items()}
    best = max(rates[name] for name in rates if name.startswith(("onnx", "openvino", "torch")))
    row = {
        "part": part.title,
        "widths": part.widths,
        "batch": part.batch,
        "steps": part.steps,
        "whole": part.whole,
        "precision": hardware.precision,
        "images_per_second": rates,
        "seconds_to_make_ready": ready,
        "best_over": {name: best / rate for name, rate in rates.items()},
    }
    if outputs:
        expected = outputs["torch"]
        row["mean_difference_in_deviations"] = {
            name: float(np.abs(maps - expected).mean() / expected.std()) for name, maps in outputs.items()
        }
    return row


def segment(network: nn.Module, engine: Engine, hardware: Hardware, image: Any, dims: int) -> Any:
    """Class indices of one image, from the numbers of the file on."""
    data = {"channels": 1, "values": {0: 0, 1: 1}, "classes": ["background", "cell"]}
    recipe = make_recipe(
        "default", {"data": data, "network": {"options": {"spatial_dims": dims}}, "training": {"batch": 1}}
    )
    return Predictor.from_networks([network], recipe, hardware, engine=engine).labels(image)


def main() -> None:
    """Parse, run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--only", nargs="+", choices=list(PARTS))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--name", default="cpu")
    asked = parser.parse_args()
    threads = 1 if asked.busy else asked.threads
    torch.set_num_threads(threads)
    keep_freed_memory()
    path = RESULTS / f"inference-{asked.name}.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"] if asked.only and path.exists() else []
    parts = TOY if asked.toy else {name: PARTS[name] for name in asked.only or PARTS}
    for part in parts.values():
        row = measure(part, threads, asked.busy, not (asked.no_compile or asked.toy or part.whole))
        rows = [*(each for each in rows if each["part"] != row["part"]), row]
        print(part.title)
        for name, rate in sorted(row["images_per_second"].items(), key=lambda item: -item[1]):
            print(f"  {name:28} {rate:9.3f} images/s, best of others {row['best_over'][name]:.2f} times this")
        if not asked.toy:
            about = describe(PACKAGES) | {"threads": threads, "clock": "processor" if asked.busy else "wall"}
            RESULTS.mkdir(exist_ok=True)
            path.write_text(json.dumps({"machine": about, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    if not asked.toy:
        print(path)


if __name__ == "__main__":
    main()
