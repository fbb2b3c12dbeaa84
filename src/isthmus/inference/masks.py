"""Where the mask of a case is written, and in which format: as PNG, or as a volume like its image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import Case, Source
from isthmus.data.formats import probe
from isthmus.data.volume_files import is_volume, write_volume
from isthmus.data.writing import write_image, write_mask
from isthmus.inference.instance_files import write_instances


def mask_path(folder: Path, case: Case, instances: bool = False) -> Path:
    """``FOLDER/<case>.png``, for numbers of objects ``.tif``; ``.nii.gz`` for a volume."""
    flat = ".tif" if instances else ".png"
    return folder / f"{case.id}{flat if is_flat(case) else '.nii.gz'}"


def write_case(
    folder: Path, case: Case, mask: NDArray[Any], instances: bool = False, notes: list[str] | None = None
) -> Path:
    """Write a mask; that of a volume lies in space where its image does, in the image's own orientation. With
    ``instances`` it holds numbers of objects, in 16 bits where these suffice (else ``notes`` gets a line)."""
    path = mask_path(folder, case, instances)
    source = case.images[0]
    if not is_flat(case):
        if instances:
            most = int(mask.max(initial=0))
            mask = mask.astype(np.uint16 if most < 2**16 else np.int32)
            if most >= 2**16 and notes is not None:
                notes.append(f"{path}: {most} objects are more than 16 bits can number, so it has 32 bits")
        write_volume(path, _in_whole(mask, source), like=source.path)
    elif instances:
        note = write_instances(path, mask)
        if note and notes is not None:
            notes.append(note)
    else:
        write_mask(path, mask)
    return path


def probability_paths(folder: Path, case: Case, maps: int = 1) -> list[Path]:
    """``FOLDER/<case>.tif``; for a volume ``.nii.gz``, one for each map."""
    if is_flat(case):
        return [folder / f"{case.id}.tif"]
    if maps == 1:
        return [folder / f"{case.id}.nii.gz"]
    return [folder / f"{case.id}-{index}.nii.gz" for index in range(maps)]


def write_probabilities(folder: Path, case: Case, maps: NDArray[Any]) -> None:
    """Write probabilities ``(maps, *spatial)`` as float32: a TIFF page, or a volume, for each map."""
    paths = probability_paths(folder, case, len(maps))
    if is_flat(case):
        write_image(paths[0], maps)
        return
    for path, values in zip(paths, maps, strict=True):
        write_volume(path, _in_whole(values, case.images[0]), like=case.images[0].path)


def _in_whole(array: NDArray[Any], source: Source) -> NDArray[Any]:
    """What was found in a part of a volume, in the frame of the whole; 0 elsewhere."""
    if source.part is None:
        return array
    whole = np.zeros((probe(replace(source, part=None))[0][1], *array.shape[1:]), array.dtype)
    whole[slice(*source.part)] = array
    return whole


def overlay_path(folder: Path, case: Case) -> Path:
    """``FOLDER/overlays/<case>.png``: the image with its objects in colours."""
    return folder / "overlays" / f"{case.id}.png"


def is_flat(case: Case) -> bool:
    """Whether the image is none that is stored as a volume with its place in space."""
    source = case.images[0]
    return source.page is not None or not is_volume(source.path)
