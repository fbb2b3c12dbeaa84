"""Pipelines of transforms, those of the papers among them, and how they meet an image."""

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
"""Image `(channels, *spatial)`, label `(*spatial)` and a generator to changed image and label."""


@dataclass(frozen=True)
class Pipeline:
    """Transforms in a row, applied as one: geometry in a single resampling, then colour, blur and noise.

    Geometry and colour follow the order of `transforms`; the elastic deformation, the blur and the noise have
    their fixed places, last of their kind. Two or three dimensions; image and label together. The image is
    sampled linearly and the label by nearest neighbour, both mirrored beyond the edges, so a label never
    gains a value. Everything random comes from the generator: the same one gives the same sample.

    >>> pipeline = Pipeline((Turn((90,)),))
    >>> image, label = np.arange(4.0).reshape(1, 2, 2), np.array([[0, 1], [2, 3]], np.uint8)
    >>> pipeline(image, label, np.random.default_rng(0))[1]
    array([[1, 3],
           [0, 2]], dtype=uint8)
    """

    transforms: tuple[Transform, ...]

    def draw(self, shape: tuple[int, ...], channels: int, rng: np.random.Generator) -> Draw:
        """What happens to one sample, for a label of that shape."""
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
        """A changed copy of `image` `(channels, *spatial)` and `label` `(*spatial)`.

        uint8 stays uint8, all else becomes float32. `within` is the lowest and the highest value of each
        channel, which colour and noise refer to and stay inside; without it 0..255 for uint8 and the
        image's own range for all else.
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
        """The same on a batch `(N, channels, *spatial)` and `(N, *spatial)` on its device, one generator a
        sample.

        A generator draws the same parameters here as in a call; only the noise has other random numbers.
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

    kept = image if image.dtype == np.uint8 else image.astype(np.float32, copy=False)
    draw, kept, label = move(draw, kept, label)
    pixels, classes = batches.apply(
        [draw],
        torch.from_numpy(kept.copy())[None],
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
"""MILDNet (Sci. Rep. 2021, Methods): the values are the paper's; for the elastic deformation it states
none."""

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
"""HMEDN on nuclei (IEEE TIP 2019, section IV-C): the paper's list; it states no values. The zoom is that of
the framework which it builds on, the others are ours."""

HMEDN_CT = Pipeline((SliceFlip(),))
"""HMEDN on pelvic CT (section IV-A): neighbouring slices in reverse order."""

HMEDN_BRATS = Pipeline((Permute(), Flip(-1), Flip(-2), Flip(-3)))
"""HMEDN on BraTS (section IV-B): that of ellisdg/3DUnetCNN, the symmetries of a cube."""

AUGMENTATIONS: dict[str, Augmentation | None] = {
    "none": None,
    "flips": flips_and_turns,
    "mildnet": MILDNET,
    "hmedn": HMEDN,
    "hmedn-ct": HMEDN_CT,
    "hmedn-brats": HMEDN_BRATS,
}


def make_augmentation(name: str) -> Augmentation | None:
    """The augmentation of that name; None for "none".

    Raises:
        IsthmusError: there is no such name.

    >>> make_augmentation("mildnet") is MILDNET
    True
    """
    if name not in AUGMENTATIONS:
        raise IsthmusError(f"no augmentation '{name}'; {nearest(name, AUGMENTATIONS)}")
    return AUGMENTATIONS[name]
