"""MONAI's BasicUNet in a plain MONAI script, as MONAI's tutorials write it: ``PYTHON basic_unet_program.py STEP JOB``.

It follows ``2d_segmentation/torch/unet_training_dict.py`` of the tutorials: dictionary transforms, crops by positive
and negative labels, random quarter turns, Adam at 0.001, sliding-window inference, and the weights of the epoch with
the best Dice on an inner validation split, a fifth of the training groups. The loss is Dice with cross-entropy. Epochs
are trained while another one fits into the processor seconds of the job; they are shorter where not even one fits, by a
few steps that are then forgotten. ``JOB`` is the file that `measured_run` writes.
"""

from __future__ import annotations

import copy
import csv
import json
import random
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fitted import fitted
from monai.data import DataLoader, Dataset, PILReader, list_data_collate
from monai.inferers import sliding_window_inference
from monai.losses import DiceCELoss
from monai.metrics import DiceMetric
from monai.networks.nets import BasicUNet
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    RandCropByPosNegLabeld,
    RandRotate90d,
    ScaleIntensityd,
)
from monai.utils import set_determinism
from PIL import Image

JOB: dict[str, Any] = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
WEIGHTS = Path(JOB["work"]) / "best.pt"
CROP, CROPS, BATCH = (96, 96), 4, 2
"""Pixels of a crop, crops of an image, images of a step: the tutorial's."""
EVERY = 2
"""Epochs between two validations, as in the tutorial."""
MEASURED = 3

Files = list[dict[str, str]]


def split() -> tuple[Files, Files]:
    """Returns the files that train and those that choose the epoch: a fifth of the groups, at random."""
    folder = Path(JOB["train"])
    with (folder / "cases.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    groups = sorted({row["group"] for row in rows})
    random.Random(JOB["seed"]).shuffle(groups)
    held = set(groups[: max(1, len(groups) // 5)])
    files = [({key: str(folder / row[key]) for key in ("image", "mask")}, row["group"]) for row in rows]
    return [file for file, group in files if group not in held], [
        file for file, group in files if group in held
    ]


def transforms(keys: list[str], augment: bool) -> Compose:
    """Returns what loads a case."""
    both = [
        LoadImaged(keys, reader=PILReader(reverse_indexing=False)),
        EnsureChannelFirstd(keys),
        ScaleIntensityd("image"),
    ]
    crops = [
        RandCropByPosNegLabeld(keys, "mask", CROP, pos=1, neg=1, num_samples=CROPS),
        RandRotate90d(keys, prob=0.5, spatial_axes=[0, 1]),
    ]
    return Compose(both + crops if augment else both)


def masks(network: Any, image: torch.Tensor) -> torch.Tensor:
    """Returns masks of whole images."""
    with torch.no_grad():
        return sliding_window_inference(image, CROP, 4, network) > 0  # type: ignore[operator, no-any-return]


def dice(network: Any, cases: Any) -> float:
    """Returns the mean Dice over cases."""
    network.eval()
    metric = DiceMetric(include_background=True, reduction="mean")
    for case in cases:
        metric(masks(network, case["image"]).float(), (case["mask"] > 0).float())
    return float(metric.aggregate().item())


def train() -> dict[str, Any]:
    """Trains, saves the best weights, and returns what was trained."""
    set_determinism(JOB["seed"])
    trained, chosen = split()
    keys = ["image", "mask"]
    batches = DataLoader(
        Dataset(trained, transforms(keys, True)), batch_size=BATCH, shuffle=True, collate_fn=list_data_collate
    )
    cases = DataLoader(Dataset(chosen, transforms(keys, False)), batch_size=1)
    network = BasicUNet(spatial_dims=2, in_channels=JOB["channels"], out_channels=1).to(JOB["device"])
    loss = DiceCELoss(sigmoid=True)

    def steps(network: Any, optimiser: torch.optim.Optimizer, most: int) -> None:
        network.train()
        for i, batch in enumerate(batches):
            if i == most:
                return
            optimiser.zero_grad()
            loss(network(batch["image"].to(JOB["device"])), batch["mask"].to(JOB["device"])).backward()
            optimiser.step()

    validate = partial(dice, cases=cases)
    epoch_seconds, validation = seconds_of(copy.deepcopy(network), steps, len(batches), validate)
    left = JOB["seconds"] - time.process_time() - validation
    _, length = fitted(left, epoch_seconds, len(batches))
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    began, epoch, last, best, best_epoch = time.process_time(), 0, False, -1.0, 0
    while not last:
        epoch += 1
        steps(network, optimiser, length)
        took = time.process_time() - began
        last = took + took / epoch > left
        if epoch % EVERY == 0 or last:
            found = validate(network)
            print(f"epoch {epoch} of about {left * epoch / took:.0f}: {found:.4f}", flush=True)
            if found > best:
                best, best_epoch = found, epoch
                torch.save(network.state_dict(), WEIGHTS)
    return {
        "epochs": epoch,
        "best_epoch": best_epoch,
        "steps": epoch * length,
        "batch": BATCH * CROPS,
        "patch": list(CROP),
    }


def seconds_of(network: Any, steps: Any, length: int, validate: Any) -> tuple[float, float]:
    """Returns the processor seconds of an epoch and of a validation; the first step does not count."""
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    most = min(MEASURED, length)
    steps(network, optimiser, 1)
    start = time.process_time()
    steps(network, optimiser, most)
    step = (time.process_time() - start) / most
    start = time.process_time()
    validate(network)
    return step * length, time.process_time() - start


def predict() -> dict[str, Any]:
    """Writes the masks of the scored cases."""
    network = BasicUNet(spatial_dims=2, in_channels=JOB["channels"], out_channels=1).to(JOB["device"])
    network.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    network.eval()
    load = transforms(["image"], False)
    for path in sorted((Path(JOB["test"]) / "images").iterdir()):
        found = masks(network, load({"image": str(path)})["image"][None].to(JOB["device"]))
        Image.fromarray(found[0, 0].cpu().numpy().astype(np.uint8)).save(Path(JOB["masks"]) / path.name)
    WEIGHTS.unlink()
    return {}


if __name__ == "__main__":
    torch.set_num_threads(1)
    facts = {"train": train, "predict": predict}[sys.argv[1]]()
    Path(JOB["facts"]).write_text(json.dumps(facts), encoding="utf-8")
