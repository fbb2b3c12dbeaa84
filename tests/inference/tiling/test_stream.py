"""Piece by piece equals all at once: averaged tiles as by hand, cropped ones as the network on the whole image, both in
memory that does not grow with the image."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from isthmus.data.sampling.grid import pad_to
from isthmus.data.sampling.intensity import intensity
from isthmus.inference import Predictor
from isthmus.inference.tiling.margin import margin
from isthmus.inference.tiling.stream import in_blocks, pieces
from isthmus.inference.tiling.tiles import Tiling, blended, cropped, starts
from isthmus.networks import create_model
from isthmus.runs.hardware import resolve
from isthmus.runs.recipe import Hardware, make_recipe

Array = np.ndarray
Predict = Callable[[Array], Array]


def gathered(predict: Predict, image: Array, tiling: Tiling, batch: int = 4) -> Array:
    result: Array | None = None
    for number, place, maps in pieces(predict, [image], tiling, batch=batch):
        assert number == 0
        if result is None:
            result = np.full((len(maps), *image.shape[1:]), np.nan, np.float32)
        assert np.isnan(result[(slice(None), *place)]).all()
        result[(slice(None), *place)] = maps
    assert result is not None
    return result


def averaged(predict: Predict, image: Array, tile: Sequence[int], overlap: float) -> Array:
    """The same by hand, with everything in memory: sum of Gaussian times logits over sum of Gaussians."""
    padded, inside = pad_to(image.astype(np.float32), tile)
    size = padded.shape[1:]
    weight = np.ones(tuple(tile))
    for axis, side in enumerate(tile):
        gaussian = np.exp(-0.5 * ((np.arange(side) - (side - 1) / 2) / (side / 4)) ** 2)
        weight = weight * gaussian.reshape([-1 if a == axis else 1 for a in range(len(tile))])
    total, weights = None, np.zeros(size)
    for corner in product(*(starts(n, t, overlap) for n, t in zip(size, tile, strict=True))):
        place = tuple(slice(c, c + t) for c, t in zip(corner, tile, strict=True))
        logits = predict(padded[(slice(None), *place)][None])[0]
        total = np.zeros((len(logits), *size)) if total is None else total
        total[(slice(None), *place)] += weight * logits
        weights[place] += weight
    assert total is not None
    return (total / weights)[(slice(None), *inside)]


def of_the_tile(x: Array) -> Array:
    """Logits that depend on all of the tile and on the place in it, so that no two tiles agree."""
    ramp = np.arange(x[0, 0].size, dtype=np.float32).reshape(x.shape[2:]) / x[0, 0].size
    mean = x.mean(axis=tuple(range(1, x.ndim)), keepdims=True)[:, 0]
    return np.stack([x[:, 0] - mean, mean + ramp, x[:, 0] * ramp], axis=1)


@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from([(16, 16), (8, 24)]),
    st.integers(1, 7),
    st.floats(0, 0.75),
)
def test_streamed_tiles_are_averaged_as_by_hand(
    height: int, width: int, tile: tuple[int, int], batch: int, overlap: float
) -> None:
    image = np.random.default_rng(height * 91 + width).normal(size=(1, height, width)).astype(np.float32)
    tiling = blended((height, width), tile, 8, tile, overlap)
    found = gathered(of_the_tile, image, tiling, batch)
    np.testing.assert_allclose(found, averaged(of_the_tile, image, tile, overlap), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(9, 20, 13), (1, 1, 1), (17, 8, 4)])
def test_volumes_are_averaged_along_every_axis(size: tuple[int, int, int]) -> None:
    image = np.random.default_rng(2).normal(size=(1, *size)).astype(np.float32)
    found = gathered(of_the_tile, image, blended(size, (4, 8, 8), 4, (4, 8, 8)), 3)
    np.testing.assert_allclose(found, averaged(of_the_tile, image, (4, 8, 8), 0.5), rtol=1e-4, atol=1e-5)


def test_several_images_do_not_mix() -> None:
    images = np.random.default_rng(3).normal(size=(3, 1, 16, 40)).astype(np.float32)
    tiling = blended((16, 40), (16, 16), 8)  # one row of tiles
    result = np.empty((3, 3, 16, 40), np.float32)
    for number, place, maps in pieces(of_the_tile, images, tiling, batch=3):
        result[(number, slice(None), *place)] = maps
    for image, found in zip(images, result, strict=True):
        np.testing.assert_allclose(found, gathered(of_the_tile, image, tiling), rtol=1e-5, atol=1e-6)


def test_raw_numbers_are_read_tile_by_tile() -> None:
    image = np.random.default_rng(4).integers(0, 256, (1, 50, 70), dtype=np.uint8)
    seen = []

    def read(tile: Array) -> Array:
        seen.append(tile.shape)
        assert tile.dtype == np.uint8
        return tile.astype(np.float32) / 255

    result = np.empty((1, 50, 70), np.float32)
    for _, place, maps in pieces(lambda x: x, [image], cropped((50, 70), (32, 32), 8, 3), normalise=read):
        result[(slice(None), *place)] = maps
    np.testing.assert_allclose(result, image / 255, rtol=1e-6)
    assert max(max(shape) for shape in seen) <= 32


def test_a_small_image_is_padded_to_what_the_network_was_trained_on() -> None:
    seen = []

    def predict(x: Array) -> Array:
        seen.append(x.shape)
        return x

    image = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    np.testing.assert_array_equal(gathered(predict, image, blended((2, 3), (32, 32), 4, (16, 16))), image)
    assert seen == [(1, 1, 16, 16)]


def runs(network: nn.Module) -> Predict:
    def predict(x: Array) -> Array:
        with torch.inference_mode():
            out = network(torch.from_numpy(np.ascontiguousarray(x)))
        return (torch.cat(list(out.values()), 1) if isinstance(out, dict) else out).numpy()

    return predict


def trained(name: str, **options: object) -> nn.Module:
    """A network whose batch normalisation and biases have an effect."""
    torch.manual_seed(0)
    network = create_model(name, **options)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.2)  # type: ignore[union-attr,operator]
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr,operator]
            module.bias.data.normal_(0, 0.2)
    return network.eval()


@pytest.mark.parametrize(
    ("name", "options", "size"),
    [
        ("unet", {"widths": (2, 4, 4)}, (217, 150)),
        ("unet", {"widths": (2, 3), "spatial_dims": 3}, (50, 61, 40)),
        ("residual_unet", {"widths": (2, 4)}, (131, 97)),
        ("mildnet", {"widths": (2, 3), "dilations": (1, 2, 3)}, (300, 40)),
        ("dilnet3", {"width": 3}, (211, 190)),
        ("dstnet2", {"widths": (3, 4, 5, 6)}, (420, 330)),
    ],
)
def test_without_image_statistics_there_are_no_seams(
    name: str, options: dict[str, object], size: tuple[int, ...]
) -> None:
    """Cut anywhere on its grid, the network gives the same as on the whole image, up to the image's own borders."""
    network = trained(name, **options)
    around, divisor = margin(network), int(network.divisor)
    assert around is not None
    image = np.random.default_rng(1).normal(size=(1, *size)).astype(np.float32)
    padded, inside = pad_to(image, [-(-n // divisor) * divisor for n in size])
    whole = runs(network)(padded[None])[0][(slice(None), *inside)]
    tile = 2 * (-(-2 * around // divisor) * divisor)
    tiling = cropped(size, [tile] * len(size), divisor, around)
    assert len(list(tiling.corners)) > 1
    found = gathered(runs(network), image, tiling, 2)
    assert np.abs(found - whole).max() < 1e-5 * np.ptp(whole)


def test_less_than_the_margin_leaves_seams() -> None:
    network = trained("unet", widths=(2, 3))
    image = np.random.default_rng(1).normal(size=(1, 96, 96)).astype(np.float32)
    whole = runs(network)(image[None])[0]
    assert margin(network) == 9
    found = gathered(runs(network), image, cropped((96, 96), (36, 36), 2, 5))
    assert np.abs(found - whole).max() > 1e-3 * np.ptp(whole)


def peak(size: tuple[int, ...], tiling: Tiling) -> int:
    """Bytes allocated beside image and labels."""
    image, labels = np.zeros((1, *size), np.uint8), np.ones(size, np.uint8)
    tracemalloc.start()
    try:
        for _, place, maps in pieces(lambda x: np.repeat(x, 3, axis=1), [image], tiling, batch=2):
            labels[place] = maps.argmax(axis=0)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        assert not labels.any()


@pytest.mark.parametrize("dims", [2, 3])
def test_cropped_tiles_take_the_same_memory_of_any_image(dims: int) -> None:
    sizes, tile = ((352, 2032), 128) if dims == 2 else ((64, 160), 32)
    small, large = ((side,) * dims for side in sizes)
    few, many = (peak(size, cropped(size, (tile,) * dims, 16, 8)) for size in (small, large))
    assert many < 1.3 * few
    assert many < np.prod(large)  # a byte a pixel would already be more


def test_averaged_tiles_take_the_memory_of_one_row_of_them() -> None:
    few = peak((256, 512), blended((256, 512), (64, 64), 16))
    many = peak((4096, 512), blended((4096, 512), (64, 64), 16))
    assert many < 1.3 * few
    assert few < 2.5 * 3 * 4 * 64 * 512


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 500))
def test_blocks_cover_the_first_axis(rows: int, columns: int, most: int) -> None:
    blocks = list(in_blocks((rows, columns), most))
    assert np.concatenate([np.arange(rows)[block] for block in blocks]).tolist() == list(range(rows))
    assert all((block.stop - block.start) * columns <= max(most, columns) for block in blocks)


def predictor(network: nn.Module, **sections: object) -> Predictor:
    """Of float32 on the processor, on grey images of cells."""
    own = {"channels": 1, "values": {0: 0, 255: 1}, "classes": ["background", "cell"]}
    data = own | sections.pop("data", {})  # type: ignore[operator]
    recipe = make_recipe("bare", {"data": data}, sections)
    return Predictor.from_networks([network], recipe, resolve(Hardware(device="cpu", precision="float32")))


def test_a_large_image_is_segmented_as_if_at_once() -> None:
    """Batch normalisation, learned on patches: no seams, no matter that the patches are smaller than the margin."""
    network = trained("unet", widths=(2, 4, 4))
    image = np.random.default_rng(5).integers(0, 256, (1, 1100, 90), dtype=np.uint8)
    padded, inside = pad_to(intensity(image, "zscore").apply(image), (1100, 92))
    last = [module for module in network.modules() if isinstance(module, nn.Conv2d)][-1]
    last.bias.data -= float(np.median(runs(network)(padded[None])))  # type: ignore[union-attr]
    logits = runs(network)(padded[None])[0][(slice(None), *inside)]
    given = predictor(network, input={"patch": 32})
    given.labels(image)  # looks how far the network sees
    seen: list[tuple[int, ...]] = []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    found = given.probabilities(image)
    assert len(seen) > 1
    assert max(max(shape) for shape in seen) <= 1024
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits)), atol=1e-5)
    labels = given.labels(image)
    assert 0.4 < labels.mean() < 0.6
    np.testing.assert_array_equal(labels, found[0] > 0.5)
    np.testing.assert_array_equal(given.mask(image), labels * np.uint8(255))
    normalised = intensity(image, "zscore").apply(image)
    np.testing.assert_allclose(given.logits(normalised), logits, atol=1e-5)  # what validation scores


def test_networks_with_image_statistics_are_averaged_over_patches() -> None:
    network = trained("unet_instance", widths=(2, 3))
    image = np.random.default_rng(6).integers(0, 256, (1, 70, 40), dtype=np.uint8)
    normalised = intensity(image, "zscore").apply(image)
    expected = averaged(runs(network), normalised, (32, 32), 0.5)
    given = predictor(network, input={"patch": 32})
    np.testing.assert_allclose(given.logits(normalised), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(given.probabilities(image), 1 / (1 + np.exp(-expected)), atol=1e-5)


class Shifted(nn.Module):
    """Three maps of the middle channel of its input; it declares its input, so that tiles can be cropped."""

    spatial_dims, in_channels, divisor = 2, 1, 4

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        middle = x[:, x.shape[1] // 2, None]
        return torch.cat([middle * 0, middle, -middle], 1)


CLASSES = {"values": {0: 0, 10: 1, 700: 2}, "classes": ["background", "a", "b"]}


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (65, 33)])
def test_odd_sizes_of_three_classes(size: tuple[int, int]) -> None:
    image = np.random.default_rng(7).integers(0, 256, (1, *size), dtype=np.uint8)
    given = predictor(Shifted(), data=CLASSES, input={"patch": 16})
    away = intensity(image, "zscore").apply(image)[0]
    expected = np.where(away > 0, 1, np.where(away < 0, 2, 0))
    np.testing.assert_array_equal(given.labels(image), expected)
    mask = given.mask(image)
    assert mask.dtype == np.uint16
    np.testing.assert_array_equal(mask, np.array([0, 10, 700])[expected])


def test_volumes_in_slices_are_streamed_too() -> None:
    image = np.random.default_rng(8).integers(0, 256, (1, 7, 40, 21), dtype=np.uint8)
    given = predictor(Shifted(), data=CLASSES, input={"patch": 16, "slices": 3})
    normalised = intensity(image, "zscore").apply(image)
    logits = given.logits(normalised)
    np.testing.assert_allclose(logits[1], normalised[0], atol=1e-5)
    np.testing.assert_array_equal(given.labels(image), logits.argmax(axis=0))


@pytest.mark.parametrize(("channels", "found"), [(1, 3), (3, 1)])
def test_large_images_are_never_whole_in_float32(channels: int, found: int) -> None:
    """Beside the image and what its channels need in bytes."""
    size = (3000, 2500)
    image = np.zeros((found, *size), np.uint8)
    given = predictor(Shifted(), data=CLASSES | {"channels": channels}, input={"patch": 256})
    given.labels(image[:, :600, :600])  # loads what is loaded once
    tracemalloc.start()
    try:
        labels = given.labels(image)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    own = labels.nbytes + (channels * labels.nbytes if channels != found else 0)
    assert most - own < 80e6  # of any size; the logits alone would be 90e6, and the image in float32 as much
