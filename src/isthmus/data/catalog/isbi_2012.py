"""ISBI-2012: segmentation of neuronal structures in electron-microscopy stacks.

30 serial sections (512 x 512, 8 bits, 4 x 4 x 50 nm) of the ventral nerve cord of a Drosophila larva. Labels:
255 inside a cell, 0 on a membrane. The papers disagree on which is the foreground; here it is the cells, as in
MultiResUNet, where the region of interest is "the majority of the pixels".

All slices come from one stack, so no split of them is independent; as in the papers each slice is a group of
its own.
"""

from __future__ import annotations

from pathlib import Path

from isthmus.data.cases import Case, Dataset, Source
from isthmus.data.catalog.entry import Entry, register_dataset
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.io.images import pages


def read(root: Path) -> Dataset:
    """Reads the 30 slices `slice-00` to `slice-29` from a folder with the two training stacks."""
    volume, labels = root / "train-volume.tif", root / "train-labels.tif"
    for path in (volume, labels):
        if not path.is_file():
            raise IsthmusError(f"{root}: no {path.name} here; isbi-2012 is a folder with {ENTRY.layout}")
        if pages(path) != 30:
            raise IsthmusError(f"{path}: has {pages(path)} pages, not 30; download the file again")
    return ENTRY.dataset(
        Case(f"slice-{page:02d}", (Source(volume, page),), (Source(labels, page),), group=f"slice-{page:02d}")
        for page in range(30)
    )


ENTRY = Entry(
    name="isbi-2012",
    title="ISBI-2012 EM stack, cells against membranes",
    layout="train-volume.tif and train-labels.tif, 30 pages each",
    read=read,
    classes=("background", "cell"),
    values=ValueMap(((0, 0), (255, 1))),
    groups="slice (all slices are of one stack, so no split of them is independent)",
    citation=(
        "Cardona et al., An integrated micro- and macroarchitectural analysis of the Drosophila brain by "
        "computer-assisted serial section electron microscopy, PLoS Biology 8(10), 2010, "
        "doi:10.1371/journal.pbio.1000502"
    ),
    terms="research, non-commercial: generating or testing non-commercial segmentation software",
    tried="all 30 slices",
    resize=(256, 256),
    sizes={"multiresunet": (256, 256), "sharp": (256, 256)},
)

register_dataset(ENTRY)
