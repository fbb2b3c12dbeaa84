"""The outlines of measured objects for ImageJ and QuPath, in folders beside the tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isthmus.data.case_paths import refuse_clashes
from isthmus.data.checks.problems import refuse
from isthmus.errors import IsthmusError
from isthmus.files import sweep
from isthmus.inference.outputs.outline_files import geojson_path, rois_path, write_outlines
from isthmus.io import imagej
from isthmus.io.geojson import is_geojson
from isthmus.measurement.result import Measurements
from isthmus.outputs import Guard, refuse_below_a_file
from isthmus.watch import Watch


@dataclass(frozen=True)
class OutlineFiles:
    """The outlines that are wanted.

    Attributes:
        folder: of the tables.
        rois: whether each image has ImageJ ROIs, ``rois/<image>.zip``.
        geojson: whether each has GeoJSON for QuPath, ``geojson/<image>.geojson``.
    """

    folder: Path
    rois: bool = False
    geojson: bool = False

    def refuse_harm(self, images: Iterable[str], guard: Guard) -> list[str]:
        """Refuses to write outside the folder, or over other files than earlier outlines.

        Args:
            images: their names.
            guard: knows the files of the data.

        Returns:
            Lines to tell the user, as `refuse_clashes`.

        Raises:
            IsthmusError: a name that cannot be that of a file; other files are there; roifile is not installed.
        """
        if self.rois:
            imagej.needed()
        problems: list[str] = []
        paths: list[Path] = []
        for name in images:
            try:
                paths += [path for path in self._paths(name) if path is not None]
            except IsthmusError as error:
                problems.append(str(error))
        refuse(problems, self.folder)
        for folder in dict.fromkeys(path.parent for path in paths):
            refuse_below_a_file(folder)
        for path in paths:
            ours = (imagej.is_rois if path.suffix == ".zip" else is_geojson)(path)
            guard.refuse(path, ours=lambda _, ours=ours: ours, kind=path.suffix if ours else "")  # type: ignore[misc]
        return refuse_clashes(self.folder, paths)

    def write(self, found: Measurements, watch: Watch) -> None:
        """Writes the outlines of every image, each file whole or not at all.

        Raises:
            IsthmusError: a mask or a file cannot be read or written any more.
        """
        if not (self.rois or self.geojson):
            return
        watch.stage("writing outlines", len(found.subjects))
        swept: set[Path] = set()
        for name, subject in found.subjects.items():
            rois, geojson = self._paths(name)
            for folder in {path.parent for path in (rois, geojson) if path is not None} - swept:
                sweep(folder)
                swept.add(folder)
            objects = found.objects_of(subject)
            numbers = np.append(0, objects.numbers)[objects.labels]
            write_outlines(numbers, found.classes_of(objects), subject.source, rois, geojson)
            watch.advance(name)

    def _paths(self, name: str) -> tuple[Path | None, Path | None]:
        return (
            rois_path(self.folder, name) if self.rois else None,
            geojson_path(self.folder, name) if self.geojson else None,
        )
