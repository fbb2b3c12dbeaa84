"""GlaS 2015 (Warwick-QU): glands in H&E stained slides of colorectal tissue.

Annotations number the glands; all numbers are the class gland. `Grade.csv` names the patient of each image,
and its patients are the groups; without it each image is a group of its own.

All `<name>_anno` files are read with their `<name>`, in the folder and one below, whatever the format, so a converted
copy (JPEG with PNG annotations) may lie beside the original.
"""

from __future__ import annotations

from pathlib import Path

from isthmus.data.cases import Dataset
from isthmus.data.catalog.entry import Entry, register_dataset
from isthmus.data.catalog.layout import folders, in_order, only_folder, pairs, pictures
from isthmus.data.checks.problems import refuse
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.files import read_cells

_ANNOTATION = "_anno"
_PARTS = ("train_", "testA_", "testB_")


def read(root: Path) -> Dataset:
    """Reads images `train_<n>`, `testA_<n>`, `testB_<n>`."""
    images: dict[str, Path] = {}
    masks: dict[str, Path] = {}
    patients: dict[str, str] = {}
    problems: list[str] = []
    for folder in (root, *folders(root)):
        for name, path in pictures(folder).items():
            if not name.startswith(_PARTS):
                continue
            files = masks if name.endswith(_ANNOTATION) else images
            name = name.removesuffix(_ANNOTATION)
            if name in files:
                problems.append(f"{path}: has the same name as {files[name]}; leave one of them out")
            files[name] = path
        if (folder / "Grade.csv").is_file():
            patients |= _patients(folder / "Grade.csv")
    refuse(problems, root)
    inner = only_folder(root)
    if not masks and inner:
        return read(inner)
    if not masks:
        raise IsthmusError(
            f"{root}: no train_<n>_anno.bmp here; {ENTRY.name} is a folder with {ENTRY.layout}"
        )
    images = {name: images[name] for name in sorted(images, key=lambda name: in_order(Path(name)))}
    return ENTRY.dataset(pairs(root, images, masks, group=lambda name: patients.get(name, name)))


def _patients(path: Path) -> dict[str, str]:
    """Returns the patient of each image."""
    rows = [cells for _, cells in read_cells(path)]
    if not rows or "name" not in rows[0] or "patient ID" not in rows[0]:
        raise IsthmusError(f"{path}: no columns 'name' and 'patient ID'; download it again, or leave it out")
    name, patient = rows[0].index("name"), rows[0].index("patient ID")
    return {row[name]: f"patient-{row[patient]}" for row in rows[1:] if len(row) > max(name, patient)}


ENTRY = Entry(
    name="glas-2015",
    title="GlaS 2015 (Warwick-QU), colon glands",
    layout="train_<n>.bmp, testA_<n>.bmp, testB_<n>.bmp, each with <name>_anno.bmp, and Grade.csv",
    read=read,
    classes=("background", "gland"),
    values=ValueMap(((0, 0), (1, 1)), "objects"),
    groups="patient if Grade.csv is present, else image",
    citation=(
        "Sirinukunwattana et al., Gland segmentation in colon histology images: the GlaS challenge contest, "
        "Medical Image Analysis 35, 2017, doi:10.1016/j.media.2016.08.008"
    ),
    terms="research only, no commercial use",
    tried="20 of 165 images (one in the original format; Grade.csv was not available)",
    instances=True,
)

register_dataset(ENTRY)
