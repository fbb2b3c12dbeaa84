"""The 484 images of nuclei as every program reads them: colour PNG files and 16-bit masks, the scored fifth apart.

``FOLDER/train`` and ``FOLDER/test`` hold ``images/ID.png``, ``masks/ID.png`` (numbers of nuclei), ``cases.csv``, and
the kind of each picture in ``kinds.csv``. Kinds are divided in proportion, by a seed.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from isthmus.runs.files import read_csv, write_csv

SEED, SHARE = 18, 0.2
KINDS = {"fluorescence": "grey_dark", "purple on white": "purple_white", "bright grey": "grey_bright"}
"""Names of kinds in the further images, and the same kinds in the first ones."""

Picture = tuple[str, str, NDArray[np.uint8], NDArray[np.uint16]]


def exported(data: Path, folder: Path) -> Path:
    """Writes the images to a folder, unless that is done, and returns the folder."""
    if folder.is_dir():
        return folder
    pictures = sorted(
        [*_first(data / "dsb-2018"), *_further(data / "dsb-2018-more")], key=lambda each: each[0]
    )
    scored = scored_ids({name: kind for name, kind, _, _ in pictures})
    aside = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    for part in ("train", "test"):
        rows, kinds = [], []
        for name, kind, image, mask in pictures:
            if (name in scored) == (part == "test"):
                row = {"image": f"images/{name}.png", "mask": f"masks/{name}.png", "group": name}
                for key, pixels in (("image", image[..., ::-1]), ("mask", mask)):
                    (aside / part / row[key]).parent.mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(aside / part / row[key]), pixels)
                rows.append(row)
                kinds.append({"group": name, "kind": kind})
        write_csv(aside / part / "cases.csv", rows, ["image", "mask", "group"])
        write_csv(aside / part / "kinds.csv", kinds, ["group", "kind"])
    os.replace(aside, folder)
    return folder


def scored_ids(kinds: dict[str, str]) -> set[str]:
    """Returns the ids of a fifth of the images of each kind.

    >>> len(scored_ids({str(i): "ab"[i % 2] for i in range(20)}))
    4
    """
    chance, scored = random.Random(SEED), set[str]()
    for kind in sorted(set(kinds.values())):
        names = sorted(name for name, own in kinds.items() if own == kind)
        chance.shuffle(names)
        scored.update(names[: round(SHARE * len(names))])
    return scored


def _first(root: Path) -> Iterator[Picture]:
    """Yields the images that have a mask file for each nucleus; where two overlap, the first keeps the pixel."""
    for _, row in read_csv(root / "SELECTION.csv", ["ImageId", "stratum"]).lines:
        name = row["ImageId"]
        image = _colours(root / "stage1_train" / name / "images" / f"{name}.png")
        mask = np.zeros(image.shape[:2], np.uint16)
        for number, path in enumerate(sorted((root / "stage1_train" / name / "masks").iterdir()), start=1):
            own = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            assert own is not None
            mask[(own > 127) & (mask == 0)] = number
        yield name, row["stratum"], image, mask


def _further(root: Path) -> Iterator[Picture]:
    for _, row in read_csv(root / "SELECTION.csv", ["image_id", "kind"]).lines:
        name = row["image_id"]
        mask = cv2.imread(str(root / "masks" / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        assert mask is not None
        kind = KINDS.get(row["kind"], row["kind"])
        yield name, kind, _colours(root / "images" / f"{name}.png"), mask.astype(np.uint16)


def _colours(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image[..., ::-1], np.uint8)
