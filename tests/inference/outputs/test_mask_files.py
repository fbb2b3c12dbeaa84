"""Masks of pictures state the size of a pixel where the picture does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from isthmus.data.new_images import images_in
from isthmus.inference.outputs.mask_files import write_case, write_probabilities
from isthmus.io.images import Source, pixel_size

MASK = np.zeros((4, 6), np.uint8)


@pytest.mark.parametrize("instances", [False, True])
def test_masks_have_the_pixel_size_of_their_image(tmp_path: Path, instances: bool) -> None:
    about = {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}
    tifffile.imwrite(tmp_path / "a.ome.tif", MASK, metadata=about)
    (case,) = images_in(tmp_path / "a.ome.tif")
    write_case(tmp_path / "out", case, MASK, instances)
    (mask,) = (tmp_path / "out").iterdir()
    assert pixel_size(Source(mask)) == pytest.approx((0.25, 0.5), rel=1e-6)
    write_probabilities(tmp_path / "out", case, np.zeros((1, 4, 6), np.float32))
    assert pixel_size(Source(tmp_path / "out/probabilities/a.tif")) == pytest.approx((0.25, 0.5), rel=1e-6)


def test_masks_of_an_image_without_a_size_state_none(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", MASK, resolution=(72, 72), resolutionunit="INCH")
    (case,) = images_in(tmp_path / "a.tif")
    write_case(tmp_path / "out", case, MASK)
    content = (tmp_path / "out/a.png").read_bytes()
    assert b"pHYs" not in content
    assert pixel_size(Source(tmp_path / "out/a.png")) is None
