"""Sections of pictures on the page of a study: cases in groups, with each network's pictures side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from isthmus.report.gallery import Panel

KeyPart = Literal["outlines", "found", "errors", "other class"]
"""A part of the key to a section's colours."""


@dataclass(frozen=True)
class Stack:
    """Pictures one below the other under one caption."""

    caption: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class CaseEntry:
    """The pictures of a case.

    Attributes:
        anchor: its place on the page.
        title: its heading.
        facts: text beside the heading.
        rows: rows of stacks, each with the number of columns (None: as many as fit).
    """

    anchor: str
    title: str
    facts: Sequence[str]
    rows: Sequence[tuple[int | None, Sequence[Stack]]]


@dataclass(frozen=True)
class CaseGroup:
    """Cases under one heading.

    Attributes:
        anchor: its place on the page.
        title: the heading.
        description: the line below it.
        entries: the cases.
        elsewhere: cases of the group that stand elsewhere on the page, each a text and an anchor.
        compact: whether pictures are small, with many in a row.
    """

    anchor: str
    title: str
    description: str
    entries: Sequence[CaseEntry]
    elsewhere: Sequence[tuple[str, str]] = ()
    compact: bool = False


@dataclass(frozen=True)
class PictureSection:
    """A section of pictures.

    Attributes:
        title: the heading.
        caption: text that readers need.
        groups: groups of cases.
        missing: a line for each picture, or each data set, that cannot be shown.
        notes: lines below the caption.
        classes: the colours of classes by data set.
        key: what the key to the colours explains.
    """

    layout: ClassVar[str] = "pictures"
    title: str
    caption: str
    groups: Sequence[CaseGroup]
    missing: Sequence[str] = ()
    notes: Sequence[str] = ()
    classes: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    key: Sequence[KeyPart] = ()

    def __bool__(self) -> bool:
        return bool(self.groups or self.missing)


def under_own_caption(panel: Panel) -> Stack:
    """Returns a picture alone, with its caption below it."""
    return Stack(panel.caption, [replace(panel, caption="")])
