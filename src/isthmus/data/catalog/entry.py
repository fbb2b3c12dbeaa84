"""What a module of the catalog provides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from isthmus.data.cases import Case, Dataset
from isthmus.data.values import ValueMap


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
        resize: the size (height, width) that the papers bring the images to; None: native scale.
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
    resize: tuple[int, int] | None = None

    def dataset(
        self, cases: Iterable[Case], values: ValueMap | None = None, classes: tuple[str, ...] | None = None
    ) -> Dataset:
        """The data set of these cases; `values` and `classes` where the files decided them."""
        return Dataset(
            name=self.name,
            cases=tuple(cases),
            values=values or self.values,
            classes=self.classes if classes is None else classes,
            resize=self.resize,
            citation=self.citation,
            terms=self.terms,
        )
