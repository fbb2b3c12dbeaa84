"""What is compared, and how."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from isthmus.errors import IsthmusError, nearest
from isthmus.metrics.table import METRICS, Better, direction
from isthmus.statistics.pairs import number

OF_MASKS = ("dice", "iou", "surface_dice", "hausdorff_distance_95", "average_surface_distance")
OF_OBJECTS = (
    *("object_f1", "average_precision", "panoptic_quality", "aggregated_jaccard"),
    *("prediction_objects", "open_gaps", "dice"),
)
"""Metrics that are compared unless others are chosen; the first one orders cases and draws the figures."""


@dataclass(frozen=True)
class CompareOptions:
    """What is compared.

    Attributes:
        metrics: names of metrics, the most important one first; empty: `OF_MASKS`, or `OF_OBJECTS` where objects are
            scored. A mapping also says which direction is better, for scores that are not in the table of metrics.
        margin: largest loss in the first metric that would be acceptable, in its unit; None: non-inferiority is not
            judged.
        common: leave out cases that not every program has, instead of counting them as misses.
        confidence, seed: confidence and seed of the bootstrap intervals.
        alpha: level of the tests.

    Raises:
        IsthmusError: a margin that is not a number above 0; metrics that are one word; a direction of none.
    """

    metrics: Sequence[str] | Mapping[str, Better] = ()
    margin: float | None = None
    common: bool = False
    confidence: float = field(default=0.95, init=False)
    alpha: float = field(default=0.05, init=False)
    seed: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if isinstance(self.metrics, str):
            raise IsthmusError(f"the metrics are the text '{self.metrics}'; give a list, as ['dice', 'iou']")
        for name, better in self.metrics.items() if isinstance(self.metrics, Mapping) else ():
            if better not in get_args(Better):
                raise IsthmusError(
                    f"the metric '{name}' says {better!r}: {nearest(str(better), get_args(Better))}"
                )
        if self.margin is not None and not 0 < number(self.margin, "the margin") < math.inf:
            raise IsthmusError(
                f"the margin is {self.margin:g}; give the largest loss that would be acceptable, above 0, in the unit "
                "of the first metric"
            )

    def names(self, known: Sequence[str], objects: bool) -> tuple[str, ...]:
        """Returns the metrics to compare.

        Args:
            known: metrics that were scored.
            objects: whether whole objects were scored.

        Raises:
            IsthmusError: a metric that was not scored, or no metric at all.
        """
        if not known:
            raise IsthmusError("no metric has a score in any case; there is nothing to compare")
        usual = [name for name in (OF_OBJECTS if objects else OF_MASKS) if name in known] or list(known)[:3]
        chosen = list(dict.fromkeys(self.metrics)) or usual
        for name in chosen:
            if name in known:
                continue
            if name in METRICS and METRICS[name].objects:
                raise IsthmusError(f"the metric '{name}' is about whole objects; score them with --objects")
            raise IsthmusError(f"no metric '{name}' was scored: {nearest(name, known)}")
        return tuple(chosen)

    def refuse_margin(self, metric: str) -> None:
        """Refuses a margin that no loss in a metric of masks could reach, such as 5 for 5 %.

        Raises:
            IsthmusError: names the metric.
        """
        if self.margin is not None and self.margin >= 1 and METRICS[metric].unit == "share":
            raise IsthmusError(
                f"the margin is {self.margin:g}, but {metric} lies between 0 and 1, so that no program could be "
                "inferior; give a share, such as 0.02"
            )

    def sign(self, metric: str) -> int:
        """Returns 1 if higher is better, -1 if lower is, 0 if neither or unknown."""
        if isinstance(self.metrics, Mapping) and metric in self.metrics:
            return {"higher": 1, "lower": -1}.get(self.metrics[metric], 0)
        return direction(metric)
