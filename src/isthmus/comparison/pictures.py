"""Pictures of the cases on which programs differ most: the image, and each program's outline beside the true one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.comparison.masks import CaseMasks, drawn, objects
from isthmus.comparison.scores import ProgramScores
from isthmus.data.cases import Case, load_image
from isthmus.data.new_images import images_in
from isthmus.errors import IsthmusError
from isthmus.evaluation.mask_pairs import matched_names
from isthmus.report import drawing, gallery
from isthmus.report.objects import Drawn, objects_panel
from isthmus.report.summary import decimals, number, title

Picture: TypeAlias = Callable[[str], NDArray[Any] | None]
"""From a case to its image `(*spatial)` or `(*spatial, 3)`; None if it has none."""
MOST = 6
"""Number of cases that are drawn."""


def from_folder(folder: Path, cases: Sequence[str]) -> Picture:
    """Returns the images of a folder, which match the cases by name.

    Raises:
        IsthmusError: the folder cannot be read, or has no image of any case.
    """
    found = {case.id: case for case in images_in(folder)}
    names = matched_names(cases, list(found), folder)
    if not names:
        raise IsthmusError(f"no image in {folder} has the name of a true mask; images are matched by name")
    return from_cases({case: found[name] for case, name in names.items()})


def from_cases(cases: Mapping[str, Case]) -> Picture:
    """Returns the images of cases; images that do not have 3 channels are shown by their first."""

    def read(name: str) -> NDArray[Any] | None:
        if name not in cases or not cases[name].images:
            return None
        image = load_image(cases[name])
        return np.moveaxis(image, 0, -1) if len(image) == 3 else image[0]

    return read


def from_arrays(images: Mapping[str, Any]) -> Picture:
    """Returns images `(*spatial)` or `(*spatial, 3)` by case."""
    return lambda case: np.asarray(images[case]) if case in images else None


def most_different(scores: ProgramScores, label: str, metric: str, most: int = MOST) -> list[str]:
    """Returns the cases in which a metric differs most between programs, the largest difference first."""
    columns = [scores.by_case(name, label, metric) for name in scores.programs]
    spread = {}
    for case in scores.cases:
        values = [column[case] for column in columns if math.isfinite(column[case])]
        if len(values) > 1 and max(values) > min(values):
            spread[case] = max(values) - min(values)
    return sorted(spread, key=lambda case: (-spread[case], case))[:most]


def exhibits(
    scores: ProgramScores,
    metric: str,
    read: Callable[[str], CaseMasks],
    picture: Picture,
) -> tuple[list[gallery.Exhibit], list[str]]:
    """Returns the pictures of the cases that differ most, and a line for each that cannot be drawn."""
    made, undrawn = [], []
    for case in most_different(scores, scores.labels[0], metric):
        try:
            made.append(_exhibit(scores, metric, read(case), picture(case)))
        except IsthmusError as error:
            undrawn.append(f"{case}: {error}")
    return made, undrawn


def _exhibit(
    scores: ProgramScores, metric: str, masks: CaseMasks, image: NDArray[Any] | None
) -> gallery.Exhibit:
    several = len(scores.classes) > 1
    by_object = scores.objects and not several
    read: Callable[[NDArray[Any]], NDArray[Any]]
    read = partial(objects, numbered=masks.numbered) if by_object else drawn
    truth = read(masks.truth)
    shown = np.where(truth > 0, np.uint8(90), np.uint8(35)) if image is None else image
    columns = {name: scores.by_case(name, scores.labels[0], metric) for name in scores.programs}
    digits = decimals(metric, (value for column in columns.values() for value in column.values()))
    given = {name: (shown, truth, read(mask)) for name, mask in masks.masks.items()}
    pictures = {
        name: gallery.prepare(masks.case, lambda _, one=one: one, gallery.SMALL)  # type: ignore[misc]
        for name, one in given.items()
    }
    first = next(iter(pictures.values()))
    colour = None if several else drawing.TRUTH
    panels = [gallery.labels_panel(first, first.truth, masks.case, "Truth", colour)]
    if image is not None:
        panels.insert(0, gallery.image_panel(first, masks.case))
    for name, one in pictures.items():
        absent = masks.case in scores.lacking.get(name, ())
        caption = f"{name}: {title(metric)} {number(columns[name][masks.case], digits)}"
        caption += ", no mask" if absent else ""
        if several:
            panels.append(gallery.labels_panel(one, one.predicted, masks.case, caption))
        elif by_object:
            panels.append(objects_panel(one, masks.case, Drawn.of(*given[name][1:]), caption))
        else:
            panels.append(gallery.overlay_panel(one, masks.case, caption))
    group = scores.groups[masks.case]
    facts = [("group", group)] if group != masks.case else []
    return gallery.Exhibit(masks.case, "", "", facts, panels, min(len(panels), 5), first.note)
