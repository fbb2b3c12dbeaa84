"""Data Science Bowl 2018, stage 1: nuclei in microscope images of many kinds.

Each nucleus has a mask of its own; they are united. Images are RGBA, and alpha is dropped. The files do not state which
images belong to one experiment, so each is a group of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from isthmus.data.cases import Case, Dataset, Source
from isthmus.data.catalog.entry import Entry, register_dataset
from isthmus.data.catalog.layout import folders, locate, pictures
from isthmus.data.checks.problems import refuse
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError

PART = "stage1_train"


def read(root: Path) -> Dataset:
    """Reads the images `<ImageId>` of stage 1 train."""
    part = root if root.name == PART else locate(root, ENTRY.name, ENTRY.layout, PART) / PART
    found = nuclei([part])
    if not found:
        raise IsthmusError(f"{part}: no <ImageId>/images here; {ENTRY.name} is a folder with {ENTRY.layout}")
    return ENTRY.dataset(found)


def nuclei(parts: Iterable[Path]) -> list[Case]:
    """Returns the cases of folders that hold `<ImageId>/images/<ImageId>.png` and `<ImageId>/masks/*.png`.

    Raises:
        IsthmusError: an ImageId has no image or no mask, or occurs twice.
    """
    cases: dict[str, Case] = {}
    problems: list[str] = []
    for folder in (below for part in parts for below in folders(part)):
        if not (folder / "images").is_dir():
            continue
        images = list(pictures(folder / "images").values())
        masks = list(pictures(folder / "masks").values()) if (folder / "masks").is_dir() else []
        if len(images) != 1:
            problems.append(f"{folder / 'images'}: {len(images)} images, not 1; download the data set again")
        elif not masks:
            problems.append(f"{folder}: an image without masks; download the data set again, or leave it out")
        elif folder.name in cases:
            problems.append(
                f"{folder}: occurs a second time in {cases[folder.name].images[0]}; leave one out"
            )
        else:
            sources = (Source(images[0]),), tuple(Source(mask) for mask in masks)
            cases[folder.name] = Case(folder.name, *sources, folder.name)
    refuse(problems, "the nuclei")
    return list(cases.values())


ENTRY = Entry(
    name="dsb-2018",
    title="Data Science Bowl 2018 stage 1, nuclei",
    layout=f"{PART}/<ImageId>/images/<ImageId>.png and {PART}/<ImageId>/masks/*.png, a file per nucleus",
    read=read,
    classes=("background", "nucleus"),
    values=ValueMap(((0, 0), (255, 1))),
    groups="image (experiments are not named)",
    citation=(
        "Caicedo et al., Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl, "
        "Nature Methods 16, 2019, doi:10.1038/s41592-019-0612-7"
    ),
    terms="CC0",
    tried="120 of 664 images (the corrected set)",
    resize=(256, 256),
    sizes={"mildnet": (256, 256), "sharp": (256, 256)},
    instances=True,
)

register_dataset(ENTRY)
