"""COVID-19 CT segmentation (medicalsegmentation.com): slices with ground glass, consolidation, effusion.

The first set is one volume of 100 slices of different patients, each a group of its own (the files do not state which
slices share a patient). The second set consists of nine volumes, each a group; their slices are read if the first set
is absent.
"""

from __future__ import annotations

from pathlib import Path

from isthmus.data.cases import Dataset
from isthmus.data.catalog.entry import Entry, register_dataset
from isthmus.data.catalog.layout import locate, pairs, pictures, slices
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError

_VOLUMES = (".nii.gz", ".nii")


def read(root: Path) -> Dataset:
    """Reads slices `tr-000` to `tr-099` of the first set, or `<volume>-<slice>` of the second."""
    for ending in _VOLUMES:
        try:
            folder = locate(root, ENTRY.name, ENTRY.layout, f"tr_im{ending}", f"tr_mask{ending}")
        except IsthmusError:
            continue
        if (folder / "rp_im").is_dir():
            raise IsthmusError(
                f"{folder}: holds both sets, tr_im{ending} and rp_im/; move one of them to a folder of its own"
            )
        return ENTRY.dataset(slices(folder / f"tr_im{ending}", folder / f"tr_mask{ending}", "tr", None))
    try:
        folder = locate(root, ENTRY.name, ENTRY.layout, "rp_im", "rp_msk")
    except IsthmusError:
        locate(root, ENTRY.name, ENTRY.layout, "tr_im.nii.gz", "tr_mask.nii.gz")  # reports what is missing
        raise
    found = pairs(folder, pictures(folder / "rp_im", _VOLUMES), pictures(folder / "rp_msk", _VOLUMES))
    return ENTRY.dataset(
        one
        for case in found
        for one in slices(case.images[0].path, case.masks[0].path, f"rp-{case.id}", f"rp-{case.id}")
    )


ENTRY = Entry(
    name="covid-19-ct",
    title="COVID-19 CT segmentation, changes of the lung",
    layout="tr_im.nii.gz and tr_mask.nii.gz, or rp_im/<n>.nii.gz and rp_msk/<n>.nii.gz",
    read=read,
    classes=("background", "ground-glass", "consolidation", "pleural effusion"),
    values=ValueMap(((0, 0), (1, 1), (2, 2), (3, 3))),
    groups="slice in the first set, volume in the second",
    citation="COVID-19 CT segmentation dataset, medicalsegmentation.com/covid19, 2020",
    terms="not stated with the files; see medicalsegmentation.com/covid19",
    sizes={"sharp": (512, 512)},
)

register_dataset(ENTRY)
