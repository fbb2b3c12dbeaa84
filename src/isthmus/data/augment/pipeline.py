"""Combines transforms into pipelines, among them those of the papers, and applies them to images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.augment import planes
from isthmus.data.augment.draw import Draw, Matrix
from isthmus.data.augment.symmetries import flips_and_turns, move
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
from isthmus.errors import IsthmusError, nearest

if TYPE_CHECKING:
    from torch import Tensor

Augmentation = Callable[
    [NDArray[np.float32], NDArray[np.uint8], np.random.Generator],
    tuple[NDArray[np.float32], NDArray[np.uint8]],
]
"""Changes an image `(channels, *spatial)` and its label `(*spatial)` with the numbers of a generator."""


@dataclass(frozen=True)
class Pipeline:
    """Transforms applied as one: geometry in a single resampling, then colour, blur and noise.

    Geometry and colour follow the order of `transforms`; the elastic deformation, the blur and the noise always come
    last of their kind. Images have two or three spatial axes. The image is sampled linearly and the label by nearest
    neighbour, both mirrored beyond the edges, so a label never gains a value. All random numbers come from the
    generator: the same generator gives the same sample.

    >>> pipeline = Pipeline((Turn((90,)),))
    >>> image, label = np.arange(4.0).reshape(1, 2, 2), np.array([[0, 1], [2, 3]], np.uint8)
    >>> pipeline(image, label, np.random.default_rng(0))[1]
    array([[1, 3],
           [0, 2]], dtype=uint8)
    """

    transforms: tuple[Transform, ...]

    def draw(self, shape: tuple[int, ...], channels: int, rng: np.random.Generator) -> Draw:
        """Draws the changes of one sample whose label has that shape."""
        draw = Draw(shape, channels)
        for transform in self.transforms:
            if rng.random() < transform.p:
                draw = transform(draw, rng)
        return draw

    def __call__(
        self,
        image: NDArray[Any],
        label: NDArray[np.uint8],
        rng: np.random.Generator,
        within: tuple[Matrix, Matrix] | None = None,
    ) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Returns changed copies of an image and its label.

        Args:
            image: `(channels, *spatial)`; uint8 stays uint8, everything else becomes float32.
            label: `(*spatial)`.
            rng: draws the changes.
            within: lowest and highest value of each channel, which colour and noise refer to and stay inside; None for
                0..255 in uint8, and for the image's own range otherwise.
        """
        draw = self.draw(label.shape, image.shape[0], rng)
        return (
            planes.apply(draw, image, label, within)
            if label.ndim == 2
            else _volume(draw, image, label, within)
        )

    def batch(
        self,
        images: Tensor,
        labels: Tensor,
        rngs: Sequence[np.random.Generator],
        within: tuple[Matrix, Matrix] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Does the same to a batch `(N, channels, *spatial)` and `(N, *spatial)` on its device, with one generator
        each.

        A generator draws the same parameters as in a call for one sample; only the noise has other random numbers.
        """
        from isthmus.data.augment import batches

        shape = tuple(labels.shape[1:])
        draws = [self.draw(shape, images.shape[1], rng) for rng in rngs]
        return batches.apply(draws, images, labels, within)


def _volume(
    draw: Draw, image: NDArray[Any], label: NDArray[np.uint8], within: tuple[Matrix, Matrix] | None
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    import torch

    from isthmus.data.augment import batches

    original = image if image.dtype == np.uint8 else image.astype(np.float32, copy=False)
    draw, original, label = move(draw, original, label)
    pixels, classes = batches.apply(
        [draw],
        torch.from_numpy(original.copy())[None],
        torch.from_numpy(label.copy())[None],
        within,
    )
    changed: NDArray[Any] = pixels[0].numpy()
    if image.dtype == np.uint8:
        changed = changed.round().clip(0, 255).astype(np.uint8)
    return changed, classes[0].numpy()


MILDNET = Pipeline(
    (
        Turn((0, 60, 120, 180, 270)),
        Flip(-1),
        Flip(-2),
        Zoom(0.9, 1.1),
        Shear(45),
        Elastic(),
        ColourJitter(0.2, 0.2, 0.2, 0.2),
        Blur((3, 5, 7)),
        Noise(10, 50),
    )
)
"""MILDNet (Sci. Rep. 2021, Methods): the values are the paper's, except for the elastic deformation, for which it
states none."""

HMEDN = Pipeline(
    (
        Zoom(0.5, 1.5),
        Crop(),
        Rotate(),
        Flip(-1),
        Flip(-2),
        Flip(-3),
        Elastic(),
        ChannelShift(),
        Noise(10, 50),
    )
)
"""HMEDN on nuclei (IEEE TIP 2019, section IV-C): the paper lists the transforms without values. The zoom is that of the
framework it builds on; the other values are ours."""

HMEDN_CT = Pipeline((SliceFlip(),))
"""HMEDN on pelvic CT (section IV-A): neighbouring slices in reverse order."""

HMEDN_BRATS = Pipeline((Permute(), Flip(-1), Flip(-2), Flip(-3)))
"""HMEDN on BraTS (section IV-B): the symmetries of a cube, as in ellisdg/3DUnetCNN."""

_LIGHT = Pipeline((ColourJitter(0.25, 0.25, 0.2, 0.03, p=0.8),))


def light(
    image: NDArray[np.float32], label: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Ours: flips and quarter turns, and in four of five samples another brightness, contrast, saturation and hue.

    Where the same ten images are seen hundreds of times with flips alone, they are learned by heart, and images of
    another patient are segmented worse with every epoch. Three channels are taken for red, green and blue;
    with any other number, hue and saturation stay.
    """
    return _LIGHT(*flips_and_turns(image, label, rng), rng)


AUGMENTATIONS: dict[str, Augmentation | None] = {
    "none": None,
    "flips": flips_and_turns,
    "light": light,
    "mildnet": MILDNET,
    "hmedn": HMEDN,
    "hmedn-ct": HMEDN_CT,
    "hmedn-brats": HMEDN_BRATS,
}


def make_augmentation(name: str) -> Augmentation | None:
    """Returns the augmentation of that name, and None for "none".

    Raises:
        IsthmusError: the name is unknown.

    >>> make_augmentation("mildnet") is MILDNET
    True
    """
    if name not in AUGMENTATIONS:
        raise IsthmusError(f"no augmentation '{name}'; {nearest(name, AUGMENTATIONS)}")
    return AUGMENTATIONS[name]
