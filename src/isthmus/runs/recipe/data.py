"""The section ``data``: where cases come from and what their masks mean."""

from __future__ import annotations

from typing import Annotated, Literal

from isthmus.runs.recipe.section import Section
from isthmus.settings import POSITIVE, Range


class Data(Section):
    """Where cases come from and what their masks mean."""

    source: Annotated[
        str,
        "A folder with `images/` and `masks/`, a CSV (columns image, mask, group), or a built-in data set.",
    ] = ""
    root: Annotated[str | None, "Folder to which a built-in data set was downloaded."] = None
    channels: Annotated[
        int | None,
        Range(1, 64),
        "Channels that the network sees: grey images are repeated, colour images become their luminance. "
        "Open: as many as the images have.",
    ] = None
    axes: Annotated[
        str | None,
        "Meaning of the axes of the array in a TIFF, such as `CYX`, `ZCYX` or `YXC` (C: channels; each Z or T is an "
        "image). Open: as the files and their masks say ([how files are read](files.md)).",
    ] = None
    classes: Annotated[
        list[str], "Names of the classes by index, background first. Empty: taken from the masks."
    ] = []
    values: Annotated[
        dict[int, int], "Class index of each mask value, as `{0: 0, 255: 1}`. Empty: taken from the masks."
    ] = {}
    limit: Annotated[
        int | None,
        POSITIVE,
        "Use this many groups of cases only, for a quick try on a large data set. Which ones depends only on their "
        "names.",
    ] = None
    skip_bad: Annotated[
        bool, "Leave out cases that cannot be read or do not fit, and list them in the report."
    ] = False
    value_rule: Annotated[
        Literal["exact", "threshold", "objects"] | None,
        "How mask values are read: `exact`; `threshold`, 128 and more is foreground (for masks with soft edges); "
        "`objects`, values number objects. Open: decided from the masks.",
    ] = None
    instances: Annotated[
        bool,
        "Masks number objects, or each object has a mask file, and the network learns to separate objects that "
        "touch. Predicted masks are 16-bit TIFF files with a number for each object, beside a coloured picture.",
    ] = False
    regions: Annotated[
        dict[str, list[int]] | Literal["dataset"],
        "Unions of classes that are scored instead of the classes, as `{WT: [1, 2, 3], TC: [1, 3], ET: [3]}`; "
        "`dataset`: those of a built-in data set.",
    ] = {}
    ignore: Annotated[
        int | None,
        Range(1),
        "Mask value, such as 255, of pixels that belong to no class: they enter no loss and no score. Excludes "
        "`instances` and `multilabel`.",
    ] = None
    multilabel: Annotated[bool, "The network draws each region separately, so that regions may overlap."] = (
        False
    )
