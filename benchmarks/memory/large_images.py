"""Memory for segmenting large images beyond image and mask, by size: it must not grow with them.

Random images of one channel in bytes, labels of five classes, two tiny U-Nets as trained on patches (256x256, 48^3):
with batch normalisation, whose tiles are cropped, and with instance normalisation, whose tiles are averaged. The
first network gets sides at which its tiles are of one size, as what goes through at once depends on it. Freed memory
goes back to the system at once, so that what is in use is counted; glibc by default keeps some, more or less by
chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from benchmarks.frame.benchmark import Benchmark, Result, Row, Settings
from benchmarks.frame.markdown import contender_table, mib
from benchmarks.frame.memory import peak_memory

UNIT = "bytes beyond image and mask"
CLASSES = ["background", "a", "b", "c", "d"]
PATCH = {2: 256, 3: 48}
SIDES = {
    2: {"unet": (2030, 4042, 8066, 16384), "unet_instance": (1024, 2048, 4096)},
    3: {"unet": (128, 238, 348, 512), "unet_instance": (96, 144, 192)},
}
TOY = {2: {"unet": (256, 512), "unet_instance": (256,)}, 3: {"unet": (48,), "unet_instance": (48, 64)}}


def prepare(name: str, dims: int, side: int) -> Callable[[], int | None]:
    """Prepares a network for images of a side, and returns what measures one of them."""
    import numpy as np
    import torch

    from isthmus.inference import Predictor
    from isthmus.inference.engines.engine import Eager, placed
    from isthmus.networks import create_model
    from isthmus.runs.hardware import resolve
    from isthmus.runs.recipe import Hardware, make_recipe

    torch.manual_seed(0)
    data = {"channels": 1, "values": {i: i for i in range(len(CLASSES))}, "classes": CLASSES}
    patch = [PATCH[dims]] * dims
    recipe = make_recipe(
        "default", {"data": data}, {"network": {"options": {"spatial_dims": dims}}, "input": {"patch": patch}}
    )
    network = create_model(name, widths=(2, 4), spatial_dims=dims, classes=len(CLASSES)).eval()
    hardware = resolve(Hardware(device="cpu", precision="float32"))
    placed([network], hardware, dims)
    engine = Eager.fused([network], hardware)  # as `isthmus predict` does
    predictor = Predictor.from_networks([network], recipe, hardware, engine=engine)
    predictor.labels(np.zeros((1, *[PATCH[dims] + 8] * dims), np.uint8))  # loads what is loaded once
    image = np.random.default_rng(0).integers(0, 256, (1, *[side] * dims), dtype=np.uint8)

    def work() -> int | None:
        peak = peak_memory(lambda: predictor.labels(image))
        return None if peak is None else peak - side**dims  # the mask has a byte a pixel

    return work


def rows(settings: Settings) -> Iterator[Row]:
    """Yields every network at every size, each in a process of its own."""
    for dims, networks in (TOY if settings.toy else SIDES).items():
        for name, sides in networks.items():
            for side in sides:
                pixels = side**dims
                yield Row(
                    f"{name}, {side}^3" if dims == 3 else f"{name}, {side}x{side}",
                    {"isthmus": partial(prepare, name, dims, side)},
                    UNIT,
                    own_process=not settings.toy,
                    facts=lambda _, n=pixels: {"logits_bytes": 4 * len(CLASSES) * n, "mask_bytes": n},
                )


def page(found: Sequence[Result]) -> list[str]:
    """Shows memory beside what the logits of the whole image would take, in MiB."""
    logits = {"logits": lambda row: mib(row["facts"]["logits_bytes"])}
    return contender_table(
        "network, image", found[0]["rows"], lambda row, name: f"**{mib(row['values'][name])}**", logits
    )


BENCHMARK = Benchmark(
    rows, {"table": page}, environment={"MALLOC_MMAP_THRESHOLD_": str(2**18), "OMP_NUM_THREADS": "1"}
)
