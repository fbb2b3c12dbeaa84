"""What a module of the catalog provides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from isthmus.data.cases import Dataset


@dataclass(frozen=True)
class Entry:
    """A public data set: its name in the catalog, what it is, and how to read the folder users download.

    Attributes:
        layout: what `root` must hold, in a phrase.
        read: root folder -> `Dataset`; raises `IsthmusError` where the layout is not the one described.
    """

    name: str
    title: str
    layout: str
    read: Callable[[Path], Dataset]
