"""Applies draws to batches of images or volumes on their device, a GPU or the processor (torch)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from isthmus.data.augment.draw import Draw, Matrix, basis


def apply(
    draws: Sequence[Draw],
    images: Tensor,
    labels: Tensor,
    within: tuple[Matrix, Matrix] | None = None,
) -> tuple[Tensor, Tensor]:
    """Applies a draw to each sample of a batch, as `isthmus.data.augment.planes.apply` does to one image.

    The noise has other random numbers, which the device makes itself.

    Args:
        draws: one for each sample.
        images: `(N, channels, *spatial)`, with two or three spatial axes.
        labels: `(N, *spatial)`, integers.
        within: lowest and highest value of each channel, which colour and noise refer to and stay inside; None for
            0..255 in uint8, and for the image's own range otherwise.

    Returns:
        Images as float32, and labels in their own type.
    """
    device = images.device
    pixels = images.to(torch.float32, copy=True)
    axes = pixels.ndim - 2
    reverse = [index for index, draw in enumerate(draws) if draw.reverse]
    if reverse:
        pixels[reverse] = pixels[reverse].flip(1)
    low, high = _levels(images, within)
    for index in reverse:
        low[index], high[index] = low[index, ::-1].copy(), high[index, ::-1].copy()
    changed = [draw.colour is not None or draw.noise > 0 for draw in draws]
    if any(draw.colour is not None for draw in draws):
        means = pixels.mean(dim=tuple(range(2, 2 + axes))).cpu().double()
        mixes = [_colour(*one) for one in zip(draws, low, high, means.numpy(), strict=True)]
    labels = labels.clone()
    if not all(draw.stays for draw in draws):
        places = torch.stack([_places(draw, device) for draw in draws])
        pixels = grid_sample(pixels, places, "bilinear", "reflection", align_corners=True)
        classes = grid_sample(labels[:, None].float(), places, "nearest", "reflection", align_corners=True)
        labels = classes[:, 0].to(labels.dtype)
    if any(draw.colour is not None for draw in draws):
        matrix = torch.from_numpy(np.stack([m for m, _ in mixes])).to(device, torch.float32)
        offset = torch.from_numpy(np.stack([o for _, o in mixes])).to(device, torch.float32)
        pixels = torch.einsum("nij,nj...->ni...", matrix, pixels) + offset.reshape(
            *offset.shape, *(1,) * axes
        )
    if any(draw.blur for draw in draws):
        pixels = _blurred(pixels, [draw.blur for draw in draws])
    bottom, top = (
        torch.from_numpy(one).to(device, torch.float32).reshape(*one.shape, *(1,) * axes)
        for one in (low, high)
    )
    for index, draw in enumerate(draws):
        if draw.noise:
            generator = torch.Generator(device).manual_seed(draw.seed)
            noise = torch.randn(pixels.shape[1:], generator=generator, device=device)
            pixels[index] += noise * (draw.noise * (top[index] - bottom[index]))
        if changed[index]:
            pixels[index] = torch.minimum(torch.maximum(pixels[index], bottom[index]), top[index])
    return pixels, labels


def _levels(images: Tensor, within: tuple[Matrix, Matrix] | None) -> tuple[Matrix, Matrix]:
    """Returns the lowest and the highest values, `(N, channels)` each."""
    shape = images.shape[:2]
    if within is not None:
        low, high = (np.array(np.broadcast_to(one, shape), np.float64) for one in within)
    elif images.dtype == torch.uint8:
        low, high = np.zeros(shape), np.full(shape, 255.0)
    else:
        flat = images.flatten(2)
        low, high = (one.cpu().double().numpy() for one in (flat.amin(2), flat.amax(2)))
    return low, high


def _colour(draw: Draw, low: Matrix, high: Matrix, mean: Matrix) -> tuple[Matrix, Matrix]:
    """Returns the matrix and the offset of a sample's change of colour."""
    if draw.colour is None:
        return np.eye(draw.channels), np.zeros(draw.channels)
    return draw.colour.affine(low, high, mean)


def _places(draw: Draw, device: torch.device) -> Tensor:
    """Returns the map as `grid_sample` needs it: `(*spatial, axes)`, columns first, -1..1 from first to last pixel.

    The affine part is summed in float32 instead of multiplied as a matrix, for which a GPU may use fewer bits.
    """
    axes = len(draw.shape)
    coefficients = torch.from_numpy(draw.coefficients()).to(device)
    inner: tuple[Any, ...] = tuple(n - 2 for n in coefficients.shape[1:])
    bases = [torch.from_numpy(basis(size, draw.sigma).copy()).to(device) for size in draw.shape]
    if draw.nodes is None:
        places = torch.zeros((axes, *draw.shape), device=device)
    else:
        places = coefficients[(slice(None), *(slice(n) for n in inner))]
        for one in bases:  # each turn takes the first axis of nodes away and puts one of pixels last
            places = torch.tensordot(places, one[:, :-2], dims=([1], [1]))
    places += coefficients[(slice(None), *inner)].reshape(axes, *(1,) * axes)
    for axis, one in enumerate(bases):
        slot = (*inner[:axis], inner[axis] + 1, *inner[axis + 1 :])
        side = [1] * axes
        side[axis] = -1
        places += coefficients[(slice(None), *slot)].reshape(axes, *(1,) * axes) * one[:, -1].reshape(side)
    ends = torch.tensor([max(n - 1, 1) for n in draw.shape], device=device).reshape(axes, *(1,) * axes)
    return (places * (2 / ends) - 1).flip(0).movedim(0, -1)


def _blurred(pixels: Tensor, taps: Sequence[int]) -> Tensor:
    """Filters each sample by its own filter, one axis after another; the outermost pixels repeat."""
    reach = max(taps) // 2
    weights = np.zeros((len(taps), 2 * reach + 1))
    for row, count in zip(weights, taps, strict=True):
        count = max(count, 1)
        row[reach - count // 2 : reach + count // 2 + 1] = cv2.getGaussianKernel(count, 0)[:, 0]
    filters = torch.from_numpy(weights).to(pixels).reshape(len(taps), -1, *(1,) * (pixels.ndim - 1))
    for axis in range(2, pixels.ndim):
        at = torch.arange(pixels.shape[axis], device=pixels.device)
        pixels = sum(
            (
                filters[:, reach + step] * pixels.index_select(axis, (at + step).clamp(0, len(at) - 1))
                for step in range(-reach, reach + 1)
            ),
            torch.zeros_like(pixels),
        )
    return pixels
