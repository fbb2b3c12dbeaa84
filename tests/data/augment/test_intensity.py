"""Colour, blur and noise: against the formulas, step by step, on the scale that the image has."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from isthmus.data.augment import Blur, ChannelShift, ColourJitter, Noise, Pipeline, SliceFlip
from isthmus.data.augment.draw import Colour
from isthmus.data.augment.transforms import LUMA
from isthmus.data.rng import rng


def image_of(channels: int, shape: tuple[int, ...] = (12, 15), seed: int = 0) -> Any:
    """Between 0.35 and 0.65, so that nothing is clipped in a range of 0..1."""
    return rng(seed).uniform(0.35, 0.65, (channels, *shape)).astype(np.float32)


UNIT = (np.zeros(3), np.ones(3))


def changed(transform: Any, image: Any, seed: int = 0, within: Any = None) -> Any:
    label = np.zeros(image.shape[1:], np.uint8)
    return Pipeline((transform,))(image, label, rng(seed), within)[0]


@pytest.mark.parametrize("seed", range(5))
def test_jitter_step_by_step(seed: int) -> None:
    image = image_of(3)
    found = changed(ColourJitter(0.2, 0.2, 0.2, 0.0, p=1), image, seed, UNIT)
    random = rng(seed)
    random.random()
    brightness, contrast, saturation, _ = 1 + 0.2 * random.uniform(-1, 1, 4)
    step = image * brightness
    step = contrast * step + (1 - contrast) * np.tensordot(LUMA, step, 1).mean()
    step = saturation * step + (1 - saturation) * np.tensordot(LUMA, step, 1)
    np.testing.assert_allclose(found, step, atol=1e-6)


def test_without_three_channels_there_is_no_colour() -> None:
    image = image_of(4)
    within = (np.zeros(4), np.ones(4))
    np.testing.assert_allclose(changed(ColourJitter(0, 0, 0.9, 0.9, p=1), image, 0, within), image, atol=1e-6)
    found = changed(ColourJitter(0, 0.5, 0, 0, p=1), image, 3, within)
    np.testing.assert_allclose(found.mean((1, 2)), image.mean((1, 2)), atol=1e-6)
    ratio = found.std((1, 2)) / image.std((1, 2))
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
    assert abs(ratio[0] - 1) > 0.01


@pytest.mark.parametrize("seed", range(4))
def test_hue_keeps_luma_and_grey_and_turns_by_its_angle(seed: int) -> None:
    image = image_of(3, seed=seed)
    image[:, 0, 0] = 0.5
    found = changed(ColourJitter(0, 0, 0, 0.2, p=1), image, seed, UNIT)
    np.testing.assert_allclose(np.tensordot(LUMA, found, 1), np.tensordot(LUMA, image, 1), atol=1e-6)
    np.testing.assert_allclose(found[:, 0, 0], 0.5, atol=1e-6)
    random = rng(seed)
    random.random()
    turn = 0.2 * random.uniform(-1, 1, 4)[3]
    _, i, q = colorsys.rgb_to_yiq(*image[:, 5, 5].astype(float))  # its coefficients are rounded to two digits
    _, i2, q2 = colorsys.rgb_to_yiq(*found[:, 5, 5].astype(float))
    angle = (np.arctan2(q2, i2) - np.arctan2(q, i)) / (2 * np.pi)
    assert (angle - turn + 0.5) % 1 - 0.5 == pytest.approx(0, abs=0.01)
    assert abs(turn) > 0.01


def test_every_channel_shifts_on_its_own() -> None:
    image = image_of(5)
    within = (np.full(5, -1.0), np.full(5, 3.0))
    shift = changed(ChannelShift(0.1, p=1), image, 1, within) - image
    np.testing.assert_allclose(shift, np.broadcast_to(shift[:, :1, :1], shift.shape), atol=1e-6)
    assert len(np.unique(shift[:, 0, 0])) == 5
    assert 0.1 < np.abs(shift).max() <= 0.4


def test_slices_in_reverse_keep_their_values() -> None:
    image = rng(0).integers(-1000, 1000, (5, 4, 6)).astype(np.float32)
    np.testing.assert_array_equal(changed(SliceFlip(p=1), image), image[::-1])
    low, high = np.arange(5) * -200.0 - 1000, np.arange(5) * 300.0 + 1500
    both = Pipeline((ChannelShift(0.1, p=1), SliceFlip(p=1)))
    label = np.zeros((4, 6), np.uint8)
    for within in (None, (low, high)):
        turned = within and (low[::-1], high[::-1])
        shifted = changed(ChannelShift(0.1, p=1), image[::-1], 2, turned)
        np.testing.assert_allclose(both(image, label, rng(2), within)[0], shifted, atol=1e-3)
        batch, _ = both.batch(torch.from_numpy(image)[None], torch.from_numpy(label)[None], [rng(2)], within)
        np.testing.assert_allclose(batch[0].numpy(), shifted, atol=1e-3)


TAPS = {
    3: np.array([1, 2, 1]) / 4,
    5: np.array([1, 4, 6, 4, 1]) / 16,
    7: np.array([2, 7, 14, 18, 14, 7, 2]) / 64,
}


@pytest.mark.parametrize("taps", [3, 5, 7])
@pytest.mark.parametrize("shape", [(12, 15), (6, 7, 9), (2, 9, 9)])
def test_blur_by_its_taps_along_each_axis(taps: int, shape: tuple[int, ...]) -> None:
    image = image_of(2, shape)
    expected = image.astype(float)
    for axis in range(1, image.ndim):
        expected = ndimage.correlate1d(expected, TAPS[taps], axis, mode="nearest")
    np.testing.assert_allclose(changed(Blur((taps,), p=1), image), expected, atol=1e-6)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(200, 210), (20, 40, 50)])
def test_noise_has_the_variance_of_the_scale_0_to_255(kind: Any, shape: tuple[int, ...]) -> None:
    image = np.full((3, *shape), 128, kind)
    within = None if kind == np.uint8 else (np.zeros(3), np.full(3, 255.0))
    noise = changed(Noise(30, 30, p=1), image, 1, within).astype(float) - 128
    assert noise.var() == pytest.approx(30 + (kind == np.uint8) / 12, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.05)
    flat = noise.reshape(3, -1)
    assert np.abs(np.corrcoef(flat) - np.eye(3)).max() < 0.02
    assert abs(np.corrcoef(flat[0, 1:], flat[0, :-1])[0, 1]) < 0.02
    quantiles = np.quantile(noise / noise.std(), [0.0228, 0.1587, 0.8413, 0.9772])
    np.testing.assert_allclose(quantiles, [-2, -1, 1, 2], atol=0.12 if kind == np.uint8 else 0.03)


def test_the_variance_is_drawn_from_its_range() -> None:
    sds = [Pipeline((Noise(10, 50, p=1),)).draw((4, 4), 1, rng(i)).noise * 255 for i in range(300)]
    assert 10 <= min(sds) ** 2 < 11
    assert 49 < max(sds) ** 2 <= 50


ALL = (ColourJitter(p=1), ChannelShift(p=1), Blur(p=1), Noise(p=1))


@settings(deadline=None, max_examples=25)
@given(st.floats(-50, 50), st.floats(0.01, 20), st.integers(0, 10**6), st.sampled_from([(9, 11), (4, 5, 6)]))
def test_normalising_before_or_after_is_the_same(offset: float, factor: float, seed: int, shape: Any) -> None:
    image = rng(seed).integers(0, 256, (3, *shape)).astype(np.float32)
    label = np.zeros(shape, np.uint8)
    raw, _ = Pipeline(ALL)(image, label, rng(seed), (np.zeros(3), np.full(3, 255.0)))
    within = (np.full(3, -offset * factor), np.full(3, (255 - offset) * factor))
    ready, _ = Pipeline(ALL)((image - np.float32(offset)) * np.float32(factor), label, rng(seed), within)
    np.testing.assert_allclose(ready, (raw - offset) * factor, atol=2e-3 * factor)


@pytest.mark.parametrize("shape", [(9, 11), (4, 5, 6)])
def test_values_stay_in_the_range_of_their_channel(shape: tuple[int, ...]) -> None:
    image = rng(0).normal(0, 1, (3, *shape)).astype(np.float32) * np.array([1, 10, 0]).reshape(
        3, *(1,) * len(shape)
    )
    image = image.astype(np.float32)
    for seed in range(10):
        found, _ = Pipeline(ALL)(image, np.zeros(shape, np.uint8), rng(seed))
        for channel, own in zip(found, image, strict=True):
            assert own.min() <= channel.min() <= channel.max() <= own.max()
        assert not found[2].any()
        assert np.abs(found[0] - image[0]).max() > 0.05


def test_composed_changes_equal_one_after_another() -> None:
    random = rng(4)
    values = random.random((3, 50))
    one, other = Colour.same(3), values
    for _ in range(3):
        mix, about, shift = random.normal(size=(3, 3)), random.normal(size=(3, 3)), random.normal(size=3)
        one = one.then(mix, about, shift)
        other = mix @ other + (about @ other.mean(1) + shift)[:, None]
    matrix, offset = one.affine(np.zeros(3), np.ones(3), values.mean(1))
    np.testing.assert_allclose(matrix @ values + offset[:, None], other)
