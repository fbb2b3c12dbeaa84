"""Masks on the image's own grid, from networks that see images at another spacing."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from isthmus.data.sampling.grid import Grid
from isthmus.errors import IsthmusError
from isthmus.inference.predictor import Predictor
from isthmus.inference.restoring import Scale
from isthmus.runs.hardware import resolve
from isthmus.runs.recipe import Hardware, make_recipe

DATA = {"channels": 1, "values": {0: 0, 1: 1}, "classes": ["background", "ball"], "value_rule": "exact"}
FIXED = {"normalise": "dataset", "mean": [0.0], "deviation": [1.0]}


class Same(nn.Module):
    """Logits that are the image, of the middle slice where there are several."""

    divisor = 4

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(tuple(x.shape))
        middle = x.shape[1] // 2
        return self.factor * x[:, middle : middle + 1]


def predictor(
    network: nn.Module, dims: int = 3, data: dict[str, Any] | None = None, **given: Any
) -> Predictor:
    options = {"spatial_dims": 3} if dims == 3 else {}
    recipe = make_recipe(
        "bare",
        {"data": DATA | (data or {}), "network": {"options": options}, "input": FIXED | given},
        {"objective": {"heads": {}}},
    )
    return Predictor.from_networks([network], recipe, resolve(Hardware(device="cpu", precision="float32")))


def ball(spacing: tuple[float, ...], radius: float = 10.0, extent: float = 40.0) -> np.ndarray[Any, Any]:
    """Returns how far each voxel lies inside of a ball, in mm; outside it is negative."""
    sides = [round(extent / step) for step in spacing]
    places = [(np.arange(n) + 0.5) * step - extent / 2 for n, step in zip(sides, spacing, strict=True)]
    r = np.sqrt(sum(np.square(axis) for axis in np.meshgrid(*places, indexing="ij")))
    return (radius - r)[None].astype(np.float32)


@pytest.mark.parametrize(
    "spacing", [(3, 1, 1), (1, 1, 1), (5, 0.8, 0.8), (0.5, 2, 2), (2, 2, 2), (2, 0.5, 1)]
)
def test_a_ball_keeps_its_volume_at_any_spacing(spacing: tuple[float, ...]) -> None:
    image = ball(spacing)
    mask = predictor(Same(), spacing=[1, 1, 1], patch=[16, 16, 16]).mask(image, spacing)
    assert mask.shape == image.shape[1:]
    assert mask.sum() == pytest.approx((image > 0).sum(), rel=0.03)
    assert mask.sum() * np.prod(spacing) == pytest.approx(4 / 3 * np.pi * 1000, rel=0.06)  # voxels are coarse
    assert np.mean(mask != (image[0] > 0)) < 0.02


def test_the_network_sees_the_size_of_the_spacing() -> None:
    network = Same()
    predictor(network, spacing=[2, 1, 1]).mask(ball((1, 2, 4)), (1, 2, 4))
    assert network.seen == [(1, 1, 20, 40, 40)]


@pytest.mark.parametrize("patch", [None, [8, 8, 8]])
def test_slabs_are_what_the_whole_would_be(patch: list[int] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.inference.restoring.BLOCK", 500)
    image = np.random.default_rng(0).normal(size=(1, 23, 18, 9)).astype(np.float32)
    spacing, grid = (1.0, 0.7, 1.3), Grid(spacing=(0.6, 1.0, 1.0))
    found = predictor(Same(), spacing=[0.6, 1, 1], **({"patch": patch} if patch else {})).raw(image, spacing)
    expected = grid.back(grid.image(image, spacing), image.shape[1:], spacing)
    np.testing.assert_allclose(found["logits"], expected, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(*[st.integers(1, 14)] * 3),
    st.tuples(*[st.sampled_from([0.1, 0.5, 1.0, 1.7, 2.0])] * 3),
    st.tuples(*[st.sampled_from([0.5, 1.0, 2.0])] * 3),
)
def test_the_mask_has_the_size_of_the_image(
    size: tuple[int, int, int], own: tuple[float, ...], wanted: tuple[float, ...]
) -> None:
    image = np.zeros((1, *size), np.float32)
    found = predictor(Same(), spacing=list(wanted)).predict(image, own, maps=True)
    assert found.mask.shape == size
    assert found.maps is not None
    assert found.maps["logits"].shape == (1, *size)
    np.testing.assert_allclose(found.maps["logits"], 0.5)


@pytest.mark.parametrize("factor", [20.0, 0.05])
def test_twenty_times_finer_or_coarser(factor: float) -> None:
    image = np.full((1, 4, 4, 4), 3.0, np.float32)
    predict = predictor(Same(), spacing=[1, 1, 1], patch=[16, 16, 16])
    np.testing.assert_array_equal(predict.mask(image, (factor,) * 3), 1)


def test_slices_are_stacked_at_the_spacing_and_come_back() -> None:
    image, spacing = ball((3, 2, 2)), (3.0, 2.0, 2.0)
    network = Same()
    mask = predictor(network, 2, slices=5, spacing=[1, 1, 1]).mask(image, spacing)
    assert mask.shape == image.shape[1:]
    assert {shape[1:] for shape in network.seen} == {(5, 40, 40)}
    assert sum(shape[0] for shape in network.seen) == 39  # 13 slices of 3 mm at 1 mm
    assert np.mean(mask != (image[0] > 0)) < 0.02
    network.seen.clear()
    assert predictor(network, 2, slices=5, spacing=[1, 1]).mask(image, spacing).shape == mask.shape
    assert sum(shape[0] for shape in network.seen) == 13  # two numbers leave the slices as they are


def test_pictures_have_a_spacing_too() -> None:
    image = np.zeros((1, 30, 20), np.float32)
    image[:, :15] = 1
    image -= 0.5
    network = Same()
    mask = predictor(network, 2, spacing=[0.5, 0.5]).mask(image, (1, 1))
    assert network.seen == [(1, 1, 60, 40)]
    np.testing.assert_array_equal(mask, image[0] > 0)


def test_networks_of_different_spacings_are_averaged_on_the_image_s_grid() -> None:
    image, spacing = ball((2, 1, 1)), (2.0, 1.0, 1.0)
    one = predictor(Same(), spacing=[1, 1, 1])
    other = predictor(Same(3.0), spacing=[2, 2, 2])
    both = Predictor(one.recipe, one.network, others=[Scale(other.grid, other.network)])
    mean = (one.raw(image, spacing)["logits"] + other.raw(image, spacing)["logits"]) / 2
    np.testing.assert_allclose(both.raw(image, spacing)["logits"], mean, atol=1e-5)
    assert len(both.networks) == 2
    same = both.with_networks(lambda network: network)
    np.testing.assert_array_equal(same.raw(image, spacing)["logits"], both.raw(image, spacing)["logits"])


@pytest.mark.parametrize(
    ("spacing", "message"),
    [
        (None, "states no size of its pixels"),
        ((1.0, 1.0), "give 3 positive numbers"),
        ((0.0, 1.0, 1.0), "give 3 positive numbers"),
        ((float("nan"), 1.0, 1.0), "give 3 positive numbers"),
        ((-1.0, 1.0, 1.0), "give 3 positive numbers"),
    ],
)
def test_an_image_without_a_spacing_is_refused(spacing: Any, message: str) -> None:
    with pytest.raises(IsthmusError, match=message):
        predictor(Same(), spacing=[1, 1, 1]).mask(np.zeros((1, 4, 4, 4)), spacing)


def test_memory_does_not_grow_with_the_length_of_the_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.inference.restoring.BLOCK", 2**11)  # small against these volumes
    predict = predictor(Same(), spacing=[1, 1, 1], patch=[16, 16, 16])
    peaks = []
    for slices in (20, 20, 80):  # the first run loads what is loaded once
        image = np.zeros((1, slices, 24, 24), np.int16)
        tracemalloc.start()
        predict.mask(image, (2, 1, 1))
        peaks.append(
            tracemalloc.get_traced_memory()[1] - 4 * slices * 24 * 24
        )  # masks, before and after values
        tracemalloc.stop()
    assert peaks[2] < 1.2 * peaks[1]
