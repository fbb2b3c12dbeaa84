"""The section ``cleanup``: what is done to predicted masks."""

from __future__ import annotations

from typing import Annotated, Literal

from isthmus.runs.recipe.section import Section
from isthmus.settings import POSITIVE, SHARE, Range


class Cleanup(Section):
    """What is done to predicted masks before they are written; nothing by default."""

    threshold: Annotated[
        float | None,
        Range(above=0, below=1),
        "Probability above which a pixel is foreground, for one map, for regions and for the bodies of objects. Open: "
        "0.5, or as `seed` for objects with the head `distance`.",
    ] = None
    seed: Annotated[
        float | None,
        Range(above=0, below=1),
        "Objects with the head `distance`: the distance above which a pixel is the seed of an object. Open: when "
        "training ends, `seed`, `threshold` and `min_size` are chosen on the validation cases, by object F1; "
        "tried as `min_size` are half of the 1st percentile of the sizes in the training masks, and their 1st, 2nd, "
        "3rd and 5th, none below 2; with `input.resize` it is 2. What is given stays.",
    ] = None
    chosen: Annotated[
        dict[Literal["min_size", "seed", "threshold"], float],
        "What was chosen when training ended, by key; filled in. A training that is resumed, or starts from this "
        "recipe, chooses anew.",
    ] = {}
    largest: Annotated[
        bool | list[str],
        "Keep only the largest component: `true` for every class, or names of classes. Not for objects.",
    ] = False
    min_size: Annotated[
        int | dict[str, int] | None,
        Range(0),
        "Drop components of fewer pixels: one number, or one for each class as `{liver: 500}`. Open: 0, or as `seed` "
        "for objects with the head `distance`.",
    ] = None
    max_size: Annotated[
        int | dict[str, int] | None,
        POSITIVE,
        "Drop components of more pixels, once holes are filled; given as `min_size`. Open: none is too large.",
    ] = None
    border: Annotated[
        bool, "Drop components that touch the border of the image; of a volume, any of its six sides."
    ] = False
    holes: Annotated[bool, "Fill holes."] = False
    merge: Annotated[
        bool,
        "HMEDN's anatomically constrained merging: islands inside another organ join it, small ones are dropped. Not "
        "for objects.",
    ] = False
    keep_share: Annotated[
        float, SHARE, "Share of the largest component's size that others need to stay, with `merge`."
    ] = 0.1
