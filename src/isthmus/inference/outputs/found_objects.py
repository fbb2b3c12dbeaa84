"""The objects in a predicted mask: as it numbers them, or the connected parts of each of its classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.inference.settings import value_map
from isthmus.metrics.objects import number_components
from isthmus.runs.recipe import Data


@dataclass(frozen=True)
class FoundObjects:
    """Objects of an image.

    Attributes:
        numbers: ``(*spatial)``, from 1; 0 is background.
        classes: the class of each by its number, or the one that all have.
    """

    numbers: NDArray[Any]
    classes: Mapping[int, str] | str

    @classmethod
    def of(cls, mask: NDArray[Any], data: Data) -> FoundObjects:
        """Returns the objects of a mask ``(*spatial)`` as a run writes it; parts of a class are connected across faces,
        edges and corners, as in clean-up."""
        names = data.classes
        if data.instances:
            return cls(mask, names[1])
        labels = value_map(data).apply(mask)
        numbers, classes = np.zeros(mask.shape, np.int32), dict[int, str]()
        for index in range(1, len(names)):
            parts = number_components(labels == index, mask.ndim)
            found = range(len(classes) + 1, len(classes) + 1 + int(parts.max(initial=0)))
            np.copyto(numbers, parts + len(classes), where=parts > 0)
            classes |= dict.fromkeys(found, names[index])
        return cls(numbers, names[1] if len(names) == 2 else classes)
