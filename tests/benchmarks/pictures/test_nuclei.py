"""The README's picture: what a network finds is outlined below each image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.pictures import nuclei
from isthmus import Predictor

from ...inference.test_export import run_of


def test_an_image_is_above_what_was_found_in_it(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", "unet_instance", ("distance",), channels=3, data={"instances": True})
    images = [np.random.default_rng(seed).integers(0, 255, (32, 40, 3), np.uint8) for seed in (0, 1)]
    picture = nuclei.found_below(Predictor.load(run), images)
    assert picture.shape == (64, 80, 3)
    for column, image in enumerate(images):
        above = picture[:32, 40 * column : 40 * (column + 1)]
        np.testing.assert_array_equal(above, nuclei.stretched(image))


def test_every_object_has_an_outline_of_its_own_colour() -> None:
    objects = np.zeros((7, 9), np.int32)
    objects[1:6, 1:4], objects[1:6, 4:8] = 3, 8
    drawn = nuclei.outlined(np.zeros((7, 9, 3), np.uint8), objects)
    inside = np.zeros((7, 9), bool)
    inside[2:5, 2], inside[2:5, 5:7] = True, True
    np.testing.assert_array_equal(drawn.any(axis=2), (objects > 0) & ~inside)
    colours = [np.unique(drawn[(objects == number) & ~inside], axis=0) for number in (3, 8)]
    assert [len(each) for each in colours] == [1, 1]
    assert (colours[0] != colours[1]).any()
