"""How images are segmented, and what is written about each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isthmus.errors import IsthmusError


@dataclass(frozen=True)
class PredictOptions:
    """How images are segmented, and what is written.

    Attributes:
        probabilities: also write ``OUT/probabilities/<name>``, float32, a page or a volume for each map.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        engine: ``"torch"``, ``"openvino"``, or ``"auto"``: OpenVINO on a CPU, if it is installed and worthwhile.
        statistics: what instance normalisation uses in an image that is cut: each ``"tile"``, or the ``"image"``.
        overwrite: replace masks that exist; files of the data are never replaced.
        skip_existing: keep what exists and write what is missing, as after an interruption.
        threshold: probability above which a pixel is foreground, between 0 and 1, both excluded; this and the next four
            replace what the recipe says under ``cleanup``, None: as it says.
        min_size: components (or objects) of fewer pixels are dropped; at least 0, or a size for each class by its name.
        max_size: components of more pixels are dropped, once holes are filled; likewise, at least 1.
        fill_holes: whether holes are filled.
        drop_border: whether components that touch the border of the image are dropped.
        diameter: that of the objects in the images, in pixels, if it is not that of the training objects; or
            ``"auto"``, which finds it in each image (`isthmus.inference.diameter`).
        rois: also write ``OUT/rois/<name>.zip``, the objects as ImageJ ROIs (`isthmus.io.imagej`).
        geojson: also write ``OUT/geojson/<name>.geojson``, the objects as QuPath reads them (`isthmus.io.geojson`).
        numbers: write the number of each object into its picture, ``OUT/overlays/<name>.png``.

    Raises:
        IsthmusError: both ``overwrite`` and ``skip_existing``, a diameter that is not above 0.

    >>> PredictOptions(min_size=20, fill_holes=True).cleanup
    {'min_size': 20, 'holes': True}
    """

    probabilities: bool = False
    device: str = "auto"
    engine: str = "auto"
    statistics: str = "tile"
    overwrite: bool = False
    skip_existing: bool = False
    threshold: float | None = None
    min_size: int | Mapping[str, int] | None = None
    max_size: int | Mapping[str, int] | None = None
    fill_holes: bool | None = None
    drop_border: bool | None = None
    diameter: float | str | None = None
    rois: bool = False
    geojson: bool = False
    numbers: bool = False

    def __post_init__(self) -> None:
        if self.overwrite and self.skip_existing:
            raise IsthmusError("--overwrite replaces what --skip-existing keeps; give one of them")
        if self.diameter not in (None, "auto") and not (
            isinstance(self.diameter, float | int) and 0 < self.diameter < math.inf
        ):
            raise IsthmusError(
                f"a diameter of {self.diameter}; give that of the objects in pixels, such as 30, or auto, to find it "
                "in each image"
            )

    @property
    def cleanup(self) -> dict[str, Any]:
        """The keys of the recipe's clean-up that are given, and their values."""
        given = {
            "threshold": self.threshold,
            "min_size": self.min_size,
            "max_size": self.max_size,
            "holes": self.fill_holes,
            "border": self.drop_border,
        }
        return {key: value for key, value in given.items() if value is not None}
