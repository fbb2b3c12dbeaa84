"""The 3627 images of nuclei in HMEDN's Table VII: DSB-2018 stage 1 and additions in the same layout.

The paper takes them from the DSB2018 framework that it cites. All folders in the layout of DSB-2018 are read: `root`
itself and those one below, except for the test parts, whose images have no masks.
"""

from __future__ import annotations

from pathlib import Path

from isthmus.data.cases import Dataset
from isthmus.data.catalog.dsb_2018 import nuclei
from isthmus.data.catalog.entry import Entry, register_dataset
from isthmus.data.catalog.layout import folders, only_folder
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError


def read(root: Path) -> Dataset:
    """Reads the images of all parts; an ImageId that occurs in two of them is refused."""
    found = nuclei([root, *(folder for folder in folders(root) if "test" not in folder.name.lower())])
    inner = only_folder(root)
    if not found and inner:
        return read(inner)
    if not found:
        raise IsthmusError(f"{root}: no <ImageId>/images here; {ENTRY.name} is a folder with {ENTRY.layout}")
    return ENTRY.dataset(found)


ENTRY = Entry(
    name="nuclei-3627",
    title="HMEDN's nuclei: DSB-2018 stage 1 with additions",
    layout="one folder or more, such as stage1_train/, of <ImageId>/images/*.png and <ImageId>/masks/*.png",
    read=read,
    classes=("background", "nucleus"),
    values=ValueMap(((0, 0), (255, 1))),
    groups="image (experiments are not named)",
    citation=(
        "Zhou et al., High-resolution encoder-decoder networks for low-contrast medical image segmentation, "
        "IEEE Transactions on Image Processing 29, 2020, doi:10.1109/TIP.2019.2919937; Caicedo et al., "
        "Nature Methods 16, 2019, doi:10.1038/s41592-019-0612-7"
    ),
    terms="CC0 for DSB-2018; the additions have terms of their own",
    resize=(256, 256),
    sizes={"hmedn": (256, 256)},
    instances=True,
)

register_dataset(ENTRY)
