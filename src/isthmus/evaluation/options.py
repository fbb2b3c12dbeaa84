"""Options for scoring masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.evaluation.mask_grids import Spacing
from isthmus.io.tiff_axes import as_axes
from isthmus.metrics.empty import Missing, as_missing
from isthmus.metrics.input_checks import as_tolerance


@dataclass(frozen=True)
class EvaluateOptions:
    """How masks are read and scored.

    Attributes:
        partial: score those true masks that have a prediction, and say how many have none.
        objects: also score whole objects (F1, Dice, Hausdorff distance, panoptic quality, …); None: where the truth
            separates objects, by their numbers or by a file for each. Where it does not, objects are the connected
            components of each class.
        instances: whether values in the masks are numbers of objects; None: decided from the masks. Predicted masks
            then hold numbers too, or a single value, and then the connected components are taken.
        classes: what each mask value means, on both sides, as ``{1: "liver", 2: "kidney"}``; values with the same name
            are one class. 0 is the background, and so is each value with the name of 0 ("background" unless named).
            None: the values of the truth, in which predictions have to be written; only 0 and 1 stand for 0 and 255.
        spacing: size of a pixel along each axis, for masks whose files state none; the unit of all distances.
        tolerance: the distance, in that unit, within which surface Dice counts a point.
        missing: the distance of a case in which one mask is empty: ``"diagonal"`` of the image, ``"infinity"``, or
            ``"exclude"`` (no number; the mean is over the others).
        ignore: the value of true masks whose pixels count on neither side (see the metrics' own ``ignore``).
        axes: what the axes of the data set's TIFF images mean, if the files do not say, as ``"CYX"``.

    Raises:
        IsthmusError: a value that cannot be, or ``classes`` with ``instances=True``.
    """

    partial: bool = False
    objects: bool | None = None
    instances: bool | None = None
    classes: Mapping[int, str] | None = None
    spacing: Spacing = None
    tolerance: float = 1.0
    missing: Missing = "diagonal"
    ignore: int | None = None
    axes: str | None = None

    def __post_init__(self) -> None:
        if self.classes is not None and self.instances:
            raise IsthmusError(
                "classes says what values mean, and instances=True that they number objects; give one of them"
            )
        as_tolerance(self.tolerance)
        as_missing(self.missing)
        as_axes(self.axes)

    def named_values(self) -> tuple[ValueMap, tuple[str, ...]] | None:
        """Returns the map from values to classes and the names of these, background first; None without ``classes``.

        Raises:
            IsthmusError: no foreground among the classes.
        """
        return None if self.classes is None else named_values(self.classes)


def named_values(classes: Mapping[int, str]) -> tuple[ValueMap, tuple[str, ...]]:
    """Returns the map from mask values to classes, and the names of these, background first.

    Raises:
        IsthmusError: no foreground among the classes.
    """
    background = classes.get(0, "background")
    names = tuple(dict.fromkeys([background, *classes.values()]))
    pairs = {0: background, **classes}
    if len(names) < 2:
        raise IsthmusError(f"classes {dict(classes)} names no foreground; write {{1: 'liver', 2: 'kidney'}}")
    return ValueMap(tuple((value, names.index(name)) for value, name in pairs.items())), names
