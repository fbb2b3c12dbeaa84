"""StarDist in a plain script, after its own example notebooks: ``PYTHON stardist_program.py STEP JOB``.

32 rays, grid (2, 2), percentiles 1 and 99.8 of each image, patches of 256, batches of 4, flips, quarter turns and
brightness as augmentation, a fifth of the images to validate, the thresholds that its own optimisation finds. As many
epochs of 100 steps as fit by a measured one. ``JOB`` is the file that `measured_run` writes.
"""

from __future__ import annotations

import csv
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}

import cv2
import numpy as np
import tensorflow as tf
from csbdeep.utils import normalize
from stardist.models import Config2D, StarDist2D

JOB: dict[str, Any] = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
CHANCE = np.random.default_rng(JOB["seed"])
STEPS, PATCH, BATCH, RATE = 100, 256, 4, 3e-4


def image_of(path: Path) -> Any:
    """Returns an image, scaled by its percentiles, each channel by itself."""
    return normalize(cv2.imread(str(path))[..., ::-1], 1, 99.8, axis=(0, 1))


def cases() -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """Returns images and masks that train and those that validate; small ones enlarged by reflection."""
    folder = Path(JOB["train"])
    with (folder / "cases.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    random.Random(JOB["seed"]).shuffle(rows)
    images, masks = [], []
    for row in rows:
        image = image_of(folder / row["image"])
        mask = cv2.imread(str(folder / row["mask"]), cv2.IMREAD_UNCHANGED).astype(np.int32)
        more = [(0, max(0, PATCH - side)) for side in mask.shape]
        images.append(np.pad(image, [*more, (0, 0)], "reflect"))
        masks.append(np.pad(mask, more))
    held = len(rows) // 5
    return images[held:], masks[held:], images[:held], masks[:held]


def augmented(image: Any, mask: Any) -> tuple[Any, Any]:
    """Flips, quarter turns and brightness, as in StarDist's example."""
    turns = int(CHANCE.integers(4))
    image, mask = np.rot90(image, turns), np.rot90(mask, turns)
    if CHANCE.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    return image * CHANCE.uniform(0.6, 2) + CHANCE.uniform(-0.2, 0.2), mask


def model(new: bool) -> Any:
    """Returns a new network, or the trained one."""
    if not new:
        return StarDist2D(None, name="stardist", basedir=JOB["work"])
    config = Config2D(
        n_rays=32,
        grid=(2, 2),
        n_channel_in=3,
        train_patch_size=(PATCH, PATCH),
        train_batch_size=BATCH,
        train_learning_rate=RATE,
        train_tensorboard=False,
        train_sample_cache=False,
    )
    return StarDist2D(config, name="stardist", basedir=JOB["work"])


def train() -> dict[str, Any]:
    """Trains and optimises the thresholds within the seconds."""
    np.random.seed(JOB["seed"])  # noqa: NPY002 (StarDist draws its patches by it)
    tf.random.set_seed(JOB["seed"])
    images, masks, held_images, held_masks = cases()
    made = model(True)

    def fit(epochs: int, steps: int) -> None:
        made.train(
            images,
            masks,
            validation_data=(held_images, held_masks),
            augmenter=augmented,
            epochs=epochs,
            steps_per_epoch=steps,
            workers=0,
        )

    fit(1, 1)
    start = time.process_time()
    fit(1, 3)
    epoch = (time.process_time() - start) / 3 * STEPS
    left = JOB["seconds"] * 0.93 - time.process_time()  # the thresholds take the rest
    epochs, steps = (int(left / epoch), STEPS) if left >= epoch else (1, max(1, int(STEPS * left / epoch)))
    made = model(True)
    fit(epochs, steps)
    made.optimize_thresholds(held_images[:20], held_masks[:20])
    return {"epochs": epochs, "steps": epochs * steps, "batch": BATCH, "patch": [PATCH, PATCH]}


def predict() -> dict[str, Any]:
    """Writes numbers of objects of the scored images."""
    made = model(False)
    for path in sorted((Path(JOB["test"]) / "images").iterdir()):
        objects, _ = made.predict_instances(image_of(path))
        cv2.imwrite(str(Path(JOB["masks"]) / path.name), objects.astype(np.uint16))
    return {}


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    facts = {"train": train, "predict": predict}[sys.argv[1]]()
    Path(JOB["facts"]).write_text(json.dumps(facts), encoding="utf-8")
