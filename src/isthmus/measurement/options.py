"""Options for measuring objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from isthmus.errors import IsthmusError, nearest
from isthmus.metrics.input_checks import as_spacing

MICROMETRES = {"nm": 1e-3, "um": 1.0, "mm": 1e3, "cm": 1e4}
"""The units in which lengths are given, as columns name them."""


@dataclass(frozen=True)
class MeasureOptions:
    """What counts as an object, and how large a pixel is.

    Attributes:
        instances: whether values in the masks number objects. If not, the connected components of each value are
            objects. None: decided from the masks.
        classes: what each mask value means, as ``{1: "nucleus", 2: "debris"}``; connected components are then objects.
        pixel_size: size of a pixel along each axis, (rows, columns) or (slices, rows, columns), or one number for all,
            in `unit`; instead of what files state.
        unit: unit of lengths: ``"nm"``, ``"um"``, ``"mm"`` or ``"cm"``.
        stacks: whether pages of a TIFF are the slices of one volume; None: where the file names them so (an axis Z).
        partial: also measure masks without an image where others have one; they have no intensities.
        axes: what the axes of TIFF images mean, if the files do not say, as ``"CYX"``.

    Raises:
        IsthmusError: an unknown unit, a size that is not positive, or ``classes`` with ``instances=True``.
    """

    instances: bool | None = None
    classes: Mapping[int, str] | None = None
    pixel_size: float | tuple[float, ...] | None = None
    unit: str = "um"
    stacks: bool | None = None
    partial: bool = False
    axes: str | None = None

    def __post_init__(self) -> None:
        if self.classes is not None and self.instances:
            raise IsthmusError(
                "classes says what values mean, and instances=True that they number objects; give one of them"
            )
        if self.unit not in MICROMETRES:
            raise IsthmusError(
                f"unit='{self.unit}' is not one in which lengths are given: {nearest(self.unit, MICROMETRES)}"
            )
        if self.pixel_size is not None:
            steps = self.pixel_size if isinstance(self.pixel_size, tuple) else (self.pixel_size,)
            as_spacing(self.pixel_size, len(steps))

    def size_of(self, stated: tuple[float, ...] | None, axes: int, where: str) -> tuple[float, ...] | None:
        """Returns the size of a pixel along each axis of a mask, in `unit`; None: unknown.

        Args:
            stated: what its files state, in micrometres.
            axes: number of axes of the mask.
            where: its name, for messages.

        Raises:
            IsthmusError: `pixel_size` has another number of axes.
        """
        if self.pixel_size is None:
            return stated and tuple(step / MICROMETRES[self.unit] for step in stated)
        if not isinstance(self.pixel_size, tuple) or len(self.pixel_size) == 1:
            return (float(as_spacing(self.pixel_size, 1)[0]),) * axes
        if len(self.pixel_size) != axes:
            raise IsthmusError(
                f"{where}: has {axes} axes, and the pixel size {len(self.pixel_size)}; give one for each axis, or one "
                "for all"
            )
        return tuple(map(float, self.pixel_size))
