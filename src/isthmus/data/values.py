"""What the numbers in a mask mean: an explicit map from mask values to classes, and back.

Nothing is guessed in silence: `ValueMap.describe` is printed, the map is stored with the run, and masks are
predicted in the values the user trained with.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError

Rule = Literal["exact", "threshold", "objects"]

MANY = 32
"""More distinct values than this are object numbers, not classes."""

HALF = 128
"""From here on a soft mask counts as foreground."""


@dataclass(frozen=True)
class ValueMap:
    """Mask value -> class index.

    Attributes:
        pairs: (value, class) pairs; several values may share a class, which is written back as the first of them.
        rule: `exact`: each value must be among the pairs. `threshold`: values of `HALF` and more are class 1, the
            rest class 0 (masks with soft edges, as JPEG leaves them). `objects`: each value but 0 is the number of
            an object; all of them are class 1.

    >>> ValueMap.infer({0, 255}).describe()
    'mask values 0 → background, 255 → foreground'
    """

    pairs: tuple[tuple[int, int], ...]
    rule: Rule = "exact"

    def __post_init__(self) -> None:
        classes = sorted({index for _, index in self.pairs})
        if classes != list(range(len(classes))) or not 2 <= len(classes) <= 256:
            raise IsthmusError(
                f"mask classes are numbered 0 (background), 1, 2, …, but the value map has {classes}"
            )
        if len({value for value, _ in self.pairs}) != len(self.pairs):
            raise IsthmusError("a mask value stands twice in the value map; name it once")
        if self.rule not in ("exact", "threshold", "objects"):
            raise IsthmusError(f"no rule '{self.rule}' for mask values (valid: exact, threshold, objects)")

    @property
    def classes(self) -> int:
        """Number of classes, background included."""
        return len({index for _, index in self.pairs})

    @classmethod
    def infer(cls, values: Collection[int] | Mapping[int, int], object_ids: bool | None = None) -> ValueMap:
        """The map for masks that hold these values (with their numbers of pixels, where known).

        - One or two values: background and foreground. Background is 0, or the smaller where there is no 0.
        - More than 32: object numbers, so background and foreground. `object_ids` says so, or denies it.
        - Values of 8 bits that crowd at both ends of the range (0 to 31, 224 to 255): soft edges, cut at 128.
        - Anything else is a label map: the values in ascending order are classes 0, 1, 2, ….

        >>> ValueMap.infer({0, 85, 170, 255}).pairs
        ((0, 0), (85, 1), (170, 2), (255, 3))
        """
        found = sorted(int(value) for value in values)
        if not found:
            raise IsthmusError("no mask values to map: there is no mask")
        if found[0] < 0:
            raise IsthmusError(
                f"masks hold the negative value {found[0]}; classes are 0, 1, 2, …: renumber them"
            )
        if object_ids:
            return cls(((0, 0), (1, 1)), "objects")
        background = 0 if 0 in found or len(found) == 1 else found[0]
        others = [value for value in found if value != background]
        if len(others) <= 1:
            return cls(((background, 0), (others[0] if others else 255, 1)))
        if _is_soft(values):
            return cls(((0, 0), (255, 1)), "threshold")
        if len(found) > MANY and object_ids is None:
            return cls(((0, 0), (1, 1)), "objects")
        if len(found) > 256:
            raise IsthmusError(
                f"masks hold {len(found)} values, more than 256 classes: are they object numbers?"
            )
        return cls(tuple((value, index) for index, value in enumerate([background, *others])))

    @classmethod
    def infer_masks(
        cls,
        masks: Mapping[str, Mapping[int, int]],
        object_ids: bool | None = None,
        lossy: Collection[str] = (),
    ) -> ValueMap:
        """The map for a data set: per mask (by name) its values and their numbers of pixels; `lossy`: the JPEGs.

        Sees more than `infer` can from the values together:

        - Label maps in which every mask counts 1, 2, 3, … without a gap, to an end that differs and goes beyond 8,
          number objects.
        - Masks of 0 and 1 among masks of 0 and 255 are refused, and so is a value that no more than a tenth of
          the masks hold when all the others are 0 and 255.

        Raises:
            IsthmusError: as said, or a JPEG mask of more than two levels, whose values cannot be told apart.
        """
        union: dict[int, int] = {}
        for counts in masks.values():
            for value, pixels in counts.items():
                union[value] = union.get(value, 0) + pixels
        negative = next((name for name, counts in masks.items() if min(counts) < 0), None)
        if negative is not None:
            raise IsthmusError(
                f"{negative}: holds the value {min(masks[negative])}; classes are 0, 1, 2, …: renumber"
            )
        if object_ids is None and _count_objects(masks.values()):
            object_ids = True
        values = cls.infer(union, object_ids)
        if values.rule == "exact":
            _refuse_mixture(masks)
            _refuse_strays(masks, union)
        if values.rule != "threshold" and len(union) > 2:
            for name in lossy:
                raise IsthmusError(
                    f"{name}: a JPEG mask with {len(masks[name])} values; JPEG blurs label values beyond repair: "
                    "save masks as PNG"
                )
        return values

    def apply(self, mask: NDArray[Any], name: str | Path = "the mask") -> NDArray[np.uint8]:
        """Raw mask values `(*spatial)` to class indices, uint8 of the same shape.

        Raises:
            IsthmusError: a value that fits no class; `name` says in which file.
        """
        if self.rule == "objects":
            return (mask != 0).astype(np.uint8)
        if self.rule == "threshold":
            self._refuse(mask[(mask < 0) | (mask > 255)], name)
            return (mask >= HALF).astype(np.uint8)
        labels = np.zeros(mask.shape, np.uint8)
        known = np.zeros(mask.shape, bool)
        for value, index in self.pairs:
            here = mask == value
            labels[here] = index
            known |= here
        self._refuse(mask[~known], name)
        return labels

    def invert(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Class indices back to mask values, in the smallest unsigned type that holds the largest of the map."""
        written: dict[int, int] = {}
        for value, index in self.pairs:
            written.setdefault(index, value)
        table = np.array([written[index] for index in range(self.classes)])
        return table.astype(np.min_scalar_type(int(table.max())))[labels]

    def describe(self, names: Iterable[str] | None = None) -> str:
        """The line that is printed: which values mean what."""
        names = list(names or self.names())
        if self.rule == "threshold":
            return f"mask values 0 … {HALF - 1} → {names[0]}, {HALF} … 255 → {names[1]} (soft edges, cut in the middle)"
        if self.rule == "objects":
            return f"mask values 0 → {names[0]}, all others → {names[1]} (object numbers)"
        return "mask values " + ", ".join(f"{value} → {names[index]}" for value, index in self.pairs)

    def names(self) -> tuple[str, ...]:
        """Class names where nobody gave any: background and foreground, or background, class 1, class 2, …."""
        if self.classes == 2:
            return ("background", "foreground")
        return ("background", *(f"class {index}" for index in range(1, self.classes)))

    def as_dict(self) -> dict[str, Any]:
        """For YAML and JSON; `from_dict` reads it back."""
        return {"rule": self.rule, "values": dict(self.pairs)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ValueMap:
        """The map that `as_dict` wrote (JSON turns the values into text; that is undone)."""
        try:
            pairs = tuple((int(value), int(index)) for value, index in data["values"].items())
            return cls(pairs, data.get("rule", "exact"))
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise IsthmusError(
                f"a value map is written 'values: {{0: 0, 255: 1}}', not {dict(data)}"
            ) from error

    def _refuse(self, strangers: NDArray[Any], name: str | Path) -> None:
        if not strangers.size:
            return
        found = np.unique(strangers)
        listing = ", ".join(str(value) for value in found[:8]) + (", …" if found.size > 8 else "")
        known = ", ".join(str(value) for value, _ in self.pairs)
        if self.rule == "threshold":
            known = "0 to 255"
        raise IsthmusError(
            f"{name}: mask value{'s' * (found.size > 1)} {listing} ({strangers.size} pixels) fit no class "
            f"(known: {known}); repair the mask or extend the value map"
        )


def _is_soft(values: Collection[int] | Mapping[int, int]) -> bool:
    """Whether values crowd at 0 and 255: nearly all within 31 of an end, two of them side by side at the top.

    Label maps of up to 32 classes, spread over 0 to 255, never have two values side by side at the top.
    """
    found = np.array(sorted(values))
    if found[0] < 0 or found[-1] > 255:
        return False
    top = found[found >= 224]
    if top.size < 2 or np.diff(top).min() > 3:
        return False
    pixels = np.array([values[v] for v in found]) if isinstance(values, Mapping) else np.ones(found.size)
    dark, bright = pixels[found < HALF].sum(), pixels[found >= HALF].sum()
    return bool(pixels[found < 32].sum() >= 0.8 * dark and pixels[found >= 224].sum() >= 0.8 * bright)


def _count_objects(masks: Collection[Mapping[int, int]]) -> bool:
    """Whether masks count their objects: 1, 2, 3, … without gaps, to ends that differ and go beyond 8."""
    ends = set()
    for counts in masks:
        numbers = [value for value in counts if value != 0]
        if len(numbers) != max(numbers, default=0):
            return False
        ends.add(len(numbers))
    return len(ends - {0}) > 1 and max(ends) > 8


def _refuse_mixture(masks: Mapping[str, Mapping[int, int]]) -> None:
    ones = [name for name, counts in masks.items() if 1 in counts and set(counts) <= {0, 1}]
    full = [name for name, counts in masks.items() if 255 in counts and set(counts) <= {0, 255}]
    if ones and full and len(ones) + len(full) + sum(set(c) <= {0} for c in masks.values()) == len(masks):
        raise IsthmusError(
            f"{ones[0]}: a mask of 0 and 1 among masks of 0 and 255 (such as {full[0]}); save all in the same values"
        )


def _refuse_strays(masks: Mapping[str, Mapping[int, int]], union: Mapping[int, int]) -> None:
    for value in sorted(set(union) - {0, 255}):
        holders = [name for name, counts in masks.items() if value in counts]
        rest = set().union(*(counts for name, counts in masks.items() if name not in holders))
        if rest == {0, 255} and len(holders) <= len(masks) / 10:
            raise IsthmusError(
                f"{holders[0]}: mask value {value} ({masks[holders[0]][value]} pixels) fits no class: nearly all masks "
                "hold 0 and 255 only; repair the mask, or give the value map yourself if it is a class"
            )
