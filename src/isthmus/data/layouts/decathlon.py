"""Reads the Medical Segmentation Decathlon: a `dataset.json` that lists its training pairs.

    TaskNN_Name/
        dataset.json            labels {"0": "background"}, modality {"0": "MRI"}, training [{image, label}]
        imagesTr/CASE.nii.gz    several modalities are the fourth axis of one file
        labelsTr/CASE.nii.gz

Antonelli et al., The Medical Segmentation Decathlon, Nature Communications 13, 2022,
doi:10.1038/s41467-022-30695-9.
"""

from __future__ import annotations

import glob
from pathlib import Path

from isthmus.data.cases import Case, Dataset, Source
from isthmus.data.checks.problems import refuse
from isthmus.data.layouts.nnunet import labels_of, listed_file
from isthmus.errors import IsthmusError
from isthmus.files import read_json
from isthmus.io.formats import stem, suffix
from isthmus.io.volumes import is_volume, spacing

CITATION = (
    "Antonelli et al., The Medical Segmentation Decathlon, Nature Communications 13, 2022, "
    "doi:10.1038/s41467-022-30695-9"
)


def is_decathlon(root: Path) -> bool:
    """Returns whether the `dataset.json` of a folder lists training pairs, as in the Decathlon but not in nnU-Net.

    Raises:
        IsthmusError: the file is not JSON.
    """
    description = read_json(root / "dataset.json")
    return isinstance(description, dict) and isinstance(description.get("training"), list)


def images(folder: Path) -> list[Case]:
    """Returns the images in a folder of a task (`imagesTs`, `imagesTr`), with modalities as channels.

    Raises:
        IsthmusError: there is no image.
    """
    files = [file for file in sorted(folder.iterdir()) if is_volume(file) and file.name[0] != "."]
    if not files:
        raise IsthmusError(f"{folder}: no volumes here; give the folder with the images")
    return [Case(stem(f), (Source(f, channels=True),), (), stem(f), spacing(f)) for f in files]


def read(root: Path) -> Dataset:
    """Reads the training cases of a task; each case is a group of its own.

    The first version of nnU-Net kept this list but named the files of the channels `CASE_0000.nii.gz`; such folders are
    read too.

    Raises:
        IsthmusError: the `dataset.json` has no labels, or lists entries that are not pairs or files that are missing.
    """
    path = root / "dataset.json"
    description = read_json(path)
    values, classes = labels_of(path, description.get("labels"))
    problems: list[str] = []
    cases: dict[str, Case] = {}
    for number, pair in enumerate(description["training"]):
        if not isinstance(pair, dict) or not {"image", "label"} <= pair.keys():
            raise IsthmusError(f"{path}: training case {number} does not name an image and a label; add them")
        image, label = (listed_file(root, str(pair[key])) for key in ("image", "label"))
        name = stem(image)
        if name in cases:
            problems.append(f"{path}: case {name} is listed twice; keep one")
        files = [image]
        if not image.is_file():
            files = (
                sorted(image.parent.glob(f"{glob.escape(name)}_[0-9][0-9][0-9][0-9]{suffix(image)}")) or files
            )
        problems += [
            f"{file}: no such file, but {path.name} lists it"
            for file in (*files, label)
            if not file.is_file()
        ]
        sources = tuple(Source(file, channels=len(files) == 1) for file in files), (Source(label),)
        cases[name] = Case(name, *sources, name, spacing(files[0]) if files[0].is_file() else None)
    most = max((len(case.images) for case in cases.values()), default=0)
    problems += [
        f"{case.images[0].path}: {len(case.images)} channels where others have {most}; add what is missing"
        for case in cases.values()
        if len(case.images) < most
    ]
    refuse(problems, root)
    if not cases:
        raise IsthmusError(f"{path}: lists no training cases; is this the training part of the task?")
    return Dataset(
        str(description.get("name") or root.resolve().name),
        tuple(cases.values()),
        values,
        classes,
        citation=CITATION,
        terms=str(description.get("licence", "")),
    )
