"""Every way of sampling gives the samples that commit 28c1025 gave: fingerprints of them are stored.

When they were taken, the samples were equal to those of 28c1025 bit for bit. Resampling rounds differently in other
versions of the libraries, so the fingerprints allow for that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from isthmus.data.augment import flips_and_turns
from isthmus.data.cases import Dataset
from isthmus.data.masks.values import ValueMap
from isthmus.data.sampling.grid import Grid
from isthmus.data.sampling.patches import CentredPatches, EvenPatches, RandomPatches
from isthmus.data.sampling.slices import Slices
from isthmus.data.sources import open_dataset
from isthmus.io.writing import write_image, write_mask

from .makers import make


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Five images of 24 columns and 20 to 28 rows, whose masks hold the values 0 to 4."""
    path = tmp_path_factory.mktemp("images")
    for k in range(5):
        size = (20 + 2 * k, 24)
        write_image(path / "images" / f"im{k}.tif", pixels(size, k)[None])
        write_mask(path / "masks" / f"im{k}.png", mask(size, k))
    return open_dataset(str(path))


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Ten volumes of 4 x 20 x 24, whose masks hold the values 0 to 4."""
    path = tmp_path_factory.mktemp("volumes")
    for k in range(10):
        for kind, array in (("images", pixels((4, 20, 24), k)), ("masks", mask((4, 20, 24), k))):
            (path / kind).mkdir(exist_ok=True)
            volume = nibabel.Nifti1Image(array.astype(np.int16).T, np.diag([-1.0, -1.0, 1.0, 1.0]))
            nibabel.save(volume, path / kind / f"v{k}.nii.gz")
    return open_dataset(str(path))


def pixels(size: tuple[int, ...], k: int) -> NDArray[np.uint16]:
    return (np.arange(np.prod(size)).reshape(size) * 7 % 401 + 500 * k).astype(np.uint16)


def mask(size: tuple[int, ...], k: int) -> NDArray[np.uint16]:
    """Boxes of 5 x 4 pixels with a number each, in one corner of the image; of a volume on its second slice."""
    plane = np.zeros(size[-2:], np.uint16)
    for index in range(4):
        y, x = divmod(index, 2)
        plane[3 + 7 * y : 8 + 7 * y, 8 + 6 * x + k % 2 : 12 + 6 * x + k % 2] = index + 1
    if len(size) == 2:
        return plane
    volume = np.zeros(size, np.uint16)
    volume[1:3] = plane, plane * (plane > 2)
    return volume


def twice(label: NDArray[Any]) -> NDArray[np.float32]:
    return 2.0 * label.astype(np.float32)


CLASSES = ValueMap(((0, 0), (1, 1), (2, 2), (3, 1), (4, 2)))
OBJECTS = ValueMap(((0, 0), (1, 1)), "objects")
HALF, DOUBLE = Grid((10, 12)), Grid((40, 48))
WAYS: dict[str, tuple[str, dict[str, Any], tuple[str, float]]] = {
    "whole, at half the size": ("images", {"grid": HALF}, ("9f76f96f", 41.540922)),
    "whole, flipped": ("images", {"grid": HALF, "augment": flips_and_turns}, ("9f76f96f", 68.729281)),
    "patches": ("images", {"patches": RandomPatches((16, 12)), "per_epoch": 13}, ("9b8307b7", 306.24792)),
    "patches on foreground": (
        "images",
        {"patches": RandomPatches((8, 8), 0.5), "per_epoch": 13, "augment": flips_and_turns},
        ("2953af71", -52.351843),
    ),
    "patches larger than images": (
        "images",
        {"patches": RandomPatches((24, 32), 0.5)},
        ("b8bd0965", -312.640454),
    ),
    "patches at twice the size": (
        "images",
        {"grid": DOUBLE, "patches": RandomPatches((16, 16))},
        ("145cd0eb", -60.375726),
    ),
    "windows": (
        "images",
        {"patches": EvenPatches((16, 16), 4), "augment": flips_and_turns},
        ("a3ec1a5b", -155.823194),
    ),
    "around the foreground": ("images", {"patches": CentredPatches((8, 8), 0.25)}, ("8b59fbf5", -86.785366)),
    "on foreground, one class ignored": (
        "images ignoring",
        {"patches": RandomPatches((8, 8), 0.75)},
        ("8b59fbf5", -104.682922),
    ),
    "around the foreground, one class ignored": (
        "images ignoring",
        {"patches": CentredPatches((8, 8), 0.25)},
        ("8b59fbf5", -19.599102),
    ),
    "objects": (
        "images",
        {"patches": RandomPatches((16, 16)), "instances": True, "augment": flips_and_turns},
        ("00bdc6f0", 133.80927),
    ),
    "objects at half the size": ("images", {"grid": HALF, "instances": True}, ("9f76f96f", 41.770604)),
    "slices": ("volumes", {"slices": Slices(3), "per_epoch": 23}, ("5ecf6964", 11.971958)),
    "slices on foreground": (
        "volumes",
        {"grid": HALF, "slices": Slices(5, 0.75), "per_epoch": 23},
        ("0f570bf0", -380.487999),
    ),
    "slices on foreground, one class ignored": (
        "volumes ignoring",
        {"slices": Slices(1, 1.0), "per_epoch": 23},
        ("c09c4b8b", -691.14509),
    ),
    "patches of slices": (
        "volumes",
        {"slices": Slices(3, 0.5), "patches": RandomPatches((16, 16), 0.5), "per_epoch": 23},
        ("fb14dda4", 199.569773),
    ),
    "slices around the foreground": (
        "volumes",
        {"slices": Slices(3, 0.5), "patches": CentredPatches((16, 16), 0.25), "per_epoch": 23},
        ("fb14dda4", -10.211366),
    ),
    "volumes": ("volumes", {"grid": Grid((2, 10, 12))}, ("4a7ca7f6", -27.649239)),
    "patches of volumes": (
        "volumes",
        {"patches": RandomPatches((2, 8, 8), 0.5), "per_epoch": 13},
        ("2c2b4f7e", -350.697836),
    ),
    "volumes around the foreground": (
        "volumes",
        {"patches": CentredPatches((2, 8, 8), 0.25)},
        ("6b22529e", -655.074559),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_same_samples_as_before(images: Dataset, volumes: Dataset, way: str) -> None:
    kind, options, expected = WAYS[way]
    dataset = volumes if "volumes" in kind else images
    dataset = replace(
        dataset,
        values=OBJECTS if "instances" in options else CLASSES,
        ignore=4 if "images ignoring" in kind else None,
    )
    samples = make(dataset, batch=4, seed=3, targets={"twice": twice}, **options)
    batches = [
        batch
        for epoch, part in ((0, (0, 1)), (1, (0, 1)), (1, (1, 2)))
        for batch in samples.batches(epoch, part)
    ]
    arrays = [
        array
        for image, label, targets in (*batches, samples.cases.whole(1))
        for array in (image, label, targets["twice"])
    ]
    kinds = hashlib.sha256("".join(f"{array.dtype} {array.shape}" for array in arrays).encode()).hexdigest()
    assert (kinds[:8], round(fingerprint(arrays), 6)) == (expected[0], pytest.approx(expected[1], abs=1e-2))


def fingerprint(arrays: Sequence[NDArray[Any]]) -> float:
    """A number that changes with any value and any order, but little with rounding, which differs by processor."""
    parts = (
        float(np.sin(np.arange(a.size) + k) @ a.ravel().astype(np.float64)) for k, a in enumerate(arrays)
    )
    return sum(parts) / len(arrays)
