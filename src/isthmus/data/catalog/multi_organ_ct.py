"""CT volumes with any set of organs, in place of HMEDN's pelvic CT, which is private.

Each volume has one label map, whose values are the organs. All maps are read to find which organs there are. A
`labels.json` beside them (organ -> value) names them.

Three layouts are read: `images/` and `labels/` (or `masks/`) with the same names; one folder of
`<case>_ct….nii.gz` and `<case>_seg.nii.gz`; a folder per case with `ct.nii.gz` and `seg.nii.gz`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from isthmus.data.cases import Case, Dataset
from isthmus.data.catalog.entry import Entry, register_dataset
from isthmus.data.catalog.layout import folders, only_folder, pairs, pictures
from isthmus.data.layouts.nnunet import labels_of
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.files import read_json
from isthmus.io.images import Source, read_mask
from isthmus.io.volumes import spacing

_VOLUMES = (".nii.gz", ".nii")
_MASKS = ("seg", "label", "labels", "mask")


def read(root: Path) -> Dataset:
    """Reads volumes by name; each is a patient."""
    images, masks = _files(root)
    inner = only_folder(root)
    if not masks and inner and not (inner / "segmentations").is_dir():
        return read(inner)
    if not masks:
        single = next((f for f in folders(root) if (f / "segmentations").is_dir()), None)
        hint = "; combine the organs of a case into one label map first" if single else ""
        raise IsthmusError(f"{root}: no label maps here; {ENTRY.name} is a folder with {ENTRY.layout}{hint}")
    cases = [replace(case, spacing=spacing(case.images[0].path)) for case in pairs(root, images, masks)]
    if (root / "labels.json").is_file():
        values, classes = labels_of(root / "labels.json", read_json(root / "labels.json"))
    else:
        values, classes = _found(root, cases)
    return ENTRY.dataset(cases, values, classes)


def _files(root: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Returns images and label maps by case, in the first layout that fits."""
    for name in ("labels", "masks"):
        if (root / "images").is_dir() and (root / name).is_dir():
            return pictures(root / "images", _VOLUMES), pictures(root / name, _VOLUMES)
    files = pictures(root, _VOLUMES)
    masks = {
        name.removesuffix(f"_{ending}"): path
        for name, path in files.items()
        for ending in _MASKS
        if name.endswith(f"_{ending}")
    }
    if masks:
        others = {name: path for name, path in files.items() if path not in masks.values()}
        return {name.partition("_ct")[0]: path for name, path in others.items()}, masks
    images = {}
    for folder in folders(root):
        inside = pictures(folder, _VOLUMES)
        mask = next((inside[name] for name in _MASKS if name in inside), None)
        if "ct" in inside and mask:
            images[folder.name], masks[folder.name] = inside["ct"], mask
    return images, masks


def _found(root: Path, cases: list[Case]) -> tuple[ValueMap, tuple[str, ...]]:
    """Returns the values in all label maps, each of which is an organ."""

    def values_in(source: Source) -> list[int]:
        try:
            return [int(value) for value in np.unique(read_mask(source))]
        except IsthmusError:
            return []  # the check reports it, together with all other problems

    with ThreadPoolExecutor(4, thread_name_prefix="isthmus-organs") as pool:
        present = set().union(*pool.map(values_in, [case.masks[0] for case in cases])) | {0}
    if len(present) > 256 or len(present) < 2 or min(present) < 0:
        raise IsthmusError(
            f"{root}: label maps hold {len(present)} values from {min(present)} to {max(present)}; organs "
            "are numbered 1, 2, …, up to 255 of them"
        )
    organs = sorted(present)
    table = ValueMap(tuple((value, index) for index, value in enumerate(organs)))
    return table, ("background", *(f"organ {value}" for value in organs[1:]))


ENTRY = Entry(
    name="multi-organ-ct",
    title="CT volumes with any set of organs",
    layout="images/<case>.nii.gz and labels/<case>.nii.gz, or <case>_ct.nii.gz and <case>_seg.nii.gz",
    read=read,
    classes=(),
    values=None,
    groups="volume",
    citation=(
        "that of your data; the sample on which it was tried: Wasserthal et al., TotalSegmentator, "
        "Radiology: Artificial Intelligence 5, 2023, doi:10.1148/ryai.230024"
    ),
    terms="those of your data",
    tried="one volume with 41 organs",
)

register_dataset(ENTRY)
