"""How much of an epoch is spent on anything but forward, backward and the optimiser; above all, waiting for data.

    python -m benchmarks.waiting         writes benchmarks/results/waiting-<name>.json
    python -m benchmarks.waiting --toy   the same at toy size, prints and writes nothing

Random grey images of 512x512 with masks, in patches of 256x256, batch 4, 2 workers, the network of `isthmus train`, by
augmentation. The parts are timed in the loop that training runs: taking a batch, the step, the validation.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isthmus.data.augment import make_augmentation
from isthmus.data.check import check_dataset
from isthmus.data.folder import open_dataset
from isthmus.data.samples import Samples
from isthmus.data.writing import write_image, write_mask
from isthmus.memory import keep_freed_memory
from isthmus.networks import create_model
from isthmus.objectives import binary_cross_entropy
from isthmus.runs import hardware as machine
from isthmus.runs.environment import describe_environment
from isthmus.runs.recipe import Hardware

RESULTS = Path(__file__).parent / "results"
AUGMENTATIONS = ("none", "flips", "mildnet")


def write_random(folder: Path, cases: int, size: int) -> None:
    """Grey images of noise and masks of squares."""
    rng = np.random.default_rng(0)
    for index in range(cases):
        mask = np.kron(rng.integers(0, 2, (8, 8)), np.ones((size // 8, size // 8))).astype(np.uint8)
        image = (mask * 100 + rng.integers(0, 100, mask.shape)).astype(np.uint8)
        write_image(folder / "images" / f"{index:03d}.png", image[None])
        write_mask(folder / "masks" / f"{index:03d}.png", mask * 255)


def measure(
    folder: Path, augmentation: str, patch: int, steps: int, widths: tuple[int, ...]
) -> dict[str, Any]:
    """Seconds of waiting and of steps over an epoch whose cases are decoded already."""
    checked = check_dataset(open_dataset(folder))
    samples = Samples(
        checked.dataset,
        checked.dataset.cases,
        channels=1,
        batch=4,
        patch=(patch, patch),
        samples_per_epoch=4 * steps,
        augment=make_augmentation(augmentation),
        workers=2,
    )
    hardware = machine.resolve(Hardware())
    layout = machine.memory_format(hardware, 2)
    network = create_model(widths=widths).to(hardware.device, memory_format=layout)
    optimiser = torch.optim.Adam(network.parameters(), fused=True)
    waiting = working = 0.0
    for epoch in range(2):  # the first one reads the files and warms up
        waiting = working = 0.0
        batches = samples.batches(epoch)
        while True:
            start = time.perf_counter()
            batch = next(batches, None)
            waiting += time.perf_counter() - start
            if batch is None:
                break
            start = time.perf_counter()
            x = torch.from_numpy(batch[0]).to(hardware.device).contiguous(memory_format=layout)
            y = torch.from_numpy(batch[1]).to(hardware.device)
            with machine.autocast(hardware):
                logits = network(x)
            optimiser.zero_grad(set_to_none=True)
            binary_cross_entropy(logits, y).backward()
            optimiser.step()
            if hardware.device != "cpu":
                torch.cuda.synchronize()
            working += time.perf_counter() - start
    return {
        "augmentation": augmentation,
        "seconds_waiting": waiting,
        "seconds_in_steps": working,
        "share_waiting": waiting / (waiting + working),
    }


def main() -> None:
    """Parse, run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--name", default="gpu" if torch.cuda.is_available() else "cpu")
    asked = parser.parse_args()
    keep_freed_memory()
    cases, size, patch, steps = (4, 64, 32, 2) if asked.toy else (24, 512, 256, 12)
    widths = (4, 8) if asked.toy else (32, 64, 128, 256, 512)
    with tempfile.TemporaryDirectory() as folder:
        write_random(Path(folder), cases, size)
        rows = [measure(Path(folder), name, patch, steps, widths) for name in AUGMENTATIONS]
    for row in rows:
        print(f"{row['augmentation']:8} {row['share_waiting']:.1%} of the time spent waiting for data")
    if not asked.toy:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"waiting-{asked.name}.json"
        result = {"machine": describe_environment() | {"threads": torch.get_num_threads()}, "rows": rows}
        path.write_text(json.dumps(result, indent=1) + "\n")
        print(path)


if __name__ == "__main__":
    main()
