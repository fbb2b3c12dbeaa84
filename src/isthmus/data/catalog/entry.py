"""What a module of the catalog provides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from isthmus.data.cases import Case, Dataset
from isthmus.data.masks.values import ValueMap


@dataclass(frozen=True)
class Entry:
    """A public data set: what it is, and how to read the folder users download.

    Attributes:
        layout: what `root` must hold, in a phrase.
        read: root folder -> `Dataset`; raises `IsthmusError` where the layout is not the one described.
        classes: names by class index; empty where the files decide.
        values: mask value -> class; None where the files decide.
        groups: what a group is, which folds never separate.
        tried: on which real files the reader was tried; empty: on none, only on files of this layout.
        resize: the size that images are brought to unless told otherwise, (height, width); None: native scale.
        sizes: what the papers bring the images to, (height, width) or (depth, height, width), by paper.
        regions: unions of classes that the challenge scores, by name, as the values in the masks.
        instances: whether masks tell objects of a class apart.
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
        """The data set of these cases; `values`, `classes` and `regions` where the files decided them."""
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
