"""A single image is divided into rows that train and rows that are scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isthmus.data.cases import load_image, load_mask
from isthmus.data.sources import open_dataset
from isthmus.data.splits.single_volume import divided, split_off
from isthmus.errors import IsthmusError
from isthmus.io.images import probe
from isthmus.io.writing import write_image, write_mask


def one_image(folder: Path, rows: int) -> Path:
    image = np.arange(rows * 3, dtype=np.uint8).reshape(1, rows, 3)
    write_image(folder / "images" / "a.png", image)
    write_mask(folder / "masks" / "a.png", (image[0] % 2).astype(np.uint8))
    return folder


@pytest.mark.parametrize(
    ("rows", "fraction", "cut"), [(10, 0.2, 8), (10, 0.5, 5), (2, 0.01, 1), (3, 0.99, 1), (11, 0.2, 9)]
)
def test_the_last_rows_are_a_case_of_the_same_group(
    rows: int, fraction: float, cut: int, tmp_path: Path
) -> None:
    whole = open_dataset(str(one_image(tmp_path, rows)))
    first, last = split_off(whole, fraction).cases
    assert (first.id, last.id, first.group) == ("a-part-0", "a-part-1", last.group)
    for case, start, end in ((first, 0, cut), (last, cut, rows)):
        assert probe(case.images[0])[0] == (1, end - start, 3)
        np.testing.assert_array_equal(load_image(case), load_image(whole.cases[0])[:, start:end])
        np.testing.assert_array_equal(load_mask(case), load_mask(whole.cases[0])[start:end])
    assert str(last.images[0]).endswith(f"a.png (rows {cut} to {rows - 1})")


def test_only_a_single_case_is_divided(tmp_path: Path) -> None:
    whole = open_dataset(str(one_image(tmp_path, 10)))
    assert divided(whole, "holdout", 5, 0.2) == whole
    assert divided(whole, "within-case", 5, 0.2) == whole  # for volumes
    write_image(tmp_path / "images" / "b.png", np.zeros((1, 4, 4), np.uint8))
    write_mask(tmp_path / "masks" / "b.png", np.zeros((4, 4), np.uint8))
    two = open_dataset(str(tmp_path))
    assert divided(two, "last-part", 5, 0.2) == two


def test_a_single_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match="a single row or slice cannot be divided"):
        split_off(open_dataset(str(one_image(tmp_path, 1))), 0.2)
