"""Murphy Lab U2OS / NIH3T3: nuclei in fluorescence microscopy, segmented by hand (97 images).

`gnf` are NIH3T3 cells, `ic100` U2OS cells. The label maps define the set: there are three more images than
maps. Maps number the nuclei; all numbers are the class nucleus.
"""

from __future__ import annotations

from pathlib import Path

from isthmus.data.cases import Dataset
from isthmus.data.catalog.entry import Entry, register_dataset
from isthmus.data.catalog.layout import locate, pairs, pictures
from isthmus.data.masks.values import ValueMap

IMAGES, MASKS = "images/dna-images", "preprocessed-data"


def read(root: Path) -> Dataset:
    """Reads images `gnf-dna-<n>` and `ic100-dna-<n>`; their numbers have gaps."""
    folder = locate(root, ENTRY.name, ENTRY.layout, f"{IMAGES}/gnf", f"{IMAGES}/ic100", MASKS)
    images, masks = (
        {
            f"{line}-{name}": path
            for line in ("gnf", "ic100")
            if (folder / kind / line).is_dir()
            for name, path in pictures(folder / kind / line, (".png",)).items()
        }
        for kind in (IMAGES, MASKS)
    )
    images = {name: path for name, path in images.items() if name in masks}
    return ENTRY.dataset(pairs(folder, images, masks))


ENTRY = Entry(
    name="murphy-lab",
    title="Murphy Lab U2OS and NIH3T3, nuclei",
    layout=f"{IMAGES}/{{gnf,ic100}}/dna-<n>.png and {MASKS}/{{gnf,ic100}}/dna-<n>.png",
    read=read,
    classes=("background", "nucleus"),
    values=ValueMap(((0, 0), (1, 1)), "objects"),
    groups="image",
    citation=(
        "Coelho et al., Nuclear segmentation in microscope cell images: a hand-segmented dataset and "
        "comparison of algorithms, ISBI 2009, doi:10.1109/ISBI.2009.5193098"
    ),
    terms="not stated with the files; ask the authors before any use other than research",
    resize=(256, 256),
    sizes={"multiresunet": (256, 256)},
    instances=True,
)

register_dataset(ENTRY)
