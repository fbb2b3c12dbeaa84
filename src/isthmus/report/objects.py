"""Pictures of objects: each outlined in the colour of what became of it, and the numbers of each state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.metrics.object_matching import Overlaps
from isthmus.metrics.object_states import (
    FOUND,
    PREDICTED_STATES,
    TRUE_STATES,
    ObjectStates,
    add_up,
    in_a_line,
    in_words,
)
from isthmus.report import drawing
from isthmus.report.gallery import CaseImages, Panel, Picture
from isthmus.report.render import css
from isthmus.runs.results import Run, value_at

COLOURS: Mapping[str, drawing.Colour] = {
    "found": (0, 158, 115),
    "missed": drawing.TRUTH,
    "false": drawing.PREDICTED,
    "merged": (204, 121, 167),
    "split": (240, 228, 66),
}
"""The colour of each state, of Okabe and Ito's that colour-blind readers tell apart."""
DARK = 0.45
"""How bright the image is below the outlines."""


@dataclass(frozen=True)
class Drawn:
    """The objects of one case and their states, on the whole image or volume.

    Attributes:
        overlaps: true and predicted objects.
        states: what became of each.
    """

    overlaps: Overlaps
    states: ObjectStates

    @classmethod
    def of(cls, truth: NDArray[Any], predicted: NDArray[Any]) -> Drawn:
        """Returns the objects of two masks of object numbers `(*spatial)`.

        Raises:
            IsthmusError: as `isthmus.metrics.object_states`.
        """
        overlaps = Overlaps.of(predicted, truth)
        return cls(overlaps, ObjectStates.of(overlaps))


def objects_panel(picture: Picture, case: str, drawn: Drawn, caption: str = "Objects") -> Panel:
    """Draws predicted objects, fine, over the true ones that are not found, broad, each in the colour of its state.

    Args:
        picture: the case at display size, with object numbers in its masks.
        case: its name, for the description.
        drawn: its objects.
        caption: what stands before the numbers of objects.
    """
    grey = drawing.rgb(np.rint(DARK * picture.image.mean(axis=2)).astype(np.uint8))
    fine, (predicted, true) = picture.line_width, (objects for _, objects in drawn.overlaps.sides)
    lost = np.where(drawn.states.truth == FOUND, 0, np.arange(1, len(true) + 1))
    places = np.append(0, lost)[_places(picture.truth, true.numbers)]
    image = drawing.outline(grey, places, _palette(drawn.states.truth, TRUE_STATES), width=2 * fine)
    places = _places(picture.predicted, predicted.numbers)
    image = drawing.outline(image, places, _palette(drawn.states.prediction, PREDICTED_STATES), width=fine)
    text = f"{caption}: {in_a_line(drawn.states.counts())}"
    return Panel(drawing.photograph(image, fine), text, f"{text}, in {case}", *picture.size)


def objects_of(picture: Picture, case: str, given: CaseImages, about: str = "") -> Panel:
    """Draws the objects of a case; of a volume those in the shown slice, with the numbers of all.

    Args:
        picture: the case at display size.
        case: its name.
        given: its image and masks of object numbers.
        about: what the caption says behind "Objects".
    """
    truth, predicted = np.asarray(given[1]), np.asarray(given[2])
    of_all = ", in all slices" if truth.ndim == 3 else ""
    return objects_panel(picture, case, Drawn.of(truth, predicted), f"Objects{about}{of_all}")


def state_key(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Returns the colour of each state and its name, with the number of its objects if they were counted."""
    words = in_words(counts) if counts else dict.fromkeys(COLOURS, "")
    return [(css(colour), f"{name} {words[name]}".strip()) for name, colour in COLOURS.items()]


def separates_objects(run: Run) -> bool:
    """Returns whether the masks of a run number objects."""
    return value_at(run.recipe, "data.instances") is True


def totals(run: Run) -> dict[str, int]:
    """Returns the number of objects of each column in the cases of the headline; {} for scores that lack them."""
    return add_up([score.values for score in run.leading])


def _places(labels: NDArray[Any], numbers: NDArray[np.intp]) -> NDArray[np.intp]:
    """Returns labels `(H, W)` of object numbers as places from 1; 0 stays."""
    return np.where(labels > 0, np.searchsorted(numbers, labels) + 1, 0)


def _palette(states: NDArray[np.uint8], names: Sequence[str]) -> list[drawing.Colour]:
    """Returns the colour of each object."""
    return [COLOURS[names[state]] for state in states] or [COLOURS["found"]]
