"""Reads and writes nnU-Net's raw layout (for its splits see `isthmus.data.splits.files`).

    DatasetNNN_Name/
        dataset.json            channel names, labels, file ending
        imagesTr/CASE_0000.nii.gz, CASE_0001.nii.gz, …   one file per channel (an RGB image is one file)
        labelsTr/CASE.nii.gz    0 is the background

Isensee et al., nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation,
Nature Methods 18, 2021, doi:10.1038/s41592-020-01008-z; layout of version 2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from isthmus.data.case_paths import case_path, refuse_clashes
from isthmus.data.cases import IGNORED, Case, Dataset, Source, load
from isthmus.data.checks.problems import refuse
from isthmus.data.masks.values import ValueMap
from isthmus.data.splits.files import NNUNET, case_name, write_nnunet_splits
from isthmus.data.splits.folds import Split
from isthmus.errors import IsthmusError
from isthmus.files import atomic_path, write_bytes
from isthmus.io import nifti
from isthmus.io.formats import FORMATS
from isthmus.io.geometry import Geometry
from isthmus.io.images import write_image, write_mask
from isthmus.io.volumes import is_volume, spacing, write_volume
from isthmus.shapes import read_as, shown

_LONGEST = "_0000.nii.gz"
LAYOUT = "dataset.json, imagesTr/ with CASE_0000.nii.gz and labelsTr/ with CASE.nii.gz"


@dataclass(frozen=True)
class Listed:
    """A case that ``dataset.json`` names file by file."""

    images: tuple[str, ...]
    label: str


@dataclass(frozen=True)
class Description:
    """The part of ``dataset.json`` that is read."""

    labels: Any  # see `labels_of`
    file_ending: str
    channel_names: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Listed] | None = None
    name: str = ""


@dataclass(frozen=True)
class Ending:
    """The part of ``dataset.json`` that is needed to read images without masks."""

    file_ending: str = ".nii.gz"


def read(root: Path) -> Dataset:
    """Reads the training cases of a folder in nnU-Net's raw layout; each case is a group of its own.

    Labels that are lists are regions: the classes are then the values in the masks. A label "ignore" is not a class;
    see `Dataset.ignore`.

    Raises:
        IsthmusError: the `dataset.json` has no labels or file ending, or files are missing or left over.
    """
    description = read_as(root / "dataset.json", Description, f"nnU-Net's layout is {LAYOUT}")
    ending = description.file_ending
    FORMATS.find(ending.lower(), str(root / "dataset.json"))
    labels, ignore = _without_ignore(description.labels)
    values, classes = labels_of(root / "dataset.json", labels)
    if ignore is not None:
        values = ValueMap((*values.pairs, (ignore, 0)))
    channels = len(description.channel_names) or 1
    problems: list[str] = []
    if description.dataset:
        found = _listed(root, description.dataset)
    else:
        found = _found(root, ending, channels, problems)
    cases = []
    for name, (images, mask) in found.items():
        problems += [
            f"{file}: no such file; case {name} needs it" for file in (*images, mask) if not file.is_file()
        ]
        sources = tuple(Source(file) for file in images)
        steps = spacing(images[0]) if is_volume(images[0]) else None
        cases.append(Case(name, sources, (Source(mask),), name, steps))
    refuse(problems, root)
    if not cases:
        raise IsthmusError(f"{root}: no cases; nnU-Net's layout is {LAYOUT}")
    regions = _regions(labels, values)
    name = description.name or root.resolve().name
    return Dataset(name, tuple(cases), values, classes, regions=regions, ignore=ignore)


def images(folder: Path) -> list[Case]:
    """Returns the images in a folder of nnU-Net's layout (`imagesTs`, `imagesTr`) with all their channels.

    Raises:
        IsthmusError: as `read`; a channel is missing, or there is no image.
    """
    ending = read_as(folder.parent / "dataset.json", Ending).file_ending
    problems: list[str] = []
    found = _channels(folder, ending, problems)
    wanted = max(map(len, found.values()), default=1)
    cases = []
    for name, files in found.items():
        expected = [folder / f"{name}_{c:04d}{ending}" for c in range(wanted)]
        problems += [f"{file}: no such file; case {name} needs it" for file in expected if file not in files]
        steps = spacing(files[0]) if is_volume(files[0]) else None
        cases.append(Case(name, tuple(Source(file) for file in files), (), name, steps))
    refuse(problems, folder)
    if not cases:
        raise IsthmusError(f"{folder}: no images CASE_0000{ending} here, as {folder.parent.name} names them")
    return cases


def write(
    dataset: Dataset,
    root: Path,
    channel_names: Sequence[str] | None = None,
    splits: Sequence[Split] = (),
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes a checked data set in nnU-Net's raw layout, completely or not at all; masks hold class indices.

    Volumes (and images that PNG cannot hold) become `.nii.gz`, other images `.png`.

    Args:
        root: a folder that does not exist yet; nnU-Net requires the name `DatasetNNN_Name`.
        channel_names: one for each channel; "CT" makes nnU-Net normalise Hounsfield units.
        splits: written to `splits_final.json` (nnU-Net expects it in its folder of preprocessed data).
        progress: called with (cases written, cases).

    Raises:
        IsthmusError: the folder exists, cases would have the same name, or a file cannot be read or written.
    """
    refuse_existing(root)
    if dataset.values is None:
        raise ValueError(f"the mask values of {dataset.name} are not known yet; check_dataset finds them")
    names = {case.id: case_name(case.id) for case in dataset.cases}
    if len(set(names.values())) < len(names):
        raise IsthmusError(f"{dataset.name}: cases whose ids differ in / only; rename them before exporting")
    refuse_clashes(root, [case_path(root, name, _LONGEST, "imagesTr") for name in names.values()])
    with atomic_path(root) as aside:
        endings, channels = set(), set()
        for done, case in enumerate(dataset.cases, 1):
            ending, number = _write_case(case, dataset, aside, names[case.id])
            endings.add(ending)
            channels.add(number)
            if progress:
                progress(done, len(dataset.cases))
        if len(endings) > 1 or len(channels) > 1:
            raise IsthmusError(
                f"{dataset.name}: flat images and volumes, or different channels; export them separately"
            )
        number = channels.pop()
        if channel_names is not None and len(channel_names) != number:
            raise IsthmusError(f"{len(channel_names)} channel names for {number} channels; name each one")
        description = {
            "name": dataset.name,
            "channel_names": {str(c): (channel_names or _default_names(number))[c] for c in range(number)},
            "labels": {name: index for index, name in enumerate(dataset.classes)}
            | ({} if dataset.ignore is None else {"ignore": len(dataset.classes)}),
            "numTraining": len(dataset.cases),
            "file_ending": endings.pop(),
            "licence": dataset.terms,
            "reference": dataset.citation,
        }
        write_bytes(aside / "dataset.json", json.dumps(description, indent=2, ensure_ascii=False).encode())
        if splits:
            write_nnunet_splits(aside / NNUNET, splits)


def refuse_existing(root: Path) -> None:
    """Refuses a folder that exists, as a data set is written to a new one.

    Raises:
        IsthmusError: the folder exists.
    """
    if root.exists():
        raise IsthmusError(f"{root}: exists already; give a new folder (or remove this one)")


def is_name(name: str) -> bool:
    """Returns whether nnU-Net finds a folder of this name.

    >>> is_name("Dataset007_Pancreas"), is_name("pancreas")
    (True, False)
    """
    return re.fullmatch(r"Dataset\d{3}_.+", name) is not None


def labels_of(path: Path, labels: Any) -> tuple[ValueMap, tuple[str, ...]]:
    """Returns the value map and the class names of the labels in a `dataset.json` (name -> value, or value -> name).

    Raises:
        IsthmusError: the labels are not such a table, or the label "ignore" has no value of its own.
    """
    if not isinstance(labels, dict) or len(labels) < 2:
        raise IsthmusError(f'{path}: "labels" is not a table such as {{"background": 0, "tumour": 1}}')
    if "ignore" in labels:
        raise IsthmusError(
            f"{path}: the label 'ignore' is {shown(labels['ignore'])}; give it a value above 0 of its own"
        )
    if all(
        str(key).isdecimal() and len(str(key)) < 10 for key in labels
    ):  # value -> name, as in the Decathlon
        labels = {str(name): int(value) for value, name in labels.items()}
    named: dict[int, str] = {}
    regions = any(isinstance(value, list) for value in labels.values())
    for name, value in labels.items():
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, int) or isinstance(one, bool) or not 0 <= one < 2**31:
                raise IsthmusError(
                    f"{path}: label '{name}' has the value {shown(one)}; values are 0, 1, 2, …"
                )
            named.setdefault(one, f"class {one}" if regions and one else name)
    named.setdefault(0, "background")
    found = sorted(named)
    pairs = tuple((value, index) for index, value in enumerate(found))
    return ValueMap(pairs), tuple(named[value] for value in found)


def _without_ignore(labels: Any) -> tuple[Any, int | None]:
    """Returns the other labels, and the value of "ignore" if no other label has it."""
    if not isinstance(labels, dict):
        return labels, None
    ignore, others = labels.get("ignore"), {name: held for name, held in labels.items() if name != "ignore"}
    held = [one for value in others.values() for one in (value if isinstance(value, list) else [value])]
    if not isinstance(ignore, int) or isinstance(ignore, bool) or not 0 < ignore < 2**31 or ignore in held:
        return labels, None
    return others, ignore


def listed_file(root: Path, name: str) -> Path:
    """Returns a file that the `dataset.json` of a folder names.

    Raises:
        IsthmusError: no file can have this name.
    """
    if "\0" in name:
        raise IsthmusError(f"{root / 'dataset.json'}: {name!r:.60} is not a file name; correct it")
    return root.joinpath(*PurePosixPath(name).parts)


def _regions(labels: dict[str, Any], values: ValueMap) -> dict[str, tuple[int, ...]]:
    """Returns the class indices of each region; {} if every label is a single value, hence a class."""
    if not any(isinstance(held, list) for held in labels.values()):
        return {}
    index = dict(values.pairs)
    listed = {str(name): held if isinstance(held, list) else [held] for name, held in labels.items()}
    return {name: tuple(index[value] for value in held) for name, held in listed.items() if held != [0]}


def _listed(root: Path, listed: Mapping[str, Listed]) -> dict[str, tuple[list[Path], Path]]:
    """Returns the cases that `dataset.json` names file by file."""
    empty = [name for name, entry in listed.items() if not entry.images]
    if empty:
        raise IsthmusError(
            f"{root / 'dataset.json'}: case '{empty[0]}' names no images; add them, or leave it out"
        )
    return {
        name: ([listed_file(root, file) for file in entry.images], listed_file(root, entry.label))
        for name, entry in sorted(listed.items())
    }


def _found(root: Path, ending: str, channels: int, problems: list[str]) -> dict[str, tuple[list[Path], Path]]:
    """Returns the cases in `imagesTr/` and `labelsTr/`, named by their labels."""
    for folder in ("imagesTr", "labelsTr"):
        if not (root / folder).is_dir():
            raise IsthmusError(f"{root}: no folder {folder}/ here; nnU-Net's layout is {LAYOUT}")
    images = _channels(root / "imagesTr", ending, problems)
    labels = {
        p.name.removesuffix(ending): p
        for p in sorted((root / "labelsTr").iterdir())
        if p.name.endswith(ending) and p.name[0] != "."
    }
    for name in sorted(images.keys() - labels.keys()):
        problems.append(f"{images[name][0]}: an image without {root / 'labelsTr' / name}{ending}; add it")
    rgb = (
        channels == 3 and all(len(group) == 1 for group in images.values()) and not ending.startswith(".nii")
    )
    wanted = 1 if rgb else channels
    return {
        name: ([root / "imagesTr" / f"{name}_{c:04d}{ending}" for c in range(wanted)], label)
        for name, label in labels.items()
    }


def _channels(folder: Path, ending: str, problems: list[str]) -> dict[str, list[Path]]:
    """Returns the files of each case in `imagesTr/` or `imagesTs/`, by channel."""
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()):
        if not file.name.endswith(ending) or file.name[0] == ".":
            continue
        match = re.fullmatch(r"(.+)_(\d{4})", file.name.removesuffix(ending))
        if match:
            found.setdefault(match[1], []).append(file)
        else:
            problems.append(f"{file}: names no channel; nnU-Net's file names end in _0000{ending}")
    return found


def _write_case(case: Case, dataset: Dataset, root: Path, name: str) -> tuple[str, int]:
    """Writes one case, and returns its file ending and number of channels."""
    image, label = load(case, dataset, marked=True)
    if dataset.ignore is not None:
        label[label == IGNORED] = len(dataset.classes)
    first = case.images[0]
    whole = first.page is None and label.ndim == 3 and is_volume(first.path)
    if whole:
        for channel, voxels in enumerate(image):
            write_volume(root / "imagesTr" / f"{name}_{channel:04d}.nii.gz", voxels, first.path)
        write_volume(root / "labelsTr" / f"{name}.nii.gz", label, first.path)
        return ".nii.gz", len(image)
    if label.ndim == 2 and image.dtype in (np.uint8, np.uint16) and len(image) in (1, 3):
        write_image(root / "imagesTr" / f"{name}_0000.png", image)
        write_mask(root / "labelsTr" / f"{name}.png", label)
        return ".png", len(image)
    for channel, pixels in enumerate(image):
        _write_plain(root / "imagesTr" / f"{name}_{channel:04d}.nii.gz", pixels, case.spacing)
    _write_plain(root / "labelsTr" / f"{name}.nii.gz", label, case.spacing)
    return ".nii.gz", len(image)


def _write_plain(path: Path, array: Any, steps: tuple[float, ...] | None) -> None:
    """Writes an image or a stack without a place in space as a volume with its spacing."""
    zyx = array.reshape((1,) * (3 - array.ndim) + array.shape)
    z, y, x = (1.0,) * (3 - array.ndim) + (steps or (1.0,) * array.ndim)
    grid = Geometry(zyx.shape[::-1], array.dtype, np.diag([-x, -y, z, 1.0]))
    nifti.write(path, grid.from_array(zyx), grid)


def _default_names(number: int) -> tuple[str, ...]:
    return ("R", "G", "B") if number == 3 else tuple(f"channel {c}" for c in range(number))
