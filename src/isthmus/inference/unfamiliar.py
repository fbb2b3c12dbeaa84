"""Compares new images and masks with those of training, and words one line for each way in which they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.likeness.appearance import Appearance, appearance, thickness
from isthmus.data.likeness.differences import Difference, image_differences, mask_difference
from isthmus.data.likeness.familiar import Familiar, mask_numbers, readable
from isthmus.errors import IsthmusError
from isthmus.inference.tiling.stream import in_blocks
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Input
from isthmus.shapes import read_as

CHANCE, MASK_CHANCE = 0.02, 0.1
"""The share of images, and of masks, that may lie outside by chance before anything is reported."""

KEPT = 1000
"""The most remarks of a kind that are kept, for the median in its line."""

WORDS = {
    "colour": "are in colour where training was grey",
    "grey": "are grey where training was in colour",
    "inverted": "look inverted, dark where training images are bright",
    "dimmer": "are dimmer than any training image",
    "brighter": "are brighter than any training image",
    "flatter": "have less contrast than any training image",
    "starker": "have more contrast than any training image",
    "exchanged": "seem to have their channels in another order than training images",
    "tinted": "have channels in other proportions than any training image",
    "coarser": "show coarser detail than any training image, as if enlarged or blurred",
    "finer": "show finer detail than any training image, as if reduced or noisy",
}
OF_MASKS = {
    "less": "hold less foreground than any training mask",
    "more": "hold more foreground than any training mask",
    "smaller": "hold smaller objects than any training mask",
    "larger": "hold larger objects than any training mask",
}
REMEDY = "; a run trained with input.spacing=auto brings them to one size"
SINGULAR = {"are": "is", "look": "looks", "have": "has", "seem": "seems", "show": "shows", "hold": "holds"}

OF_SCALE = ("spacing", "coarser", "finer")
"""Differences that images lose where they are brought to one spacing."""

NUMBERS = {
    "mean": "mean {}",
    "highlights": "99th percentile {}",
    "contrast": "1st to 99th percentile {}",
    "balance": "median at {} from -1, brightest, to 1, darkest",
    "channel": "ratio to the first {}",
    "grain": "neighbours differ by {} of what pixels further apart do",
    "foreground": "{}",
    "thickness": "{} pixels across",
}


class Unfamiliar:
    """Counts how the images and masks so far differ from those of training.

    Args:
        known: description of the training images and masks; None: nothing is ever reported.
        resized: whether the network sees images resized, so that pixels are compared only between similar sizes.
        resampled: whether the network sees pixels of one size, so that other sizes make no difference.
    """

    def __init__(self, known: Familiar | None = None, resized: bool = False, resampled: bool = False) -> None:
        self.known = known
        self.resized, self.resampled = resized, resampled
        self.images = self.masks = 0
        self._counts: Counter[str] = Counter()
        self._remarks: dict[str, list[Difference]] = {}

    @classmethod
    def of(cls, folders: Sequence[RunFolder]) -> tuple[Unfamiliar, list[str]]:
        """Returns the comparison for networks of these runs, and a line for the user if what they remember
        cannot be read."""
        known, notes = None, []
        try:
            known = read_familiar(folders)
        except IsthmusError as error:
            notes.append(f"{error}; until then images are not compared with those of training")
        return cls.of_input(known, folders[0].recipe().input), notes

    @classmethod
    def of_input(cls, known: Familiar | None, given: Input) -> Unfamiliar:
        """Returns the comparison for a network that sees images in this way."""
        return cls(known, resized=given.resize is not None, resampled=given.spacing is not None)

    def image(self, image: NDArray[Any], spacing: Sequence[float] | None = None) -> None:
        """Compares an image `(channels, *spatial)`, in the numbers of its file, before anything is done to it."""
        look = appearance(image) if self.known else None
        if look is not None:
            self.see_appearance(look, spacing)

    def see_appearance(self, look: Appearance, spacing: Sequence[float] | None = None) -> None:
        """Compares an image by its appearance."""
        if self.known is not None:
            self.images += 1
            found = image_differences(self.known, look, spacing, self.resized)
            self._keep([each for each in found if not (self.resampled and each.kind in OF_SCALE)])

    def mask(self, mask: NDArray[Any]) -> None:
        """Compares a predicted mask `(*spatial)` of any number type, in which 0 is the background."""
        if self.known is not None:
            self.masks += 1
            pixels = sum(int(np.count_nonzero(mask[rows])) for rows in in_blocks(mask.shape))
            found = mask_numbers(pixels / max(1, mask.size), 0.0 if self.resampled else thickness(mask))
            remark = mask_difference(self.known, found)
            self._keep([remark] if remark else [])

    def lines(self) -> list[str]:
        """Returns a line for each way in which more images differ than by chance; for masks, only if no images do."""
        kinds = [
            kind
            for kind, count in self._counts.items()
            if count > (MASK_CHANCE * self.masks if kind in OF_MASKS else CHANCE * self.images)
        ]
        return [self._line(kind) for kind in [kind for kind in kinds if kind not in OF_MASKS] or kinds]

    def _keep(self, remarks: Sequence[Difference]) -> None:
        for remark in remarks:
            self._counts[remark.kind] += 1
            kept = self._remarks.setdefault(remark.kind, [])
            kept += [remark] * (len(kept) < KEPT)

    def _line(self, kind: str) -> str:
        remarks, count = self._remarks[kind], self._counts[kind]
        noun, total = ("mask", self.masks) if kind in OF_MASKS else ("image", self.images)
        name = Counter(remark.name for remark in remarks).most_common(1)[0][0]
        those = sorted((remark for remark in remarks if remark.name == name), key=lambda remark: remark.value)
        middle = those[len(those) // 2]
        words = middle.detail or (WORDS | OF_MASKS)[kind] + self._figures(middle)
        if kind == "spacing" and not self.resized:
            words += REMEDY
        if count == 1:
            verb, _, rest = words.partition(" ")
            words = f"{SINGULAR[verb]} {rest}"
        if total == 1:
            return f"the {noun} {words}"
        return f"{f'all {total}' if count == total else f'{count} of {total}'} {noun}s {words}"

    def _figures(self, remark: Difference) -> str:
        """Returns the number that differs, and the range in training."""
        if not remark.name or self.known is None:
            return ""
        spread, kind = self.known.spreads[remark.name], remark.name.split()[0]
        found, *ends = (
            readable(remark.name, number, self.known.scale)
            for number in (remark.value, spread.low, spread.high)
        )
        here, low, high = (
            f"{number:.1%}" if kind == "foreground" else f"{number:.3g}" for number in (found, *sorted(ends))
        )
        training = low if low == high else f"{low} to {high}"
        return f" ({NUMBERS[kind].format(here)}, training {training})"


@dataclass(frozen=True)
class Remembered:
    """The content of `images.json`.

    Attributes:
        training: description of the training images; None if none of their pixels was a number.
        scored: a line for each way in which the held-out images lie outside.
    """

    training: Familiar | None
    scored: list[str]

    @classmethod
    def read(cls, folder: RunFolder) -> Remembered:
        """Reads what a run remembers; nothing, if an earlier version made it.

        Raises:
            IsthmusError: the file holds something else.
        """
        if not folder.images.is_file():
            return cls(None, [])
        return read_as(folder.images, cls, "restore the file, or delete it")

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {"training": self.training and self.training.to_dict(), "scored": self.scored}


def read_familiar(folders: Sequence[RunFolder]) -> Familiar | None:
    """Returns what the training images of these runs were like together; None if one of them did not store it.

    Raises:
        IsthmusError: a file holds something else.
    """
    found = [known for folder in folders if (known := Remembered.read(folder).training)]
    return reduce(Familiar.union, found) if len(found) == len(folders) else None
