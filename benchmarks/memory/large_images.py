"""Memory for segmenting large images and volumes beyond image and mask, by size: it must not grow with them.

    python -m benchmarks.large                    writes benchmarks/results/large-<name>.json
    python -m benchmarks.large --sides 16384      2D images of these sides alone; the other rows stay in the file
    python -m benchmarks.large --volumes 512      volumes likewise
    python -m benchmarks.large --only unet        one of the two networks
    python -m benchmarks.large --toy              small images, prints and writes nothing

Random images of one channel in bytes, labels of five classes, two tiny U-Nets as trained on patches (256x256, 48^3):
with batch normalisation, whose tiles are cropped, and with instance normalisation, whose tiles are averaged. Each size
in a process of its own; the kernel's mark of the highest memory (VmHWM) is set back before the call. The first network
gets sides at which its tiles are of one size, as what goes through at once depends on it. Freed memory goes back to the
system at once, so that what is in use is counted; glibc by default keeps some, more or less by chance.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.frame.machine import describe

RESULTS = Path(__file__).parent / "results"
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
CLASSES = ["background", "a", "b", "c", "d"]
PATCH = {2: 256, 3: 48}
SIDES = {
    2: {"unet": [2030, 4042, 8066], "unet_instance": [1024, 2048, 4096]},
    3: {"unet": [128, 238, 348], "unet_instance": [96, 144, 192]},
}
TOY = {2: {"unet": [256, 512], "unet_instance": [256, 512]}, 3: {"unet": [48, 64], "unet_instance": [48, 64]}}


def memory(field: str) -> int:
    """Bytes of this process: ``VmHWM``, at the highest, or ``VmRSS``, now."""
    for line in STATUS.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return 1024 * int(value.split()[0])
    raise RuntimeError(f"{STATUS} names no {field}")


def measure(name: str, dims: int, side: int) -> dict[str, Any]:
    """One image, in this process."""
    import numpy as np
    import torch

    from isthmus.inference import Predictor
    from isthmus.inference.engines.engine import Eager, placed
    from isthmus.networks import create_model
    from isthmus.runs.hardware import resolve
    from isthmus.runs.recipe import Hardware, make_recipe

    torch.manual_seed(0)
    data = {"channels": 1, "values": {i: i for i in range(len(CLASSES))}, "classes": CLASSES}
    recipe = make_recipe(
        "default",
        {"data": data},
        {"network": {"options": {"spatial_dims": dims}}, "input": {"patch": [PATCH[dims]] * dims}},
    )
    network = create_model(name, widths=(2, 4), spatial_dims=dims, classes=len(CLASSES)).eval()
    hardware = resolve(Hardware(device="cpu", precision="float32"))
    placed([network], hardware, dims)
    engine = Eager.fused([network], hardware)  # as `isthmus predict` does
    predictor = Predictor.from_networks([network], recipe, hardware, engine=engine)
    predictor.labels(np.zeros((1, *[PATCH[dims] + 8] * dims), np.uint8))  # loads what is loaded once
    image = np.random.default_rng(0).integers(0, 256, (1, *[side] * dims), dtype=np.uint8)
    RESET.write_text("5", encoding="ascii")
    before = memory("VmRSS")
    labels = predictor.labels(image)
    return {
        "network": name,
        "dimensions": dims,
        "side": side,
        "image_bytes": image.nbytes,
        "mask_bytes": labels.nbytes,
        "logits_bytes": 4 * len(CLASSES) * labels.size,
        "memory_beyond_bytes": memory("VmHWM") - before - labels.nbytes,
    }


def apart(name: str, dims: int, side: int) -> dict[str, Any]:
    """`measure` in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.large", "--one", name, str(dims), str(side)]
    returned = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**18), "OMP_NUM_THREADS": "1"}
    root = Path(__file__).parents[1]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=root, env=returned)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Parse, run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--sides", type=int, nargs="+")
    parser.add_argument("--volumes", type=int, nargs="+")
    parser.add_argument("--only", nargs="+", choices=list(SIDES[2]), default=list(SIDES[2]))
    parser.add_argument("--name", default="cpu")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        name, dims, side = asked.one
        print(json.dumps(measure(name, int(dims), int(side))))
        return
    sizes = TOY if asked.toy else SIDES
    if asked.sides or asked.volumes:
        given = {2: asked.sides, 3: asked.volumes}
        sizes = {dims: dict.fromkeys(sizes[dims], sides) for dims, sides in given.items() if sides}
    path = RESULTS / f"large-{asked.name}.json"
    rows = []
    for dims, networks in sizes.items():
        for name, sides in networks.items():
            for side in sides if name in asked.only else []:
                rows.append(
                    row := (measure if asked.toy else apart)(name, dims, side) | {"machine": describe()}
                )
                print(
                    f"{name:14} {side}{'^3' if dims == 3 else f'x{side}':6} beyond image and mask: "
                    f"{row['memory_beyond_bytes'] / 2**20:.0f} MiB",
                    flush=True,
                )
                if not asked.toy:
                    write(path, rows)


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """The rows into the file, in the place of older ones of the same network and size."""
    fresh = {place(row) for row in rows}
    old = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []
    merged = sorted([row for row in old if place(row) not in fresh] + rows, key=place)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"rows": merged}, indent=1) + "\n", encoding="utf-8")


def place(row: dict[str, Any]) -> tuple[int, str, int]:
    """Where a row stands in the table."""
    return row["dimensions"], row["network"], row["side"]


if __name__ == "__main__":
    main()
