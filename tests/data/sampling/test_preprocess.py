"""Intensities, resizing, padding: against formulas and other libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isthmus.data.sampling.preprocess import (
    NORMALIZATIONS,
    Grid,
    _mean_and_deviation,
    intensity,
    normalize,
    pad_to,
    resize_image,
    resize_label,
)

RANDOM = np.random.default_rng(0)


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
        for mode in ("minmax", "zscore"):
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
    if mode != "zscore":
        assert result.min() >= 0
        assert result.max() <= 1.0001


def test_a_patch_is_normalised_as_its_image() -> None:
    image = RANDOM.integers(0, 65536, (3, 40, 50), dtype=np.uint16)
    for mode in NORMALIZATIONS:
        whole = normalize(image, mode)
        np.testing.assert_array_equal(intensity(image, mode).apply(image[:, 3:9, 4:8]), whole[:, 3:9, 4:8])


def test_unknown_mode() -> None:
    with pytest.raises(ValueError, match="no normalisation 'zcore'"):
        normalize(np.zeros((1, 2, 2)), "zcore")  # type: ignore[arg-type]


# resizing


def block_mean(image: Any, factor: int) -> Any:
    channels, height, width = image.shape
    return image.reshape(channels, height // factor, factor, width // factor, factor).mean(axis=(2, 4))


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_shrinking_takes_the_mean_of_each_block(factor: int) -> None:
    image = RANDOM.random((2, 12 * factor, 9 * factor)).astype(np.float32)
    np.testing.assert_allclose(resize_image(image, (12, 9)), block_mean(image, factor), atol=1e-6)


def test_shrinking_does_not_alias() -> None:
    stripes = np.tile(np.array([0, 1], np.float32), (1, 64, 32))
    np.testing.assert_allclose(resize_image(stripes, (32, 32)), 0.5, atol=1e-6)


@pytest.mark.parametrize("size", [(64, 10), (10, 64), (64, 64), (10, 10), (33, 47)])
def test_a_constant_stays_constant_and_a_ramp_a_ramp(size: tuple[int, int]) -> None:
    np.testing.assert_allclose(resize_image(np.full((3, 33, 47), 7, np.float32), size), 7, rtol=1e-6)
    ramp = np.tile(np.arange(47, dtype=np.float32), (1, 33, 1))
    found = resize_image(ramp, size)[0, 0]
    expected = (np.arange(size[1]) + 0.5) * 47 / size[1] - 0.5  # pixel centres stay where they are
    np.testing.assert_allclose(found[2:-2], expected[2:-2], atol=0.51)
    np.testing.assert_allclose(found.mean(), 23, atol=0.02)


def test_the_same_size_changes_nothing() -> None:
    image, label = (
        RANDOM.random((3, 20, 30)).astype(np.float32),
        RANDOM.integers(0, 4, (20, 30), dtype=np.uint8),
    )
    np.testing.assert_array_equal(resize_image(image, (20, 30)), image)
    np.testing.assert_array_equal(resize_label(label, (20, 30)), label)


def test_labels_shrink_by_majority() -> None:
    label = np.array([[1, 1, 0, 2], [1, 0, 2, 2]], np.uint8)
    assert resize_label(label, (1, 2)).tolist() == [[1, 2]]


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 5)),
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
)
def test_a_label_never_gains_a_class(label: Any, size: tuple[int, int]) -> None:
    result = resize_label(label, size)
    assert result.shape == size
    assert result.dtype == np.uint8
    assert set(np.unique(result)) <= set(np.unique(label))


def test_enlarged_labels_shrink_back() -> None:
    label = RANDOM.integers(0, 4, (13, 17), dtype=np.uint8)
    np.testing.assert_array_equal(resize_label(resize_label(label, (39, 51)), (13, 17)), label)


@pytest.mark.parametrize("thin", [0, 1])
def test_thin_structures_are_neither_thickened_nor_thinned(thin: int) -> None:
    lines = np.full(
        (128, 128), 1 - thin, np.uint8
    )  # lines of 3 pixels, at all offsets and in both directions
    for at in range(4, 120, 9):
        lines[at : at + 3] = thin
    for label in (lines, lines.T):
        half = resize_label(np.ascontiguousarray(label), (64, 64))
        assert (half == thin).mean() == pytest.approx((label == thin).mean(), rel=0.03)


def test_a_random_label_keeps_its_share() -> None:
    label = (RANDOM.random((512, 512)) < 0.5).astype(np.uint8)  # ties everywhere
    assert resize_label(label, (256, 256)).mean() == pytest.approx(0.5, abs=0.01)


# padding


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 2), st.integers(1, 9), st.integers(1, 9))),
    st.tuples(st.integers(1, 25), st.integers(1, 25)),
)
def test_padding_keeps_the_original_inside(image: Any, size: tuple[int, int]) -> None:
    padded, inside = pad_to(image, size)
    assert padded.shape[1:] == tuple(max(a, b) for a, b in zip(image.shape[1:], size, strict=True))
    np.testing.assert_array_equal(padded[:, *inside], image)
    assert set(np.unique(padded)) <= set(np.unique(image))


def test_padding_reflects_on_both_sides() -> None:
    padded, inside = pad_to(np.array([[1, 2, 3]]), (1, 6))
    assert padded.tolist() == [[2, 1, 2, 3, 2, 1]]
    assert inside == (slice(0, 1), slice(1, 4))
    padded, _ = pad_to(np.array([[1, 2, 3]]), (1, 5), "edge")
    assert padded.tolist() == [[1, 1, 2, 3, 3]]


def test_volumes_are_padded_too() -> None:
    padded, inside = pad_to(np.zeros((2, 3, 4, 5)), (8, 4, 8))
    assert padded.shape == (2, 8, 4, 8)
    assert padded[:, *inside].shape == (2, 3, 4, 5)


def test_grid() -> None:
    image, label = RANDOM.random((3, 20, 30)).astype(np.float32), np.ones((20, 30), np.uint8)
    assert Grid().image(image) is image
    assert Grid().label(label) is label
    assert Grid((16, 8)).image(image).shape == (3, 16, 8)
    assert Grid((16, 8)).label(label).shape == (16, 8)


@pytest.mark.parametrize("most", [1, 50, 10_000])
def test_mean_and_deviation_of_blocks_are_those_of_the_image(most: int) -> None:
    image = np.random.default_rng(3).integers(0, 65536, (3, 11, 17), dtype=np.uint16)
    mean, deviation = _mean_and_deviation(image, most)
    np.testing.assert_allclose(mean, image.reshape(3, -1).mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(deviation, image.reshape(3, -1).std(axis=1), rtol=1e-12)
