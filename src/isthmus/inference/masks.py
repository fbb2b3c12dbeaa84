"""Where the mask of a case is written, and in which format: as PNG, or as a volume like its image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from isthmus.data.cases import Case
from isthmus.data.volume_files import is_volume, write_volume
from isthmus.data.writing import write_image, write_mask


def mask_path(folder: Path, case: Case) -> Path:
    """``FOLDER/<case>.png``; ``.nii.gz`` for a volume."""
    return folder / f"{case.id}{'.nii.gz' if _is_volume(case) else '.png'}"


def write_case(folder: Path, case: Case, mask: NDArray[Any]) -> Path:
    """Write a mask; that of a volume lies in space where its image does, in the image's own orientation."""
    path = mask_path(folder, case)
    if _is_volume(case):
        write_volume(path, mask, like=case.images[0].path)
    else:
        write_mask(path, mask)
    return path


def probability_paths(folder: Path, case: Case, maps: int = 1) -> list[Path]:
    """``FOLDER/<case>.tif``; for a volume ``.nii.gz``, one for each map."""
    if not _is_volume(case):
        return [folder / f"{case.id}.tif"]
    if maps == 1:
        return [folder / f"{case.id}.nii.gz"]
    return [folder / f"{case.id}-{index}.nii.gz" for index in range(maps)]


def write_probabilities(folder: Path, case: Case, maps: NDArray[Any]) -> None:
    """Write probabilities ``(maps, *spatial)`` as float32: a TIFF page, or a volume, for each map."""
    paths = probability_paths(folder, case, len(maps))
    if not _is_volume(case):
        write_image(paths[0], maps)
        return
    for path, values in zip(paths, maps, strict=True):
        write_volume(path, values, like=case.images[0].path)


def _is_volume(case: Case) -> bool:
    source = case.images[0]
    return source.page is None and is_volume(source.path)
