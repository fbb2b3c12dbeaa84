"""Changes images and their labels together at random. A label never gains a class."""

from isthmus.data.augment.draw import Draw, levels
from isthmus.data.augment.pipeline import (
    AUGMENTATIONS,
    HMEDN,
    HMEDN_BRATS,
    HMEDN_CT,
    MILDNET,
    Augmentation,
    Pipeline,
    make_augmentation,
)
from isthmus.data.augment.symmetries import flips_and_turns
from isthmus.data.augment.transforms import (
    Blur,
    ChannelShift,
    ColourJitter,
    Crop,
    Elastic,
    Flip,
    Noise,
    Permute,
    Rotate,
    Shear,
    SliceFlip,
    Transform,
    Turn,
    Zoom,
)

__all__ = [
    "AUGMENTATIONS",
    "HMEDN",
    "HMEDN_BRATS",
    "HMEDN_CT",
    "MILDNET",
    "Augmentation",
    "Blur",
    "ChannelShift",
    "ColourJitter",
    "Crop",
    "Draw",
    "Elastic",
    "Flip",
    "Noise",
    "Permute",
    "Pipeline",
    "Rotate",
    "Shear",
    "SliceFlip",
    "Transform",
    "Turn",
    "Zoom",
    "flips_and_turns",
    "levels",
    "make_augmentation",
]
