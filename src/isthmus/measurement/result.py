"""The measurements of all objects, and their tables on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.errors import IsthmusError
from isthmus.files import sweep
from isthmus.measurement.columns import FIRST, rows
from isthmus.measurement.objects import Objects
from isthmus.measurement.regions import Columns
from isthmus.measurement.subjects import Subject
from isthmus.outputs import Guard
from isthmus.runs.files import write_csv

IMAGES = ("image", "objects")
"""Columns that a table of images has."""


@dataclass(frozen=True)
class Measurements:
    """The measurements of all objects.

    Attributes:
        objects: what was measured, an array `(objects,)` for each column, as `pandas.DataFrame` takes it.
            NaN: not known of this object.
        images: a row for each image (and class, where there are several): count, covered share, distribution of sizes.
        classes: names of the classes; () where there is one.
        only: what that one is called.
        unit: unit of lengths, as in the names of columns.
        subjects: the masks that were measured, by name.
        find: returns the objects of one of them again.
        sources: the files and folders that were given.
    """

    objects: Columns
    images: list[dict[str, Any]]
    classes: tuple[str, ...] = ()
    unit: str = "um"
    subjects: Mapping[str, Subject] = field(default_factory=dict)
    find: Callable[[Subject], Objects] | None = None
    sources: Sequence[Path] = ()
    only: str = "object"

    def __len__(self) -> int:
        """The number of objects."""
        return len(self.objects["number"])

    def of_image(self, name: str) -> Columns:
        """Returns the objects of an image, by column."""
        chosen = np.asarray(self.objects["image"] == name, bool)
        return {column: values[chosen] for column, values in self.objects.items()}

    def objects_of(self, subject: Subject) -> Objects:
        """Returns the objects of one of the `subjects`, from its mask.

        Raises:
            IsthmusError: the mask is not at hand, or cannot be read any more.
        """
        if self.find is None:
            raise IsthmusError(f"{subject.name}: its mask is not at hand; measure it again")
        return self.find(subject)

    def classes_of(self, objects: Objects) -> dict[int, str] | str:
        """Returns the class of each object by its number, or the one that all have."""
        if not self.classes:
            return self.only
        pairs = zip(objects.numbers.tolist(), objects.classes.tolist(), strict=True)
        return {number: self.classes[index - 1] for number, index in pairs}

    def write_tables(self, path: Path, overwrite: bool = False) -> list[Path]:
        """Writes the table of objects as CSV, and the table of images beside it; returns their paths.

        Raises:
            IsthmusError: other files are there, or the tables cannot be written.
        """
        refuse_to_replace(path, self.sources, overwrite)
        sweep(path.parent)
        images = images_path(path)
        columns = list(dict.fromkeys(name for row in self.images for name in row))
        write_csv(images, self.images, columns)
        write_csv(path, rows(self.objects), list(self.objects))
        return [path, images]


def images_path(path: Path) -> Path:
    """Returns the path of the table of images.

    >>> images_path(Path("out/nuclei.csv")).as_posix()
    'out/nuclei-images.csv'
    """
    return path.with_name(f"{path.stem}-images.csv")


def refuse_to_replace(path: Path, data: Sequence[Path], overwrite: bool = False) -> None:
    """Refuses to write tables over other files than earlier tables.

    Raises:
        IsthmusError: a path that is not a CSV, a file of the data, or another file without `overwrite`.
    """
    if path.suffix.lower() != ".csv":
        raise IsthmusError(f"{path}: the table is written as CSV; give a name that ends in .csv")
    guard = Guard(data, overwrite)
    for target in (path, images_path(path)):
        ours = is_table(target)
        guard.refuse(target, ours=lambda _, ours=ours: ours, kind=".csv" if ours else "")  # type: ignore[misc]


def is_table(path: Path) -> bool:
    """Returns whether a file is a table that this command wrote."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header = file.readline().rstrip("\r\n").split(",")
    except (OSError, ValueError):
        return False
    objects = tuple(header[:2]) == FIRST and "touches_border" in header
    return objects or (header[0] == "image" and {"objects", "touching_border"} <= set(header))
