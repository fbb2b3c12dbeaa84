"""The pictures of a report: for each case its image, the true and predicted outlines, and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.report import drawing

CaseImages = (
    tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
    | tuple[NDArray[Any], NDArray[Any], NDArray[Any], Sequence[float] | None]
)
Loader = Callable[[str], CaseImages]
Images = Loader | Mapping[str, CaseImages]
"""From a case id to image (H, W) or (H, W, 3), true and predicted labels (H, W), with D in front for volumes; a fourth
value may give the size of a pixel along each axis."""

LARGE, SMALL = 512, 288
"""Longest side in pixels of large and of small pictures."""


@dataclass(frozen=True)
class Panel:
    """One picture: its data URI, its caption, a description for screen readers, and its size in pixels."""

    uri: str
    caption: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True)
class Exhibit:
    """The pictures of one case.

    Attributes:
        case: its heading.
        anchor: its place on the page.
        tag: why it is shown (best, worst, …); empty for any other case.
        scores: names and values beside the heading.
        panels: the pictures.
        columns: the number of pictures in a row.
        note: the shown slice of a volume.
    """

    case: str
    anchor: str
    tag: str
    scores: Sequence[tuple[str, str]]
    panels: Sequence[Panel]
    columns: int
    note: str = ""


def loader(images: Images) -> Loader:
    """Returns images as a function from a case id."""
    if callable(images):
        return images
    held = images

    def load(case: str) -> CaseImages:
        if case not in held:
            raise IsthmusError(
                f"no picture was given for case '{case}'; give one for every case of cases.csv"
            )
        return held[case]

    return load


@dataclass(frozen=True)
class Picture:
    """One case ready to draw: two-dimensional, at display size."""

    image: drawing.Pixels
    truth: NDArray[Any]
    predicted: NDArray[Any]
    note: str

    @property
    def foreground(self) -> Picture:
        """The same picture, in whose masks all classes or objects are one."""
        truth, predicted = ((mask > 0).astype(np.uint8) for mask in (self.truth, self.predicted))
        return replace(self, truth=truth, predicted=predicted)

    @property
    def line_width(self) -> int:
        """The width of a fine line in pixels, which looks the same in large and small pictures."""
        return max(1, round(max(self.size) / 256))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.shape[1], self.image.shape[0]


def arrays(case: str, given: CaseImages) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Returns image, true labels and predicted labels as arrays.

    Raises:
        IsthmusError: image and masks do not have the same size.
    """
    image, truth, predicted = (np.asarray(each) for each in given[:3])
    spatial = truth.ndim
    channels = image.shape[spatial:]
    fits = image.shape[:spatial] == truth.shape == predicted.shape and channels in ((), (1,), (3,))
    if spatial not in (2, 3) or not fits:
        raise IsthmusError(
            f"case '{case}': image {image.shape}, true mask {truth.shape} and predicted mask "
            f"{predicted.shape} do not fit together; give all three on one grid, channels of the image last"
        )
    return image, truth, predicted


def prepare(case: str, load: Loader, longest: int) -> Picture:
    """Loads a case, takes the slice of a volume with most foreground, and resizes everything for display.

    Args:
        case: the case id.
        load: the function that loads it.
        longest: the longest side in pixels.

    Raises:
        IsthmusError: image and masks do not have the same size.
    """
    image, truth, predicted = arrays(case, load(case))
    note = ""
    if truth.ndim == 3:
        index = drawing.fullest_slice(truth, predicted)
        note = f"slice {index + 1} of {len(truth)}"
        image, truth, predicted = image[index], truth[index], predicted[index]
    size = drawing.fit(truth.shape, longest)
    return Picture(
        drawing.resize_image(drawing.rgb(image), size),
        drawing.resize_labels(truth, size),
        drawing.resize_labels(predicted, size),
        note,
    )


def image_panel(picture: Picture, case: str) -> Panel:
    """Draws the image alone."""
    return Panel(
        drawing.photograph(picture.image, picture.line_width), "Image", f"Image of {case}", *picture.size
    )


def outline_panels(picture: Picture, case: str, *, several: bool) -> list[Panel]:
    """Draws outlines over the image: truth and prediction together, or a panel each for several classes."""
    if not several:
        return [overlay_panel(picture, case, "Outlines")]
    return [
        labels_panel(picture, picture.truth, case, "True outlines"),
        labels_panel(picture, picture.predicted, case, "Predicted outlines"),
    ]


def labels_panel(
    picture: Picture,
    labels: NDArray[Any],
    case: str,
    caption: str,
    colour: drawing.Colour | None = None,
    *,
    broad: bool = False,
) -> Panel:
    """Draws the outlines of one label map, in one colour or in a colour for each class."""
    drawn = drawing.outline(picture.image, labels, colour, width=picture.line_width * (2 if broad else 1))
    return Panel(
        drawing.photograph(drawn, picture.line_width),
        caption,
        f"{caption} of {case} over its image",
        *picture.size,
    )


def overlay_panel(picture: Picture, case: str, caption: str) -> Panel:
    """Draws the true outline, broad, and the predicted outline, fine and on top, so that both stay visible."""
    fine = picture.line_width
    drawn = drawing.outline(picture.image, picture.truth, drawing.TRUTH, width=2 * fine)
    drawn = drawing.outline(drawn, picture.predicted, drawing.PREDICTED, width=fine)
    return Panel(
        drawing.photograph(drawn, picture.line_width),
        caption,
        f"{caption} of {case} over its image",
        *picture.size,
    )


def errors_panel(picture: Picture, case: str, caption: str) -> Panel:
    """Draws missed and false pixels over the image, which is darker where both masks are empty."""
    drawn = drawing.errors_over(picture.image, drawing.difference(picture.truth, picture.predicted))
    return Panel(drawing.photograph(drawn), caption, f"{caption} for {case}", *picture.size)


def difference_panel(picture: Picture, case: str, caption: str = "Difference") -> Panel:
    """Draws missed and false pixels without the image."""
    kind = drawing.difference(picture.truth, picture.predicted)
    shares = [np.count_nonzero(kind == k) / kind.size for k in (2, 3)]
    alt = f"{caption} for {case}: {shares[0]:.1%} of the pixels missed, {shares[1]:.1%} false"
    return Panel(drawing.difference_map(kind), caption, alt, *picture.size)
