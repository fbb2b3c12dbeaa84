"""What metrics are computed from: the two masks of one class in one case, and what is measured on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isthmus.metrics.distances import MaskDistances, Sides
from isthmus.metrics.empty import Missing
from isthmus.metrics.input_checks import BoolMask, diagonal
from isthmus.metrics.object_distances import ObjectDistances
from isthmus.metrics.object_matching import Overlaps
from isthmus.metrics.object_states import ObjectStates
from isthmus.metrics.objects import number_components
from isthmus.metrics.overlap import Counts
from isthmus.metrics.pairs import Pair


@dataclass(frozen=True)
class Measurements:
    """One class of one case. Every quantity is measured once, when it is first requested.

    Attributes:
        pair: both masks, cropped; `prediction` and `truth` are those of the whole image.
        spacing: distance of neighbouring points along each axis, which gives distances their unit.
        tolerance: distance within which surface Dice counts a point, in the same unit.
        missing: rule for the distance where one mask is empty.
        numbered: objects by their numbers; None: the connected components of the masks.
        known: probabilities of the class; None if only masks are known.
    """

    pair: Pair
    spacing: tuple[float, ...]
    tolerance: float = 1.0
    missing: Missing = "diagonal"
    numbered: Overlaps | None = None
    known: NDArray[np.float32] | None = None

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Probabilities of the class, float32 `(*spatial)` in [0, 1]; 0 where points are ignored."""
        if self.known is None:
            raise ValueError("only masks are known here; state probabilities=True in the row of the metric")
        return self.known

    @cached_property
    def prediction(self) -> BoolMask:
        """The predicted mask, bool `(*spatial)`; ignored points are False."""
        return self._whole[0]

    @cached_property
    def truth(self) -> BoolMask:
        """The true mask, bool `(*spatial)`; ignored points are False."""
        return self._whole[1]

    @cached_property
    def counts(self) -> Counts:
        """Points of either mask, of both and of the image."""
        return Counts.of(self.pair)

    @property
    def surface(self) -> MaskDistances:
        """Distances between the two surfaces."""
        return self._distances[0]

    @property
    def foreground_hausdorff(self) -> float:
        """Hausdorff distance between the foregrounds."""
        return self._distances[1]

    @cached_property
    def objects(self) -> Overlaps:
        """Predicted and true objects, and where they overlap."""
        return connected(self.pair) if self.numbered is None else self.numbered

    @cached_property
    def states(self) -> ObjectStates:
        """What became of each object."""
        return ObjectStates.of(self.objects)

    @cached_property
    def panoptic_quality(self) -> tuple[float, float, float]:
        """Panoptic, segmentation and recognition quality of the objects."""
        return self.objects.panoptic_quality()

    @property
    def object_hausdorff(self) -> float:
        """Object Hausdorff distance of the GlaS challenge."""
        longest = diagonal(self.pair.shape, self.spacing)
        return ObjectDistances(self.objects, self.spacing).weighted(longest, self.missing)

    @cached_property
    def _whole(self) -> tuple[BoolMask, BoolMask]:
        return self.pair.padded(self.pair.shape)

    @cached_property
    def _distances(self) -> tuple[MaskDistances, float]:
        """Both from one pass over the image."""
        return Sides(self.pair, self.spacing, self.missing).surface_and_foreground_hausdorff()


def connected(pair: Pair) -> Overlaps:
    """Numbers the connected components of both masks, and finds where they overlap."""
    return Overlaps(number_components(pair.prediction), number_components(pair.truth))
