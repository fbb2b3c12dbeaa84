"""Normalisation: against formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from isthmus.data.sampling.intensity import (
    NORMALIZATIONS,
    Normalization,
    _mean_and_deviation,
    intensity,
)

RANDOM = np.random.default_rng(0)


def normalize(image: NDArray[Any], mode: Normalization) -> NDArray[np.float32]:
    return intensity(image, mode).apply(image)


def test_scale_by_the_top_of_the_type() -> None:
    np.testing.assert_allclose(normalize(np.array([[[0, 51, 255]]], np.uint8), "scale"), [[[0, 0.2, 1]]])
    np.testing.assert_allclose(
        normalize(np.array([[[0, 13107, 65535]]], np.uint16), "scale"), [[[0, 0.2, 1]]]
    )


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_types_without_a_top_are_scaled_by_their_range(dtype: Any) -> None:
    hounsfield = np.array([[[-1000, 0, 1000]], [[500, 500, 500]]], dtype)
    for mode in ("scale", "minmax"):
        np.testing.assert_allclose(normalize(hounsfield, mode), [[[0, 0.5, 1]], [[0.75] * 3]])


def test_zscore_by_channel() -> None:
    image = RANDOM.integers(0, 256, (3, 40, 50), dtype=np.uint8)
    image[1] //= 4
    result = normalize(image, "zscore")
    assert result.dtype == np.float32
    np.testing.assert_allclose(result.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(result.std(axis=(1, 2)), 1, rtol=1e-5)


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_constant_image_is_zero_and_no_nan(value: int) -> None:
    for dtype in (np.uint8, np.uint16, np.float32):
        for mode in ("minmax", "zscore", "percentile"):
            assert not normalize(np.full((2, 4, 4), value, dtype), mode).any()


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int32, np.float32]),
        st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)),
        elements={"allow_nan": False, "allow_infinity": False, "min_value": 0, "max_value": 100},
    ),
    st.sampled_from(NORMALIZATIONS),
)
def test_any_image_becomes_finite(image: Any, mode: Any) -> None:
    result = normalize(image, mode)
    assert result.dtype == np.float32
    assert result.shape == image.shape
    assert np.isfinite(result).all()
    if mode in ("scale", "minmax"):
        assert result.min() >= 0
        assert result.max() <= 1.0001


def test_a_patch_is_normalised_as_its_image() -> None:
    image = RANDOM.integers(0, 65536, (3, 40, 50), dtype=np.uint16)
    for mode in NORMALIZATIONS:
        whole = normalize(image, mode)
        np.testing.assert_array_equal(intensity(image, mode).apply(image[:, 3:9, 4:8]), whole[:, 3:9, 4:8])


def test_percentiles_of_each_channel_become_0_and_1() -> None:
    image = np.stack([np.arange(1001), 7 * np.arange(1001)[::-1]]).reshape(2, 7, 143).astype(np.uint16)
    result = normalize(image, "percentile")
    ranks = np.arange(1001).reshape(7, 143)
    np.testing.assert_allclose(
        result[0], (ranks - 10) / 988, atol=1e-6
    )  # 1 and 99.8 % of 0..1000 are 10 and 998
    np.testing.assert_allclose(result[1], (1000 - ranks - 10) / 988, atol=1e-6)


def test_a_few_bright_pixels_on_black_have_the_range_of_their_channel() -> None:
    image = np.zeros((1, 100, 100), np.uint8)
    image[0, 3, :4] = 50
    assert np.array_equal(normalize(image, "percentile"), image / np.float32(50))


def test_percentiles_of_a_large_image_are_those_of_every_so_many_pixels() -> None:
    image = np.tile(np.arange(3000, dtype=np.uint16), (3000, 1))[None]
    np.testing.assert_allclose(normalize(image, "percentile")[0, 0], (np.arange(3000) - 30) / 2963, atol=1e-3)


def test_unknown_mode() -> None:
    with pytest.raises(ValueError, match="no normalisation 'zcore'"):
        normalize(np.zeros((1, 2, 2)), "zcore")  # type: ignore[arg-type]


@pytest.mark.parametrize("most", [1, 50, 10_000])
def test_mean_and_deviation_of_blocks_are_those_of_the_image(most: int) -> None:
    image = np.random.default_rng(3).integers(0, 65536, (3, 11, 17), dtype=np.uint16)
    mean, deviation = _mean_and_deviation(image, most)
    np.testing.assert_allclose(mean, image.reshape(3, -1).mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(deviation, image.reshape(3, -1).std(axis=1), rtol=1e-12)


def test_channels_that_are_repeated_are_normalised_like_the_first() -> None:
    image = RANDOM.integers(0, 256, (2, 4, 5), dtype=np.uint8)
    found = intensity(image, "zscore").apply(np.concatenate([image, image]))
    np.testing.assert_array_equal(found, np.concatenate([normalize(image, "zscore")] * 2))
