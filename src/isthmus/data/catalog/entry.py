"""The catalogue of data sets: what an entry states, and how it is registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from isthmus.data.cases import Case, Dataset
from isthmus.data.masks.values import ValueMap
from isthmus.plugins import Registry


@dataclass(frozen=True)
class Entry:
    """A public data set: what it is, and how to read the folder that users download.

    Attributes:
        layout: what `root` must contain, in a phrase.
        read: returns the `Dataset` in a root folder; raises `IsthmusError` if the layout is another one.
        classes: names by class index; (): the files decide.
        values: the class of each mask value; None: the files decide.
        groups: what a group is; folds never separate one.
        tried: on which real files the reader was tried; "": on none, only on files written in this layout.
        resize: the default size of images, (height, width); None: native scale.
        sizes: the size to which each paper resizes images, (height, width) or (depth, height, width).
        regions: unions of classes that the challenge scores: mask values by name.
        instances: whether masks separate the objects of a class.
    """

    name: str
    title: str
    layout: str
    read: Callable[[Path], Dataset]
    classes: tuple[str, ...]
    values: ValueMap | None
    groups: str
    citation: str
    terms: str
    tried: str = ""
    resize: tuple[int, ...] | None = None
    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    regions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    instances: bool = False

    def dataset(
        self,
        cases: Iterable[Case],
        values: ValueMap | None = None,
        classes: tuple[str, ...] | None = None,
        regions: Mapping[str, tuple[int, ...]] | None = None,
    ) -> Dataset:
        """Returns the data set of these cases; `values`, `classes` and `regions` override those of the entry."""
        values = values or self.values
        index = dict(values.pairs) if values else {}
        regions = self.regions if regions is None else regions
        return Dataset(
            name=self.name,
            cases=tuple(cases),
            values=values,
            classes=self.classes if classes is None else classes,
            resize=self.resize,
            citation=self.citation,
            terms=self.terms,
            regions={name: tuple(index[value] for value in held) for name, held in regions.items()},
            instances=self.instances,
        )


DATASETS: Registry[Entry] = Registry("data set")
"""The entry of each data set, by name."""


def register_dataset(entry: Entry) -> None:
    """Registers a data set under its name, so that every command finds it.

    Raises:
        ValueError: another data set has this name.
    """
    DATASETS.register(entry.name, entry)
