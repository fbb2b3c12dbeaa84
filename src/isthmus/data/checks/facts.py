"""What the check of a data set knows about each case, and about the cases that it cannot use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from isthmus.data.likeness.appearance import Appearance
from isthmus.data.masks.borders import Borders


@dataclass(frozen=True)
class CaseFacts:
    """What one case holds.

    Attributes:
        shape: `(channels, *spatial)` of the image.
        dtype: number type of the image.
        low, high: the smallest and the largest number in the image.
        pixels: hash of the decoded image, to find copies (`isthmus.data.checks.duplicates`).
        perceptual: hash of the appearance of the image, to find near-duplicates.
        sha256: of every file, by path.
        shares: shares of the pixels, per class (background first); they sum to 1.
        volume: whether the image is a volume, or a slice of one.
        orientation: of a volume as its file stores it, such as "RAS"; "" if the file does not state it.
        numbered: whether the mask holds several values, each in one piece, as object numbers do.
        elsewhere: how far the header of the mask puts it from its image, as "12 mm"; "" if they coincide.
        channels_elsewhere: how far a channel lies from the first one, likewise.
        channels_turned: the orientation of a channel that differs from the first one's, as "LPS, not RAS".
        rounded: how far the values of the mask were from whole numbers before they were rounded.
        shear: degrees by which the axes of a volume deviate from right angles, as under a tilted gantry.
        mended: by file, what replaced a part of a header that is unusable.
        tags: the orientation tags of image and mask, which were applied.
        inverted: whether tags or palettes invert what viewers show of the image, and of the mask (which keeps its
            stored values).
        pieces: connected components of a mask that holds a single value besides 0; 1 for every other mask.
        borders: which values of the mask lie along borders (`isthmus.data.masks.borders`); {} if it holds two values.
        appearance: statistics of the image; None if no pixel of it is a finite number.
        thickness: of what is not 0 in the mask, and of its foreground if edges are soft (`appearance.thickness`).
    """

    id: str
    shape: tuple[int, ...]
    dtype: str
    low: float
    high: float
    pixels: str
    perceptual: int
    sha256: dict[str, str]
    shares: tuple[float, ...]
    volume: bool = False
    orientation: str = ""
    numbered: bool = False
    elsewhere: str = ""
    channels_elsewhere: str = ""
    channels_turned: str = ""
    rounded: float = 0.0
    shear: float = 0.0
    mended: tuple[str, ...] = ()
    tags: tuple[int, int] = (1, 1)
    inverted: tuple[bool, bool] = (False, False)
    pieces: int = 1
    borders: Borders = field(default_factory=dict)
    appearance: Appearance | None = None
    thickness: tuple[float, float] = (0.0, 0.0)

    @property
    def foreground(self) -> float:
        """Share of the pixels that are not background."""
        return 1.0 - self.shares[0]


@dataclass(frozen=True)
class Bad:
    """A case that cannot be used.

    Attributes:
        kind: a name that cannot be written, a file that cannot be read, an image and a mask that do not fit each
            other, or a mask value that fits no class.
    """

    case: str
    kind: Literal["name", "unreadable", "pair", "values"]
    problem: str
