"""The figures of a study by name: the key `figures` of a study says which are drawn, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from isthmus.plugins import Registry, deferred


class Section(Protocol):
    """What a page shows under one heading.

    Attributes:
        layout: the macro of the template that shows it: "charts", "pictures" or "exhibits".
        title: the heading.
    """

    @property
    def layout(self) -> str: ...

    @property
    def title(self) -> str: ...


DrawSections: TypeAlias = Callable[[Any], Sequence[Section]]
FIGURES: Registry[DrawSections] = Registry("figure")
"""Every figure of a study."""


def register_figure(name: str, draw: DrawSections) -> None:
    """Adds a figure that a study can name.

    Args:
        name: its name in the key `figures`.
        draw: makes its sections from an `isthmus.studies.figures.source.FigureSource`; none if there is nothing
            to show.

    Raises:
        ValueError: the name is taken.
    """
    FIGURES.register(name, draw)


for _name, _draw in {
    "curves": "isthmus.studies.figures.curves:draw",
    "boxes": "isthmus.studies.figures.boxes:draw",
    "bars": "isthmus.studies.figures.bars:draw",
    "influence": "isthmus.studies.figures.influence:draw",
    "extremes": "isthmus.studies.gallery.best_and_worst:draw",
    "gallery": "isthmus.studies.gallery.chosen_cases:draw",
    "volumes": "isthmus.studies.gallery.volumes:draw",
    "saliency": "isthmus.studies.gallery.saliency:draw_saliency",
    "grad-cam": "isthmus.studies.gallery.saliency:draw_grad_cam",
}.items():
    register_figure(_name, deferred(_draw))
