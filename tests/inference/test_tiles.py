"""Tiles: every pixel covered, weights that sum out, and a whole image equal to its tiles where it can be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus.inference.tiles import predict_tiled, starts, window
from isthmus.networks import create_model


@given(st.integers(1, 500), st.integers(1, 64), st.floats(0, 0.9))
def test_tiles_cover_an_axis_and_overlap_as_asked(size: int, tile: int, overlap: float) -> None:
    places = starts(size, tile, overlap)
    covered = np.zeros(max(size, tile), bool)
    for place in places:
        covered[place : place + tile] = True
    assert covered.all()
    assert places == sorted(set(places))
    if size > tile:
        assert places[-1] + tile == size
        assert max(np.diff(places)) <= max(1, np.ceil(tile * (1 - overlap)))


def test_the_window_is_the_product_of_gaussians() -> None:
    weight = window((4, 8))
    along = [np.exp(-0.5 * ((i - 1.5) / 1.0) ** 2) for i in range(4)]
    across = [np.exp(-0.5 * ((j - 3.5) / 2.0) ** 2) for j in range(8)]
    np.testing.assert_allclose(weight, np.outer(along, across), rtol=1e-6)


@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from([8, 16, 24]),
    st.integers(1, 5),
    st.floats(0, 0.75),
)
def test_a_pixelwise_function_does_not_notice_the_tiles(
    height: int, width: int, tile: int, batch: int, overlap: float
) -> None:
    image = np.random.default_rng(height * 71 + width).normal(size=(2, height, width)).astype(np.float32)
    sizes = set()

    def predict(x: np.ndarray) -> np.ndarray:
        sizes.add(x.shape[2:])
        assert x.shape[2] % 8 == x.shape[3] % 8 == 0
        return np.stack([x[:, 0] + x[:, 1], x[:, 0] * 2, -x[:, 1]], axis=1)

    logits = predict_tiled(predict, image, tile=(tile, tile), divisor=8, batch=batch, overlap=overlap)
    expected = np.stack([image[0] + image[1], image[0] * 2, -image[1]])
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
    assert max(max(size) for size in sizes) <= tile


def test_a_small_image_is_padded_to_what_the_network_was_trained_on() -> None:
    seen = []

    def predict(x: np.ndarray) -> np.ndarray:
        seen.append(x.shape)
        return x

    image = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    np.testing.assert_array_equal(
        predict_tiled(predict, image, tile=(32, 32), divisor=4, least=(16, 16)), image
    )
    assert seen == [(1, 1, 16, 16)]


def test_the_middle_of_a_tile_equals_the_whole_image_for_a_network_without_image_statistics() -> None:
    torch.manual_seed(0)
    network = create_model("unet", widths=(4, 8)).eval()
    assert network.receptive_field() <= 24

    def predict(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(x)).numpy()

    image = np.random.default_rng(1).normal(size=(1, 96, 96)).astype(np.float32)
    whole = predict_tiled(predict, image, tile=(96, 96), divisor=2)
    tile = predict(image[None, :, 32:64, 32:64])[0]
    np.testing.assert_allclose(tile[:, 12:20, 12:20], whole[:, 44:52, 44:52], atol=1e-5)
    tiled = predict_tiled(predict, image, tile=(64, 64), divisor=2, overlap=0.5)
    assert np.abs(tiled - whole).max() < 0.5 * np.abs(whole).max()


def test_an_image_of_no_channels_is_not_silently_taken() -> None:
    with pytest.raises((ValueError, IndexError)):
        predict_tiled(lambda x: x[:, :1], np.zeros((0, 8, 8), np.float32), tile=(8, 8), divisor=8)[0]


def test_volumes_are_tiled_along_every_axis() -> None:
    image = np.random.default_rng(2).normal(size=(1, 9, 20, 13)).astype(np.float32)
    logits = predict_tiled(lambda x: x * 2, image, tile=(4, 8, 8), divisor=4)
    np.testing.assert_allclose(logits, image * 2, rtol=1e-5, atol=1e-6)
