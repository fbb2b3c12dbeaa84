"""Parameters of losses and of the targets they need.

Annotations are evaluated here, not kept as text, because the recipe inherits them and knows no names of this module.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from isthmus.settings import SHARE, Range

Normalise = Literal["class", "sum", "none"]


@dataclass
class Settings:
    """Parameters of losses and targets; the defaults are the papers'."""

    auxiliary_weight: Annotated[
        float, Range(0), "Weight of the heads that exist during training only (deep supervision)."
    ] = 1.0
    class_weights: Annotated[
        tuple[float, ...] | None,
        "Weights of the classes in `weighted_ce`, background first. Open: inverse to the share of each class in the "
        "training cases.",
    ] = None
    contour_sigma: Annotated[
        float, Range(above=0), "Standard deviation, in pixels, of the Gaussian that blurs the contour map."
    ] = 2.0
    object_spacing: Annotated[
        tuple[float, float] | tuple[float, float, float] | None,
        Range(above=0),
        "Size of a voxel along each axis, by which `distance_l1` measures how deep a voxel lies in its object. Open: "
        "that of the volumes, if they state it; pixels of pictures are square.",
    ] = None
    difficulty_sigma: Annotated[
        float,
        Range(above=0),
        "Standard deviation, in pixels, of the Gaussian that blurs the borders in the weights of `difficulty_ce`.",
    ] = 8.0
    difficulty_base: Annotated[
        float, Range(0), "Weight in `difficulty_ce` of a pixel far from every border."
    ] = 1.0
    difficulty_weight: Annotated[float, Range(0), "Weight that a border adds in `difficulty_ce`."] = 25.0
    difficulty_normalise: Annotated[
        Normalise,
        "How the blurred borders are scaled in `difficulty_ce`: `class`, each class to a maximum of 1; `sum`, their "
        "sum to a maximum of 1; `none`, not at all.",
    ] = "class"
    smooth: Annotated[
        float,
        Range(0),
        "Pixels added to the numerator and the denominator of `dice`, `iou` and `focal_tversky`.",
    ] = 1.0
    focal_gamma: Annotated[
        float,
        Range(0),
        "Exponent of `focal`; larger values give less weight to pixels that are already right.",
    ] = 2.0
    focal_alpha: Annotated[
        float | None,
        SHARE,
        "Weight of the foreground in `focal`, the background has 1 - alpha; `null`: both have 1.",
    ] = 0.25
    tversky_alpha: Annotated[float, Range(0), "Weight of missed pixels in `focal_tversky`."] = 0.7
    tversky_beta: Annotated[float, Range(0), "Weight of false pixels in `focal_tversky`."] = 0.3
    tversky_gamma: Annotated[
        float, Range(above=0), "Focus of `focal_tversky`: one minus the index is raised to 1/gamma."
    ] = 4 / 3
    hausdorff_alpha: Annotated[
        float, Range(above=0), "Exponent of the distances to the border in `hausdorff`."
    ] = 2.0
