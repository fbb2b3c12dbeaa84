"""Writes the mask of a case, as a PNG or as a volume like its image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.case_paths import case_path, refuse_clashes
from isthmus.data.cases import Case, Source
from isthmus.data.checks.problems import refuse
from isthmus.errors import IsthmusError
from isthmus.inference.outputs.instance_files import write_instances
from isthmus.io.images import pixel_size, probe
from isthmus.io.volumes import in_space, write_volume
from isthmus.io.writing import write_image, write_mask


def mask_path(folder: Path, case: Case, instances: bool = False) -> Path:
    """Returns ``FOLDER/<case>.png``, for numbers of objects ``.tif``; ``.nii.gz`` for a volume.

    Raises:
        IsthmusError: as `case_path`.
    """
    flat = ".tif" if instances else ".png"
    return case_path(folder, case.id, flat if is_flat(case) else ".nii.gz")


def write_case(folder: Path, case: Case, mask: NDArray[Any], instances: bool = False) -> list[str]:
    """Writes a mask to `mask_path`; that of a volume lies in space where its image does, in the image's own
    orientation, and that of a picture states the size of a pixel if the picture does.

    Args:
        folder: the folder to write to.
        case: whose image was segmented.
        mask: ``(*spatial)``.
        instances: whether it holds numbers of objects; these are written in 16 bits where they fit, else in 32.

    Returns:
        Lines to tell the user.
    """
    path, source, notes = mask_path(folder, case, instances), case.images[0], list[str]()
    mask = in_whole(mask, source)
    if not is_flat(case):
        if instances:
            most = int(mask.max(initial=0))
            mask = mask.astype(np.uint16 if most < 2**16 else np.int32)
            if most >= 2**16:
                notes.append(f"{path}: {most} objects are more than 16 bits can number, so it has 32 bits")
        write_volume(path, mask, like=source.path)
    elif instances:
        note = write_instances(path, mask, pixel_size(source))
        notes += [note] if note else []
    else:
        write_mask(path, mask, pixel_size(source))
    return notes


def refuse_unwritable(folder: Path, cases: Iterable[Case], instances: bool = False) -> list[str]:
    """Refuses cases whose masks cannot be different files of a folder; all are reported together.

    Returns:
        Lines to tell the user, as `refuse_clashes`.

    Raises:
        IsthmusError: as `case_path`.
    """
    problems, paths = [], []
    for case in cases:
        try:
            paths.append(mask_path(folder, case, instances))
        except IsthmusError as error:
            problems.append(str(error))
    refuse(problems, folder)
    return refuse_clashes(folder, paths)


def probability_paths(folder: Path, case: Case, maps: int = 1) -> list[Path]:
    """Returns ``FOLDER/probabilities/<case>.tif``; for a volume ``.nii.gz``, one for each map."""
    if is_flat(case):
        endings = [".tif"]
    else:
        endings = [".nii.gz"] if maps == 1 else [f"-{index}.nii.gz" for index in range(maps)]
    return [case_path(folder, case.id, ending, "probabilities") for ending in endings]


def write_probabilities(folder: Path, case: Case, maps: NDArray[Any]) -> None:
    """Writes probabilities ``(maps, *spatial)`` to `probability_paths` as float32, each map as a TIFF page or a
    volume."""
    paths = probability_paths(folder, case, len(maps))
    if is_flat(case):
        source = case.images[0]
        write_image(paths[0], np.stack([in_whole(values, source) for values in maps]), pixel_size(source))
        return
    for path, values in zip(paths, maps, strict=True):
        write_volume(path, in_whole(values, case.images[0]), like=case.images[0].path)


def in_whole(array: NDArray[Any], source: Source) -> NDArray[Any]:
    """Returns what was found in a part of an image in the frame of the whole image; 0 elsewhere."""
    if source.part is None:
        return array
    whole = np.zeros((probe(replace(source, part=None))[0][1], *array.shape[1:]), array.dtype)
    whole[slice(*source.part)] = array
    return whole


def overlay_path(folder: Path, case: Case) -> Path:
    """Returns ``FOLDER/overlays/<case>.png``, for the image with its objects in colours."""
    return case_path(folder, case.id, ".png", "overlays")


def is_flat(case: Case) -> bool:
    """Returns whether the image is a picture, not a volume stored with its place in space."""
    return is_picture(case.images[0])


def is_picture(source: Source) -> bool:
    """Returns whether a file, or a page of it, has no place in space."""
    return source.page is not None or not in_space(source.path)
