"""Masks as files: what each format can hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isthmus.app.answers import encoded
from isthmus.app.refusals import Refused
from isthmus.io.images import Source, pixel_size, read_mask
from isthmus.io.writing import write_image
from isthmus.runs.recipe import Data

NUMBERS = Data(source="x", instances=True, classes=["background", "cell"])


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "sent.tif"
    write_image(path, np.zeros((1, 300, 300), np.uint8), (0.5, 0.25))
    return Source(path)


def test_more_objects_than_a_png_can_number(source: Source, tmp_path: Path) -> None:
    mask = np.arange(90_000, dtype=np.int32).reshape(300, 300)
    with pytest.raises(Refused, match=r"^the mask \(.png\)|89,999 objects.*ask for tiff") as error:
        encoded(mask, "png", NUMBERS, source, tmp_path)
    assert error.value.status == 422
    (tmp_path / "mask.tif").write_bytes(encoded(mask, "tiff", NUMBERS, source, tmp_path))
    np.testing.assert_array_equal(read_mask(Source(tmp_path / "mask.tif")), mask)


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_a_mask_states_the_size_of_a_pixel_and_leaves_no_file(
    kind: str, source: Source, tmp_path: Path
) -> None:
    mask = np.ones((300, 300), np.int32)
    content = encoded(mask, kind, NUMBERS, source, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["sent.tif"]
    path = tmp_path / f"mask.{kind}"
    path.write_bytes(content)
    assert pixel_size(Source(path)) == pytest.approx((0.5, 0.25))
