"""ISIC-2018 task 1: outlines of skin lesions in dermoscopic images, the training part (2594).

The files do not state which lesions belong to one patient, so each image is a group of its own.
"""

from __future__ import annotations

from pathlib import Path

from isthmus.data.cases import Dataset
from isthmus.data.catalog.entry import Entry, register_dataset
from isthmus.data.catalog.layout import locate, pairs, pictures
from isthmus.data.masks.values import ValueMap

IMAGES, MASKS = "ISIC2018_Task1-2_Training_Input", "ISIC2018_Task1_Training_GroundTruth"


def read(root: Path) -> Dataset:
    """Reads images `ISIC_0000000`; a folder may contain itself once more, as some archives unpack."""
    folder = locate(root, ENTRY.name, ENTRY.layout, IMAGES, MASKS)
    inner = [
        folder / name / name if (folder / name / name).is_dir() else folder / name for name in (IMAGES, MASKS)
    ]
    images = pictures(inner[0], (".jpg",))
    masks = {name.removesuffix("_segmentation"): path for name, path in pictures(inner[1], (".png",)).items()}
    return ENTRY.dataset(pairs(folder, images, masks))


ENTRY = Entry(
    name="isic-2018",
    title="ISIC-2018 task 1, skin lesions",
    layout=f"{IMAGES}/ and {MASKS}/",
    read=read,
    classes=("background", "lesion"),
    values=ValueMap(((0, 0), (255, 1))),
    groups="image (patients are not named)",
    citation=(
        "Codella et al., Skin lesion analysis toward melanoma detection 2018, arXiv:1902.03368; Tschandl et "
        "al., The HAM10000 dataset, Scientific Data 5, 2018, doi:10.1038/sdata.2018.161"
    ),
    terms="CC-0 as stated for ISIC-2017, from which 2018 was built; read the LICENSE.txt of the download",
    tried="9 of 2594 images, reduced in size",
    resize=(192, 256),
    sizes={"mildnet": (256, 256), "multiresunet": (192, 256), "sharp": (192, 256)},
)

register_dataset(ENTRY)
