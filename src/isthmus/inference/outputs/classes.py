"""Says what the maps of a network stand for: one foreground, exclusive classes, or regions that may overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from isthmus.metrics.threshold import THRESHOLD, is_foreground
from isthmus.runs.recipe import Data

Floats = NDArray[np.float32]
FAR = 20.0
"""The logit of certainty: its probability is within 2e-9 of 1."""


@dataclass(frozen=True)
class Classes:
    """Turns logits into probabilities, class indices, and the masks that are scored.

    Attributes:
        names: names by class index, background first.
        regions: unions of classes by name, which are scored instead of the classes; ``{}``: the classes are scored.
        multilabel: whether each map of the network is a region of its own.
        threshold: the probability above which independent maps count.
    """

    names: Sequence[str]
    regions: Mapping[str, Sequence[int]] = field(default_factory=dict)
    multilabel: bool = False
    threshold: float = THRESHOLD

    @classmethod
    def of(cls, data: Data, threshold: float | None = None) -> Classes:
        """Returns the classes of a resolved recipe; a threshold that is open is the usual one."""
        regions = data.regions if isinstance(data.regions, dict) else {}
        return cls(tuple(data.classes), regions, data.multilabel, threshold or THRESHOLD)

    @property
    def map_count(self) -> int:
        """How many maps a network gives: 1 for background and foreground, else one for each class or region."""
        if self.multilabel:
            return len(self.regions)
        return 1 if len(self.names) == 2 else len(self.names)

    @property
    def independent(self) -> bool:
        """Whether each map has a sigmoid of its own; otherwise they share a softmax."""
        return self.multilabel or self.map_count == 1

    @property
    def background(self) -> Floats:
        """Logits ``(maps,)`` of certain background."""
        logits = np.full(self.map_count, -FAR, np.float32)
        if not self.independent:
            logits[0] = FAR
        return logits

    def activate(self, logits: Floats) -> Floats:
        """Returns probabilities of logits ``(maps, *spatial)``, of the same shape.

        >>> Classes(["background", "cell"]).activate(np.zeros((1, 1, 1), np.float32)).item()
        0.5
        """
        maps = torch.from_numpy(logits)
        result: Floats = (torch.sigmoid(maps) if self.independent else torch.softmax(maps, 0)).numpy()
        return result

    def decide(self, probabilities: Floats) -> NDArray[np.uint8]:
        """Returns class indices ``(*spatial)`` of probabilities ``(maps, *spatial)``.

        One map is foreground above the threshold; of several, the likeliest class counts, the first of equals. Of
        regions, it is the class that belongs to exactly those that are present, or to most of them if none does.

        >>> brain = Classes(["background", "oedema", "core"], {"whole": [1, 2], "core": [2]}, multilabel=True)
        >>> brain.decide(np.array([[0.2, 0.9, 0.9], [0.1, 0.2, 0.7]], np.float32)).tolist()
        [0, 1, 2]
        """
        if self.multilabel:
            pattern = np.zeros(probabilities.shape[1:], np.uint16)
            for index, of_region in enumerate(probabilities):
                pattern |= np.left_shift(is_foreground(of_region, self.threshold).astype(np.uint16), index)
            found: NDArray[np.uint8] = self._of_pattern()[pattern]
            return found
        if len(probabilities) == 1:
            return is_foreground(probabilities[0], self.threshold).astype(np.uint8)
        return np.asarray(probabilities.argmax(axis=0), np.uint8)

    def scored(self, label: NDArray[np.uint8]) -> dict[str, NDArray[np.bool_]]:
        """Returns what is scored, by name: a mask ``(*spatial)`` for each foreground class or region."""
        if self.regions:
            return {name: np.isin(label, list(indices)) for name, indices in self.regions.items()}
        return {name: label == index for index, name in enumerate(self.names) if index}

    def scored_probabilities(self, maps: Floats) -> dict[str, Floats]:
        """Returns the probability of what is scored, by name: ``(*spatial)`` for each foreground class or region.

        >>> brain = Classes(["background", "oedema", "core"], {"whole": [1, 2], "core": [2]})
        >>> found = brain.scored_probabilities(np.array([[0.25], [0.25], [0.5]], np.float32))
        >>> {name: of_class.tolist() for name, of_class in found.items()}
        {'whole': [0.75], 'core': [0.5]}
        """
        if self.multilabel:
            return dict(zip(self.regions, maps, strict=True))
        foreground = maps if self.map_count == 1 else maps[1:]
        if self.regions:
            return {
                name: np.minimum(foreground[[index - 1 for index in indices]].sum(axis=0), 1)
                for name, indices in self.regions.items()
            }
        return dict(zip(self.names[1:], foreground, strict=True))

    def membership(self) -> NDArray[np.uint8]:
        """Returns whether a class belongs to a region: ``(classes, regions)``, 0 or 1."""
        table = np.zeros((len(self.names), len(self.regions)), np.uint8)
        for column, indices in enumerate(self.regions.values()):
            table[list(indices), column] = 1
        return table

    def _of_pattern(self) -> NDArray[np.uint8]:
        """Returns the class for each set of regions, ``(2 ** regions,)``: the one that differs from the set in the
        fewest regions; of two that are equally good, the one in more regions."""
        table = self.membership().astype(int)  # (classes, regions)
        sets = np.arange(2 ** len(self.regions))[:, None] >> np.arange(len(self.regions)) & 1
        wrong = np.abs(sets[:, None] - table).sum(axis=2) * (len(self.regions) + 1) - table.sum(axis=1)
        found = wrong.argmin(axis=1)
        found[0] = 0  # in no region: background, also where a class is in none
        return np.asarray(found, np.uint8)
