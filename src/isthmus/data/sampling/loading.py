"""Loads cases as a network takes them: on its grid, with the targets that are computed from their labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import IGNORED, Case, Dataset, load, load_instances
from isthmus.data.sampling.cache import ByteBudget, Cache
from isthmus.data.sampling.grid import Grid
from isthmus.data.sampling.intensity import Intensity, Normaliser
from isthmus.data.sampling.spacing import stated_spacing

Label = NDArray[Any]
"""Class indices or object numbers `(*spatial)`."""
Target = Callable[[Label], NDArray[np.float32]]
"""Computes what one head of the network learns, `(*spatial)`, from a label `(*spatial)`."""

CACHE_BYTES = 2**31
"""The default budget for decoded cases."""


class Batch(NamedTuple):
    """Images `(N, channels, *spatial)` float32, labels `(N, *spatial)` uint8, and targets `(N, *spatial)` float32 by
    name; a single sample has the same without the first axis."""

    images: NDArray[np.float32]
    labels: NDArray[np.uint8]
    targets: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Preprocessing:
    """How a case becomes arrays for a network.

    Attributes:
        channels: number of channels of every image.
        normaliser: finds the normalisation of an image.
        grid: the pixel scale at which the network works.
        instances: whether targets are computed from the numbers of objects instead of classes; the label is then
            foreground or not.
        targets: what is computed from each label, by name.
    """

    channels: int
    normaliser: Normaliser
    grid: Grid = field(default_factory=Grid)
    instances: bool = False
    targets: Mapping[str, Target] = field(default_factory=dict)

    def targets_of(self, label: Label) -> dict[str, NDArray[np.float32]]:
        """Computes the targets of a label, by name."""
        return {name: make(label) for name, make in self.targets.items()}

    def classes(self, label: Label) -> NDArray[np.uint8]:
        """Returns the class indices of a label, as uint8."""
        return (label > 0).astype(np.uint8) if self.instances else label


@dataclass(frozen=True)
class Loaded:
    """A decoded case: normalised on its grid or, at native scale, as in the file, which takes less memory.

    Attributes:
        image: `(channels, *spatial)`.
        label: `(*spatial)`, class indices or object numbers.
        intensity: what is still to be applied to the image; None if it is normalised.
        original: the label on the image's own grid, if the network's has another spacing; else `label`.
    """

    image: NDArray[Any]
    label: Label
    intensity: Intensity | None
    original: Label

    @property
    def nbytes(self) -> int:
        own = 0 if self.original is self.label else self.original.nbytes
        return self.image.nbytes + self.label.nbytes + own

    def normalised(self, piece: NDArray[Any]) -> NDArray[np.float32]:
        """Returns a piece of the image (of some of its slices, stacked as channels, too) as a network sees it."""
        return piece if self.intensity is None else self.intensity.apply(piece)


class CaseStore:
    """Cases in the order of their ids, decoded once as far as memory lasts.

    Args:
        dataset: a data set with known `values` (as from `check_dataset`).
        cases: those to hold, in any order.
        preprocessing: how they become arrays.
        budget: bytes for decoded cases, which several stores can share; None for `CACHE_BYTES` of its own.
        recent: share of the budget left for the cases used last, where the first to come fill it.
    """

    def __init__(
        self,
        dataset: Dataset,
        cases: Sequence[Case],
        preprocessing: Preprocessing,
        budget: ByteBudget | None = None,
        recent: float = 0.0,
    ) -> None:
        self.dataset = dataset
        self.cases = tuple(sorted(cases, key=lambda case: case.id))
        self.preprocessing = preprocessing
        self.budget = budget or ByteBudget(CACHE_BYTES)
        self.ignored = None if dataset.ignore is None else IGNORED
        self._by_id = {case.id: case for case in self.cases}
        self._targets: dict[int, dict[str, NDArray[np.float32]]] = {}
        self._cache = Cache(self._load, self.budget, int(self.budget.left * recent))

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> Loaded:
        """Returns a decoded case."""
        return self._cache[self.cases[index].id]

    def whole(self, index: int) -> Batch:
        """Returns all of a case, as it is scored: normalised, on the grid, with its targets."""
        loaded = self[index]
        targets = self._targets.get(index)
        if targets is None:
            targets = self.preprocessing.targets_of(loaded.label)
            if targets and self.budget.take(sum(target.nbytes for target in targets.values())):
                self._targets[index] = targets
        return Batch(loaded.normalised(loaded.image), self.preprocessing.classes(loaded.label), targets)

    def _load(self, name: str) -> Loaded:
        case, how = self._by_id[name], self.preprocessing
        read: Callable[..., tuple[NDArray[Any], Label]]
        read = load_instances if how.instances else partial(load, marked=True)
        image, label = read(case, self.dataset, how.channels)
        intensity = how.normaliser(image)
        if how.grid.is_native:
            return Loaded(image, label, intensity, label)
        spacing = stated_spacing(case)
        there = (how.grid.instances if how.instances else how.grid.label)(label, spacing)
        original = there if how.grid.spacing is None else label
        return Loaded(how.grid.image(intensity.apply(image), spacing), there, None, original)


def learnt(label: Label, ignored: int | None) -> Label:
    """Returns the label in which ignored pixels are background, so that none of them counts as foreground."""
    return label if ignored is None else np.where(label == ignored, 0, label)
