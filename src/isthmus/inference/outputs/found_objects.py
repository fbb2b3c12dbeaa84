"""The objects in a predicted mask: as it numbers them, or the connected parts of each of its classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import Case
from isthmus.inference.outputs.mask_files import in_whole, is_flat
from isthmus.inference.settings import value_map
from isthmus.io.geojson import write_geojson
from isthmus.io.imagej import write_rois
from isthmus.io.volumes import as_stored
from isthmus.metrics.objects import number_components
from isthmus.runs.recipe import Data


@dataclass(frozen=True)
class FoundObjects:
    """Objects of an image.

    Attributes:
        numbers: ``(*spatial)``, from 1; 0 is background.
        classes: the class of each by its number.
        one_class: whether they can only have one.
    """

    numbers: NDArray[Any]
    classes: Mapping[int, str]
    one_class: bool

    @classmethod
    def of(cls, mask: NDArray[Any], data: Data) -> FoundObjects:
        """Returns the objects of a mask ``(*spatial)`` as a run writes it; parts of a class are connected across faces,
        edges and corners, as in clean-up."""
        names = data.classes
        if data.instances:
            return cls(mask, dict.fromkeys(range(1, int(mask.max(initial=0)) + 1), names[1]), True)
        labels = value_map(data).apply(mask)
        numbers, classes = np.zeros(mask.shape, np.int32), dict[int, str]()
        for index in range(1, len(names)):
            parts = number_components(labels == index, mask.ndim)
            found = range(len(classes) + 1, len(classes) + 1 + int(parts.max(initial=0)))
            np.copyto(numbers, parts + len(classes), where=parts > 0)
            classes |= dict.fromkeys(found, names[index])
        return cls(numbers, classes, len(names) == 2)

    def write_outlines(self, case: Case, rois: Path | None, geojson: Path | None) -> None:
        """Writes ImageJ ROIs and GeoJSON of the whole file that an image comes from, in the order in which a volume
        stores its voxels: x along its first axis, y along the second, slices along the third."""
        source = case.images[0]
        numbers = in_whole(self.numbers, source)
        if not is_flat(case):
            numbers = as_stored(numbers, source.path)
        if rois is not None:
            write_rois(rois, numbers, None if self.one_class else self.classes)
        if geojson is not None:
            write_geojson(geojson, numbers, self.classes)
