"""What an image is like, derived on paper."""

from __future__ import annotations

import math

import numpy as np
import pytest

from isthmus.data.likeness.appearance import appearance, thickness


def test_levels_of_a_ramp_are_its_percentiles() -> None:
    ramp = np.tile(np.arange(101, dtype=np.uint8), (1, 20, 1))
    look = appearance(ramp)
    assert look is not None
    assert look.levels == ((1.0, 50.0, 99.0),)
    assert (look.means, look.low, look.high, look.dtype) == ((50.0,), 0.0, 100.0, "uint8")


def test_on_a_slope_differences_double_with_the_distance() -> None:
    slope = np.add.outer(np.arange(64), np.arange(64))[None]
    look = appearance(slope)
    assert look is not None
    assert look.grain == pytest.approx((1, 1, 1, 1))


def test_in_noise_all_pixels_differ_alike_and_enlarged_by_four_the_near_ones_less() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1, 256, 256), dtype=np.uint8)
    look, enlarged = appearance(noise), appearance(noise.repeat(4, 1).repeat(4, 2))
    assert look is not None
    assert enlarged is not None
    assert look.grain == pytest.approx((0, 0, 0, 0), abs=0.02)
    assert enlarged.grain == pytest.approx(
        (1, 1, 0, 0), abs=0.05
    )  # a quarter, a half, all pairs lie in two blocks


def test_equal_channels_are_grey_and_others_colour() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (1, 16, 16), dtype=np.uint8).repeat(3, 0)
    tinted = grey.copy()
    tinted[2] //= 2
    pairs = [(grey, False), (grey[:1], False), (tinted, True), (np.concatenate([tinted, grey]), False)]
    for image, colour in pairs:
        look = appearance(image)
        assert look is not None
        assert look.colour is colour


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
def test_a_constant_image_has_a_level_and_no_grain(dtype: type) -> None:
    look = appearance(np.full((1, 20, 20), 9, dtype))
    assert look is not None
    assert look.levels == ((9.0, 9.0, 9.0),)
    assert all(math.isnan(ratio) for ratio in look.grain)


def test_pixels_that_are_no_numbers_are_left_out() -> None:
    image = np.full((2, 30, 30), 3.0)
    image[:, :10] = np.nan
    image[0, 20:] = np.inf
    look = appearance(image)
    assert look is not None
    assert look.means == (3.0, 3.0)
    assert appearance(np.full((1, 4, 4), np.nan)) is None
    assert appearance(np.empty((1, 0, 4))) is None


def test_the_largest_numbers_do_no_harm() -> None:
    image = np.array([[[-1e308, 1e308], [0, 1e308]]])
    look = appearance(image)
    assert look is not None
    assert (look.low, look.high) == (-1e308, 1e308)


def test_of_a_volume_a_sample_is_looked_at() -> None:
    volume = np.broadcast_to(np.uint8(7), (1, 10**4, 10**4, 10**4))  # 10^12 voxels in a byte
    look = appearance(volume)
    assert look is not None
    assert look.levels == ((7.0, 7.0, 7.0),)
    assert thickness(volume[0, :64]) == 10**4


def test_thickness_of_bars_and_none() -> None:
    bars = np.zeros((40, 40), np.uint8)
    bars[:, 4:7] = bars[:, 20:25] = 2
    # rows: 2 runs of 3 and 5 in each of 40; columns: 8 runs of 40: 640 pixels in 88 runs
    assert thickness(bars) == pytest.approx(640 / 88)
    assert thickness(bars == 2) == pytest.approx(640 / 88)
    assert thickness(bars, background=2) == pytest.approx(2 * (1600 - 320) / (40 * 3 + 32))
    assert thickness(np.zeros((5, 5), bool)) == 0


def test_thickness_grows_with_the_scale() -> None:
    mask = np.random.default_rng(1).random((30, 30)) > 0.7
    assert thickness(mask.repeat(2, 0).repeat(2, 1)) == pytest.approx(2 * thickness(mask))
