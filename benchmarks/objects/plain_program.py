"""A U-Net of MONAI and a watershed, as plain as they can be written: ``PYTHON plain_program.py STEP JOB``.

Three classes: background, inside, and a contour two pixels wide inside every object. Images are scaled by their own
percentiles 1 and 99.8; crops of 128 pixels are flipped, turned and changed in brightness; Adam at 0.001 along a cosine.
Seeds are the connected parts where inside is likelier than contour, flooded over everything that is not background.
``JOB`` is the file that `measured_run` writes; all its seconds are spent on steps, and the last weights predict.
"""

from __future__ import annotations

import csv
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from monai.networks.nets import BasicUNet
from scipy import ndimage
from skimage.segmentation import watershed

JOB: dict[str, Any] = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
WEIGHTS = Path(JOB["work"]) / "last.pt"
CROP, BATCH, RATE = 128, 8, 1e-3


def scaled(image: Any) -> Any:
    """Percentiles 1 and 99.8 become 0 and 1."""
    low, high = np.percentile(image, (1, 99.8))
    return ((image - low) / max(high - low, 1e-6)).astype(np.float32).transpose(2, 0, 1)


def classes(mask: Any) -> Any:
    """0 background, 1 inside, 2 contour."""
    result = (mask > 0).astype(np.int64)
    for number in np.unique(mask[mask > 0]):
        own = mask == number
        result[own & ~ndimage.binary_erosion(own, iterations=2, border_value=1)] = 2
    return result


def cases() -> list[tuple[Any, Any]]:
    """Returns images and classes, enlarged by reflection where they are smaller than a crop."""
    folder, found = Path(JOB["train"]), []
    with (folder / "cases.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            image = scaled(cv2.imread(str(folder / row["image"]))[..., ::-1].astype(np.float32))
            target = classes(cv2.imread(str(folder / row["mask"]), cv2.IMREAD_UNCHANGED))
            more = [(0, max(0, CROP - side)) for side in target.shape]
            found.append((np.pad(image, [(0, 0), *more], "reflect"), np.pad(target, more, "reflect")))
    return found


def crop(image: Any, target: Any, chance: np.random.Generator) -> tuple[Any, Any]:
    """Returns a crop, flipped, turned and brighter or darker."""
    top, left = (int(chance.integers(side - CROP + 1)) for side in target.shape)
    image = image[:, top : top + CROP, left : left + CROP]
    target = target[top : top + CROP, left : left + CROP]
    turns, flip = int(chance.integers(4)), bool(chance.integers(2))
    image, target = np.rot90(image, turns, (1, 2)), np.rot90(target, turns)
    if flip:
        image, target = image[:, :, ::-1], target[:, ::-1]
    brightness = np.float32(chance.uniform(0.7, 1.3)), np.float32(chance.uniform(-0.1, 0.1))
    return image * brightness[0] + brightness[1], target.copy()


def network() -> Any:
    """Returns the network, with batch normalisation."""
    return BasicUNet(spatial_dims=2, in_channels=3, out_channels=3, norm="batch").to(JOB["device"])


def train() -> dict[str, Any]:
    """Trains until the seconds are spent."""
    torch.manual_seed(JOB["seed"])
    chance, made, given = np.random.default_rng(JOB["seed"]), network(), cases()
    optimiser = torch.optim.Adam(made.parameters(), RATE)
    loss = torch.nn.CrossEntropyLoss()
    began, steps = time.process_time(), 0
    while (share := (time.process_time() - began) / (JOB["seconds"] - began)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * share))
        batch = [crop(*given[chance.integers(len(given))], chance) for _ in range(BATCH)]
        images = torch.from_numpy(np.stack([image for image, _ in batch])).to(JOB["device"])
        targets = torch.from_numpy(np.stack([target for _, target in batch])).to(JOB["device"])
        optimiser.zero_grad()
        loss(made(images), targets).backward()
        optimiser.step()
        steps += 1
    torch.save(made.state_dict(), WEIGHTS)
    return {"steps": steps, "batch": BATCH, "patch": [CROP, CROP]}


def predict() -> dict[str, Any]:
    """Writes numbers of objects of the scored images."""
    made = network()
    made.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    made.eval()
    for path in sorted((Path(JOB["test"]) / "images").iterdir()):
        image = scaled(cv2.imread(str(path))[..., ::-1].astype(np.float32))
        height, width = image.shape[1:]
        padded = np.pad(image, [(0, 0), (0, -height % 16), (0, -width % 16)], "reflect")
        with torch.no_grad():
            maps = made(torch.from_numpy(padded)[None].to(JOB["device"])).softmax(1)[0, :, :height, :width]
        background, inside, contour = maps.cpu().numpy()
        seeds, _ = ndimage.label((inside > contour) & (inside > background))
        objects = watershed(contour, seeds, mask=background < 0.5)
        cv2.imwrite(str(Path(JOB["masks"]) / path.name), objects.astype(np.uint16))
    return {}


if __name__ == "__main__":
    torch.set_num_threads(1)
    facts = {"train": train, "predict": predict}[sys.argv[1]]()
    Path(JOB["facts"]).write_text(json.dumps(facts), encoding="utf-8")
