"""Maps the values in a mask to classes, and back.

Nothing is inferred silently: `ValueMap.describe` is printed, the map is stored with the run, and predicted masks have
the values of the training masks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from isthmus.data.checks.problems import refuse
from isthmus.data.masks import conflicts
from isthmus.data.masks.borders import Borders, area_values, class_values, soft_top, summed
from isthmus.data.masks.conflicts import Counts, Masks
from isthmus.errors import IsthmusError, few, nearest

Rule = Literal["exact", "threshold", "objects"]

MANY = 32
"""More distinct values than this are object numbers, not classes."""


@dataclass(frozen=True)
class ValueMap:
    """A map from mask values to class indices.

    Attributes:
        pairs: (value, class) pairs. Several values may share a class, which is written as the first of
        them.
        rule: how they apply. `exact`: each value in a mask must be among the pairs. `threshold`: values from the middle
            of the two on (128 for 0 and 255) are class 1, others class 0 (masks with soft edges, as JPEG and resampling
            leave them). `objects`: each value but 0 is the number of an object, and all of them are class 1.

    Raises:
        IsthmusError: classes are not numbered 0, 1, 2, …, a value occurs twice, or the rule is unknown.

    >>> ValueMap.infer({0, 255}).describe()
    'mask values 0 → background, 255 → foreground'
    """

    pairs: tuple[tuple[int, int], ...]
    rule: Rule = "exact"

    def __post_init__(self) -> None:
        classes = sorted({index for _, index in self.pairs})
        if classes != list(range(len(classes))) or not 2 <= len(classes) <= 256:
            raise IsthmusError(
                f"mask values map to the classes {classes}; classes are 0 (background), 1, 2, …: renumber "
                "them"
            )
        values = [value for value, _ in self.pairs]
        if len(set(values)) != len(values):
            raise IsthmusError(f"a mask value occurs twice in the map of {values}; name it once")
        if min(values) < 0:
            raise IsthmusError(f"the mask value {min(values)} cannot be written; number classes from 0")
        as_rule(self.rule)
        if self.rule != "exact" and len(classes) != 2:
            raise IsthmusError(f"the rule '{self.rule}' is for two classes, not {len(classes)}; use 'exact'")

    @property
    def half(self) -> int:
        """The smallest value of a soft mask that counts as foreground."""
        (low, _), (top, _) = self.pairs
        return (low + top + 1) // 2

    @property
    def classes(self) -> int:
        """Number of classes, including the background."""
        return len({index for _, index in self.pairs})

    @classmethod
    def infer(
        cls, values: Collection[int] | Counts, rule: Rule | None = None, borders: Borders | None = None
    ) -> ValueMap:
        """Returns the map for masks that hold these values.

        - One or two values are background and foreground. The background is 0, or the smaller value if there is no 0.
        - 8-bit values that crowd at both ends of the range (see `_is_soft`), or that lie along borders between the ends
          of any range (`isthmus.data.masks.borders`), are soft edges, which are cut in the middle. Between several
          classes such values belong to the nearest one.
        - More than 32 values are object numbers, hence background and foreground.
        - Any other set of values is a label map: 0 is the background, the others are classes in ascending order.

        Args:
            values: the values in the masks, with their numbers of pixels if these are known.
            rule: applies whatever the values are.
            borders: which of the values lie along borders.

        >>> ValueMap.infer({0, 85, 170, 255}).pairs
        ((0, 0), (85, 1), (170, 2), (255, 3))

        Raises:
            IsthmusError: there is no value, a negative one, or more than 256 that are not object numbers.
        """
        found = sorted(int(value) for value in values)
        if not found:
            raise IsthmusError("there are no masks and so no mask values; add a mask for each image")
        if found[0] < 0:
            raise IsthmusError(f"masks hold the value {found[0]}; classes are 0, 1, 2, …: renumber them")
        if rule == "objects":
            return cls(((0, 0), (1, 1)), "objects")
        if rule == "threshold":
            return cls(((0, 0), (255, 1)), "threshold")
        background = 0 if 0 in found or len(found) == 1 else found[0]
        others = [value for value in found if value != background]
        if len(others) <= 1:
            return cls(((background, 0), (others[0] if others else 255, 1)))
        top = soft_top(borders or {}) if rule is None else None
        if top is not None or (rule is None and _is_soft(values) and not area_values(borders or {})):
            return cls(((0, 0), (top or 255, 1)), "threshold")
        if rule is None and (classes := class_values(borders or {})) is not None and len(classes) <= MANY:
            return cls.infer(classes)._with_nearest(others)
        if rule is None and len(found) > MANY:
            return cls(((0, 0), (1, 1)), "objects")
        if len(found) > 256:
            raise IsthmusError(
                f"masks hold {len(found)} values, more than 256 classes; are they object numbers "
                "(data.value_rule=objects)?"
            )
        return cls(tuple((value, index) for index, value in enumerate([background, *others])))

    def _with_nearest(self, values: Iterable[int]) -> ValueMap:
        """Returns the map extended by these values, each in the class of the nearest known one."""
        known = dict(self.pairs)
        closest = {value: min(known, key=lambda one: (abs(one - value), one)) for value in values}
        added = ((value, known[one]) for value, one in closest.items() if value not in known)
        return ValueMap((*self.pairs, *added), self.rule)

    @classmethod
    def infer_masks(
        cls,
        masks: Masks,
        rule: Rule | None = None,
        lossy: Collection[str] = (),
        borders: Mapping[str, Borders] | None = None,
    ) -> ValueMap:
        """Returns the map for a data set in which all masks must agree; see `agree`.

        Raises:
            IsthmusError: lists all masks that do not agree with the others; and as `infer`.
        """
        values, unfit = cls.agree(masks, rule, lossy, borders)
        refuse(list(unfit.values()), "the masks")
        return values

    @classmethod
    def agree(
        cls,
        masks: Masks,
        rule: Rule | None = None,
        lossy: Collection[str] = (),
        borders: Mapping[str, Borders] | None = None,
    ) -> tuple[ValueMap, dict[str, str]]:
        """Returns the map for the masks that agree, and the problem of each other mask by name.

        It uses more than `infer` can see in the values of all masks together:

        - Masks that each count 1, 2, 3, … without a gap, to ends that differ and exceed 8, number objects.
        - Masks of 0 and 1 do not agree with masks of 0 and 255.
        - A value in hardly any mask (one, or a tenth of them) fits no class if without it all masks hold 0 and one
          other value, or 0, 1, 2, …, and if it does not continue the count.

        Args:
            masks: the values in each mask, by its name.
            lossy: names of the JPEG masks; more than two levels cannot be recovered from these.
            borders: which values of each mask lie along borders, by its name.

        Raises:
            IsthmusError: as `infer`; no two masks agree.
        """
        left, unfit = dict(masks), conflicts.negative(masks)
        while True:
            left = {name: counts for name, counts in left.items() if name not in unfit}
            if unfit and not left:
                refuse(list(unfit.values()), "the masks")
            edges = summed((borders or {}).get(name, {}) for name in left)
            resampled = soft_top(edges) is not None or class_values(edges) is not None
            counting = rule is None and not resampled and conflicts.count_objects(left.values())
            values = cls.infer(conflicts.union(left), "objects" if counting else rule, edges)
            found: dict[str, str] = {}
            if values.rule != "threshold":
                found = conflicts.blurred(left, lossy)
            if values.rule == "exact" and values.classes > 2 and not resampled:
                found = found or conflicts.mixed(left) or conflicts.strays(left)
            if not found:
                return values, unfit
            unfit |= found

    def apply(self, mask: NDArray[Any], name: str | Path = "the mask") -> NDArray[np.uint8]:
        """Turns mask values `(*spatial)`, integers, into class indices `(*spatial)`, uint8.

        Raises:
            IsthmusError: a value fits no class; `name` is that of the file.
        """
        if self.rule == "objects":
            return np.asarray(mask != 0, np.uint8)
        if self.rule == "threshold":
            self.refuse_strangers(_counts(mask[(mask < 0) | (mask > self.pairs[1][0])]), name)
            return np.asarray(mask >= self.half, np.uint8)
        labels = np.zeros(mask.shape, np.uint8)
        known = np.zeros(mask.shape, bool)
        for value, index in self.pairs:
            here = mask == value
            labels[here] = index
            known |= here
        self.refuse_strangers(_counts(mask[~known]), name)
        return labels

    def invert(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Turns class indices `(*spatial)` into mask values, in the smallest unsigned type that holds the map."""
        written: dict[int, int] = {}
        for value, index in self.pairs:
            written.setdefault(index, value)
        table = np.array([written[index] for index in range(self.classes)])
        return np.asarray(table.astype(np.min_scalar_type(int(table.max())))[labels])

    def describe(self, names: Iterable[str] | None = None) -> str:
        """Returns the line to print: the class of each value.

        >>> ValueMap.infer(range(200)).describe()
        'mask values 0 → background, all others → foreground (read as object numbers)'
        """
        names = list(names or self.names())
        if self.rule == "threshold":
            half, top = self.half, self.pairs[1][0]
            return f"mask values 0 … {half - 1} → {names[0]}, {half} … {top} → {names[1]} (soft edges)"
        if self.rule == "objects":
            return f"mask values 0 → {names[0]}, all others → {names[1]} (read as object numbers)"
        more = len(self.pairs) - self.classes
        shown = self.pairs[: self.classes] if more > MANY else self.pairs
        line = "mask values " + ", ".join(f"{value} → {names[index]}" for value, index in shown)
        return line + (f", {more} values between them → the nearest of these" if more > MANY else "")

    def names(self) -> tuple[str, ...]:
        """Returns default names: background, then foreground, or class 1, class 2, …."""
        if self.classes == 2:
            return ("background", "foreground")
        return ("background", *(f"class {index}" for index in range(1, self.classes)))

    def refuse_strangers(self, counts: Counts, name: str | Path = "the mask") -> None:
        """Checks the values of a mask from their numbers of pixels.

        Raises:
            IsthmusError: values fit no class; `name` is that of the file.
        """
        if self.rule == "objects":
            return
        soft = self.rule == "threshold"
        fitting = range(self.pairs[1][0] + 1) if soft else [value for value, _ in self.pairs]
        strangers = [value for value in sorted(counts) if value not in fitting]
        if strangers:
            plural = len(strangers) > 1
            known = f"0 to {self.pairs[1][0]}" if soft else ", ".join(map(str, fitting))
            listing = few(list(map(str, strangers)), 8)
            raise IsthmusError(
                f"{name}: mask value{'s' * plural} {listing} ({sum(counts[v] for v in strangers)} pixels) "
                f"fit{'s' * (not plural)} no class (known: {known}); repair the mask or extend the value map"
            )


def as_rule(name: str) -> Rule:
    """Returns a rule by its name.

    Raises:
        IsthmusError: there is no such rule.
    """
    for rule in get_args(Rule):
        if rule == name:
            return cast(Rule, rule)
    raise IsthmusError(f"unknown rule '{name}' for mask values: {nearest(name, get_args(Rule))}")


def _counts(values: NDArray[Any]) -> dict[int, int]:
    found, pixels = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), pixels.tolist(), strict=True))


def _is_soft(values: Collection[int] | Counts) -> bool:
    """Returns whether values crowd at the ends of 0 to 255: four fifths of each half lie within 31 of its end.

    Two of them must be neighbours at the top, which the values of a label map (up to 32, spread over the range) never
    are. JPEG masks have about 15 such values, and resampled masks also have a few in between.
    """
    found = np.array(sorted(values))
    if found[0] < 0 or found[-1] > 255:
        return False
    top = found[found >= 224]
    if top.size < 2 or np.diff(top).min() > 3:
        return False
    pixels = np.array([values[v] for v in found]) if isinstance(values, Mapping) else np.ones(found.size)
    dark, bright = pixels[found < 128].sum(), pixels[found >= 128].sum()
    return bool(pixels[found < 32].sum() >= 0.8 * dark and pixels[found >= 224].sum() >= 0.8 * bright)
