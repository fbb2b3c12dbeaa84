"""Defines data sets and cases, and loads images and masks. A case is an image, its mask and its group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.masks.objects import Numbers, components, number_objects, stack
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError, counted, size_text
from isthmus.io.geometry import MILLIMETRES
from isthmus.io.images import Source, read_image, read_mask
from isthmus.io.volumes import elsewhere, geometry, in_space, refuse_other_place, unit

__all__ = [
    "Case",
    "Dataset",
    "Source",
    "channels_elsewhere",
    "clashes",
    "load",
    "load_image",
    "load_instances",
    "load_mask",
    "mended_headers",
    "to_channels",
]


@dataclass(frozen=True)
class Case:
    """One image to segment.

    Attributes:
        id: unique in the data set, usable as a file name (with folders, for nested data).
        images: stacked along channels.
        masks: none, one, or several (one per object), which are united.
        group: patient, slide or sequence; folds never separate a group.
        spacing: size of a pixel along each axis, in the unit of the file; None: unknown.
    """

    id: str
    images: tuple[Source, ...]
    masks: tuple[Source, ...]
    group: str
    spacing: tuple[float, ...] | None = None

    @property
    def first(self) -> Path:
        """The file whose orientation all volumes of this case take."""
        return (self.images or self.masks)[0].path

    @property
    def millimetres(self) -> tuple[float, ...] | None:
        """`spacing` in millimetres, the conventional unit of files that state none."""
        return self.spacing and tuple(step * MILLIMETRES[unit(self.first)] for step in self.spacing)

    def oriented(self, source: Source) -> Source:
        """Returns a file of this case, or a prediction of it, in the orientation of its first file."""
        return replace(source, like=self.first)


@dataclass(frozen=True)
class Dataset:
    """Cases and the meaning of their masks.

    Attributes:
        values: the class of each mask value; None until `check_dataset` has examined every mask.
        classes: names by class index, the first being "background"; empty as long as `values` is None.
        resize: the default size of images, (height, width) or (depth, height, width); None: native scale.
        regions: unions of classes that are scored in addition to or instead of these: class indices by name.
        instances: whether masks separate the objects of a class (by a file for each, or by their numbers); None until
            `check_dataset` has examined them.
        axes: the meaning of the axes of TIFF images with more than two (`isthmus.io.tiff_axes`).
        notes: lines to print about how the files were read.
        ignore: the mask value of pixels that are neither learned nor scored; `load` reads them as background.
    """

    name: str
    cases: tuple[Case, ...]
    values: ValueMap | None = None
    classes: tuple[str, ...] = ()
    resize: tuple[int, ...] | None = None
    citation: str = ""
    terms: str = ""
    regions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    instances: bool | None = None
    axes: str = ""
    notes: tuple[str, ...] = ()
    ignore: int | None = None


IGNORED = 255
"""In a label that is `marked`, a pixel that is neither learned nor scored."""


def load(
    case: Case, dataset: Dataset, channels: int | None = None, *, marked: bool = False
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Returns the image `(channels, *spatial)` in the numbers of the file, and the label `(*spatial)` of class indices.

    Args:
        channels: number of channels to bring the image to; None: as in the file.
        marked: whether pixels of the value `Dataset.ignore` are `IGNORED` in the label, not background.

    Raises:
        IsthmusError: a file cannot be read, image and mask have different sizes, or a mask value fits no class.
    """
    if dataset.values is None:
        raise ValueError(f"the mask values of {dataset.name} are not known yet; check_dataset finds them")
    image, mask = load_image(case, channels), load_mask(case)
    check_sizes(case, image.shape[1:], mask.shape)
    label = dataset.values.apply(mask, str(case.masks[0]))
    if marked and dataset.ignore is not None:
        label[mask == dataset.ignore] = IGNORED
    return image, label


def load_instances(case: Case, dataset: Dataset, channels: int | None = None) -> tuple[NDArray[Any], Numbers]:
    """Returns the image `(channels, *spatial)` as `load`, and the object numbers `(*spatial)`: 1 to n, 0 elsewhere.

    - Several mask files are one object each, numbered in their order; where they overlap, the later one wins.
    - A mask of object numbers (rule "objects") keeps them, without gaps; if it holds a single value, its connected
      pieces are the objects.
    - In any other mask the connected pieces of the foreground are the objects.

    Raises:
        IsthmusError: as `load`; the mask holds several classes, or more than 2^24 objects.
    """
    if dataset.values is None:
        raise ValueError(f"the mask values of {dataset.name} are not known yet; check_dataset finds them")
    image, values, name = load_image(case, channels), dataset.values, str(case.masks[0])
    masks = [read_mask(case.oriented(source)) for source in case.masks]
    for source, mask in zip(case.masks, masks, strict=True):
        check_sizes(replace(case, masks=(source,)), image.shape[1:], mask.shape)
    if len(masks) > 1:
        pieces = (values.apply(mask, str(source)) > 0 for source, mask in zip(case.masks, masks, strict=True))
        return image, stack(pieces, name)
    if values.rule == "objects":
        return image, number_objects(masks[0], name)
    if values.classes > 2:
        raise IsthmusError(
            f"{dataset.name}: masks of {values.classes - 1} classes do not number objects; train on classes "
            "(data.instances=false), or state that the values number objects (data.value_rule=objects)"
        )
    return image, components(values.apply(masks[0], name) > 0, name)


def load_image(case: Case, channels: int | None = None) -> NDArray[Any]:
    """Returns the image `(channels, *spatial)`, brought to a number of channels if one is given."""
    parts = [read_image(case.oriented(source)) for source in case.images]
    for source, part in zip(case.images, parts, strict=True):
        if part.shape[1:] != parts[0].shape[1:]:
            raise IsthmusError(
                f"{source}: {size_text(part.shape[1:])} but {case.images[0]} is {size_text(parts[0].shape[1:])}; "
                "the channels of a case must have the same size"
            )
    image = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return image if channels is None else to_channels(image, channels, str(case.images[0]))


def load_mask(case: Case) -> NDArray[Any]:
    """Returns the mask `(*spatial)` with the values of the file; where several masks overlap, the larger value wins."""
    if not case.masks:
        raise IsthmusError(f"{case.images[0]}: has no mask; add one or leave the image out")
    mask = read_mask(case.oriented(case.masks[0]))
    for source in case.masks[1:]:
        other = read_mask(case.oriented(source))
        if other.shape != mask.shape:
            raise IsthmusError(
                f"{source}: {size_text(other.shape)} but {case.masks[0]} is {size_text(mask.shape)}; "
                "the masks of a case must have the same size"
            )
        mask = np.maximum(mask, other)
    return mask


def mended_headers(case: Case) -> tuple[str, ...]:
    """Returns what replaces unusable headers, with the names of their files."""
    paths = dict.fromkeys(source.path for source in (*case.images, *case.masks))
    places = [(path.name, geometry(path)) for path in paths if in_space(path)]
    return tuple(f"{name}: {place.mended}" for name, place in places if place.mended)


def channels_elsewhere(case: Case) -> str:
    """Returns how far the headers put a channel from the first one, as "12 mm"; "" if all lie on the same grid."""
    found = (elsewhere(case.first, source.path) for source in case.images[1:])
    return next((away for away in found if away), "")


def check_sizes(case: Case, image: tuple[int, ...], mask: tuple[int, ...]) -> None:
    """Refuses a mask that does not fit its image."""
    if image == mask:
        refuse_other_place(case.images[0].path, case.masks[0].path)
        return
    turned = (
        " (one is rotated: does only one of them have an orientation tag?)" if image == mask[::-1] else ""
    )
    raise IsthmusError(
        f"{case.masks[0]}: the mask is {size_text(mask)} but its image {case.images[0]} is "
        f"{size_text(image)}{turned}; export both in the same size"
    )


def to_channels(image: NDArray[Any], channels: int, name: str = "the image") -> NDArray[Any]:
    """Brings `(channels, *spatial)` to a number of channels: grey becomes colour, colour becomes its luminance.

    Luminance is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded for integers.

    >>> to_channels(np.full((3, 1, 1), 7, np.uint8), 1).tolist()
    [[[7]]]
    """
    found = image.shape[0]
    if found == channels:
        return image
    if found == 1 and channels == 3:
        return np.repeat(image, channels, axis=0)
    if found == 3 and channels == 1:
        grey = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]
        return np.asarray(np.rint(grey) if image.dtype.kind in "iu" else grey, image.dtype)[None]
    have = counted(found, "channel")
    cure = "convert it, or train on such images"
    if channels not in (1, 3):
        cure = "files of one channel each are joined by name (<case>_0000, <case>_0001, …, beside a dataset.json)"
        cure += ", or by the data set they belong to (its name, and --root)"
    raise IsthmusError(f"{name}: has {have} where {channels} are expected; {cure}")


def clashes(cases: Sequence[Case]) -> list[str]:
    """Returns a line for each case that has the id of an earlier one."""
    first: dict[str, Case] = {}
    problems = []
    for case in cases:
        if first.setdefault(case.id, case) is not case:
            other = first[case.id].images[0]
            problems.append(f"{case.images[0]}: would be called '{case.id}' like {other}; rename one")
    return problems
