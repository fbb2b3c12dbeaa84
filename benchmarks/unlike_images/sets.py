"""Images of the sample data sets as the program sees them, unchanged and changed."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.unlike_images.changes import CHANGES
from isthmus.data.cases import Case as DataCase
from isthmus.data.cases import Dataset, Source, load
from isthmus.data.checks.check import check_dataset
from isthmus.data.likeness.appearance import Appearance, appearance, thickness
from isthmus.data.masks.values import ValueMap
from isthmus.data.sources import open_dataset

Array = NDArray[Any]
Case = tuple[Array, Array, tuple[float, ...] | None, str]
"""An image `(channels, *spatial)`, its mask, its spacing and its group."""

NUMBERS = ValueMap(((0, 0), (1, 1)), "objects")
NAMES = ("isbi-2012", "dsb-2018", "kvasir-seg", "cvc-clinicdb", "isic-2018", "lgg-mri", "finding-lungs-ct")
FLUORESCENCE = "dsb-2018-more, fluorescence"


@dataclass(frozen=True)
class Seen:
    """What is computed of one image, unchanged or changed, and of its mask."""

    appearance: Appearance
    share: float
    thickness: float
    spacing: tuple[float, ...] | None
    group: str


def sets(data: Path) -> Iterator[tuple[str, Iterator[Case]]]:
    """Yields name and cases of each set."""
    for name in NAMES:
        yield name, whole(open_dataset(name, data / name))
    more = open_dataset(data / "dsb-2018-more")
    yield "dsb-2018-more", whole(replace(more, cases=more.cases[::2], values=NUMBERS))
    glands = sorted((data / "glas-2015" / "converted-jpg-png").glob("*.jpg"))
    pairs = [(Source(path), Source(path.with_name(f"{path.stem}_anno.png"))) for path in glands]
    cases = tuple(DataCase(i.path.stem, (i,), (m,), i.path.stem) for i, m in pairs)
    yield "glas-2015", whole(Dataset("glas-2015", cases, NUMBERS))
    yield "ct-totalsegmentator, slices", slices(open_dataset("multi-organ-ct", data / "ct-totalsegmentator"))
    yield "brats-2015, 2 mm, slices", slices(open_dataset("brats", data / "brats-2015-deepmedic" / "2mm"))


def fluorescence(data: Path, seen: dict[str, list[Seen | None]]) -> dict[str, list[Seen | None]]:
    """Selects the nuclei in dark pictures, which are of one kind."""
    with (data / "dsb-2018-more" / "SELECTION.csv").open(encoding="utf-8") as file:
        dark = {row["image_id"] for row in csv.DictReader(file) if row["kind"] == "fluorescence"}
    inside = [one is not None and one.group in dark for one in seen["as they are"]]
    return {
        change: [one for one, keep in zip(ones, inside, strict=True) if keep] for change, ones in seen.items()
    }


def whole(dataset: Dataset) -> Iterator[Case]:
    """Yields every case."""
    checked = dataset if dataset.values else check_dataset(dataset).dataset
    for case in checked.cases:
        image, label = load(case, checked)
        yield image, label > 0, case.spacing, case.group


def slices(dataset: Dataset) -> Iterator[Case]:
    """Yields the slices of volumes that show some of the object, each as an image of its patient."""
    for image, mask, spacing, group in whole(dataset):
        for index in np.flatnonzero(mask.any(axis=(1, 2))):
            yield image[:, index], mask[index], spacing and spacing[1:], group


def seen(case: Case, change: Callable[[Array], Array]) -> Seen | None:
    """Computes what the program sees of a changed case; None where the change does not apply."""
    image, mask, spacing, group = case
    found = appearance(change(image))
    if found is None:
        return None
    if found.shape[1:] != image.shape[1:]:
        mask, spacing = change(mask[None].astype(np.uint8))[0] > 0, None  # nothing states the new size
    return Seen(found, float(mask.mean()), thickness(mask), spacing, group)


def every_image(data: Path) -> dict[str, dict[str, list[Seen | None]]]:
    """Returns every image of every set, as it is and changed, by set and change."""
    of_sets: dict[str, dict[str, list[Seen | None]]] = {}
    for name, cases in sets(data):
        found = [[seen(case, change) for change in CHANGES.values()] for case in cases]
        of_sets[name] = dict(zip(CHANGES, map(list, zip(*found, strict=True)), strict=True))
    of_sets[FLUORESCENCE] = fluorescence(data, of_sets["dsb-2018-more"])
    return of_sets
