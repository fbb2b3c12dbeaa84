"""Finding lungs in CT (Kaggle): single slices, and four volumes that are cut into slices.

Two entries read one download. The slices are 32-bit Hounsfield units; the files do not state which of them share a
patient, so each is a group of its own. Each volume is a group.
"""

from __future__ import annotations

from pathlib import Path

from isthmus.data.cases import Dataset
from isthmus.data.catalog.entry import Entry, register_dataset
from isthmus.data.catalog.layout import locate, pairs, pictures, slices
from isthmus.data.masks.values import ValueMap

_CITATION = "Mader, Finding and measuring lungs in CT data, Kaggle (kmader/finding-lungs-in-ct-data), 2017"
_TERMS = "see the page at Kaggle; not stated with the files"


def read(root: Path) -> Dataset:
    """Reads slices `ID_<nnnn>_Z_<nnnn>`."""
    folder = locate(root, ENTRY.name, ENTRY.layout, "2d_images", "2d_masks")
    images, masks = (pictures(folder / name, (".tif",)) for name in ("2d_images", "2d_masks"))
    return ENTRY.dataset(pairs(folder, images, masks))


def read_volumes(root: Path) -> Dataset:
    """Reads slices `<nnnn>-<slice>` of the volumes `IMG_<nnnn>`."""
    folder = locate(root, VOLUMES.name, VOLUMES.layout, "3d_images")
    files = pictures(folder / "3d_images", (".nii.gz", ".nii"))
    images, masks = (
        {name.removeprefix(kind): path for name, path in files.items() if name.startswith(kind)}
        for kind in ("IMG_", "MASK_")
    )
    return VOLUMES.dataset(
        one
        for case in pairs(folder, images, masks)
        for one in slices(case.images[0].path, case.masks[0].path, case.id, case.id)
    )


ENTRY = Entry(
    name="finding-lungs-ct",
    title="Finding lungs in CT, single slices",
    layout="2d_images/ID_<nnnn>_Z_<nnnn>.tif and the same names in 2d_masks/",
    read=read,
    classes=("background", "lung"),
    values=ValueMap(((0, 0), (255, 1))),
    groups="slice (patients are not named)",
    citation=_CITATION,
    terms=_TERMS,
    tried="10 of 267 slices, whose grey values had been altered by a conversion",
    resize=(256, 256),
    sizes={"sharp": (256, 256)},
)

VOLUMES = Entry(
    name="finding-lungs-ct-volumes",
    title="Finding lungs in CT, slices of the volumes",
    layout="3d_images/IMG_<nnnn>.nii.gz and 3d_images/MASK_<nnnn>.nii.gz",
    read=read_volumes,
    classes=("background", "lung"),
    values=ValueMap(((0, 0), (1, 1)), "objects"),
    groups="volume",
    citation=_CITATION,
    terms=_TERMS,
    resize=(256, 256),
    sizes={"sharp": (256, 256)},
)

register_dataset(ENTRY)
register_dataset(VOLUMES)
