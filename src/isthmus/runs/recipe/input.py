"""The section ``input``: what the network sees of an image."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import field_validator

from isthmus.runs.recipe.section import Section, number_of
from isthmus.settings import POSITIVE, SHARE, Range

SIDE = Range(8, 8192)
"""Pixels along one side of an image."""

Size = tuple[int, int] | tuple[int, int, int]


class Input(Section):
    """What the network sees of an image: the whole of it resized, or patches at its own scale or at a spacing."""

    resize: Annotated[
        Size | None,
        SIDE,
        "Resize images to `[height, width]` or `[depth, height, width]` pixels; masks come back in the size of the "
        "image. One number: equal sides.",
    ] = None
    patch: Annotated[
        Size | None,
        SIDE,
        "Cut patches of this size, in pixels, at the image's own scale; images of any size are segmented in "
        "overlapping tiles. This is the default for your own data. One number: equal sides.",
    ] = None
    windows: Annotated[
        int | None,
        POSITIVE,
        "Take this many patches at fixed, even places of each image (MILDNet: 4 of an ISBI image, 11 of a GlaS image). "
        "Open: patches at random places.",
    ] = None
    spacing: Annotated[
        Literal["auto"] | tuple[float, float] | tuple[float, float, float] | None,
        Range(above=0, most=1000),
        "Bring images to this size of a pixel along each axis of the array, in mm, as `[3, 1, 1]` for slices, rows and "
        "columns; masks come back on the grid of the image ([files](files.md#volumes-of-different-spacing)). "
        "`auto`: the median of the training cases, which is filled in. Open: images keep their own.",
    ] = None
    diameter: Annotated[
        float | None,
        Range(above=0),
        "Median diameter of the training objects as the network sees them, in pixels, by which `predict --diameter` "
        "scales images; filled in.",
    ] = None
    foreground: Annotated[float, SHARE, "Share of the patches that are centred on foreground."] = 0.0
    slices: Annotated[
        int | None,
        Range(1, 31),
        "Slices of a volume that a 2D network sees as channels: one and its neighbours; an odd number (HMEDN: 5).",
    ] = None
    normalise: Annotated[
        Literal["auto", "scale", "minmax", "zscore", "percentile", "dataset"],
        "How intensities are scaled: `zscore`, `minmax` and `percentile` (percentiles 1 and 99.8 of each channel "
        "become 0 and 1) by image; `scale` by the range of the file's type; `dataset` by `mean` and `deviation`; "
        "`auto` is `percentile` with `data.instances`, else `scale` where all images have 8 bits, else `zscore`.",
    ] = "zscore"
    mean: Annotated[
        list[float], "Mean of each channel over the training images, for `normalise=dataset`; filled in."
    ] = []
    deviation: Annotated[
        list[float],
        "Standard deviation of each channel over the training images, for `normalise=dataset`; filled in.",
    ] = []

    @field_validator("patch", "resize", mode="before")
    @classmethod
    def _equal_sides(cls, value: Any) -> Any:
        return (value, value) if isinstance(value, int) else value

    @field_validator("spacing", mode="before")
    @classmethod
    def _by_axis(cls, value: Any) -> Any:
        """Refuses all but what the type says, with one message instead of one for each alternative."""
        if isinstance(value, list | tuple):
            value = [number_of(each) for each in value]
        if value is None or value == "auto" or _are_numbers(value, (2, 3)):
            return value
        raise ValueError("must be auto, or the millimetres along each axis, as [3, 1, 1]")

    @field_validator("slices")
    @classmethod
    def _odd(cls, value: int | None) -> int | None:
        if value is not None and value % 2 == 0:
            raise ValueError("an even number of slices has none in the middle; give an odd number")
        return value


def _are_numbers(value: Any, counts: tuple[int, ...]) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) in counts
        and all(isinstance(each, int | float) and not isinstance(each, bool) for each in value)
    )
