"""What the maps of a network mean: one foreground, classes that exclude each other, or regions that overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from isthmus.runs.recipe import Data

Floats = NDArray[np.float32]
FAR = 20.0
"""Logits of what certainly is or is not: a probability within 2e-9 of 1 or 0."""


@dataclass(frozen=True)
class Meaning:
    """From logits to probabilities, to class indices, to what is scored.

    Attributes:
        classes: names by class index, background first.
        regions: unions of classes by name, which are scored instead of the classes; ``{}``: the classes are.
        multilabel: each map of the network is one of the regions, by itself.
    """

    classes: Sequence[str]
    regions: Mapping[str, Sequence[int]] = field(default_factory=dict)
    multilabel: bool = False

    @classmethod
    def of(cls, data: Data) -> Meaning:
        """That of a resolved recipe."""
        regions = data.regions if isinstance(data.regions, dict) else {}
        return cls(tuple(data.classes), regions, data.multilabel)

    @property
    def maps(self) -> int:
        """Maps that a network gives: 1 for background and foreground, else one for each class or region."""
        if self.multilabel:
            return len(self.regions)
        return 1 if len(self.classes) == 2 else len(self.classes)

    @property
    def independent(self) -> bool:
        """Whether each map is a logistic of its own (else they are a softmax)."""
        return self.multilabel or self.maps == 1

    @property
    def background(self) -> Floats:
        """Logits ``(maps,)`` of what certainly is background."""
        logits = np.full(self.maps, -FAR, np.float32)
        if not self.independent:
            logits[0] = FAR
        return logits

    def activate(self, logits: Floats) -> Floats:
        """Probabilities of logits ``(maps, *spatial)``.

        >>> Meaning(["background", "cell"]).activate(np.zeros((1, 1, 1), np.float32)).item()
        0.5
        """
        maps = torch.from_numpy(logits)
        result: Floats = (torch.sigmoid(maps) if self.independent else torch.softmax(maps, 0)).numpy()
        return result

    def decide(self, probabilities: Floats) -> NDArray[np.uint8]:
        """Class indices ``(*spatial)``: foreground from 0.5 up for one map, the likeliest class of several; regions
        from 0.5 up are painted over each other, the larger first, each in the class that is its own.

        >>> brain = Meaning(["background", "oedema", "core"], {"whole": [1, 2], "core": [2]}, multilabel=True)
        >>> brain.decide(np.array([[0.2, 0.9, 0.9], [0.1, 0.2, 0.7]], np.float32)).tolist()
        [0, 1, 2]
        """
        if self.multilabel:
            label = np.zeros(probabilities.shape[1:], np.uint8)
            for index, paint in self._paint():
                label[probabilities[index] >= 0.5] = paint
            return label
        if len(probabilities) == 1:
            return np.asarray(probabilities[0] >= 0.5, np.uint8)
        return np.asarray(probabilities.argmax(axis=0), np.uint8)

    def scored(self, label: NDArray[np.uint8]) -> dict[str, NDArray[np.bool_]]:
        """What is scored, by name: a mask ``(*spatial)`` for each foreground class or region."""
        if self.regions:
            return {name: np.isin(label, list(indices)) for name, indices in self.regions.items()}
        return {name: label == index for index, name in enumerate(self.classes) if index}

    def membership(self) -> NDArray[np.uint8]:
        """``(classes, regions)``: whether a class belongs to a region."""
        table = np.zeros((len(self.classes), len(self.regions)), np.uint8)
        for column, indices in enumerate(self.regions.values()):
            table[list(indices), column] = 1
        return table

    def _paint(self) -> list[tuple[int, int]]:
        """Regions, the larger first, and the class in which each is painted: one that no smaller region has."""
        order = sorted(enumerate(self.regions.values()), key=lambda region: -len(region[1]))
        result = []
        for place, (index, members) in enumerate(order):
            inside = set().union(*(smaller for _, smaller in order[place + 1 :]))
            own = [member for member in members if member not in inside]
            result.append((index, (own or list(members))[0]))
        return result
