"""The pictures: what is drawn where."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.explain.overlay import heat, picture


def test_the_outline_lies_inside_the_mask_and_is_seen_on_any_ground() -> None:
    labels = np.zeros((300, 300), np.uint8)
    labels[50:100, 60:120] = 1
    labels[50:100, 120:140] = 2
    for ground in (0, 255):
        shown = picture(np.full((1, 300, 300), ground, np.uint8), np.zeros((0, 300, 300)), labels)
        assert shown.shape == (300, 300, 3)
        white, black = (shown == 255).all(axis=-1), (shown == 0).all(axis=-1)
        for place in (
            (50, 90),
            (99, 90),
            (70, 60),
            (70, 139),
            (70, 119),
            (70, 120),
        ):  # classes are told apart
            assert white[place]
        for place in ((49, 90), (100, 90), (70, 59), (70, 140)):
            assert black[place]
        assert (shown[75, 90] == ground).all()


def test_a_region_cut_off_by_the_edge_stays_open() -> None:
    labels = np.ones((300, 300), np.uint8)
    assert not picture(np.zeros((1, 300, 300), np.uint8), np.zeros((0, 300, 300)), labels).any()


def test_the_map_lies_over_the_image_in_one_colour_scale() -> None:
    colours = heat(np.linspace(0, 1, 11)[None])[0].astype(int)
    assert (np.diff(colours.sum(axis=1)) > 0).all()  # brighter is more, in grey too
    assert colours[0].max() < 10
    assert colours[7, 0] > colours[7, 1] > colours[7, 2]  # orange: red, green, blue in this order
    values = np.zeros((1, 300, 300))
    values[0, :, 150:] = 1
    shown = picture(np.zeros((3, 300, 300), np.uint8), values, np.zeros((300, 300), np.uint8))
    assert shown.shape == (300, 604, 3)
    assert (shown[:, 300:304] == 255).all()
    np.testing.assert_array_equal(shown[10, 590], np.rint(0.55 * heat(np.ones((1, 1)))[0, 0]))
    assert shown[10, 310].max() < 10


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
def test_any_numbers_span_black_to_white(dtype) -> None:
    image = np.arange(300 * 300).reshape(1, 300, 300) // 3
    shown = picture(image.astype(dtype), np.zeros((0, 300, 300)), np.zeros((300, 300), np.uint8))
    assert (shown.min(), shown.max()) == (0, 255)
    flat = picture(np.full((1, 300, 300), 7, dtype), np.zeros((0, 300, 300)), np.zeros((300, 300), np.uint8))
    assert not flat.any()


def test_the_middle_slices_of_a_volume() -> None:
    volume = np.zeros((1, 256, 256, 256), np.uint8)
    volume[0, 128] = 10
    volume[0, :, 128] = 20
    volume[0, :, :, 128] = 30
    shown = picture(volume, np.zeros((0, 256, 256, 256)), np.zeros((256, 256, 256), np.uint8))
    assert shown.shape == (3 * 256 + 2 * 4, 256, 3)
    assert [int(np.median(shown[at : at + 256])) for at in (0, 260, 520)] == [10, 20, 30]


def test_the_head_is_up_where_the_volume_knows_its_place() -> None:
    volume = np.zeros((1, 256, 256, 256), np.uint8)
    volume[0, 200:] = 9  # the head
    volume[0, 128, 200:] = 5  # the back
    maps, labels = np.zeros((1, 256, 256, 256)), np.zeros((256, 256, 256), np.uint8)
    maps[0, 200:] = 1
    labels[200:220, :, :] = 1
    shown = picture(volume, maps, labels, spacing=(1.0, 1.0, 1.0))
    assert (shown[10, 10, 0], shown[250, 10, 0]) == (0, 5)  # the back is down, as seen from below
    for top in (260, 520):
        assert (shown[top + 10, 10, 0], shown[top + 250, 10, 0]) == (9, 0)
        assert shown[top + 10, 400].max() > 100 > shown[top + 250, 400].max()
        assert (shown[top + 55, 10] == 255).all()  # row 200 of 256, counted from the other end
    plain = picture(volume, maps, labels)
    assert (plain[270, 10, 0], plain[510, 10, 0]) == (0, 9)
