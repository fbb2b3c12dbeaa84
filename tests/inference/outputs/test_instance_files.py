"""Object numbers are read back from their files, and neighbouring objects differ in pictures of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy import ndimage

from isthmus.data.cases import Source
from isthmus.data.phantoms.nuclei import touching_nuclei
from isthmus.errors import IsthmusError
from isthmus.inference.outputs.instance_files import COLOURS, overlay, write_instances
from isthmus.io.images import read_mask


@pytest.mark.parametrize("shape", [(40, 50), (3, 40, 50)])
def test_numbers_come_back_from_their_file(tmp_path: Path, shape: tuple[int, ...]) -> None:
    labels = np.random.default_rng(0).integers(0, 1000, shape).astype(np.int32)
    assert write_instances(tmp_path / "a.tif", labels) is None
    back = read_mask(Source(tmp_path / "a.tif"))
    assert back.dtype == np.uint16
    assert np.array_equal(back, labels)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize(("most", "dtype"), [(65_535, np.uint16), (65_536, np.uint32)])
def test_more_objects_than_16_bits_number(tmp_path: Path, most: int, dtype: type) -> None:
    labels = np.minimum(np.arange(257 * 256, dtype=np.int32).reshape(257, 256), most)
    note = write_instances(tmp_path / "many.tiff", labels)
    back = read_mask(Source(tmp_path / "many.tiff"))
    assert back.dtype == dtype
    assert np.array_equal(back, labels)
    assert (note is None) == (most == 65_535)
    if note is not None:
        assert "65536 objects" in note
        assert "\n" not in note


@pytest.mark.parametrize("seed", range(3))
def test_neighbours_differ_in_colour(seed: int) -> None:
    image, labels = touching_nuclei(seed)
    painted = overlay(image, labels, area=1.0)
    assert np.array_equal(painted[labels == 0], np.repeat(image[labels == 0][:, None], 3, 1))
    colour = {n: painted[labels == n] for n in range(1, labels.max() + 1)}
    assert all((pixels == pixels[0]).all() for pixels in colour.values())
    pairs = 0
    for n in colour:
        grown = cv2.dilate((labels == n).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        for other in set(np.unique(labels[grown]).tolist()) - {0, n}:
            pairs += 1
            assert not np.array_equal(colour[n][0], colour[other][0])
    assert pairs > 20
    assert len({tuple(pixels[0]) for pixels in colour.values()}) == len(COLOURS)


def test_an_outline_is_one_pixel_inside_the_object_and_the_rest_is_tinted() -> None:
    labels = np.zeros((7, 8), np.int32)
    labels[1:6, 1:6], labels[:, 7] = 3, 9
    painted = overlay(np.full((1, 7, 8), 100, np.uint8), labels, area=0.2)
    ring = (labels == 3) & ~ndimage.binary_erosion(labels == 3)
    assert (painted[ring] == COLOURS[0]).all()
    assert (painted[2:5, 2:5] == np.rint(80 + 0.2 * COLOURS[0])).all()
    assert (painted[labels == 0] == 100).all()
    assert (painted[:, 7] == COLOURS[1]).all()


def test_pictures_of_any_type_and_labels_without_background() -> None:
    ramp = np.linspace(-5, 5, 100).reshape(10, 10)
    grey = overlay(ramp, np.zeros((10, 10), np.int32))
    assert grey.dtype == np.uint8
    assert grey[0, 0, 0] == 0
    assert grey[-1, -1, 2] == 255
    colours = np.random.default_rng(0).integers(0, 255, (3, 10, 10)).astype(np.uint8)
    assert np.array_equal(overlay(colours, np.zeros((10, 10), np.uint16)), np.moveaxis(colours, 0, -1))
    assert (overlay(ramp, np.full((10, 10), 5), area=1.0) == COLOURS[0]).all()
    assert overlay(np.full((2, 2), 7.0), np.zeros((2, 2), int)).max() == 0
    assert overlay(np.zeros((0, 3)), np.zeros((0, 3), int)).shape == (0, 3, 3)
    for channels in (2, 4, 5):
        many = np.stack([ramp, *[np.flipud(ramp)] * (channels - 1)])
        np.testing.assert_array_equal(overlay(many, np.zeros((10, 10), int)), grey)  # the first is shown


FLAT = np.zeros((4, 5), np.float32)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: write_instances(Path("a.png"), FLAT.astype(int)),
            "a.png: object numbers are written as .tif",
        ),
        (lambda: write_instances(Path("a.tif"), FLAT), "of type float32"),
        (lambda: write_instances(Path("a.tif"), np.array([[-1]])), "below 0"),
        (lambda: write_instances(Path("a.tif"), np.array([[2**40]])), "does not fit 32 bits"),
        (lambda: overlay(np.zeros((0, 4, 5)), FLAT.astype(int)), "an overlay takes"),
        (lambda: overlay(FLAT, np.zeros((5, 4), int)), "an overlay takes"),
        (lambda: overlay(FLAT, FLAT.astype(int), area=2), "area is 2"),
    ],
)
def test_refused_in_one_line(make: Callable[[], object], message: str) -> None:
    with pytest.raises(IsthmusError, match=message) as error:
        make()
    assert "\n" not in str(error.value)
