"""Where pixels go: against NumPy's turns and flips, SciPy's resampling, and the formula, bump by bump."""

from __future__ import annotations

import math
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from isthmus.data.augment import Crop, Draw, Elastic, Flip, Permute, Pipeline, Rotate, Shear, Turn, Zoom
from isthmus.data.augment.draw import REACH, basis, node_count
from isthmus.data.augment.planes import maps
from isthmus.data.rng import rng

SMOOTH = 5e-3
"""Room for OpenCV 4, which rounds places to 1/32 pixel; OpenCV 5 agrees to 1e-6."""


def smooth(shape: tuple[int, ...], channels: int = 2, seed: int = 0) -> Any:
    noise = rng(seed).standard_normal((channels, *shape))
    image = ndimage.gaussian_filter(noise, (0, *(4,) * len(shape)))
    return (image / np.abs(image).max()).astype(np.float32)


def places(draw: Draw) -> Any:
    """The map as the module's docstring writes it, `(axes, *shape)`, with every bump added up."""
    axes = len(draw.shape)
    index = np.indices(draw.shape).reshape(axes, -1).T
    centre = (np.array(draw.shape) - 1) / 2
    x = index - centre
    u = np.zeros_like(x)
    if draw.nodes is not None:
        width = draw.sigma * np.array(draw.shape)
        count = draw.nodes.shape[1]
        weight, squares = np.zeros_like(x), np.zeros(len(x))
        for node in product(range(count), repeat=axes):
            at = (np.array(node) - (count - 1) / 2) * width
            bump = np.exp(-(((x - at) / width) ** 2).sum(1) / 2)
            weight += bump[:, None] * draw.nodes[(slice(None), *node)]
            squares += bump**2
        u = weight / np.sqrt(squares)[:, None]
    return ((x + u) @ draw.linear.T + draw.offset + centre).T.reshape(axes, *draw.shape)


@pytest.mark.parametrize("angle", [0, 90, 180, 270, -90, 450])
@pytest.mark.parametrize("shape", [(7, 7), (8, 8), (3, 6, 6)])
def test_quarter_turns_are_exact(angle: int, shape: tuple[int, ...]) -> None:
    label = rng(1).integers(0, 256, shape).astype(np.uint8)
    for image in (np.stack([label, 255 - label]), np.stack([label, 255 - label]).astype(np.float32)):
        turned, turned_label = Pipeline((Turn((angle,)),))(image, label, rng(0))
        np.testing.assert_array_equal(turned_label, np.rot90(label, angle // 90, (-2, -1)))
        np.testing.assert_array_equal(turned, np.rot90(image, angle // 90, (-2, -1)))
        assert turned.dtype == image.dtype


@pytest.mark.parametrize("axis", [-1, -2, -3])
def test_flips_are_exact(axis: int) -> None:
    for shape in ((5, 8), (4, 5, 6)):
        label = rng(2).integers(0, 256, shape).astype(np.uint8)
        image = np.stack([label, 255 - label])
        flipped, flipped_label = Pipeline((Flip(axis, p=1),))(image, label, rng(0))
        there = len(shape) >= -axis
        np.testing.assert_array_equal(flipped_label, np.flip(label, axis) if there else label)
        np.testing.assert_array_equal(flipped, np.flip(image, axis) if there else image)


def test_order_counts() -> None:
    label = np.arange(16, dtype=np.uint8).reshape(4, 4)
    turn, flip = Turn((90,)), Flip(-1, p=1)
    both = [Pipeline(pair)(label[None], label, rng(0))[1] for pair in ((turn, flip), (flip, turn))]
    np.testing.assert_array_equal(both[0], np.fliplr(np.rot90(label)))
    np.testing.assert_array_equal(both[1], np.rot90(np.fliplr(label)))


@pytest.mark.parametrize("seed", range(3))
def test_a_pipeline_goes_through_its_transforms_one_after_another(seed: int) -> None:
    parts = (Crop(0.5, 0.7, p=1), Turn((60,)), Crop(0.5, 0.7, p=1), Shear(p=1), Zoom(0.5, 0.6, p=1))
    random = rng(seed)
    where = np.indices((9, 14)).astype(float).reshape(2, -1)
    centre = np.array([[4], [6.5]])
    for draw in reversed([Pipeline((part,)).draw((9, 14), 1, random) for part in parts]):
        where = draw.linear @ (where - centre) + draw.offset[:, None] + centre
    whole = places(Pipeline(parts).draw((9, 14), 1, rng(seed)))
    np.testing.assert_allclose(whole.reshape(2, -1), where, atol=1e-9)


def test_permuting_axes_of_equal_length() -> None:
    cube = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    found = {Pipeline((Permute(),))(cube[None], cube, rng(i))[1].tobytes() for i in range(60)}
    assert found == {cube.transpose(order).tobytes() for order in permutations(range(3))}
    slab = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    found = {Pipeline((Permute(),))(slab[None], slab, rng(i))[1].tobytes() for i in range(20)}
    assert found == {slab.tobytes(), slab.transpose(0, 2, 1).tobytes()}


@pytest.mark.parametrize("shape", [(6, 6), (5, 5, 5), (3, 6, 6)])
def test_moving_pixels_is_what_the_map_says(shape: tuple[int, ...]) -> None:
    label = rng(4).integers(0, 256, shape).astype(np.uint8)
    pipeline = Pipeline((Permute(), Turn((0, 90, 180, 270)), Flip(-1), Flip(-2), Flip(-3)))
    for seed in range(12):
        image, found = pipeline(label[None], label, rng(seed))
        where = places(pipeline.draw(shape, 1, rng(seed))).round().astype(int)
        np.testing.assert_array_equal(found, label[tuple(where)])
        np.testing.assert_array_equal(image[0], found)


@pytest.mark.parametrize("angle", [30, 60, 120, -75])
def test_turns_against_scipy(angle: float) -> None:
    image = smooth((40, 53))
    turned, _ = Pipeline((Turn((angle,)),))(image, np.zeros((40, 53), np.uint8), rng(0))
    for channel, plane in zip(turned, image, strict=True):
        expected = ndimage.rotate(plane, angle, reshape=False, order=1, mode="mirror")
        np.testing.assert_allclose(channel, expected, atol=SMOOTH)


@pytest.mark.parametrize("shape", [(33, 48), (9, 17, 16)])
@pytest.mark.parametrize("factor", [0.6, 1.7])
def test_zoom_against_scipy(shape: tuple[int, ...], factor: float) -> None:
    image = smooth(shape)
    zoomed, _ = Pipeline((Zoom(factor, factor, p=1),))(image, np.zeros(shape, np.uint8), rng(0))
    centre = (np.array(shape) - 1) / 2
    for channel, plane in zip(zoomed, image, strict=True):
        expected = ndimage.affine_transform(
            plane, np.full(len(shape), 1 / factor), centre - centre / factor, order=1, mode="mirror"
        )
        np.testing.assert_allclose(channel, expected, atol=SMOOTH)


@pytest.mark.parametrize(
    ("shape", "seeds"), [((31, 44), range(6)), ((40, 40), range(6, 9)), ((7, 12, 9), range(3))]
)
def test_everything_at_once_is_one_resampling_by_the_formula(shape: tuple[int, ...], seeds: Any) -> None:
    image = smooth(shape)
    label = (rng(3).integers(0, 4, shape) * 20).astype(np.uint8)
    transforms = (Turn(), Flip(-1), Zoom(p=1), Shear(40, True, 1), Crop(p=1), Rotate(90, True, 1))
    pipeline = Pipeline((*transforms, Elastic(0.03, 0.25, p=1)))
    for seed in seeds:
        draw = pipeline.draw(shape, 2, rng(seed))
        where = places(draw)
        found, found_label = pipeline(image, label, rng(seed))
        for channel, plane in zip(found, image, strict=True):
            expected = ndimage.map_coordinates(plane, where, order=1, mode="mirror")
            np.testing.assert_allclose(channel, expected, atol=SMOOTH)
        nearest = ndimage.map_coordinates(label, where, order=0, mode="mirror")
        assert np.mean(nearest != found_label) < 0.02  # places halfway between two pixels may go to either
        if len(shape) == 2:
            np.testing.assert_allclose(np.stack(maps(draw)[::-1]), where, atol=1e-4)


def test_a_shear_pushes_one_axis_along_the_other() -> None:
    found = set()
    for i in range(40):
        linear = Pipeline((Shear(45, p=1),)).draw((8, 8), 1, rng(i)).linear
        assert np.array_equal(np.diag(linear), [1, 1])
        assert linear[0, 1] * linear[1, 0] == 0
        assert np.abs(linear - np.eye(2)).max() <= 1
        found.add(bool(linear[0, 1]))
    assert found == {True, False}


def test_a_crop_lies_inside() -> None:
    low, high = [], []
    for i in range(200):
        draw = Pipeline((Crop(0.5, 0.9, p=1),)).draw((20, 31), 1, rng(i))
        corners = places(draw)[:, [0, -1], [0, -1]]
        assert (corners >= -1e-9).all()
        assert (corners <= np.array([[19], [30]]) + 1e-9).all()
        share = np.diff(corners, axis=1).ravel() / [19, 30]
        assert share[0] == pytest.approx(share[1])
        low.append(corners[0, 0])
        high.append(share[0])
    assert 0.5 <= min(high) < 0.52
    assert 0.88 < max(high) <= 0.9
    assert max(low) > 6


def test_rotation_in_any_plane_of_a_volume() -> None:
    fixed = set()
    for i in range(30):
        linear = Pipeline((Rotate(any_plane=True, p=1),)).draw((4, 4, 4), 1, rng(i)).linear
        assert np.linalg.det(linear) == pytest.approx(1)
        fixed.add(int(np.argmax(np.diag(linear) == 1)))
    assert fixed == {0, 1, 2}
    for i in range(5):
        linear = Pipeline((Rotate(p=1),)).draw((4, 4, 4), 1, rng(i)).linear
        np.testing.assert_array_equal(linear[0], [1, 0, 0])


def test_displacements_have_the_variance_and_correlation_that_is_stated() -> None:
    side, sd, sigma = 48, 0.05, 0.1
    rows = basis(side, sigma)[:, :-2].astype(float)
    covariance = rows @ rows.T  # of one axis, nodes of variance 1: exact, not sampled
    distance = np.arange(side)
    expected = np.exp(-(np.subtract.outer(distance, distance) ** 2) / (4 * (sigma * side) ** 2))
    np.testing.assert_allclose(covariance, expected, atol=2e-3)
    nodes = [Elastic(sd, sigma)(Draw((side, 2 * side), 1), rng(i)).nodes for i in range(60)]
    drawn = np.stack([n for n in nodes if n is not None])
    assert drawn.shape[1:] == (2, node_count(sigma), node_count(sigma)) == (2, *(10 + 2 * REACH + 1,) * 2)
    np.testing.assert_allclose(drawn.std((0, 2, 3)), [sd * side, 2 * sd * side], rtol=0.03)


def test_default_elastic_in_the_terms_of_simard() -> None:
    alpha, sigma = 300, 20
    assert Elastic().sigma * 256 == pytest.approx(sigma, rel=0.01)
    assert Elastic().sd * 256 == pytest.approx(alpha / (2 * math.sqrt(math.pi) * sigma), rel=0.01)
