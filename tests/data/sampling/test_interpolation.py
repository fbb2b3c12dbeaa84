"""Interpolation against ramps, SciPy's zoom, and itself where only a piece is computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, ndimage

from isthmus.data.sampling.interpolation import CUBIC, LINEAR, Kernel, Resampled, resampled, taps

SIZES = st.integers(1, 40)


@pytest.mark.parametrize("kernel", [LINEAR, CUBIC], ids=["linear", "cubic"])
@pytest.mark.parametrize(("old", "new"), [(40, 97), (40, 40), (97, 40), (41, 40), (200, 10), (10, 200)])
def test_a_ramp_stays_a_ramp(kernel: Kernel, old: int, new: int) -> None:
    ramp = np.arange(old, dtype=np.float32)
    found = resampled(ramp, [taps(old, new, kernel)])
    expected = (np.arange(new) + 0.5) * old / new - 0.5
    reach = kernel.radius + old / new / 2  # nearer to the edges, the last pixel repeats
    inside = (expected >= reach) & (expected <= old - 1 - reach)
    assert inside.sum() > new // 3
    np.testing.assert_allclose(found[inside], expected[inside], atol=1e-4)


@given(SIZES, SIZES, st.sampled_from([LINEAR, CUBIC, None]))
def test_a_constant_stays_and_sizes_are_exact(old: int, new: int, kernel: Kernel | None) -> None:
    found = resampled(np.full((2, old), 7, np.int16), [taps(old, new, kernel)])
    assert found.shape == (2, new)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, 7, rtol=1e-5)


def test_enlarging_linearly_is_scipy_s_zoom() -> None:
    image = np.random.default_rng(0).normal(size=(9, 7, 5)).astype(np.float32)
    size = (18, 16, 11)
    axes = [taps(old, new, LINEAR) for old, new in zip(image.shape, size, strict=True)]
    factors = [new / old for old, new in zip(image.shape, size, strict=True)]
    expected = ndimage.zoom(image, factors, order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(resampled(image, axes), expected, atol=1e-5)


def test_the_nearest_sample_is_scipy_s() -> None:
    image = np.arange(10, dtype=np.float32)
    expected = ndimage.zoom(image, 2.3, order=0, mode="nearest", grid_mode=True)
    np.testing.assert_array_equal(resampled(image, [taps(10, 23, None)]), expected)


def test_on_a_smooth_image_cubic_is_close_to_splines_of_order_3_and_closer_than_linear() -> None:
    y, x = np.mgrid[:48, :48] / 48
    image = (np.sin(9 * x) * np.cos(7 * y)).astype(np.float32)
    expected = ndimage.zoom(image, 1.7, order=3, mode="nearest", grid_mode=True)
    away = []
    for kernel in (CUBIC, LINEAR):
        found = resampled(image, [taps(48, n, kernel) for n in expected.shape])
        away.append(float(np.abs(found - expected)[5:-5, 5:-5].max()))
    assert away[0] < 1e-3 < away[1]


@pytest.mark.parametrize("kernel", [LINEAR, CUBIC], ids=["linear", "cubic"])
def test_the_integral_of_a_kernel_is_that_of_its_values(kernel: Kernel) -> None:
    for end in (0.3, 0.9, 1.0, 1.6, 2.0, 5.0):
        whole, _ = integrate.quad(lambda x: float(kernel.value(np.array(x))), 0, min(end, 2.0), points=[1.0])
        assert float(kernel.integral(np.array(end))) == pytest.approx(whole, abs=1e-9)
        assert float(kernel.integral(np.array(-end))) == pytest.approx(-whole, abs=1e-9)


def test_shrinking_averages_away_what_the_new_pixels_cannot_show() -> None:
    stripes = np.tile([0.0, 1.0], 200).astype(np.float32)
    np.testing.assert_allclose(resampled(stripes, [taps(400, 20, CUBIC)])[2:-2], 0.5, atol=0.03)
    assert set(np.unique(resampled(stripes, [taps(400, 20, None)]))) <= {0.0, 1.0}


@given(st.data())
def test_a_piece_is_what_the_whole_has_there(data: st.DataObject) -> None:
    old, new = (data.draw(st.tuples(SIZES, SIZES), label=name) for name in ("old", "new"))
    kernels = data.draw(st.tuples(*[st.sampled_from([LINEAR, CUBIC, None])] * 2))
    image = np.random.default_rng(0).integers(0, 999, (2, *old), np.uint16)
    axes = [taps(a, b, kernel) for a, b, kernel in zip(old, new, kernels, strict=True)]
    lazy = Resampled(image, axes, lambda piece: piece.astype(np.float32) / 7)
    whole = resampled(image.astype(np.float32) / 7, axes)
    assert lazy.shape == whole.shape
    low = [data.draw(st.integers(0, n - 1)) for n in new]
    high = [data.draw(st.integers(a + 1, n)) for a, n in zip(low, new, strict=True)]
    place = (slice(None), *(slice(a, b) for a, b in zip(low, high, strict=True)))
    np.testing.assert_array_equal(lazy[place], whole[place])
    rows = np.arange(new[0]).repeat(2)
    np.testing.assert_array_equal(lazy[:, rows], whole[:, rows])


def test_channels_cannot_be_taken_apart() -> None:
    lazy = Resampled(np.zeros((2, 4)), [taps(4, 4, None)], lambda piece: piece.astype(np.float32))
    with pytest.raises(ValueError, match="channels"):
        lazy[slice(0, 1), slice(None)]
