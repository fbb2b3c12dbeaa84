"""LGG FLAIR MRI (Buda), `kaggle_3m`: slices of 110 patients with lower-grade glioma.

Channels are pre-contrast, FLAIR and post-contrast. Each patient is a folder and a group. The archive contains
the tree twice (`kaggle_3m/` and `lgg-mri-segmentation/kaggle_3m/`); the outer one is read.
"""

from __future__ import annotations

from pathlib import Path

from isthmus.data.cases import Dataset
from isthmus.data.catalog.entry import Entry, register_dataset
from isthmus.data.catalog.layout import folders, locate, pairs, pictures
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError

_MASK = "_mask"


def read(root: Path) -> Dataset:
    """Reads slices `TCGA_<institution>_<patient>_<date>_<slice>`, in the order of their numbers."""
    here = any(folder.name.startswith("TCGA_") for folder in folders(root))
    tree = root if here else locate(root, ENTRY.name, ENTRY.layout, "kaggle_3m") / "kaggle_3m"
    patients = [folder for folder in folders(tree) if folder.name.startswith("TCGA_")]
    if not patients:
        raise IsthmusError(f"{tree}: no folder TCGA_… here; {ENTRY.name} is a folder with {ENTRY.layout}")
    files = {name: path for patient in patients for name, path in pictures(patient, (".tif",)).items()}
    images = {name: path for name, path in files.items() if not name.endswith(_MASK)}
    masks = {name.removesuffix(_MASK): path for name, path in files.items() if name.endswith(_MASK)}
    return ENTRY.dataset(pairs(tree, images, masks, group=lambda name: images[name].parent.name))


ENTRY = Entry(
    name="lgg-mri",
    title="LGG FLAIR MRI, abnormalities of lower-grade gliomas",
    layout="kaggle_3m/TCGA_…/TCGA_…_<slice>.tif and TCGA_…_<slice>_mask.tif",
    read=read,
    classes=("background", "tumour"),
    values=ValueMap(((0, 0), (255, 1))),
    groups="patient",
    citation=(
        "Buda et al., Association of genomic subtypes of lower-grade gliomas with shape features "
        "automatically extracted by a deep learning algorithm, Computers in Biology and Medicine 109, 2019, "
        "doi:10.1016/j.compbiomed.2019.05.002"
    ),
    terms="CC BY-NC-SA 4.0 (Kaggle); images from TCGA-LGG (TCIA)",
    tried="22 of 3929 slices, of 7 patients, 20 of them recompressed as JPEG",
    resize=(256, 256),
    sizes={"mildnet": (256, 256)},
)

register_dataset(ENTRY)
