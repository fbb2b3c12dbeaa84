"""Options on how masks are read and scored, and their texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isthmus.errors import IsthmusError

Truth = Annotated[
    Path,
    typer.Argument(
        help="Folder of true masks, or a data set: a folder of images and masks, a CSV, or with --root a name of "
        "`isthmus data list`."
    ),
]
Instances = Annotated[
    bool | None,
    typer.Option(help="Mask values number objects.", show_default="decided from the masks"),
]
Spacing = Annotated[
    str | None,
    typer.Option(
        help="Pixel size along each axis (rows, columns), as 0.5,0.5, for masks whose files state none.",
        show_default="distances in pixels",
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        help="Meaning of mask values on both sides, as 1=liver,2=kidney; values with the same name form one class.",
        show_default="the values of the truth",
    ),
]
Tolerance = Annotated[
    float,
    typer.Option(
        help="Distance within which surface Dice counts a point, in pixels or in the unit of the spacing."
    ),
]
Missing = Annotated[
    str,
    typer.Option(
        help="Distance of a case in which one mask is empty: diagonal (of the image), infinity, or exclude."
    ),
]
Ignore = Annotated[
    int | None,
    typer.Option(
        help="Value of true masks, such as 255, whose pixels are not scored.",
        show_default="none",
    ),
]


def parse_classes(text: str) -> dict[int, str]:
    """Reads mask values and their names, separated by commas.

    >>> parse_classes("1=liver,2=kidney")
    {1: 'liver', 2: 'kidney'}
    """
    found: dict[int, str] = {}
    for part in text.split(","):
        value, _, name = (word.strip() for word in part.partition("="))
        if not value.isdecimal() or not name or int(value) in found:
            raise IsthmusError(
                f"--classes {text}: write each mask value once, with its name, as 1=liver,2=kidney"
            )
        found[int(value)] = name
    return found


def parse_spacing(text: str, option: str = "--spacing") -> tuple[float, ...] | float:
    """Reads numbers separated by commas; one number stands for all axes.

    >>> parse_spacing("0.5,0.25"), parse_spacing("2")
    ((0.5, 0.25), 2.0)
    """
    try:
        numbers = tuple(float(word) for word in text.split(","))
    except ValueError as error:
        raise IsthmusError(
            f"{option} {text}: write a number for each axis, as 0.5,0.5, or one for all"
        ) from error
    return numbers[0] if len(numbers) == 1 else numbers
