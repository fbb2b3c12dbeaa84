"""Prediction by isthmus, eager PyTorch, ONNX Runtime and OpenVINO, all running the same networks on the CPU.

Random images and weights. The engines take turns in one process, batch by batch. Large images go through the library's
own prediction (normalisation, tiles, class indices) with the engine exchanged. torch.compile is left out for large
images, where it takes minutes. The process keeps freed memory, as `isthmus predict` does, which makes PyTorch's own
eager layers faster, too.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.frame.benchmark import Benchmark, Result, Row, Settings
from benchmarks.frame.markdown import contender_table, machine_line
from isthmus.inference.engines.engine import Eager, Engine
from isthmus.inference.engines.portable import SUFFIXES, Opened, capture, write
from isthmus.inference.predictor import Predictor
from isthmus.memory import keep_freed_memory
from isthmus.networks import create_model
from isthmus.runs import hardware as machine
from isthmus.runs.recipe import Hardware, make_recipe

WIDE, NARROW, SOLID = (32, 64, 128, 256, 512), (16, 32, 64, 128, 256), (8, 16, 32)
Prepare = Callable[[], Callable[[], Any]]


@dataclass(frozen=True)
class Case:
    """A network on one kind of image.

    Attributes:
        size: of an image; ``batch`` go through together, or one by itself through all of prediction if ``whole``.
    """

    network: str
    size: tuple[int, ...]
    widths: tuple[int, ...]
    batch: int
    rounds: int
    whole: bool = False

    @property
    def title(self) -> str:
        sides = f"{self.size[0]}^3" if len(self.size) == 3 else f"{self.size[0]}x{self.size[1]}"
        return f"{self.network} {sides}, widths {self.widths[0]} to {self.widths[-1]}"


CASES = (
    Case("unet", (256, 256), WIDE, 2, 7),
    Case("mildnet", (256, 256), WIDE, 2, 5),
    Case("sharp_unet", (256, 256), WIDE, 2, 7),
    Case("unet3d_hmedn", (64, 64, 64), SOLID, 1, 5),
    Case("unet", (4096, 4096), NARROW, 1, 1, whole=True),
    Case("unet3d_hmedn", (256, 256, 256), SOLID, 1, 1, whole=True),
)
TOY = (Case("unet", (32, 32), (4, 8), 2, 1), Case("unet", (64, 64), (4, 8), 1, 1, whole=True))


class Compiled(Eager):
    """The framework's compiler on the network as it is, with constant weights."""

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
    case: Case, folder: Path, hardware: Hardware, compile_too: bool
) -> dict[str, Callable[[], Engine]]:
    """Returns what makes each engine ready, by name."""
    dims, threads = len(case.size), hardware.threads or 1
    torch.manual_seed(0)
    network = create_model(case.network, widths=case.widths, spatial_dims=dims).eval()
    plain = hardware.model_copy(update={"precision": "float32", "channels_last": False})
    layout = machine.memory_format(hardware, dims)
    ours = copy.deepcopy(network).to(memory_format=layout)  # type: ignore[call-overload]

    def opened(to: str, precision: str = "float32") -> Engine:
        path = folder / f"network{SUFFIXES[to]}"
        if not path.exists():
            write(capture(network, 1, dims, int(network.divisor)), to, path)  # type: ignore[arg-type]
        return Opened(path, to, ["logits"], threads, precision)

    made: dict[str, Callable[[], Engine]] = {
        "isthmus": lambda: Eager.fused([ours], hardware),
        "isthmus, layers as they are": lambda: Eager([ours], hardware),
        "torch": lambda: Eager([network], plain),
        "onnxruntime float32": lambda: opened("onnx"),
    }
    for precision in dict.fromkeys(["float32", hardware.precision]):
        made[f"openvino {precision}"] = lambda precision=precision: opened("openvino", precision)
    if compile_too:
        made["torch.compile"] = lambda: Compiled(ours, hardware)
    return made


def contender(case: Case, hardware: Hardware, make: Callable[[], Engine]) -> Callable[[], Any]:
    """Returns an engine on a batch, or within the prediction of one large image."""
    engine, random = make(), np.random.default_rng(0)
    if not case.whole:
        batch = random.standard_normal((case.batch, 1, *case.size)).astype(np.float32)
        return lambda: engine(batch)["logits"]
    data = {"channels": 1, "values": {0: 0, 1: 1}, "classes": ["background", "cell"]}
    network = {"options": {"spatial_dims": len(case.size)}}
    recipe = make_recipe("default", {"data": data, "network": network, "training": {"batch": 1}})
    model = create_model(case.network, widths=case.widths, spatial_dims=len(case.size)).eval()
    predictor = Predictor.from_networks([model], recipe, hardware, engine=engine)
    image = random.integers(0, 256, (1, *case.size), dtype=np.uint8)
    return lambda: predictor.labels(image)


def rows(settings: Settings) -> Iterator[Row]:
    """Yields every case, its engines in turn."""
    keep_freed_memory()
    threads = 1 if settings.processor_time else torch.get_num_threads()
    torch.set_num_threads(threads)
    hardware = machine.resolve(Hardware(device="cpu", threads=threads))
    for case in TOY if settings.toy else CASES:
        with tempfile.TemporaryDirectory() as folder:
            made = engines(case, Path(folder), hardware, not settings.toy and not case.whole)
            yield Row(
                case.title,
                {
                    name: lambda make=make, case=case: contender(case, hardware, make)
                    for name, make in made.items()
                },
                rounds=case.rounds,
                clock=settings.clock,
                facts=lambda outputs, case=case: about(case, hardware, outputs),
            )


def about(case: Case, hardware: Hardware, outputs: dict[str, Any]) -> dict[str, Any]:
    """Returns the batch, and how far the maps of each engine are from PyTorch's, in their standard deviations."""
    facts: dict[str, Any] = {"batch": case.batch, "precision": hardware.precision}
    if case.whole:
        return facts
    expected = outputs["torch"]
    differences = {
        name: float(np.abs(maps - expected).mean() / expected.std()) for name, maps in outputs.items()
    }
    return facts | {"mean_difference_in_deviations": differences}


def page(found: Sequence[Result]) -> list[str]:
    """Shows, by machine, how many times longer than the best of the others an engine takes, and images a second."""

    def cell(row: dict[str, Any], name: str) -> str:
        others = [t for other, t in row["values"].items() if not other.startswith("isthmus")]
        seconds = row["values"][name]
        return f"**{seconds / min(others):.2f}** ({row['facts']['batch'] / seconds:.3g})"

    lines = []
    for result in found:
        first = result["rows"][0]
        clock = "processor seconds" if first["clock"] == "processor" else "wall time"
        lines += [
            *contender_table("network", result["rows"], cell),
            f"{machine_line(first['machine'])} By {clock}.",
            "",
        ]
    return lines


BENCHMARK = Benchmark(rows, {"table": page}, packages=("numpy", "torch", "onnxruntime", "openvino"))
