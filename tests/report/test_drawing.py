"""Pictures: answers derived on paper."""

from __future__ import annotations

import base64
import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image
from scipy import ndimage

from isthmus.report import drawing

label_maps = npst.arrays(
    np.uint8, npst.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 3)
)


@given(label_maps, st.integers(1, 3))
@settings(deadline=None, max_examples=60)
def test_border_is_the_foreground_near_another_label(labels: np.ndarray, width: int) -> None:
    """Oracle: morphology, label by label; the edge of the image is not a border."""
    cross = ndimage.generate_binary_structure(2, 1)
    step = np.zeros(labels.shape, dtype=bool)
    for label in np.unique(labels):
        step |= (labels == label) & ndimage.binary_dilation(labels != label, cross)
    expected = ndimage.binary_dilation(step, cross, iterations=width - 1) if width > 1 else step
    np.testing.assert_array_equal(drawing.border(labels, width), expected & (labels > 0))


def test_outline_colours_each_class_and_leaves_the_rest_alone() -> None:
    labels = np.zeros((5, 9), dtype=np.uint8)
    labels[1:4, 1:4], labels[1:4, 5:8] = 1, 2
    image = np.full((5, 9), 77, dtype=np.uint8)
    drawn = drawing.outline(image, labels)
    assert tuple(drawn[1, 1]) == drawing.CLASSES[0]
    assert tuple(drawn[1, 5]) == drawing.CLASSES[1]
    assert tuple(drawn[2, 2]) == tuple(drawn[0, 0]) == (77, 77, 77)
    one = drawing.outline(image, labels, (1, 2, 3))
    assert tuple(one[1, 1]) == tuple(one[1, 5]) == (1, 2, 3)
    assert (image == 77).all()


def test_classes_beyond_the_palette_start_again() -> None:
    labels = np.zeros((3, 3), dtype=np.uint8)
    labels[1, 1] = len(drawing.CLASSES) + 1
    assert tuple(drawing.outline(labels, labels)[1, 1]) == drawing.CLASSES[0]


def test_rgb_stretches_what_is_not_eight_bit() -> None:
    ramp = np.linspace(-1000, 3000, 1001).reshape(7, 143)
    drawn = drawing.rgb(ramp)
    assert drawn.shape == (7, 143, 3)
    assert drawn.dtype == np.uint8
    assert (drawn.min(), drawn.max()) == (0, 255)
    assert abs(int(drawn.reshape(-1, 3)[500, 0]) - 128) <= 1
    assert (drawing.rgb(np.full((2, 2), 7.5)) == 0).all()


@given(label_maps, st.integers(1, 40), st.integers(1, 40))
@settings(deadline=None, max_examples=40)
def test_labels_at_another_size_are_the_nearest_ones(labels: np.ndarray, height: int, width: int) -> None:
    resized = drawing.resize_labels(labels, (height, width))
    assert resized.shape == (height, width)
    assert set(np.unique(resized)) <= set(np.unique(labels))
    whole = drawing.resize_labels(labels, (3 * labels.shape[0], 3 * labels.shape[1]))
    np.testing.assert_array_equal(whole, np.kron(labels, np.ones((3, 3), dtype=np.uint8)))


def test_pure_noise_can_be_encoded() -> None:
    """The worst case for a picture's size; Pillow's optimised JPEG fails on it."""
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    for line_width in (1, 2):
        data = base64.b64decode(drawing.photograph(noise, line_width).partition(",")[2])
        assert Image.open(io.BytesIO(data)).size == (256, 256)


def test_difference_map_has_the_colours_of_the_key() -> None:
    kind = drawing.difference(np.array([[0, 1, 1], [0, 1, 1]]), np.array([[0, 1, 0], [2, 2, 1]]))
    assert kind.tolist() == [[0, 1, 2], [3, 4, 1]]
    data = base64.b64decode(drawing.difference_map(kind).partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    assert pixels[0, 0, 3] == 0
    colours = [tuple(int(v) for v in pixels[i]) for i in ((0, 1), (0, 2), (1, 0), (1, 1))]
    expected = (drawing.AGREE, drawing.TRUTH, drawing.PREDICTED, drawing.OTHER_CLASS)
    assert colours == [(*c, 255) for c in expected]
